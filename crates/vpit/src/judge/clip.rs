//! CLIP: images and captions in one space (Radford et al. 2021), for the CLIP score of full-size images.
//!
//! transformers' `CLIPModel`, with its names (`vision_model.encoder.layers.0.self_attn.q_proj.weight`) and its `config.json`,
//! of which what is not named here does not matter.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use tch::{Device, Kind, Tensor};

use crate::checkpoint;
use crate::model::dims;
use crate::model::layers::{Bias, Embedding, LayerNorm, Linear, normalize};
use crate::model::weights::{Init, Scope};

/// Why a CLIP could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    #[error("the model in `{}` is no CLIP: {problem}", folder.display())]
    Unusable { folder: PathBuf, problem: String },
}

/// The CLIP in `folder` as transformers saves it, `config.json` and `model.safetensors`, on `device`.
///
/// # Errors
/// A file is missing or damaged, is of another model, or the weights do not fit the configuration.
pub fn read(folder: &Path, device: Device) -> Result<(Clip, ClipConfig), Error> {
    let config: ClipConfig = checkpoint::config(folder)?;
    config.check().map_err(|problem| Error::Unusable { folder: folder.to_owned(), problem })?;
    let weights = checkpoint::weights(folder)?.without(&Clip::COUNTERS).to(Kind::Float, device);
    let (clip, _) = weights.build(|scope| Clip::new(scope, &config)).map_err(checkpoint::Error::from)?;
    Ok((clip, config))
}

/// Sizes of both towers and of their common space, with transformers' defaults.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ClipConfig {
    #[serde(default = "model_type")]
    model_type: String,
    pub text_config: TextConfig,
    pub vision_config: VisionConfig,
    #[serde(default = "projection_dim")]
    pub projection_dim: i64,
}

fn model_type() -> String {
    "clip".to_owned()
}

const fn projection_dim() -> i64 {
    512
}

impl ClipConfig {
    fn check(&self) -> Result<(), String> {
        if self.model_type != model_type() {
            return Err(format!("`model_type` is `{}`, not `clip`", self.model_type));
        }
        let (text, vision) = (&self.text_config, &self.vision_config);
        fit("text_config", text.hidden_size, text.num_attention_heads)?;
        fit("vision_config", vision.hidden_size, vision.num_attention_heads)?;
        let (patch, side) = (vision.patch_size, vision.image_size);
        if patch < 1 {
            return Err(format!("`patch_size` is {patch}"));
        }
        if patch > side {
            return Err(format!("a patch of {patch} pixels is larger than an image of {side}"));
        }
        Ok(())
    }
}

/// Whether `heads` share a tower's `width` evenly.
fn fit(tower: &str, width: i64, heads: i64) -> Result<(), String> {
    if heads < 1 {
        return Err(format!("`num_attention_heads` of `{tower}` is {heads}"));
    }
    if width % heads == 0 { Ok(()) } else { Err(format!("{width} of `{tower}` are not divided by {heads} heads")) }
}

/// Sizes of the text tower.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct TextConfig {
    pub vocab_size: i64,
    pub hidden_size: i64,
    pub intermediate_size: i64,
    pub num_hidden_layers: i64,
    pub num_attention_heads: i64,
    pub max_position_embeddings: i64,
    pub hidden_act: Activation,
    pub layer_norm_eps: f64,
    /// The id at whose first place a text's vector is read; 2, which the published configurations say by mistake, stands
    /// for the highest id of the text.
    pub eos_token_id: i64,
}

impl Default for TextConfig {
    fn default() -> Self {
        Self {
            vocab_size: 49_408,
            hidden_size: 512,
            intermediate_size: 2048,
            num_hidden_layers: 12,
            num_attention_heads: 8,
            max_position_embeddings: 77,
            hidden_act: Activation::QuickGelu,
            layer_norm_eps: 1e-5,
            eos_token_id: 49_407,
        }
    }
}

/// Sizes of the vision tower.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct VisionConfig {
    pub hidden_size: i64,
    pub intermediate_size: i64,
    pub num_hidden_layers: i64,
    pub num_attention_heads: i64,
    pub num_channels: i64,
    pub image_size: i64,
    pub patch_size: i64,
    pub hidden_act: Activation,
    pub layer_norm_eps: f64,
}

impl Default for VisionConfig {
    fn default() -> Self {
        Self {
            hidden_size: 768,
            intermediate_size: 3072,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            num_channels: 3,
            image_size: 224,
            patch_size: 32,
            hidden_act: Activation::QuickGelu,
            layer_norm_eps: 1e-5,
        }
    }
}

/// What bends the inner layer of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `x sigmoid(1.702 x)`, as OpenAI trained.
    QuickGelu,
    Gelu,
}

impl Activation {
    fn of(self, x: &Tensor) -> Tensor {
        match self {
            Self::QuickGelu => x * (x * 1.702).sigmoid(),
            Self::Gelu => x.gelu("none"),
        }
    }
}

/// Both towers with their projections into one space.
#[derive(Debug)]
pub struct Clip {
    pub vision_model: VisionTower,
    pub text_model: TextTower,
    pub visual_projection: Linear,
    pub text_projection: Linear,
    /// Logarithm of the inverse temperature; a score does not ask for it.
    pub logit_scale: Tensor,
}

impl Clip {
    /// Tensors of published files that are no weights: the numbers from 0 up.
    pub const COUNTERS: [&'static str; 2] =
        ["text_model.embeddings.position_ids", "vision_model.embeddings.position_ids"];

    #[must_use]
    pub fn new(scope: &Scope<'_>, config: &ClipConfig) -> Self {
        let projection =
            |name: &str, inputs| Linear::new(&scope.at(name), inputs, config.projection_dim, Bias::Without);
        Self {
            vision_model: VisionTower::new(&scope.at("vision_model"), &config.vision_config),
            text_model: TextTower::new(&scope.at("text_model"), &config.text_config),
            visual_projection: projection("visual_projection", config.vision_config.hidden_size),
            text_projection: projection("text_projection", config.text_config.hidden_size),
            logit_scale: scope.tensor("logit_scale", &[], Init::Constant((1.0f64 / 0.07).ln())),
        }
    }

    /// Unit vectors of prepared images `[n, 3, side, side]`, `[n, width]`.
    pub fn images(&self, images: &Tensor) -> Tensor {
        normalize(&self.visual_projection.forward(&self.vision_model.forward(images)))
    }

    /// Unit vectors of texts as ids `[n, length]`, padded on the right with anything, `[n, width]`.
    pub fn texts(&self, ids: &Tensor) -> Tensor {
        normalize(&self.text_projection.forward(&self.text_model.forward(ids)))
    }
}

/// An image to the vector of its class token.
#[derive(Debug)]
pub struct VisionTower {
    class_embedding: Tensor,
    patch_embedding: Tensor,
    position_embedding: Embedding,
    /// So spelt in the checkpoints.
    pre_layrnorm: LayerNorm,
    encoder: Encoder,
    post_layernorm: LayerNorm,
    patch: i64,
}

impl VisionTower {
    fn new(scope: &Scope<'_>, config: &VisionConfig) -> Self {
        let (width, patch, grid) = (config.hidden_size, config.patch_size, config.image_size / config.patch_size);
        let embeddings = scope.at("embeddings");
        let norm = |name: &str| LayerNorm::new(&scope.at(name), width, config.layer_norm_eps);
        let sizes = Sizes {
            width,
            inner: config.intermediate_size,
            heads: config.num_attention_heads,
            layers: config.num_hidden_layers,
            activation: config.hidden_act,
            eps: config.layer_norm_eps,
        };
        let kernel = [width, config.num_channels, patch, patch];
        Self {
            class_embedding: embeddings.tensor("class_embedding", &[width], Init::Normal(0.02)),
            patch_embedding: embeddings.at("patch_embedding").tensor("weight", &kernel, Init::Normal(0.02)),
            position_embedding: Embedding::new(
                &embeddings.at("position_embedding"),
                grid * grid + 1,
                width,
                Init::Normal(0.02),
            ),
            pre_layrnorm: norm("pre_layrnorm"),
            encoder: Encoder::new(&scope.at("encoder"), sizes),
            post_layernorm: norm("post_layernorm"),
            patch,
        }
    }

    /// `[n, channels, side, side]` to `[n, width]`.
    fn forward(&self, images: &Tensor) -> Tensor {
        let [n, ..] = dims::<4>(images);
        let map = images.conv2d(&self.patch_embedding, None::<&Tensor>, [self.patch; 2], [0, 0], [1, 1], 1);
        let class = self.class_embedding.expand([n, 1, -1], false);
        let places = Tensor::cat(&[class, map.flatten(2, 3).transpose(1, 2)], 1) + &self.position_embedding.weight;
        let hidden = self.encoder.forward(&self.pre_layrnorm.forward(&places), Sight::All);
        self.post_layernorm.forward(&hidden.select(1, 0))
    }
}

/// A text to the vector of its end.
#[derive(Debug)]
pub struct TextTower {
    token_embedding: Embedding,
    position_embedding: Embedding,
    encoder: Encoder,
    final_layer_norm: LayerNorm,
    end: i64,
}

impl TextTower {
    fn new(scope: &Scope<'_>, config: &TextConfig) -> Self {
        let (width, embeddings) = (config.hidden_size, scope.at("embeddings"));
        let embedding = |name: &str, rows| Embedding::new(&embeddings.at(name), rows, width, Init::Normal(0.02));
        let sizes = Sizes {
            width,
            inner: config.intermediate_size,
            heads: config.num_attention_heads,
            layers: config.num_hidden_layers,
            activation: config.hidden_act,
            eps: config.layer_norm_eps,
        };
        Self {
            token_embedding: embedding("token_embedding", config.vocab_size),
            position_embedding: embedding("position_embedding", config.max_position_embeddings),
            encoder: Encoder::new(&scope.at("encoder"), sizes),
            final_layer_norm: LayerNorm::new(&scope.at("final_layer_norm"), width, config.layer_norm_eps),
            end: config.eos_token_id,
        }
    }

    /// `[n, length]` to `[n, width]`. A place sees what is before it, so what follows the end does not matter.
    fn forward(&self, ids: &Tensor) -> Tensor {
        let [n, length] = dims(ids);
        let embedded = self.token_embedding.forward(ids) + self.position_embedding.weight.narrow(0, 0, length);
        let hidden = self.final_layer_norm.forward(&self.encoder.forward(&embedded, Sight::Before));
        let ends = self.ends(ids).view([n, 1, 1]).expand([n, 1, hidden.size()[2]], false);
        hidden.gather(1, &ends, false).squeeze_dim(1)
    }

    /// The place at which each text ends, `[n]`.
    fn ends(&self, ids: &Tensor) -> Tensor {
        const BY_MISTAKE: i64 = 2;
        let peaks = if self.end == BY_MISTAKE { ids.shallow_clone() } else { ids.eq(self.end).to_kind(Kind::Int64) };
        peaks.argmax(-1, false)
    }
}

/// Sizes of one tower's blocks.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    width: i64,
    inner: i64,
    heads: i64,
    layers: i64,
    activation: Activation,
    eps: f64,
}

/// What a place attends to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    All,
    /// Itself and what is before it.
    Before,
}

/// Pre-normalised transformer blocks.
#[derive(Debug)]
struct Encoder {
    layers: Vec<Layer>,
}

impl Encoder {
    fn new(scope: &Scope<'_>, sizes: Sizes) -> Self {
        let layers = scope.at("layers");
        Self { layers: (0..sizes.layers).map(|i| Layer::new(&layers.at(i), sizes)).collect() }
    }

    fn forward(&self, x: &Tensor, sight: Sight) -> Tensor {
        self.layers.iter().fold(x.shallow_clone(), |x, layer| layer.forward(&x, sight))
    }
}

#[derive(Debug)]
struct Layer {
    layer_norm1: LayerNorm,
    self_attn: Attention,
    layer_norm2: LayerNorm,
    fc1: Linear,
    fc2: Linear,
    activation: Activation,
}

impl Layer {
    fn new(scope: &Scope<'_>, sizes: Sizes) -> Self {
        let (mlp, norm) = (scope.at("mlp"), |name: &str| LayerNorm::new(&scope.at(name), sizes.width, sizes.eps));
        Self {
            layer_norm1: norm("layer_norm1"),
            self_attn: Attention::new(&scope.at("self_attn"), sizes),
            layer_norm2: norm("layer_norm2"),
            fc1: Linear::new(&mlp.at("fc1"), sizes.width, sizes.inner, Bias::With),
            fc2: Linear::new(&mlp.at("fc2"), sizes.inner, sizes.width, Bias::With),
            activation: sizes.activation,
        }
    }

    fn forward(&self, x: &Tensor, sight: Sight) -> Tensor {
        let x = x + self.self_attn.forward(&self.layer_norm1.forward(x), sight);
        let inner = self.activation.of(&self.fc1.forward(&self.layer_norm2.forward(&x)));
        &x + self.fc2.forward(&inner)
    }
}

#[derive(Debug)]
struct Attention {
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    out_proj: Linear,
    heads: i64,
}

impl Attention {
    fn new(scope: &Scope<'_>, sizes: Sizes) -> Self {
        let linear = |name: &str| Linear::new(&scope.at(name), sizes.width, sizes.width, Bias::With);
        Self {
            q_proj: linear("q_proj"),
            k_proj: linear("k_proj"),
            v_proj: linear("v_proj"),
            out_proj: linear("out_proj"),
            heads: sizes.heads,
        }
    }

    fn forward(&self, x: &Tensor, sight: Sight) -> Tensor {
        let [n, length, width] = dims(x);
        let heads =
            |linear: &Linear| linear.forward(x).view([n, length, self.heads, width / self.heads]).transpose(1, 2);
        let (query, key, value) = (heads(&self.q_proj), heads(&self.k_proj), heads(&self.v_proj));
        let causal = sight == Sight::Before;
        let attended =
            Tensor::scaled_dot_product_attention(&query, &key, &value, None::<&Tensor>, 0.0, causal, None, false);
        self.out_proj.forward(&attended.transpose(1, 2).flatten(2, 3))
    }
}
