//! The layers of networks that work on feature maps, `[batch, channels, height, width]`.

use tch::Tensor;

use crate::model::weights::{Init, Scope};

/// How a square convolution looks at its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub size: i64,
    pub stride: i64,
    /// Zeros around the input, on every side.
    pub padding: i64,
}

impl Window {
    /// A window of odd `size` that keeps height and width.
    #[must_use]
    pub const fn keeping(size: i64) -> Self {
        Self { size, stride: 1, padding: (size - 1) / 2 }
    }
}

/// A square convolution with bias.
#[derive(Debug)]
pub struct Conv {
    pub weight: Tensor,
    pub bias: Tensor,
    window: Window,
}

impl Conv {
    /// From `inputs` to `outputs` channels.
    #[must_use]
    pub fn new(scope: &Scope<'_>, [inputs, outputs]: [i64; 2], window: Window) -> Self {
        Self::with_init(scope, [inputs, outputs], window, Init::fan_in(inputs * window.size * window.size))
    }

    /// As [`Conv::new`], with another start for the weight.
    #[must_use]
    pub fn with_init(scope: &Scope<'_>, [inputs, outputs]: [i64; 2], window: Window, init: Init) -> Self {
        Self {
            weight: scope.tensor("weight", &[outputs, inputs, window.size, window.size], init),
            bias: scope.tensor("bias", &[outputs], Init::Zeros),
            window,
        }
    }

    pub fn forward(&self, x: &Tensor) -> Tensor {
        let Window { stride, padding, .. } = self.window;
        x.conv2d(&self.weight, Some(&self.bias), [stride; 2], [padding; 2], [1, 1], 1)
    }
}

/// Normalisation of groups of channels over all places (Wu and He 2018).
#[derive(Debug)]
pub struct GroupNorm {
    pub weight: Tensor,
    pub bias: Tensor,
    groups: i64,
    eps: f64,
}

impl GroupNorm {
    /// `groups` must divide `channels`.
    #[must_use]
    pub fn new(scope: &Scope<'_>, channels: i64, groups: i64, eps: f64) -> Self {
        Self {
            weight: scope.tensor("weight", &[channels], Init::Ones),
            bias: scope.tensor("bias", &[channels], Init::Zeros),
            groups,
            eps,
        }
    }

    pub fn forward(&self, x: &Tensor) -> Tensor {
        x.group_norm(self.groups, Some(&self.weight), Some(&self.bias), self.eps, false)
    }
}
