//! The judge of image-text agreement behind the CLIP score: another architecture and another loss than the encoder that
//! the model learns from, so that the model is not graded by its own teacher.

use tch::Tensor;

use super::features::Stem;
use crate::model::layers::{Bias, Embedding, LayerNorm, Linear, normalize};
use crate::model::weights::{Init, Scope};
use crate::train::loss::contrastive_softmax;

const WIDTH: i64 = 64;

/// Convolutions for images, convolutions over words for texts, one space.
#[derive(Debug)]
pub struct PairNet {
    pub stem: Stem,
    pub image_projection: Linear,
    pub token_embedding: Embedding,
    pub text_convolution: (Tensor, Tensor),
    pub text_norm: LayerNorm,
    pub text_projection: Linear,
    pub logit_scale: Tensor,
}

impl PairNet {
    #[must_use]
    pub fn new(scope: &Scope<'_>, vocab_size: i64) -> Self {
        let convolution = scope.at("text_convolution");
        Self {
            stem: Stem::new(&scope.at("stem"), [24, 40, 64]),
            image_projection: Linear::new(&scope.at("image_projection"), 64 * 4 * 4, WIDTH, Bias::With),
            token_embedding: Embedding::new(&scope.at("token_embedding"), vocab_size, WIDTH, Init::Normal(0.5)),
            text_convolution: (
                convolution.tensor("weight", &[2 * WIDTH, WIDTH, 5], Init::fan_in(5 * WIDTH)),
                convolution.tensor("bias", &[2 * WIDTH], Init::Zeros),
            ),
            text_norm: LayerNorm::new(&scope.at("text_norm"), 2 * WIDTH, 1e-5),
            text_projection: Linear::new(&scope.at("text_projection"), 2 * WIDTH, WIDTH, Bias::With),
            // CLIP's start: temperature 1/0.07.
            logit_scale: scope.tensor("logit_scale", &[1], Init::Constant((1.0f64 / 0.07).ln())),
        }
    }

    /// Unit vectors of `[n, 1, 32, 32]` images in [-1, 1], `[n, width]`.
    pub fn images(&self, images: &Tensor) -> Tensor {
        normalize(&self.image_projection.forward(&self.stem.forward(images)))
    }

    /// Unit vectors of `[n, length]` padded token ids, `[n, width]`.
    pub fn texts(&self, ids: &Tensor) -> Tensor {
        let (weight, bias) = &self.text_convolution;
        let words = self.token_embedding.forward(ids).transpose(1, 2);
        let phrases = words.conv1d(weight, Some(bias), [1], [2], [1], 1).gelu("none");
        normalize(&self.text_projection.forward(&self.text_norm.forward(&phrases.amax([-1i64], false))))
    }

    /// CLIP's loss for matching pairs: cross-entropy over rows and over columns (Radford et al. 2021).
    ///
    /// `same` is `[n, n]`, true where two pairs have the same text: such pairs are no negatives.
    pub fn loss(&self, images: &Tensor, ids: &Tensor, same: &Tensor) -> Tensor {
        let logits = self.images(images).matmul(&self.texts(ids).tr()) * self.logit_scale.exp();
        contrastive_softmax(&logits, same)
    }
}
