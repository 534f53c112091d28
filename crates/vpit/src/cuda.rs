//! One binary for CPU and GPU: libtorch's CUDA part is loaded at start when it is there.
//!
//! The binary links libtorch's CPU part only. CUDA support registers itself when `libtorch_cuda.so` is loaded, so that is
//! all there is to do, before the first tensor is made.

use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde_json::json;
use tch::{Cuda, Device, Kind, TchError, Tensor};

use crate::stage::task::LIBTORCH;

/// Names the CUDA library, when it does not lie beside the CPU one.
const VARIABLE: &str = "LIBTORCH_CUDA";
const LIBRARY: &str = "libtorch_cuda.so";

/// The CUDA library was found and could not be loaded.
#[derive(Debug, thiserror::Error)]
#[error("cannot load `{}`: {reason}", path.display())]
pub struct Error {
    path: PathBuf,
    reason: String,
}

/// Load the CUDA part of libtorch if `LIBTORCH_CUDA` names it or if it lies beside `libtorch_cpu.so`.
///
/// Returns the path that was loaded.
///
/// # Errors
/// A library was named or found, and the loader refuses it.
pub fn load() -> Result<Option<PathBuf>, Error> {
    let named = std::env::var_os(VARIABLE).map(PathBuf::from);
    let Some(path) = named.or_else(beside_the_cpu_library) else { return Ok(None) };
    open(&path).map_err(|reason| Error { path: path.clone(), reason })?;
    Ok(Some(path))
}

/// libtorch's version and the number of devices that it computes on, as JSON, after a sum on each of them.
///
/// # Errors
/// It sees a device and cannot compute there: the driver is too old, or the device too new for it.
pub fn describe() -> Result<String, TchError> {
    let devices = Cuda::device_count();
    for number in 0..usize::try_from(devices).unwrap_or(0) {
        let sum = Tensor::f_ones([8], (Kind::Float, Device::Cuda(number)))?.f_sum(Kind::Float)?;
        // What went wrong there shows when its result is wanted here.
        sum.f_double_value(&[])?;
    }
    Ok(format!("{}\n", json!({ "libtorch": LIBTORCH, "cuda_devices": devices })))
}

/// Where the dynamic loader found the CPU part, from the list of what is mapped into this process.
fn beside_the_cpu_library() -> Option<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let cpu = maps.lines().filter_map(|line| line.find('/').map(|at| Path::new(&line[at..])));
    let folder = cpu.filter(|path| path.ends_with("libtorch_cpu.so")).find_map(Path::parent)?;
    let path = folder.join(LIBRARY);
    path.exists().then_some(path)
}

#[expect(unsafe_code, reason = "the C library's dlopen has no safe form")]
fn open(path: &Path) -> Result<(), String> {
    let name = CString::new(path.as_os_str().as_bytes()).map_err(|error| error.to_string())?;
    // SAFETY: the name is a valid C string; libtorch's initialisers run before any other thread uses it.
    let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
    if !handle.is_null() {
        return Ok(());
    }
    // SAFETY: after a failed dlopen, dlerror returns a string that lives until the next call of the loader.
    let reason = unsafe { CStr::from_ptr(libc::dlerror()) };
    Err(reason.to_string_lossy().into_owned())
}
