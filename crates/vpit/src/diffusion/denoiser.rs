//! The visualizer: tells image from noise with the help of visual tokens.
//!
//! In small what appendix A.2 does with Stable Diffusion 1.5: the same two-layer projector, cross-attention to the
//! projected tokens, the same noise schedule. Instead of a learned autoencoder, pixels are folded into 8 x 8 places of 16
//! channels, and instead of a U-Net there is one resolution, which suffices at this size.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::Prediction;
use super::layers::{Conv, GroupNorm, Window};
use super::projector::Projector;
use super::time::{TimeEmbedding, Waves};
use crate::model::dims;
use crate::model::layers::{Bias, Linear};
use crate::model::weights::{Init, Scope};

/// Of every group normalisation.
const GROUPS: i64 = 8;
const EPS: f64 = 1e-5;
const WINDOW: Window = Window::keeping(3);

/// Sizes of the visualizer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VisualizerConfig {
    /// Width of a visual token.
    pub visual_width: i64,
    /// Visual tokens along one side.
    pub visual_side: i64,
    /// Pixels along one side.
    pub image_size: i64,
    /// Pixels along one side of a folded place.
    pub fold: i64,
    pub channels: i64,
    pub blocks: i64,
    pub heads: i64,
    /// Inner width of the projector.
    pub projector_width: i64,
    pub prediction: Prediction,
}

/// A denoising network conditioned on visual tokens.
#[derive(Debug)]
pub struct Visualizer {
    pub projector: Projector,
    pub time_embedding: TimeEmbedding,
    pub conv_in: Conv,
    pub blocks: Vec<Block>,
    pub norm_out: GroupNorm,
    pub conv_out: Conv,
    pub prediction: Prediction,
    fold: i64,
}

impl Visualizer {
    #[must_use]
    pub fn new(scope: &Scope<'_>, config: &VisualizerConfig) -> Self {
        let (channels, folded) = (config.channels, config.fold * config.fold);
        let (blocks, waves) = (scope.at("blocks"), Waves { width: channels, cosines_first: true, shift: 0.0 });
        let widths = [config.visual_width, config.projector_width, channels];
        Self {
            projector: Projector::new(&scope.at("projector"), &widths),
            time_embedding: TimeEmbedding::new(&scope.at("time_embedding"), waves, channels),
            conv_in: Conv::new(&scope.at("conv_in"), [folded, channels], WINDOW),
            blocks: (0..config.blocks).map(|i| Block::new(&blocks.at(i), config)).collect(),
            norm_out: GroupNorm::new(&scope.at("norm_out"), channels, GROUPS, EPS),
            conv_out: Conv::with_init(&scope.at("conv_out"), [channels, folded], WINDOW, Init::Zeros),
            prediction: config.prediction,
            fold: config.fold,
        }
    }

    /// Project visual tokens `[batch, tokens, visual width]` to what attention looks at. All zeros stand for no condition.
    pub fn condition(&self, tokens: &Tensor) -> Tensor {
        self.projector.forward(tokens)
    }

    /// What [`Visualizer::prediction`] names, for noisy `[batch, 1, side, side]` images at `times`, given a condition
    /// `[batch, tokens, channels]`.
    pub fn forward(&self, images: &Tensor, times: &[usize], condition: &Tensor) -> Tensor {
        let time = self.time_embedding.forward(times);
        let folded = self.conv_in.forward(&images.pixel_unshuffle(self.fold));
        let hidden = self.blocks.iter().fold(folded, |x, block| block.forward(&x, &time, condition));
        self.conv_out.forward(&self.norm_out.forward(&hidden).silu()).pixel_shuffle(self.fold)
    }
}

/// Two convolutions with the time added between them, then attention to the condition.
#[derive(Debug)]
pub struct Block {
    norm1: GroupNorm,
    conv1: Conv,
    time_emb_proj: Linear,
    norm2: GroupNorm,
    conv2: Conv,
    attention: CrossAttention,
}

impl Block {
    fn new(scope: &Scope<'_>, config: &VisualizerConfig) -> Self {
        let channels = config.channels;
        Self {
            norm1: GroupNorm::new(&scope.at("norm1"), channels, GROUPS, EPS),
            conv1: Conv::new(&scope.at("conv1"), [channels; 2], WINDOW),
            time_emb_proj: Linear::new(&scope.at("time_emb_proj"), channels, channels, Bias::With),
            norm2: GroupNorm::new(&scope.at("norm2"), channels, GROUPS, EPS),
            conv2: Conv::new(&scope.at("conv2"), [channels; 2], WINDOW),
            attention: CrossAttention::new(&scope.at("attention"), config),
        }
    }

    fn forward(&self, x: &Tensor, time: &Tensor, condition: &Tensor) -> Tensor {
        let x = x + self.attention.forward(x, condition);
        let time = self.time_emb_proj.forward(time).unsqueeze(-1).unsqueeze(-1);
        let hidden = self.conv1.forward(&self.norm1.forward(&x).silu()) + time;
        x + self.conv2.forward(&self.norm2.forward(&hidden).silu())
    }
}

/// Every place of the image looks at the visual tokens.
///
/// Places of the image and visual tokens carry the same constant code of where they lie, so that a place looks first at
/// the token that covers it: a training this short would spend itself on finding that out.
#[derive(Debug)]
pub struct CrossAttention {
    norm: GroupNorm,
    to_q: Linear,
    to_k: Linear,
    to_v: Linear,
    to_out: Linear,
    heads: i64,
    /// `[places, channels / heads]` and `[tokens, channels / heads]`.
    query_places: Tensor,
    key_places: Tensor,
}

impl CrossAttention {
    fn new(scope: &Scope<'_>, config: &VisualizerConfig) -> Self {
        let (channels, head) = (config.channels, config.channels / config.heads);
        let linear = |name: &str, bias| Linear::new(&scope.at(name), channels, channels, bias);
        Self {
            norm: GroupNorm::new(&scope.at("norm"), channels, GROUPS, EPS),
            to_q: linear("to_q", Bias::Without),
            to_k: linear("to_k", Bias::Without),
            to_v: linear("to_v", Bias::Without),
            to_out: linear("to_out", Bias::With),
            heads: config.heads,
            query_places: places(config.image_size / config.fold, head),
            key_places: places(config.visual_side, head),
        }
    }

    fn forward(&self, x: &Tensor, condition: &Tensor) -> Tensor {
        let [batch, channels, side, _] = dims(x);
        let split = |y: Tensor| y.view([batch, -1, self.heads, channels / self.heads]).transpose(1, 2);
        let flat = self.norm.forward(x).flatten(2, 3).transpose(1, 2);
        let query = split(self.to_q.forward(&flat)) + &self.query_places;
        let key = split(self.to_k.forward(condition)) + &self.key_places;
        let value = split(self.to_v.forward(condition));
        let attended =
            Tensor::scaled_dot_product_attention(&query, &key, &value, None::<&Tensor>, 0.0, false, None, false);
        let out = self.to_out.forward(&attended.transpose(1, 2).flatten(2, 3));
        out.transpose(1, 2).reshape([batch, channels, side, side])
    }
}

/// A code of the places of a `side * side` grid over the unit square, `[side * side, width]`.
///
/// Sines and cosines of multiples of pi along each axis: the product of two codes peaks where the places are the same.
fn places(side: i64, width: i64) -> Tensor {
    let options = (Kind::Float, tch::Device::Cpu);
    let centres = (Tensor::arange(side, options) + 0.5) / side as f64;
    let frequencies = Tensor::arange_start(1, width / 4 + 1, options) * std::f64::consts::PI;
    let angles = centres.outer(&frequencies);
    let waves = Tensor::cat(&[angles.cos(), angles.sin()], -1);
    let down = waves.unsqueeze(1).expand([side, side, width / 2], false);
    let across = waves.unsqueeze(0).expand([side, side, width / 2], false);
    Tensor::cat(&[down, across], -1).flatten(0, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_looks_first_at_the_token_that_covers_it() {
        let scores = places(8, 16).matmul(&places(4, 16).tr());
        let nearest: Vec<i64> = Vec::try_from(scores.argmax(-1, false)).unwrap();
        let expected: Vec<i64> = (0..64).map(|place| (place / 8 / 2) * 4 + place % 8 / 2).collect();
        assert_eq!(nearest, expected);
    }
}
