//! What libtorch can do and its binding does not reach, through the C++ shim below `cpp/`: processes that compute together,
//! the backward pass from a given gradient, and AdamW in one pass over memory.

use std::ffi::{CStr, CString, c_char, c_int, c_void};

use tch::{Device, Tensor};

/// What libtorch said went wrong.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Error(String);

#[expect(unsafe_code, reason = "functions of another language")]
mod shim {
    use super::{c_char, c_int, c_void};

    unsafe extern "C" {
        pub fn vpit_message_free(message: *mut c_char);
        pub fn vpit_group_join(
            host: *const c_char,
            port: c_int,
            rank: c_int,
            size: c_int,
            timeout_ms: i64,
            interface: *const c_char,
            group: *mut *mut c_void,
        ) -> *mut c_char;
        pub fn vpit_group_leave(group: *mut c_void);
        pub fn vpit_group_all_reduce(group: *mut c_void, tensor: *mut c_void, largest: bool) -> *mut c_char;
        pub fn vpit_group_all_gather(
            group: *mut c_void,
            share: *mut c_void,
            whole: *mut c_void,
            work: *mut *mut c_void,
        ) -> *mut c_char;
        pub fn vpit_work_wait(work: *mut c_void) -> *mut c_char;
        pub fn vpit_group_reduce_scatter(group: *mut c_void, whole: *mut c_void, share: *mut c_void) -> *mut c_char;
        pub fn vpit_rms_norm(x: *mut c_void, weight: *mut c_void, eps: f64, result: *mut *mut c_void) -> *mut c_char;
        pub fn vpit_gated(gate: *mut c_void, up: *mut c_void, result: *mut *mut c_void) -> *mut c_char;
        pub fn vpit_backward(output: *mut c_void, gradient: *mut c_void) -> *mut c_char;
        pub fn vpit_adamw(
            value: *mut c_void,
            gradient: *mut c_void,
            first: *mut c_void,
            second: *mut c_void,
            step: i64,
            rate: f64,
            weight_decay: f64,
            epsilon: f64,
        ) -> *mut c_char;
    }
}

/// The message of a call, if there is one.
#[expect(unsafe_code, reason = "the message is memory of the shim")]
fn check(message: *mut c_char) -> Result<(), Error> {
    if message.is_null() {
        return Ok(());
    }
    // SAFETY: the shim returns null or a string of its own, which is freed once, here.
    let text = unsafe {
        let text = CStr::from_ptr(message).to_string_lossy().into_owned();
        shim::vpit_message_free(message);
        text
    };
    // Behind the first line there is libtorch's own call stack.
    Err(Error(text.lines().next().unwrap_or_default().to_owned()))
}

fn pointer(tensor: &Tensor) -> *mut c_void {
    tensor.as_ptr().cast_mut().cast()
}

/// `weight * x / rms(x)` over the last dimension, computed in f32: of what lies between nothing is kept for the backward pass.
///
/// # Panics
/// Shapes disagree.
#[expect(unsafe_code, reason = "the binding has no such call")]
pub fn rms_norm(x: &Tensor, weight: &Tensor, eps: f64) -> Tensor {
    // SAFETY: both tensors outlive the call, which writes one pointer.
    made(|result| unsafe { shim::vpit_rms_norm(pointer(x), pointer(weight), eps, result) })
}

/// `silu(gate) * up`: what lies between is not kept for the backward pass.
///
/// # Panics
/// Shapes disagree.
#[expect(unsafe_code, reason = "the binding has no such call")]
pub fn gated(gate: &Tensor, up: &Tensor) -> Tensor {
    // SAFETY: both tensors outlive the call, which writes one pointer.
    made(|result| unsafe { shim::vpit_gated(pointer(gate), pointer(up), result) })
}

/// The tensor that a call makes.
#[expect(unsafe_code, reason = "the tensor is memory of the shim until it is the binding's")]
fn made(call: impl FnOnce(*mut *mut c_void) -> *mut c_char) -> Tensor {
    let mut result = std::ptr::null_mut();
    if let Err(error) = check(call(&raw mut result)) {
        panic!("{error}");
    }
    // SAFETY: without a message the shim has made a tensor, which is freed as the binding frees its own.
    unsafe { Tensor::from_ptr(result.cast()) }
}

/// Run the backward pass from `output`, whose gradient is `gradient`.
///
/// # Errors
/// `output` does not depend on anything that learns, or shapes disagree.
#[expect(unsafe_code, reason = "the binding has no such call")]
pub fn backward(output: &Tensor, gradient: &Tensor) -> Result<(), Error> {
    // SAFETY: both tensors outlive the call.
    check(unsafe { shim::vpit_backward(pointer(output), pointer(gradient)) })
}

/// What one update of AdamW needs beside values and gradient.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamW {
    /// Counted from 1.
    pub step: u64,
    pub rate: f64,
    pub weight_decay: f64,
    /// Keeps the update of a number finite, and small where its gradient is smaller than this.
    pub epsilon: f64,
}

impl AdamW {
    /// Update f32 `values` and both moments in place; betas 0.9 and 0.999, as PyTorch's own.
    ///
    /// # Errors
    /// Shapes or types disagree.
    #[expect(unsafe_code, reason = "the binding has no such call")]
    pub fn update(self, values: &Tensor, gradient: &Tensor, moments: [&Tensor; 2]) -> Result<(), Error> {
        let [first, second] = moments.map(pointer);
        let (values, gradient) = (pointer(values), pointer(gradient));
        let Self { step, rate, weight_decay, epsilon } = self;
        // SAFETY: all tensors outlive the call.
        check(unsafe { shim::vpit_adamw(values, gradient, first, second, step as i64, rate, weight_decay, epsilon) })
    }
}

/// Where the processes of a job find each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meeting {
    /// Of the host of rank 0.
    pub host: String,
    pub port: u16,
    pub rank: u32,
    pub size: u32,
    /// A network interface by name; empty for the one that the host's name leads to.
    pub interface: String,
    /// Seconds that a process waits for the others before it gives up.
    pub patience: u32,
}

/// The processes that train one model together, or this one alone.
#[derive(Debug)]
pub struct Group {
    rank: u32,
    size: u32,
    /// Null for one process.
    joined: *mut c_void,
}

impl Group {
    /// This process alone.
    #[must_use]
    pub const fn alone() -> Self {
        Self { rank: 0, size: 1, joined: std::ptr::null_mut() }
    }

    /// Meet the others.
    ///
    /// # Errors
    /// They do not all come in time, or the address cannot be used.
    #[expect(unsafe_code, reason = "the binding has no such call")]
    pub fn join(meeting: &Meeting) -> Result<Self, Error> {
        let mut group = Self { rank: meeting.rank, size: meeting.size, joined: std::ptr::null_mut() };
        if meeting.size == 1 {
            return Ok(group);
        }
        let text = |text: &str| CString::new(text).map_err(|error| Error(error.to_string()));
        let (host, interface) = (text(&meeting.host)?, text(&meeting.interface)?);
        let (rank, size) = (meeting.rank as c_int, meeting.size as c_int);
        let patience = i64::from(meeting.patience) * 1000;
        let port = c_int::from(meeting.port);
        let out = &raw mut group.joined;
        // SAFETY: the strings outlive the call, and the shim writes one pointer.
        check(unsafe { shim::vpit_group_join(host.as_ptr(), port, rank, size, patience, interface.as_ptr(), out) })?;
        Ok(group)
    }

    #[must_use]
    pub const fn rank(&self) -> u32 {
        self.rank
    }

    #[must_use]
    pub const fn size(&self) -> u32 {
        self.size
    }

    /// Add up `tensor` over all processes, in place.
    ///
    /// # Errors
    /// Another process is gone.
    pub fn sum(&self, tensor: &mut Tensor) -> Result<(), Error> {
        self.reduce(tensor, false)
    }

    /// The largest of what the processes have.
    ///
    /// # Errors
    /// Another process is gone.
    pub fn largest(&self, value: f64) -> Result<f64, Error> {
        let mut tensor = Tensor::from_slice(&[value]);
        self.reduce(&mut tensor, true)?;
        Ok(tensor.double_value(&[0]))
    }

    /// The sums of some numbers over all processes.
    ///
    /// # Errors
    /// Another process is gone.
    pub fn sums<const N: usize>(&self, values: [f64; N]) -> Result<[f64; N], Error> {
        let mut tensor = Tensor::from_slice(&values);
        self.sum(&mut tensor)?;
        Ok(std::array::from_fn(|i| tensor.double_value(&[i as i64])))
    }

    #[expect(unsafe_code, reason = "the binding has no such call")]
    fn reduce(&self, tensor: &mut Tensor, largest: bool) -> Result<(), Error> {
        if self.joined.is_null() {
            return Ok(());
        }
        let here = on_the_host(tensor);
        // SAFETY: group and tensor outlive the call.
        check(unsafe { shim::vpit_group_all_reduce(self.joined, pointer(&here), largest) })?;
        tensor.copy_(&here);
        Ok(())
    }

    /// Begin to bring the shares `[n]` of all processes together, one after the other, `[n * size]`.
    ///
    /// All processes begin what they do together in the same order.
    ///
    /// # Errors
    /// Another process is gone.
    #[expect(unsafe_code, reason = "the binding has no such call")]
    pub fn call(&self, share: &Tensor) -> Result<Coming, Error> {
        let device = share.device();
        if self.joined.is_null() {
            return Ok(Coming { whole: share.shallow_clone(), device, work: std::ptr::null_mut() });
        }
        let here = on_the_host(share);
        let whole = Tensor::empty([length(&here) * i64::from(self.size)], (here.kind(), Device::Cpu));
        let mut coming = Coming { whole, device, work: std::ptr::null_mut() };
        let out = &raw mut coming.work;
        // SAFETY: the group outlives the call; the work keeps both tensors until it is done.
        check(unsafe { shim::vpit_group_all_gather(self.joined, pointer(&here), pointer(&coming.whole), out) })?;
        Ok(coming)
    }

    /// This process's share `[n]` of the sum over all processes of `[n * size]`.
    ///
    /// # Errors
    /// Another process is gone.
    #[expect(unsafe_code, reason = "the binding has no such call")]
    pub fn scatter(&self, whole: Tensor) -> Result<Tensor, Error> {
        if self.joined.is_null() {
            return Ok(whole);
        }
        let here = on_the_host(&whole);
        let share = Tensor::empty([length(&here) / i64::from(self.size)], (here.kind(), Device::Cpu));
        // SAFETY: group and tensors outlive the call.
        check(unsafe { shim::vpit_group_reduce_scatter(self.joined, pointer(&here), pointer(&share)) })?;
        Ok(share.to_device(whole.device()))
    }

    /// Wait until every process is here.
    ///
    /// # Errors
    /// Another process is gone.
    pub fn wait(&self) -> Result<(), Error> {
        self.sums([0.0]).map(|_| ())
    }
}

/// Shares on their way from other processes.
#[derive(Debug)]
pub struct Coming {
    whole: Tensor,
    device: Device,
    /// Null where nothing has to come.
    work: *mut c_void,
}

impl Coming {
    /// What came.
    ///
    /// # Errors
    /// Another process is gone.
    pub fn wait(mut self) -> Result<Tensor, Error> {
        self.finish()?;
        Ok(self.whole.to_device(self.device))
    }

    #[expect(unsafe_code, reason = "the binding has no such call")]
    fn finish(&mut self) -> Result<(), Error> {
        let work = std::mem::replace(&mut self.work, std::ptr::null_mut());
        if work.is_null() {
            return Ok(());
        }
        // SAFETY: the shim made the work, and frees it here, once.
        check(unsafe { shim::vpit_work_wait(work) })
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        // What nobody waited for belongs to a training that has failed already, and this is not the first to tell.
        drop(self.finish());
    }
}

impl Drop for Group {
    #[expect(unsafe_code, reason = "the group is memory of the shim")]
    fn drop(&mut self) {
        if !self.joined.is_null() {
            // SAFETY: made by the shim and given back once.
            unsafe { shim::vpit_group_leave(self.joined) };
        }
    }
}

fn length(flat: &Tensor) -> i64 {
    flat.size().first().copied().unwrap_or(0)
}

/// gloo exchanges what lies in the host's memory, in one piece.
fn on_the_host(tensor: &Tensor) -> Tensor {
    tensor.to_device(Device::Cpu).contiguous()
}

#[cfg(test)]
mod tests {
    use tch::Kind;

    use super::*;

    #[test]
    fn a_gradient_that_is_given_flows_back() {
        let x = Tensor::from_slice(&[1f32, 2.0]).set_requires_grad(true);
        backward(&(&x * &x), &Tensor::from_slice(&[10f32, 1.0])).unwrap();
        assert_eq!(x.grad(), Tensor::from_slice(&[20f32, 4.0]));
        assert!(backward(&Tensor::ones([2], (Kind::Float, Device::Cpu)), &x).is_err());
    }

    /// What `compute` gives and the gradients of its two inputs.
    fn with_gradients(inputs: [&Tensor; 2], compute: impl Fn(&Tensor, &Tensor) -> Tensor) -> [Tensor; 3] {
        let inputs = inputs.map(|input| input.copy().set_requires_grad(true));
        let output = compute(&inputs[0], &inputs[1]);
        let weight = Tensor::arange(output.numel() as i64, (Kind::Float, Device::Cpu)).cos().view_as(&output);
        backward(&output, &weight.to_kind(output.kind())).unwrap();
        [output.detach(), inputs[0].grad(), inputs[1].grad()]
    }

    #[test]
    fn what_keeps_less_gives_the_same_bits_as_autograd() {
        for kind in [Kind::Float, Kind::BFloat16] {
            let random = |seed, shape: &[i64]| {
                crate::noise::normal(&mut crate::rng::Rng::new(seed, "native", 0), shape).to_kind(kind)
            };
            let (x, y, weight) = (random(1, &[2, 5, 37]), random(2, &[2, 5, 37]), random(3, &[37]));
            let plain = |x: &Tensor, weight: &Tensor| {
                let wide = x.to_kind(Kind::Float);
                let mean_square = wide.square().mean_dim(-1, true, Kind::Float);
                (&wide * (mean_square + 1e-3).rsqrt()).to_kind(x.kind()) * weight
            };
            let norm = |x: &Tensor, weight: &Tensor| rms_norm(x, weight, 1e-3);
            assert_eq!(with_gradients([&x, &weight], norm), with_gradients([&x, &weight], plain), "{kind:?}");
            let plain = |gate: &Tensor, up: &Tensor| gate.silu() * up;
            assert_eq!(with_gradients([&x, &y], gated), with_gradients([&x, &y], plain), "{kind:?}");
        }
    }

    #[test]
    fn one_update_is_that_of_torch_s_own_optimiser() {
        [1e-8, 0.5].into_iter().for_each(updates);
    }

    fn updates(epsilon: f64) {
        let start = Tensor::from_slice(&[1f32, -2.0, 0.5]);
        let reference = start.copy().set_requires_grad(true);
        let mut optimizer = tch::COptimizer::adamw(0.1, 0.9, 0.999, 0.01, epsilon, false).unwrap();
        optimizer.add_parameters(&reference, 0).unwrap();
        let (values, zeros) = (start.copy(), start.zeros_like());
        let (first, second) = (zeros.copy(), zeros);
        for step in 1..=5 {
            optimizer.zero_grad().unwrap();
            (&reference * &reference * &reference).sum(Kind::Float).backward();
            let gradient = values.square() * 3.0;
            AdamW { step, rate: 0.1, weight_decay: 0.01, epsilon }
                .update(&values, &gradient, [&first, &second])
                .unwrap();
            optimizer.step().unwrap();
            assert!((&values - reference.detach()).abs().max().double_value(&[]) < 1e-6, "step {step}");
        }
    }
}
