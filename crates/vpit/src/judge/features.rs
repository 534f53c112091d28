//! The feature network of `fid_digits`: learns to name the words of a scene's caption.
//!
//! It stands where Inception stands in FID. Its distances are comparable among themselves only.

use tch::Tensor;

use super::super::model::layers::{Bias, Linear};
use crate::model::weights::{Init, Scope};

/// Width of the features.
pub const WIDTH: i64 = 48;

/// Strided convolutions, then a layer of features, then one logit a word.
#[derive(Debug)]
pub struct FeatureNet {
    pub stem: Stem,
    pub features: Linear,
    pub words: Linear,
}

impl FeatureNet {
    #[must_use]
    pub fn new(scope: &Scope<'_>, vocab_size: i64) -> Self {
        Self {
            stem: Stem::new(&scope.at("stem"), [24, 32, 48]),
            features: Linear::new(&scope.at("features"), 48 * 4 * 4, WIDTH, Bias::With),
            words: Linear::new(&scope.at("words"), WIDTH, vocab_size, Bias::With),
        }
    }

    /// `[batch, 1, 32, 32]` images in [-1, 1] to `[batch, WIDTH]`.
    pub fn features(&self, images: &Tensor) -> Tensor {
        self.features.forward(&self.stem.forward(images)).relu()
    }

    /// One logit a word of the vocabulary, `[batch, vocab_size]`.
    pub fn forward(&self, images: &Tensor) -> Tensor {
        self.words.forward(&self.features(images))
    }
}

/// Three convolutions that each halve the sides, `[batch, 1, 32, 32]` to `[batch, channels * 16]`.
#[derive(Debug)]
pub struct Stem {
    convolutions: Vec<(Tensor, Tensor)>,
}

impl Stem {
    #[must_use]
    pub fn new(scope: &Scope<'_>, channels: [i64; 3]) -> Self {
        let inputs = [1, channels[0], channels[1]];
        let layer = |(index, (inputs, outputs)): (usize, (i64, i64))| {
            let scope = scope.at(index);
            let weight = scope.tensor("weight", &[outputs, inputs, 5, 5], Init::fan_in(25 * inputs));
            (weight, scope.tensor("bias", &[outputs], Init::Zeros))
        };
        Self { convolutions: inputs.into_iter().zip(channels).enumerate().map(layer).collect() }
    }

    pub fn forward(&self, images: &Tensor) -> Tensor {
        let halve = |x: Tensor, (weight, bias): &(Tensor, Tensor)| {
            x.conv2d(weight, Some(bias), [2, 2], [2, 2], [1, 1], 1).gelu("none")
        };
        self.convolutions.iter().fold(images.shallow_clone(), halve).flatten(1, -1)
    }
}
