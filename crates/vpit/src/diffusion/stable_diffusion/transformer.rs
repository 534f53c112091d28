//! Attention among the places of a feature map, and from them to a condition.

use tch::Tensor;

use super::unet_config::{self, Projection};
use crate::diffusion::layers::GroupNorm;
use crate::model::dims;
use crate::model::layers::{Bias, LayerNorm, Linear};
use crate::model::weights::{Init, Scope};

/// Multi-head attention without a mask.
#[derive(Debug)]
pub struct Attention {
    pub to_q: Linear,
    pub to_k: Linear,
    pub to_v: Linear,
    pub to_out: Linear,
    heads: i64,
}

/// Widths of what attends, of what is attended to, and of all heads together.
#[derive(Debug, Clone, Copy)]
pub struct Widths {
    pub query: i64,
    pub condition: i64,
    pub inner: i64,
}

impl Attention {
    /// `bias` is that of queries, keys and values; the output has one always.
    #[must_use]
    pub fn new(scope: &Scope<'_>, widths: Widths, heads: i64, bias: Bias) -> Self {
        let linear = |name: &str, inputs| Linear::new(&scope.at(name), inputs, widths.inner, bias);
        Self {
            to_q: linear("to_q", widths.query),
            to_k: linear("to_k", widths.condition),
            to_v: linear("to_v", widths.condition),
            to_out: Linear::new(&scope.at("to_out").at(0), widths.inner, widths.query, Bias::With),
            heads,
        }
    }

    /// `[batch, places, query]`, from as much and a condition `[batch, length, condition]`.
    pub fn forward(&self, x: &Tensor, condition: &Tensor) -> Tensor {
        let split = |y: Tensor| {
            let [batch, length, inner] = dims(&y);
            y.view([batch, length, self.heads, inner / self.heads]).transpose(1, 2)
        };
        let (query, key) = (split(self.to_q.forward(x)), split(self.to_k.forward(condition)));
        let value = split(self.to_v.forward(condition));
        let attended =
            Tensor::scaled_dot_product_attention(&query, &key, &value, None::<&Tensor>, 0.0, false, None, false);
        self.to_out.forward(&attended.transpose(1, 2).flatten(2, 3))
    }
}

/// Transformer blocks over the places of a feature map, beside a way past them (diffusers' `Transformer2DModel`).
#[derive(Debug)]
pub struct Transformer {
    pub norm: GroupNorm,
    pub proj_in: PlacewiseLinear,
    pub transformer_blocks: Vec<TransformerBlock>,
    pub proj_out: PlacewiseLinear,
}

impl Transformer {
    /// On maps of `channels` in `groups` groups.
    #[must_use]
    pub fn new(scope: &Scope<'_>, channels: i64, groups: i64, sizes: unet_config::Attention) -> Self {
        // Heads need not divide the channels: what is left over is dropped from the inner width.
        let inner = channels / sizes.heads * sizes.heads;
        let blocks = scope.at("transformer_blocks");
        Self {
            // This epsilon is in no configuration.
            norm: GroupNorm::new(&scope.at("norm"), channels, groups, 1e-6),
            proj_in: PlacewiseLinear::new(&scope.at("proj_in"), [channels, inner], sizes.projection),
            transformer_blocks: (0..sizes.depth).map(|i| TransformerBlock::new(&blocks.at(i), inner, sizes)).collect(),
            proj_out: PlacewiseLinear::new(&scope.at("proj_out"), [inner, channels], sizes.projection),
        }
    }

    /// `[batch, channels, height, width]`, from as much and a condition `[batch, length, width]`.
    pub fn forward(&self, x: &Tensor, condition: &Tensor) -> Tensor {
        let [_, _, height, _] = dims(x);
        let places = self.proj_in.forward(&self.norm.forward(x).flatten(2, 3).transpose(1, 2));
        let places = self.transformer_blocks.iter().fold(places, |places, block| block.forward(&places, condition));
        x + self.proj_out.forward(&places).transpose(1, 2).unflatten(2, [height, -1])
    }
}

/// A linear map of every place's channels, stored as a 1 x 1 convolution in older checkpoints.
#[derive(Debug)]
pub struct PlacewiseLinear {
    pub weight: Tensor,
    pub bias: Tensor,
}

impl PlacewiseLinear {
    fn new(scope: &Scope<'_>, [inputs, outputs]: [i64; 2], stored: Projection) -> Self {
        let shape: &[i64] = match stored {
            Projection::Convolution => &[outputs, inputs, 1, 1],
            Projection::Linear => &[outputs, inputs],
        };
        Self {
            weight: scope.tensor("weight", shape, Init::fan_in(inputs)),
            bias: scope.tensor("bias", &[outputs], Init::Zeros),
        }
    }

    /// `[batch, places, inputs]` to `[batch, places, outputs]`.
    fn forward(&self, x: &Tensor) -> Tensor {
        x.linear(&self.weight.flatten(1, -1), Some(&self.bias))
    }
}

/// Attention among places, attention to the condition, and a gated network, each on normalised input and added back.
#[derive(Debug)]
pub struct TransformerBlock {
    pub norm1: LayerNorm,
    pub attn1: Attention,
    pub norm2: LayerNorm,
    pub attn2: Attention,
    pub norm3: LayerNorm,
    pub ff: FeedForward,
}

impl TransformerBlock {
    fn new(scope: &Scope<'_>, width: i64, sizes: unet_config::Attention) -> Self {
        let norm = |name: &str| LayerNorm::new(&scope.at(name), width, 1e-5);
        let attention = |name: &str, condition| {
            let widths = Widths { query: width, condition, inner: width };
            Attention::new(&scope.at(name), widths, sizes.heads, Bias::Without)
        };
        Self {
            norm1: norm("norm1"),
            attn1: attention("attn1", width),
            norm2: norm("norm2"),
            attn2: attention("attn2", sizes.condition),
            norm3: norm("norm3"),
            ff: FeedForward::new(&scope.at("ff"), width),
        }
    }

    fn forward(&self, x: &Tensor, condition: &Tensor) -> Tensor {
        let normal = self.norm1.forward(x);
        let x = x + self.attn1.forward(&normal, &normal);
        let x = &x + self.attn2.forward(&self.norm2.forward(&x), condition);
        &x + self.ff.forward(&self.norm3.forward(&x))
    }
}

/// `out(value * gelu(gate))` with exact GELU (GEGLU, Shazeer 2020).
#[derive(Debug)]
pub struct FeedForward {
    /// `net.0.proj`: values in the first half of its outputs, gates in the second.
    pub proj: Linear,
    /// `net.2`.
    pub out: Linear,
}

impl FeedForward {
    fn new(scope: &Scope<'_>, width: i64) -> Self {
        let net = scope.at("net");
        Self {
            proj: Linear::new(&net.at(0).at("proj"), width, 8 * width, Bias::With),
            out: Linear::new(&net.at(2), 4 * width, width, Bias::With),
        }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        let halves = self.proj.forward(x).chunk(2, -1);
        let [value, gate] = halves.as_slice() else { unreachable!("two chunks were asked for") };
        self.out.forward(&(value * gate.gelu("none")))
    }
}
