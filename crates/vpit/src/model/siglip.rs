//! A SigLIP-style pair of towers: a vision transformer and a text transformer that meet in one space (Zhai et al. 2023).
//!
//! Pre-normalised blocks with biases, tanh-approximated GELU, learned positions and no class token. Field names, and so
//! tensor names, are those of the published checkpoints (`vision_model.encoder.layers.0.self_attn.q_proj.weight`).

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::dims::dims;
use super::layers::{Bias, Embedding, LayerNorm, Linear, normalize};
use super::weights::{Init, Scope};

/// Sizes of one tower.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TowerConfig {
    pub hidden_size: i64,
    pub intermediate_size: i64,
    pub num_hidden_layers: i64,
    pub num_attention_heads: i64,
    pub layer_norm_eps: f64,
}

/// The vision part of the published `config.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VisionConfig {
    pub tower: TowerConfig,
    pub num_channels: i64,
    pub image_size: i64,
    pub patch_size: i64,
    /// Channels of convolutions of stride 2 before the patches are cut, for towers that learn from thousands of images
    /// instead of billions (early convolutions, Xiao et al. 2021). The published towers have none.
    #[serde(default)]
    pub stem: Vec<i64>,
}

impl VisionConfig {
    /// Patches along one side; a rest that does not fill a patch is not seen.
    #[must_use]
    pub const fn grid(&self) -> i64 {
        self.image_size / self.patch_size
    }

    /// Side of a patch and channels, both after the stem.
    fn patches(&self) -> (i64, i64) {
        (self.patch_size >> self.stem.len(), self.stem.last().copied().unwrap_or(self.num_channels))
    }
}

/// The text part of the published `config.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TextConfig {
    pub tower: TowerConfig,
    pub vocab_size: i64,
    pub max_position_embeddings: i64,
}

/// Both towers with the scale and the bias of the sigmoid loss.
#[derive(Debug)]
pub struct Siglip {
    pub vision_model: VisionTransformer,
    pub text_model: TextTransformer,
    pub logit_scale: Tensor,
    pub logit_bias: Tensor,
}

impl Siglip {
    #[must_use]
    pub fn new(scope: &Scope<'_>, vision: &VisionConfig, text: &TextConfig) -> Self {
        Self {
            vision_model: VisionTransformer::new(&scope.at("vision_model"), vision),
            text_model: TextTransformer::new(&scope.at("text_model"), text),
            // The published training starts at temperature 10 and, against 32,768 negatives an image, at bias -10. Here
            // are far fewer, so the bias starts nearer to 0.
            logit_scale: scope.tensor("logit_scale", &[1], Init::Constant(10f64.ln())),
            logit_bias: scope.tensor("logit_bias", &[1], Init::Constant(-5.0)),
        }
    }

    /// The logit of "these belong together" for every pair of `[n, channels, side, side]` images and `[m, length]`
    /// texts, `[n, m]`.
    pub fn forward(&self, images: &Tensor, texts: &Tensor) -> Tensor {
        let images = normalize(&self.vision_model.pooled(images));
        let texts = normalize(&self.text_model.forward(texts));
        images.matmul(&texts.tr()) * self.logit_scale.exp() + &self.logit_bias
    }
}

/// Patches to features, and to one vector by attention pooling.
#[derive(Debug)]
pub struct VisionTransformer {
    pub embeddings: VisionEmbeddings,
    pub encoder: Encoder,
    pub post_layernorm: LayerNorm,
    pub head: PoolingHead,
}

impl VisionTransformer {
    #[must_use]
    pub fn new(scope: &Scope<'_>, config: &VisionConfig) -> Self {
        let tower = &config.tower;
        Self {
            embeddings: VisionEmbeddings::new(&scope.at("embeddings"), config),
            encoder: Encoder::new(&scope.at("encoder"), tower),
            post_layernorm: LayerNorm::new(&scope.at("post_layernorm"), tower.hidden_size, tower.layer_norm_eps),
            head: PoolingHead::new(&scope.at("head"), tower),
        }
    }

    /// `[batch, channels, side, side]` to the last block's output before `post_layernorm`, `[batch, patches, width]`.
    pub fn features(&self, images: &Tensor) -> Tensor {
        self.encoder.forward(&self.embeddings.forward(images))
    }

    /// The features of `layer`, `[batch, patches, width]`.
    pub fn layer(&self, images: &Tensor, layer: FeatureLayer) -> Tensor {
        let embedded = self.embeddings.forward(images);
        match layer {
            FeatureLayer::Last => self.encoder.forward(&embedded),
            FeatureLayer::Penultimate => self.encoder.forward_but_last(&embedded),
            FeatureLayer::Normalized => self.post_layernorm.forward(&self.encoder.forward(&embedded)),
        }
    }

    /// Visual tokens of `[batch, channels, side, side]` images, `[batch, side * side, width]`.
    pub fn tokens(&self, images: &Tensor, how: VisualTokens) -> Tensor {
        let pooled = pool(&self.layer(images, how.layer), how.side);
        if how.unit_length { normalize(&pooled) } else { pooled }
    }

    /// One vector an image, `[batch, width]`, as the contrastive loss sees it.
    pub fn pooled(&self, images: &Tensor) -> Tensor {
        self.head.forward(&self.post_layernorm.forward(&self.features(images)))
    }
}

/// Which features of the tower become visual tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeatureLayer {
    /// The last block's output before `post_layernorm`: transformers' `hidden_states[-1]`, which MetaMorph selects.
    #[default]
    Last,
    /// The block's before, `hidden_states[-2]`, as LLaVA selects.
    Penultimate,
    /// After `post_layernorm`: `last_hidden_state`.
    Normalized,
}

/// How an image becomes visual tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VisualTokens {
    pub layer: FeatureLayer,
    /// Tokens along one side.
    pub side: i64,
    /// Whether each is scaled to length one. The released code scales for the cosine loss and not for L1, which changes
    /// the adapter's inputs as well; here it is a choice of its own.
    pub unit_length: bool,
}

impl Default for VisualTokens {
    /// The paper's: 64 tokens.
    fn default() -> Self {
        Self { layer: FeatureLayer::Last, side: 8, unit_length: true }
    }
}

/// Cuts an image into patches, projects each and adds its position.
#[derive(Debug)]
pub struct VisionEmbeddings {
    stem: Vec<Convolution>,
    patch_embedding: Convolution,
    pub position_embedding: Embedding,
}

impl VisionEmbeddings {
    fn new(scope: &Scope<'_>, config: &VisionConfig) -> Self {
        let width = config.tower.hidden_size;
        let inputs = std::iter::once(config.num_channels).chain(config.stem.iter().copied());
        let stem = inputs.zip(&config.stem).enumerate();
        let (patch, channels) = config.patches();
        Self {
            stem: stem
                .map(|(i, (inputs, &outputs))| Convolution::new(&scope.at("stem").at(i), [inputs, outputs], [5, 2, 2]))
                .collect(),
            patch_embedding: Convolution::new(&scope.at("patch_embedding"), [channels, width], [patch, patch, 0]),
            position_embedding: Embedding::new(
                &scope.at("position_embedding"),
                config.grid() * config.grid(),
                width,
                Init::Normal(0.5),
            ),
        }
    }

    fn forward(&self, images: &Tensor) -> Tensor {
        let halve = |x: Tensor, convolution: &Convolution| convolution.forward(&x).gelu("tanh");
        let map = self.stem.iter().fold(images.shallow_clone(), halve);
        self.patch_embedding.forward(&map).flatten(2, 3).transpose(1, 2) + &self.position_embedding.weight
    }
}

/// A square convolution with bias.
#[derive(Debug)]
struct Convolution {
    weight: Tensor,
    bias: Tensor,
    stride: i64,
    padding: i64,
}

impl Convolution {
    fn new(scope: &Scope<'_>, [inputs, outputs]: [i64; 2], [size, stride, padding]: [i64; 3]) -> Self {
        Self {
            weight: scope.tensor("weight", &[outputs, inputs, size, size], Init::fan_in(inputs * size * size)),
            bias: scope.tensor("bias", &[outputs], Init::Zeros),
            stride,
            padding,
        }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        x.conv2d(&self.weight, Some(&self.bias), [self.stride; 2], [self.padding; 2], [1, 1], 1)
    }
}

/// Token ids to one vector a text: the projected output at the last position.
#[derive(Debug)]
pub struct TextTransformer {
    pub embeddings: TextEmbeddings,
    pub encoder: Encoder,
    pub final_layer_norm: LayerNorm,
    pub head: Linear,
}

impl TextTransformer {
    #[must_use]
    pub fn new(scope: &Scope<'_>, config: &TextConfig) -> Self {
        let (tower, width) = (&config.tower, config.tower.hidden_size);
        Self {
            embeddings: TextEmbeddings::new(&scope.at("embeddings"), config),
            encoder: Encoder::new(&scope.at("encoder"), tower),
            final_layer_norm: LayerNorm::new(&scope.at("final_layer_norm"), width, tower.layer_norm_eps),
            head: Linear::new(&scope.at("head"), width, width, Bias::With),
        }
    }

    /// `[batch, length]` ids, padded to one length without a mask as in the published model, to `[batch, width]`.
    pub fn forward(&self, ids: &Tensor) -> Tensor {
        let hidden = self.encoder.forward(&self.embeddings.forward(ids));
        self.head.forward(&self.final_layer_norm.forward(&hidden.select(1, -1)))
    }
}

/// Token and position embeddings, added.
#[derive(Debug)]
pub struct TextEmbeddings {
    pub token_embedding: Embedding,
    pub position_embedding: Embedding,
}

impl TextEmbeddings {
    fn new(scope: &Scope<'_>, config: &TextConfig) -> Self {
        let width = config.tower.hidden_size;
        let embedding = |name: &str, rows| Embedding::new(&scope.at(name), rows, width, Init::Normal(0.5));
        Self {
            token_embedding: embedding("token_embedding", config.vocab_size),
            position_embedding: embedding("position_embedding", config.max_position_embeddings),
        }
    }

    fn forward(&self, ids: &Tensor) -> Tensor {
        let [_, length] = dims(ids);
        self.token_embedding.forward(ids) + self.position_embedding.weight.narrow(0, 0, length)
    }
}

/// A stack of blocks with full attention.
#[derive(Debug)]
pub struct Encoder {
    pub layers: Vec<EncoderLayer>,
}

impl Encoder {
    #[must_use]
    pub fn new(scope: &Scope<'_>, config: &TowerConfig) -> Self {
        let layers = scope.at("layers");
        Self { layers: (0..config.num_hidden_layers).map(|i| EncoderLayer::new(&layers.at(i), config)).collect() }
    }

    /// `[batch, length, width]` to the same, without a last normalisation.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        self.layers.iter().fold(x.shallow_clone(), |x, layer| layer.forward(&x))
    }

    fn forward_but_last(&self, x: &Tensor) -> Tensor {
        let count = self.layers.len().saturating_sub(1);
        self.layers.iter().take(count).fold(x.shallow_clone(), |x, layer| layer.forward(&x))
    }
}

/// One block: attention, then a two-layer network, each on normalised input and added back.
#[derive(Debug)]
pub struct EncoderLayer {
    pub layer_norm1: LayerNorm,
    pub self_attn: SelfAttention,
    pub layer_norm2: LayerNorm,
    pub mlp: Mlp,
}

impl EncoderLayer {
    fn new(scope: &Scope<'_>, config: &TowerConfig) -> Self {
        let norm = |name: &str| LayerNorm::new(&scope.at(name), config.hidden_size, config.layer_norm_eps);
        Self {
            layer_norm1: norm("layer_norm1"),
            self_attn: SelfAttention::new(&scope.at("self_attn"), config),
            layer_norm2: norm("layer_norm2"),
            mlp: Mlp::new(&scope.at("mlp"), config),
        }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        let x = x + self.self_attn.forward(&self.layer_norm1.forward(x));
        &x + self.mlp.forward(&self.layer_norm2.forward(&x))
    }
}

/// Full attention of a sequence to itself.
#[derive(Debug)]
pub struct SelfAttention {
    pub q_proj: Linear,
    pub k_proj: Linear,
    pub v_proj: Linear,
    pub out_proj: Linear,
    heads: i64,
}

impl SelfAttention {
    fn new(scope: &Scope<'_>, config: &TowerConfig) -> Self {
        let width = config.hidden_size;
        let linear = |name: &str| Linear::new(&scope.at(name), width, width, Bias::With);
        Self {
            q_proj: linear("q_proj"),
            k_proj: linear("k_proj"),
            v_proj: linear("v_proj"),
            out_proj: linear("out_proj"),
            heads: config.num_attention_heads,
        }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        let attended = attend(
            &split_heads(&self.q_proj.forward(x), self.heads),
            &split_heads(&self.k_proj.forward(x), self.heads),
            &split_heads(&self.v_proj.forward(x), self.heads),
        );
        self.out_proj.forward(&attended)
    }
}

/// Two layers with a tanh-approximated GELU between them.
#[derive(Debug)]
pub struct Mlp {
    pub fc1: Linear,
    pub fc2: Linear,
}

impl Mlp {
    fn new(scope: &Scope<'_>, config: &TowerConfig) -> Self {
        let (width, inner) = (config.hidden_size, config.intermediate_size);
        Self {
            fc1: Linear::new(&scope.at("fc1"), width, inner, Bias::With),
            fc2: Linear::new(&scope.at("fc2"), inner, width, Bias::With),
        }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        self.fc2.forward(&self.fc1.forward(x).gelu("tanh"))
    }
}

/// Attention pooling: one learned query looks at all patches.
#[derive(Debug)]
pub struct PoolingHead {
    pub probe: Tensor,
    pub attention: PackedAttention,
    pub layernorm: LayerNorm,
    pub mlp: Mlp,
}

impl PoolingHead {
    fn new(scope: &Scope<'_>, config: &TowerConfig) -> Self {
        Self {
            probe: scope.tensor("probe", &[1, 1, config.hidden_size], Init::Normal(1.0)),
            attention: PackedAttention::new(&scope.at("attention"), config),
            layernorm: LayerNorm::new(&scope.at("layernorm"), config.hidden_size, config.layer_norm_eps),
            mlp: Mlp::new(&scope.at("mlp"), config),
        }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        let [batch, _, width] = dims(x);
        let probe = self.probe.expand([batch, 1, width], false);
        let pooled = self.attention.forward(&probe, x);
        let pooled = &pooled + self.mlp.forward(&self.layernorm.forward(&pooled));
        pooled.select(1, 0)
    }
}

/// Attention with its three input projections in one tensor, as PyTorch's `MultiheadAttention` stores them.
#[derive(Debug)]
pub struct PackedAttention {
    pub in_proj_weight: Tensor,
    pub in_proj_bias: Tensor,
    pub out_proj: Linear,
    heads: i64,
}

impl PackedAttention {
    fn new(scope: &Scope<'_>, config: &TowerConfig) -> Self {
        let width = config.hidden_size;
        Self {
            in_proj_weight: scope.tensor("in_proj_weight", &[3 * width, width], Init::fan_in(width)),
            in_proj_bias: scope.tensor("in_proj_bias", &[3 * width], Init::Zeros),
            out_proj: Linear::new(&scope.at("out_proj"), width, width, Bias::With),
            heads: config.num_attention_heads,
        }
    }

    fn forward(&self, query: &Tensor, x: &Tensor) -> Tensor {
        let (weights, biases) = (self.in_proj_weight.chunk(3, 0), self.in_proj_bias.chunk(3, 0));
        let projected: Vec<Tensor> = [query, x, x]
            .into_iter()
            .zip(weights.iter().zip(&biases))
            .map(|(input, (weight, bias))| split_heads(&input.linear(weight, Some(bias)), self.heads))
            .collect();
        let [query, key, value] = projected.as_slice() else { unreachable!("three inputs were projected") };
        self.out_proj.forward(&attend(query, key, value))
    }
}

/// `[batch, length, width]` to `[batch, heads, length, width / heads]`.
fn split_heads(x: &Tensor, heads: i64) -> Tensor {
    let [batch, length, _] = dims(x);
    x.view([batch, length, heads, -1]).transpose(1, 2)
}

/// Scaled dot-product attention over split heads, joined again to `[batch, queries, width]`.
fn attend(query: &Tensor, key: &Tensor, value: &Tensor) -> Tensor {
    let attended = Tensor::scaled_dot_product_attention(query, key, value, None::<&Tensor>, 0.0, false, None, false);
    attended.transpose(1, 2).flatten(2, 3)
}

/// Bring patch features to `side * side` visual tokens, each of length one.
pub fn visual_tokens(features: &Tensor, side: i64) -> Tensor {
    normalize(&pool(features, side))
}

/// Bring patch features to `side * side` vectors.
///
/// `[batch, patches, width]`, patches row by row of a square, to `[batch, side * side, width]`: bilinear interpolation
/// in f32 with half-pixel centres and without antialiasing, as MetaMorph's tower does it.
fn pool(features: &Tensor, side: i64) -> Tensor {
    let [batch, patches, width] = dims(features);
    let grid = patches.isqrt();
    let map = features.transpose(1, 2).reshape([batch, width, grid, grid]).to_kind(Kind::Float);
    let pooled = map.upsample_bilinear2d([side, side], false, None, None);
    pooled.flatten(2, 3).transpose(1, 2).to_kind(features.kind())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halving_the_grid_averages_two_by_two_blocks() {
        // Channel 0 counts the patches of a 4x4 grid row by row, channel 1 makes the length visible.
        let counts = Tensor::arange(16, (Kind::Float, tch::Device::Cpu));
        let features = Tensor::stack(&[counts.shallow_clone(), counts.ones_like()], 1).unsqueeze(0);
        let tokens = visual_tokens(&features, 2);
        let means = Tensor::from_slice(&[2.5f32, 4.5, 10.5, 12.5]);
        let expected = normalize(&Tensor::stack(&[means.shallow_clone(), means.ones_like()], 1)).unsqueeze(0);
        assert!((tokens - expected).abs().max().double_value(&[]) < 1e-6);
    }

    #[test]
    fn twenty_seven_patches_a_side_are_sampled_at_the_published_centres() {
        // A ramp along x returns the sampling positions themselves.
        let ramp = Tensor::arange(27, (Kind::Double, tch::Device::Cpu)).expand([27, 27], false).flatten(0, 1);
        let map = ramp.view([1, 1, 27, 27]).upsample_bilinear2d([8, 8], false, None, None);
        let centres = Tensor::from_slice(&[1.1875f64, 4.5625, 7.9375, 11.3125, 14.6875, 18.0625, 21.4375, 24.8125]);
        assert!((map.select(2, 0).flatten(0, 2) - centres).abs().max().double_value(&[]) < 1e-9);
    }
}
