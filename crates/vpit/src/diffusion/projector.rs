//! Visual tokens to the width that a denoiser attends to (paper, appendix A.2).

use tch::Tensor;

use crate::model::layers::{Bias, LayerNorm, Linear};
use crate::model::weights::Scope;

/// Linear layers, each followed by layer normalisation, with ReLU between them.
///
/// Tensor names are those of the released projector: `layers.0.weight`, `norms.0.weight`, and so on.
#[derive(Debug)]
pub struct Projector {
    pub layers: Vec<Linear>,
    pub norms: Vec<LayerNorm>,
}

impl Projector {
    /// A layer between any two neighbours of `widths`; the paper's are 1152, 2048 and 768.
    #[must_use]
    pub fn new(scope: &Scope<'_>, widths: &[i64]) -> Self {
        let (layers, norms) = (scope.at("layers"), scope.at("norms"));
        let linear = |(i, (&inputs, &outputs))| Linear::new(&layers.at(i), inputs, outputs, Bias::With);
        let pairs = widths.iter().zip(widths.iter().skip(1));
        let outputs = widths.iter().skip(1);
        Self {
            layers: pairs.enumerate().map(linear).collect(),
            norms: outputs.enumerate().map(|(i, &width)| LayerNorm::new(&norms.at(i), width, 1e-5)).collect(),
        }
    }

    /// `[.., first width]` to `[.., last width]`.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        let mut x = x.shallow_clone();
        for (i, (layer, norm)) in self.layers.iter().zip(&self.norms).enumerate() {
            let inner = if i == 0 { x } else { x.relu() };
            x = norm.forward(&layer.forward(&inner));
        }
        x
    }
}
