//! What U-Net and autoencoder are made of: residual blocks, and steps between resolutions.

use tch::Tensor;

use crate::diffusion::layers::{Conv, GroupNorm, Window};
use crate::model::dims;
use crate::model::layers::{Bias, Linear};
use crate::model::weights::Scope;

/// Choices that all residual blocks of a network share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Residual {
    pub groups: i64,
    pub eps: f64,
    /// Width of the time's embedding, in networks that know of time.
    pub time: Option<i64>,
}

/// Two convolutions beside a way past them (diffusers' `ResnetBlock2D`).
#[derive(Debug)]
pub struct Resnet {
    pub norm1: GroupNorm,
    pub conv1: Conv,
    pub time_emb_proj: Option<Linear>,
    pub norm2: GroupNorm,
    pub conv2: Conv,
    /// Where the number of channels changes.
    pub conv_shortcut: Option<Conv>,
}

impl Resnet {
    #[must_use]
    pub fn new(scope: &Scope<'_>, [inputs, outputs]: [i64; 2], how: Residual) -> Self {
        let norm = |name: &str, channels| GroupNorm::new(&scope.at(name), channels, how.groups, how.eps);
        let conv = |name: &str, inputs, size| Conv::new(&scope.at(name), [inputs, outputs], Window::keeping(size));
        Self {
            norm1: norm("norm1", inputs),
            conv1: conv("conv1", inputs, 3),
            time_emb_proj: how.time.map(|time| Linear::new(&scope.at("time_emb_proj"), time, outputs, Bias::With)),
            norm2: norm("norm2", outputs),
            conv2: conv("conv2", outputs, 3),
            conv_shortcut: (inputs != outputs).then(|| conv("conv_shortcut", inputs, 1)),
        }
    }

    /// `[batch, inputs, height, width]` to as many places of `outputs` channels; `time` is `[batch, time]`, after its SiLU.
    pub fn forward(&self, x: &Tensor, time: Option<&Tensor>) -> Tensor {
        let mut hidden = self.conv1.forward(&self.norm1.forward(x).silu());
        if let (Some(projection), Some(time)) = (&self.time_emb_proj, time) {
            hidden += projection.forward(time).unsqueeze(-1).unsqueeze(-1);
        }
        let hidden = self.conv2.forward(&self.norm2.forward(&hidden).silu());
        match &self.conv_shortcut {
            Some(shortcut) => shortcut.forward(x) + hidden,
            None => x + hidden,
        }
    }
}

/// To half the height and width.
#[derive(Debug)]
pub struct Downsample {
    pub conv: Conv,
    padding: i64,
}

impl Downsample {
    /// With `padding` zeros on every side; 0 stands for one column on the right and one row below.
    #[must_use]
    pub fn new(scope: &Scope<'_>, channels: i64, padding: i64) -> Self {
        let window = Window { size: 3, stride: 2, padding };
        Self { conv: Conv::new(&scope.at("conv"), [channels; 2], window), padding }
    }

    pub fn forward(&self, x: &Tensor) -> Tensor {
        if self.padding == 0 { self.conv.forward(&x.constant_pad_nd([0, 1, 0, 1])) } else { self.conv.forward(x) }
    }
}

/// To a larger height and width, every place repeated.
#[derive(Debug)]
pub struct Upsample {
    pub conv: Conv,
}

impl Upsample {
    #[must_use]
    pub fn new(scope: &Scope<'_>, channels: i64) -> Self {
        Self { conv: Conv::new(&scope.at("conv"), [channels; 2], Window::keeping(3)) }
    }

    /// To twice the height and width.
    pub fn twice(&self, x: &Tensor) -> Tensor {
        let [_, _, height, width] = dims(x);
        self.to(x, [2 * height, 2 * width])
    }

    /// To `[height, width]`: twice what `x` has, or one less where a place was lost on the way down.
    pub fn to(&self, x: &Tensor, size: [i64; 2]) -> Tensor {
        self.conv.forward(&x.upsample_nearest2d(size, None, None))
    }
}
