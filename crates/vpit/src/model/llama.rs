//! A Llama decoder: grouped-query attention, rotary positions, RMS normalisation, SwiGLU; its head untied or tied.
//!
//! Field names, and so tensor names, are those of the published checkpoints (`model.layers.0.self_attn.q_proj.weight`).

use std::f64::consts::TAU;

use tch::{Device, Kind, Tensor};

pub use super::llama_config::{LlamaConfig, RopeScaling};

use super::cache::{Cache, LayerCache, Step};
use super::dims::dims;
use super::layers::{Bias, Embedding, Linear, RmsNorm};
use super::weights::{Init, Scope};
use crate::native;

/// A decoder with its text head, as the checkpoint of a language model keeps them.
#[derive(Debug)]
pub struct LanguageModel {
    pub model: Llama,
    pub lm_head: Linear,
}

impl LanguageModel {
    #[must_use]
    pub fn new(scope: &Scope<'_>, config: &LlamaConfig) -> Self {
        let model = Llama::new(&scope.at("model"), config);
        Self { lm_head: lm_head(scope, config, || model.embed_tokens.weight.shallow_clone()), model }
    }

    /// `[batch, length]` ids to the logits of what comes next, `[batch, length, vocabulary]`.
    pub fn forward(&self, ids: &Tensor) -> Tensor {
        self.lm_head.forward(&self.model.forward(&self.model.embed_tokens.forward(ids)))
    }
}

/// The text head: the embedding's rows where the configuration ties them, and then no tensor of its own.
#[must_use]
pub fn lm_head(scope: &Scope<'_>, config: &LlamaConfig, embedding: impl FnOnce() -> Tensor) -> Linear {
    if config.tie_word_embeddings {
        return Linear { weight: embedding(), bias: None };
    }
    Linear::new(&scope.at("lm_head"), config.hidden_size, config.vocab_size, Bias::Without)
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
        Self {
            embed_tokens: Self::embedding(scope, config),
            layers: (0..config.num_hidden_layers).map(|i| Self::layer(scope, config, i)).collect(),
            norm: Self::last_norm(scope, config),
            rotary: Rotary::new(config),
        }
    }

    /// The rows of the tokens alone.
    #[must_use]
    pub fn embedding(scope: &Scope<'_>, config: &LlamaConfig) -> Embedding {
        let width = config.hidden_size;
        Embedding::new(&scope.at("embed_tokens"), config.vocab_size, width, Init::fan_in(width))
    }

    /// Block `number` alone.
    #[must_use]
    pub fn layer(scope: &Scope<'_>, config: &LlamaConfig, number: i64) -> DecoderLayer {
        DecoderLayer::new(&scope.at("layers").at(number), config)
    }

    /// The normalisation after the last block alone.
    #[must_use]
    pub fn last_norm(scope: &Scope<'_>, config: &LlamaConfig) -> RmsNorm {
        RmsNorm::new(&scope.at("norm"), config.hidden_size, config.rms_norm_eps)
    }

    /// Embedded inputs to hidden states after the last normalisation, both `[batch, length, width]`.
    ///
    /// Attention is causal and positions count from 0, so padding on the right changes nothing to its left.
    pub fn forward(&self, embedded: &Tensor) -> Tensor {
        let turn = self.rotary.along(embedded);
        let hidden = self.layers.iter().fold(embedded.shallow_clone(), |x, layer| layer.forward(&x, &turn));
        self.norm.forward(&hidden)
    }

    /// An empty cache for `batch` sequences of at most `room` places.
    #[must_use]
    pub fn cache(&self, batch: i64, room: i64) -> Cache {
        let [heads, head_dim] = self.layers.first().map_or([0, 0], |layer| layer.self_attn.key_shape());
        Cache::new(self.layers.len(), [batch, heads, room, head_dim], &self.embed_tokens.weight)
    }

    /// The same for inputs that continue what `cache` holds, and adds them to it.
    pub fn continue_from(&self, embedded: &Tensor, cache: &mut Cache) -> Tensor {
        let step = cache.advance(dims(embedded));
        // `[batch, 1, length]`: the same angles for every head.
        let turn = self.rotary.at(&step.positions.unsqueeze(1), embedded.kind());
        let layers = self.layers.iter().zip(cache.layers());
        let hidden = layers.fold(embedded.shallow_clone(), |x, (layer, cached)| {
            let attended = layer.self_attn.attend_cached(&layer.input_layernorm.forward(&x), &turn, cached, &step);
            layer.feed_forward(&(x + attended))
        });
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

    /// `[batch, length, width]` to the same, each place turned by its position.
    pub fn forward(&self, x: &Tensor, turn: &Turn) -> Tensor {
        self.feed_forward(&(x + self.self_attn.forward(&self.input_layernorm.forward(x), turn)))
    }

    fn feed_forward(&self, x: &Tensor) -> Tensor {
        x + self.mlp.forward(&self.post_attention_layernorm.forward(x))
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
        let (width, head_dim) = (config.hidden_size, config.head_dim);
        let (queries, keys) = (config.num_attention_heads * head_dim, config.num_key_value_heads * head_dim);
        let linear = |name: &str, inputs, outputs| Linear::new(&scope.at(name), inputs, outputs, Bias::Without);
        Self {
            q_proj: linear("q_proj", width, queries),
            k_proj: linear("k_proj", width, keys),
            v_proj: linear("v_proj", width, keys),
            o_proj: linear("o_proj", queries, width),
            head_dim,
        }
    }

    fn forward(&self, x: &Tensor, turn: &Turn) -> Tensor {
        let projected = self.project(x, turn);
        self.join(&match turn.lengths.as_slice() {
            [] | [_] => attend(&projected),
            lengths => {
                let [query, key, value] = projected.map(|x| x.split_with_sizes(lengths, 2));
                let sequences = query.into_iter().zip(key).zip(value);
                let attended = sequences.map(|((query, key), value)| attend(&[query, key, value]));
                Tensor::cat(&attended.collect::<Vec<Tensor>>(), 2)
            }
        })
    }

    /// Attention of new places to themselves and to what is cached.
    fn attend_cached(&self, x: &Tensor, turn: &Turn, cached: &mut LayerCache, step: &Step) -> Tensor {
        let [query, key, value] = self.project(x, turn);
        let (keys, values) = cached.extend(&key, &value, step);
        let seen = Some(&step.seen);
        self.join(&Tensor::scaled_dot_product_attention(&query, &keys, &values, seen, 0.0, false, None, true))
    }

    /// Key heads and their width.
    fn key_shape(&self) -> [i64; 2] {
        let [rows, _] = dims(&self.k_proj.weight);
        [rows / self.head_dim, self.head_dim]
    }

    /// Query, key and value, each `[batch, heads, length, head_dim]`, the first two turned by their positions.
    fn project(&self, x: &Tensor, turn: &Turn) -> [Tensor; 3] {
        let [batch, length, _] = dims(x);
        let heads = |y: Tensor| y.view([batch, length, -1, self.head_dim]).transpose(1, 2);
        let query = turn.apply(&heads(self.q_proj.forward(x)));
        let key = turn.apply(&heads(self.k_proj.forward(x)));
        [query, key, heads(self.v_proj.forward(x))]
    }

    fn join(&self, attended: &Tensor) -> Tensor {
        self.o_proj.forward(&attended.transpose(1, 2).flatten(2, 3))
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
        self.down_proj.forward(&native::gated(&self.gate_proj.forward(x), &self.up_proj.forward(x)))
    }
}

/// Attention of each place to itself and those before it, of queries, keys and values `[batch, heads, length, head_dim]`.
fn attend([query, key, value]: &[Tensor; 3]) -> Tensor {
    Tensor::scaled_dot_product_attention(query, key, value, None::<&Tensor>, 0.0, true, None, true)
}

/// Rotary position embedding in the split-halves layout of the published checkpoints (Su et al. 2021).
#[derive(Debug)]
pub struct Rotary {
    /// Radians a position, `[head_dim / 2]`, f32 whatever the model computes in.
    frequencies: Tensor,
}

/// Cosines and sines of some positions' angles, `[.., head_dim]`, both halves equal.
#[derive(Debug)]
pub struct Turn {
    cos: Tensor,
    sin: Tensor,
    /// Of the sequences that stand one behind the other in a row and do not look at each other.
    lengths: Vec<i64>,
}

impl Rotary {
    #[must_use]
    pub fn new(config: &LlamaConfig) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "head widths are far below 2^53")]
        let head_dim = config.head_dim as f64;
        let exponents = Tensor::arange_start_step(0, config.head_dim, 2, (Kind::Float, Device::Cpu)) / head_dim;
        // Powers, then reciprocals, in f32 as in transformers: an error in the last digit here is one of 0.006 radians at
        // position 8,000.
        let frequencies = Tensor::pow_scalar(config.rope_theta, &exponents).reciprocal();
        Self { frequencies: config.rope_scaling.map_or_else(|| frequencies.copy(), |how| how.apply(&frequencies)) }
    }

    /// For the places of `[batch, length, width]`, counted from 0, in its type.
    #[must_use]
    pub fn along(&self, embedded: &Tensor) -> Turn {
        let [_, length, _] = dims(embedded);
        self.through(&[length], (embedded.kind(), embedded.device()))
    }

    /// For rows of sequences of these lengths, one behind the other, each counted from 0.
    #[must_use]
    pub fn through(&self, lengths: &[i64], (kind, device): (Kind, Device)) -> Turn {
        let count = |&length: &i64| Tensor::arange(length, (Kind::Float, device));
        let positions: Vec<Tensor> = lengths.iter().map(count).collect();
        Turn { lengths: lengths.to_vec(), ..self.at(&Tensor::cat(&positions, 0), kind) }
    }

    /// For f32 positions of any shape `[..]`.
    fn at(&self, positions: &Tensor, kind: Kind) -> Turn {
        let angles = positions.unsqueeze(-1) * self.frequencies.to_device(positions.device());
        let angles = Tensor::cat(&[&angles, &angles], -1);
        Turn { cos: angles.cos().to_kind(kind), sin: angles.sin().to_kind(kind), lengths: Vec::new() }
    }
}

impl Turn {
    /// Turn `[batch, heads, length, head_dim]` by each position's angles.
    fn apply(&self, x: &Tensor) -> Tensor {
        let halves = x.chunk(2, -1);
        let [first, second] = halves.as_slice() else { unreachable!("two chunks were asked for") };
        let turned = Tensor::cat(&[&-second, first], -1);
        x * &self.cos + turned * &self.sin
    }
}

impl RopeScaling {
    /// Waves longer than the first context are stretched by `factor`, much shorter ones not at all, those between in part.
    fn apply(&self, frequencies: &Tensor) -> Tensor {
        #[expect(clippy::cast_precision_loss, reason = "contexts are far below 2^53")]
        let context = self.original_max_position_embeddings as f64;
        let (low, high) = (self.low_freq_factor, self.high_freq_factor);
        let wavelengths = frequencies.reciprocal() * TAU;
        let stretched = frequencies / self.factor;
        let smooth = (wavelengths.reciprocal() * context - low) / (high - low);
        let between = (1.0 - &smooth) * frequencies / self.factor + &smooth * frequencies;
        let long = wavelengths.gt(context / low);
        let short = wavelengths.lt(context / high);
        stretched.where_self(&long, &frequencies.where_self(&short, &between))
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
            head_dim: 2,
            max_position_embeddings: 16,
            rms_norm_eps: 1e-5,
            rope_theta: 10_000.0,
            rope_scaling: None,
            tie_word_embeddings: false,
            notes: serde_json::Map::new(),
        }
    }

    fn positions(count: i64) -> Tensor {
        Tensor::arange(count, tch::kind::FLOAT_CPU)
    }

    fn decoder() -> Llama {
        Weights::fresh(3).build(|scope| Llama::new(scope, &tiny())).unwrap().0
    }

    #[test]
    fn rotation_by_one_position_mixes_the_two_halves_and_keeps_position_zero() {
        // head_dim 2, so one frequency of 1: position 1 turns by one radian.
        let turn = Rotary::new(&tiny()).at(&positions(2), Kind::Float);
        let x = Tensor::from_slice(&[1f32, 0.0, 1.0, 0.0]).view([1, 1, 2, 2]);
        let expected = Tensor::from_slice(&[1f32, 0.0, 1f32.cos(), 1f32.sin()]).view([1, 1, 2, 2]);
        assert!((turn.apply(&x) - expected).abs().max().double_value(&[]) < 1e-6);
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
        let turn = Rotary::new(&config).at(&positions(5), Kind::Float);
        let difference = attention.forward(&x, &turn) - full.forward(&x, &turn);
        assert!(difference.abs().max().double_value(&[]) < 1e-5);
    }

    #[test]
    fn the_scaling_of_llama_3_1_leaves_short_waves_and_stretches_long_ones_eightfold() {
        let scaling = RopeScaling {
            factor: 8.0,
            low_freq_factor: 1.0,
            high_freq_factor: 4.0,
            original_max_position_embeddings: 8192,
        };
        let plain = LlamaConfig { head_dim: 128, rope_theta: 500_000.0, ..tiny() };
        let scaled = LlamaConfig { rope_scaling: Some(scaling), ..plain.clone() };
        let (plain, scaled) = (Rotary::new(&plain).frequencies, Rotary::new(&scaled).frequencies);
        let ratio = |i: i64| plain.double_value(&[i]) / scaled.double_value(&[i]);
        assert_eq!((ratio(28), ratio(35), ratio(63)), (1.0, 8.0, 8.0));
        for (i, published) in [(29, 2.166_570_63e-3), (34, 1.785_077_91e-4)] {
            assert!((scaled.double_value(&[i]) / published - 1.0).abs() < 1e-6, "{i}");
        }
    }
}
