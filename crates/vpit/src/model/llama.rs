//! A Llama-style decoder: grouped-query attention, rotary positions, RMS normalisation, SwiGLU, untied head.
//!
//! Field names, and so tensor names, are those of the published checkpoints (`model.layers.0.self_attn.q_proj.weight`).

use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::dims::dims;
use super::layers::{Bias, Embedding, Linear, RmsNorm};
use super::weights::{Init, Scope};

/// The published `config.json` of a Llama, its names kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LlamaConfig {
    pub vocab_size: i64,
    pub hidden_size: i64,
    pub intermediate_size: i64,
    pub num_hidden_layers: i64,
    pub num_attention_heads: i64,
    pub num_key_value_heads: i64,
    pub max_position_embeddings: i64,
    pub rms_norm_eps: f64,
    pub rope_theta: f64,
}

impl LlamaConfig {
    /// Width of one attention head.
    #[must_use]
    pub const fn head_dim(&self) -> i64 {
        self.hidden_size / self.num_attention_heads
    }
}

/// The decoder without its head: what the checkpoints keep below `model`.
#[derive(Debug)]
pub struct Llama {
    pub embed_tokens: Embedding,
    pub layers: Vec<DecoderLayer>,
    pub norm: RmsNorm,
    rotary: Rotary,
}

impl Llama {
    #[must_use]
    pub fn new(scope: &Scope<'_>, config: &LlamaConfig) -> Self {
        let width = config.hidden_size;
        let layers = scope.at("layers");
        Self {
            embed_tokens: Embedding::new(&scope.at("embed_tokens"), config.vocab_size, width, Init::fan_in(width)),
            layers: (0..config.num_hidden_layers).map(|i| DecoderLayer::new(&layers.at(i), config)).collect(),
            norm: RmsNorm::new(&scope.at("norm"), width, config.rms_norm_eps),
            rotary: Rotary::new(config),
        }
    }

    /// Embedded inputs to hidden states after the last normalisation, both `[batch, length, width]`.
    ///
    /// Attention is causal and positions count from 0, so padding on the right changes nothing to its left.
    pub fn forward(&self, embedded: &Tensor) -> Tensor {
        let [_, length, _] = dims(embedded);
        let rotary = self.rotary.narrow(length);
        let hidden = self.layers.iter().fold(embedded.shallow_clone(), |x, layer| layer.forward(&x, &rotary));
        self.norm.forward(&hidden)
    }
}

/// One block: attention, then the gated network, each on normalised input and added back.
#[derive(Debug)]
pub struct DecoderLayer {
    pub input_layernorm: RmsNorm,
    pub self_attn: Attention,
    pub post_attention_layernorm: RmsNorm,
    pub mlp: Mlp,
}

impl DecoderLayer {
    fn new(scope: &Scope<'_>, config: &LlamaConfig) -> Self {
        let norm = |name: &str| RmsNorm::new(&scope.at(name), config.hidden_size, config.rms_norm_eps);
        Self {
            input_layernorm: norm("input_layernorm"),
            self_attn: Attention::new(&scope.at("self_attn"), config),
            post_attention_layernorm: norm("post_attention_layernorm"),
            mlp: Mlp::new(&scope.at("mlp"), config),
        }
    }

    fn forward(&self, x: &Tensor, rotary: &Rotary) -> Tensor {
        let x = x + self.self_attn.forward(&self.input_layernorm.forward(x), rotary);
        &x + self.mlp.forward(&self.post_attention_layernorm.forward(&x))
    }
}

/// Causal attention in which several query heads share one key and value head.
#[derive(Debug)]
pub struct Attention {
    pub q_proj: Linear,
    pub k_proj: Linear,
    pub v_proj: Linear,
    pub o_proj: Linear,
    head_dim: i64,
}

impl Attention {
    fn new(scope: &Scope<'_>, config: &LlamaConfig) -> Self {
        let (width, head_dim) = (config.hidden_size, config.head_dim());
        let keys = config.num_key_value_heads * head_dim;
        let linear = |name: &str, outputs| Linear::new(&scope.at(name), width, outputs, Bias::Without);
        Self {
            q_proj: linear("q_proj", width),
            k_proj: linear("k_proj", keys),
            v_proj: linear("v_proj", keys),
            o_proj: linear("o_proj", width),
            head_dim,
        }
    }

    fn forward(&self, x: &Tensor, rotary: &Rotary) -> Tensor {
        let [batch, length, width] = dims(x);
        let heads = |y: Tensor| y.view([batch, length, -1, self.head_dim]).transpose(1, 2);
        let query = rotary.apply(&heads(self.q_proj.forward(x)));
        let key = rotary.apply(&heads(self.k_proj.forward(x)));
        let value = heads(self.v_proj.forward(x));
        let attended =
            Tensor::scaled_dot_product_attention(&query, &key, &value, None::<&Tensor>, 0.0, true, None, true);
        self.o_proj.forward(&attended.transpose(1, 2).reshape([batch, length, width]))
    }
}

/// `down(silu(gate(x)) * up(x))` (Shazeer 2020).
#[derive(Debug)]
pub struct Mlp {
    pub gate_proj: Linear,
    pub up_proj: Linear,
    pub down_proj: Linear,
}

impl Mlp {
    fn new(scope: &Scope<'_>, config: &LlamaConfig) -> Self {
        let (width, inner) = (config.hidden_size, config.intermediate_size);
        Self {
            gate_proj: Linear::new(&scope.at("gate_proj"), width, inner, Bias::Without),
            up_proj: Linear::new(&scope.at("up_proj"), width, inner, Bias::Without),
            down_proj: Linear::new(&scope.at("down_proj"), inner, width, Bias::Without),
        }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        self.down_proj.forward(&(self.gate_proj.forward(x).silu() * self.up_proj.forward(x)))
    }
}

/// Rotary position embedding in the split-halves layout of the published checkpoints (Su et al. 2021).
#[derive(Debug)]
struct Rotary {
    /// `[length, head_dim]`, both halves equal.
    cos: Tensor,
    sin: Tensor,
}

impl Rotary {
    fn new(config: &LlamaConfig) -> Self {
        let options = (Kind::Float, Device::Cpu);
        #[expect(clippy::cast_precision_loss, reason = "head widths are far below 2^53")]
        let head_dim = config.head_dim() as f64;
        let exponents = Tensor::arange_start_step(0, config.head_dim(), 2, options) / head_dim;
        let frequencies = (exponents * -config.rope_theta.ln()).exp();
        let positions = Tensor::arange(config.max_position_embeddings, options);
        let angles = positions.outer(&frequencies);
        let angles = Tensor::cat(&[&angles, &angles], -1);
        Self { cos: angles.cos(), sin: angles.sin() }
    }

    /// The first `length` positions.
    fn narrow(&self, length: i64) -> Self {
        Self { cos: self.cos.narrow(0, 0, length), sin: self.sin.narrow(0, 0, length) }
    }

    /// Turn `[batch, heads, length, head_dim]` by each position's angles.
    fn apply(&self, x: &Tensor) -> Tensor {
        let halves = x.chunk(2, -1);
        let [first, second] = halves.as_slice() else { unreachable!("two chunks were asked for") };
        let turned = Tensor::cat(&[&-second, first], -1);
        x * &self.cos + turned * &self.sin
    }
}

#[cfg(test)]
mod tests {
    use super::super::weights::Weights;
    use super::*;

    fn tiny() -> LlamaConfig {
        LlamaConfig {
            vocab_size: 11,
            hidden_size: 8,
            intermediate_size: 16,
            num_hidden_layers: 2,
            num_attention_heads: 4,
            num_key_value_heads: 2,
            max_position_embeddings: 16,
            rms_norm_eps: 1e-5,
            rope_theta: 10_000.0,
        }
    }

    fn decoder() -> Llama {
        Weights::fresh(3).build(|scope| Llama::new(scope, &tiny())).unwrap().0
    }

    #[test]
    fn rotation_by_one_position_mixes_the_two_halves_and_keeps_position_zero() {
        // head_dim 2, so one frequency of 1: position 1 turns by one radian.
        let rotary = Rotary::new(&tiny()).narrow(2);
        let x = Tensor::from_slice(&[1f32, 0.0, 1.0, 0.0]).view([1, 1, 2, 2]);
        let expected = Tensor::from_slice(&[1f32, 0.0, 1f32.cos(), 1f32.sin()]).view([1, 1, 2, 2]);
        assert!((rotary.apply(&x) - expected).abs().max().double_value(&[]) < 1e-6);
    }

    #[test]
    fn later_positions_never_change_earlier_ones() {
        let (model, x) = (decoder(), crate::noise::normal(&mut crate::rng::Rng::new(1, "test", 0), &[1, 6, 8]));
        let other = Tensor::cat(&[x.narrow(1, 0, 4), x.narrow(1, 4, 2) * 3.0], 1);
        let (first, second) = (model.forward(&x).narrow(1, 0, 4), model.forward(&other).narrow(1, 0, 4));
        assert!((first - second).abs().max().double_value(&[]) < 1e-6);
    }

    #[test]
    fn grouped_queries_equal_repeated_keys_and_values() {
        let config = tiny();
        let (attention, _) = Weights::fresh(3).build(|scope| Attention::new(scope, &config)).unwrap();
        let repeat = |linear: &Linear| {
            let rows = linear.weight.view([2, 1, 2, 8]).expand([2, 2, 2, 8], false).reshape([8, 8]);
            Linear { weight: rows, bias: None }
        };
        let full = Attention {
            q_proj: Linear { weight: attention.q_proj.weight.shallow_clone(), bias: None },
            k_proj: repeat(&attention.k_proj),
            v_proj: repeat(&attention.v_proj),
            o_proj: Linear { weight: attention.o_proj.weight.shallow_clone(), bias: None },
            head_dim: 2,
        };
        let x = crate::noise::normal(&mut crate::rng::Rng::new(2, "test", 0), &[2, 5, 8]);
        let rotary = Rotary::new(&config).narrow(5);
        let difference = attention.forward(&x, &rotary) - full.forward(&x, &rotary);
        assert!(difference.abs().max().double_value(&[]) < 1e-5);
    }
}
