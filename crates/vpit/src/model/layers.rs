//! The few layers that every model here is made of. Field names are checkpoint names.

use tch::Tensor;

use super::weights::{Init, Scope};
use crate::native;

/// Whether a linear layer adds a bias.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bias {
    With,
    Without,
}

/// `x W^T + b`, from `[.., inputs]` to `[.., outputs]`.
#[derive(Debug)]
pub struct Linear {
    pub weight: Tensor,
    pub bias: Option<Tensor>,
}

impl Linear {
    #[must_use]
    pub fn new(scope: &Scope<'_>, inputs: i64, outputs: i64, bias: Bias) -> Self {
        Self::with_init(scope, [inputs, outputs], bias, Init::fan_in(inputs))
    }

    /// As [`Linear::new`] for `[inputs, outputs]`, with another start for the weight.
    #[must_use]
    pub fn with_init(scope: &Scope<'_>, [inputs, outputs]: [i64; 2], bias: Bias, init: Init) -> Self {
        Self {
            weight: scope.tensor("weight", &[outputs, inputs], init),
            bias: (bias == Bias::With).then(|| scope.tensor("bias", &[outputs], Init::Zeros)),
        }
    }

    pub fn forward(&self, x: &Tensor) -> Tensor {
        x.linear(&self.weight, self.bias.as_ref())
    }
}

/// Rows by id, `[..]` of ids to `[.., width]`.
#[derive(Debug)]
pub struct Embedding {
    pub weight: Tensor,
}

impl Embedding {
    #[must_use]
    pub fn new(scope: &Scope<'_>, rows: i64, width: i64, init: Init) -> Self {
        Self { weight: scope.tensor("weight", &[rows, width], init) }
    }

    pub fn forward(&self, ids: &Tensor) -> Tensor {
        Tensor::embedding(&self.weight, ids, -1, false, false)
    }
}

/// Layer normalisation over the last dimension.
#[derive(Debug)]
pub struct LayerNorm {
    pub weight: Tensor,
    pub bias: Tensor,
    eps: f64,
}

impl LayerNorm {
    #[must_use]
    pub fn new(scope: &Scope<'_>, width: i64, eps: f64) -> Self {
        Self {
            weight: scope.tensor("weight", &[width], Init::Ones),
            bias: scope.tensor("bias", &[width], Init::Zeros),
            eps,
        }
    }

    pub fn forward(&self, x: &Tensor) -> Tensor {
        x.layer_norm(self.weight.size(), Some(&self.weight), Some(&self.bias), self.eps, false)
    }
}

/// Root-mean-square normalisation over the last dimension, without centring (Zhang and Sennrich 2019).
///
/// As in the Llama checkpoints, the scaling happens in f32 and the weight multiplies what was cast back.
#[derive(Debug)]
pub struct RmsNorm {
    pub weight: Tensor,
    eps: f64,
}

impl RmsNorm {
    #[must_use]
    pub fn new(scope: &Scope<'_>, width: i64, eps: f64) -> Self {
        Self { weight: scope.tensor("weight", &[width], Init::Ones), eps }
    }

    pub fn forward(&self, x: &Tensor) -> Tensor {
        native::rms_norm(x, &self.weight, self.eps)
    }
}

/// Scale every vector of the last dimension to length one.
pub fn normalize(x: &Tensor) -> Tensor {
    let length = x.square().sum_dim_intlist(-1, true, x.kind()).sqrt();
    x / length.clamp_min(1e-12)
}

#[cfg(test)]
mod tests {
    use super::super::weights::Weights;
    use super::*;

    #[test]
    fn rms_norm_of_three_and_four_divides_by_the_root_of_twelve_and_a_half() {
        let (norm, _) = Weights::fresh(0).build(|scope| RmsNorm::new(scope, 2, 0.0)).unwrap();
        let y = norm.forward(&Tensor::from_slice(&[3f32, 4.0]));
        let expected = Tensor::from_slice(&[3.0 / 12.5f32.sqrt(), 4.0 / 12.5f32.sqrt()]);
        assert!((y - expected).abs().max().double_value(&[]) < 1e-6);
    }

    #[test]
    fn normalize_gives_unit_vectors_and_leaves_zero_alone() {
        let y = normalize(&Tensor::from_slice(&[3f32, 4.0, 0.0, 0.0]).view([2, 2]));
        let expected = Tensor::from_slice(&[0.6f32, 0.8, 0.0, 0.0]).view([2, 2]);
        assert!((y - expected).abs().max().double_value(&[]) < 1e-6);
    }
}
