//! The published models that a training starts from, and what stage 1 hands to stage 2.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::recipe::{Recipe, Stage};
use crate::checkpoint;
use crate::model::llama::LlamaConfig;
use crate::model::siglip::{FeatureLayer, VisionTransformer, VisualTokens};
use crate::model::siglip_config::SiglipConfig;
use crate::model::tensor_files::{self, TensorFiles, WHOLE};
use crate::model::tensor_writer;
use crate::model::{Parameters, Vpit, VpitConfig, Weights, weights};
use crate::sequence::Layout;
use crate::tokenizer::{self, Tokenizer};
use crate::unified::{self, TOKEN_ROWS};

/// Why the models could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the configuration names no language model, and no results of stage `adapter`")]
    NoModel,
    #[error("stage `finetune` needs the results of stage `adapter`, and its configuration names none")]
    NoAdapter,
    #[error("`{}` has no tensor `{ROWS}`: is it what stage `adapter` left?", path.display())]
    NoRows { path: PathBuf },
    #[error(transparent)]
    Protocol(#[from] runfile::Error),
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    #[error(transparent)]
    Weights(#[from] weights::Error),
    #[error(transparent)]
    Files(#[from] tensor_files::Error),
    #[error(transparent)]
    Tokenizer(#[from] tokenizer::Error),
}

/// Beside the adapter's weights: what they fit.
const FACTS: &str = "adapter.json";
/// The embedding's rows of the two image tokens, `[2, width]`.
const ROWS: &str = "image_rows";

/// What an adapter was trained between; stage 2 takes it over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    llm: String,
    vision_encoder: String,
    visual_tokens: i64,
    layer: FeatureLayer,
    unit_length: bool,
}

/// The models' folders and what a training needs of them before their weights.
#[derive(Debug)]
pub struct Models {
    pub config: VpitConfig,
    pub layout: Layout,
    pub tokenizer: Tokenizer,
    /// What the recipe became once the adapter was known.
    pub recipe: Recipe,
    vision: SiglipConfig,
    language_folder: PathBuf,
    vision_folder: PathBuf,
    adapter: Option<PathBuf>,
    image_rows: Option<Tensor>,
}

impl Models {
    /// Open the models that `recipe` names below `folder`; stage 2 also what stage 1 left in `adapter`.
    ///
    /// # Errors
    /// A model is missing, or its files do not fit each other; all that is wrong with tensors is listed.
    pub fn open(folder: &Path, stage: Stage, recipe: &Recipe, adapter: Option<&Path>) -> Result<Self, Error> {
        let mut recipe = recipe.clone();
        let adapter = match stage {
            Stage::Adapter => None,
            Stage::Finetune => Some(adapter.ok_or(Error::NoAdapter)?.to_owned()),
        };
        if let Some(adapter) = &adapter {
            let facts: Facts = runfile::files::read_json(&adapter.join(FACTS))?;
            let Facts { llm, vision_encoder, visual_tokens, layer, unit_length } = facts;
            recipe = Recipe { llm: Some(llm), vision_encoder, visual_tokens, layer, unit_length, ..recipe };
        }
        let language_folder = folder.join(recipe.llm.as_deref().ok_or(Error::NoModel)?);
        let vision_folder = folder.join(&recipe.vision_encoder);
        let llama: LlamaConfig = checkpoint::config(&language_folder)?;
        let vision: SiglipConfig = checkpoint::config(&vision_folder)?;
        let tokenizer = Tokenizer::open(&language_folder)?;
        let specials = tokenizer.specials(llama.vocab_size, recipe.template)?;
        let visual = recipe.visual(vision.vision.tower.hidden_size);
        let config = VpitConfig { llama: llama.with_more_tokens(2), visual };
        let layout = Layout { specials, visual_tokens: recipe.visual_tokens as usize };
        let image_rows = adapter.as_deref().map(image_rows).transpose()?;
        let models =
            Self { config, layout, tokenizer, recipe, vision, language_folder, vision_folder, adapter, image_rows };
        models.weights()?.shapes_only().build(|scope| Vpit::new(scope, &models.config))?;
        Ok(models)
    }

    /// The ids of the two image tokens.
    #[must_use]
    pub const fn image(&self) -> [i64; 2] {
        [self.layout.specials.image_start, self.layout.specials.image_end]
    }

    /// The weights that the training starts from, but for [`Models::start`].
    ///
    /// # Errors
    /// A file is missing or damaged.
    pub fn weights(&self) -> Result<Weights, Error> {
        let mut files = TensorFiles::folder(&self.language_folder)?;
        let mut fresh = unified::VISION_PARTS.to_vec();
        if let Some(adapter) = &self.adapter {
            files.add(&adapter.join(WHOLE))?;
            files.forget(ROWS);
            fresh.retain(|part| *part != "model.mm_projector.");
        }
        Ok(Weights::of(files).with_more_rows(&TOKEN_ROWS, 2).with_fresh(&fresh, self.recipe.seed))
    }

    /// Set the image tokens' rows, where `parameters` have them.
    pub fn start(&self, parameters: &Parameters) {
        unified::start_image_rows(parameters, self.image());
        if let (Some(learned), Some(rows)) = (&self.image_rows, parameters.get(TOKEN_ROWS[0])) {
            for (place, id) in (0..).zip(self.image()) {
                rows.get(id).copy_(&learned.get(place));
            }
        }
    }

    /// The vision tower, frozen.
    ///
    /// # Errors
    /// Its weights do not fit its configuration.
    pub fn tower(&self, kind: Kind, device: Device) -> Result<Tower, Error> {
        Tower::open(&self.vision_folder, self.recipe.tokens(), kind, device)
    }

    /// Side of the tower's images in pixels, and patches an image.
    #[must_use]
    pub const fn pixels(&self) -> [i64; 2] {
        [self.vision.vision.image_size, self.vision.vision.grid() * self.vision.vision.grid()]
    }

    /// Write what stage 1 learned into `folder`: `parameters` hold adapter and embedding.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn save_adapter(&self, folder: &Path, parameters: &Parameters) -> Result<(), Error> {
        let rows = parameters.get(TOKEN_ROWS[0]).map(|rows| rows.index_select(0, &Tensor::from_slice(&self.image())));
        let adapter = parameters.iter().filter(|(name, _)| *name != TOKEN_ROWS[0]);
        let adapter = adapter.map(|(name, tensor)| (name, tensor.shallow_clone()));
        let tensors: Vec<(&str, Tensor)> = adapter.chain(rows.map(|rows| (ROWS, rows))).collect();
        tensor_writer::write(&folder.join(WHOLE), &tensors)?;
        let Recipe { llm, vision_encoder, visual_tokens, layer, unit_length, .. } = self.recipe.clone();
        let facts = Facts { llm: llm.unwrap_or_default(), vision_encoder, visual_tokens, layer, unit_length };
        Ok(runfile::files::write_json(&folder.join(FACTS), &facts)?)
    }
}

fn image_rows(adapter: &Path) -> Result<Tensor, Error> {
    let path = adapter.join(WHOLE);
    let rows = TensorFiles::file(&path)?.take(ROWS).ok_or(Error::NoRows { path })?;
    Ok(rows?)
}

/// The frozen vision tower.
#[derive(Debug)]
pub struct Tower {
    tower: VisionTransformer,
    tokens: VisualTokens,
    kind: Kind,
    device: Device,
    /// Of its weights.
    pub numbers: i64,
    /// Of its pictures, in pixels.
    pub side: i64,
}

/// Images that the tower looks at together.
const TOGETHER: usize = 16;

impl Tower {
    /// Open the tower in `folder`.
    ///
    /// # Errors
    /// A file is missing or damaged, or the weights do not fit their configuration.
    pub fn open(folder: &Path, tokens: VisualTokens, kind: Kind, device: Device) -> Result<Self, Error> {
        let config: SiglipConfig = checkpoint::config(folder)?;
        // Its text half has no part in this.
        let weights = Weights::of(TensorFiles::folder(folder)?).without(&["text_model.", "logit_scale", "logit_bias"]);
        let new = |scope: &crate::model::Scope<'_>| VisionTransformer::new(&scope.at("vision_model"), &config.vision);
        let (tower, parameters) = weights.to(kind, device).build(new)?;
        let numbers = parameters.iter().map(|(_, tensor)| tensor.numel() as i64).sum();
        Ok(Self { tower, tokens, kind, device, numbers, side: config.vision.image_size })
    }

    /// Visual tokens of `[3, side, side]` pictures, `[pictures * visual tokens, width]`.
    pub fn see(&self, pictures: &[&Tensor]) -> Tensor {
        let see = |pictures: &[&Tensor]| {
            let pictures = Tensor::stack(pictures, 0).to_kind(self.kind).to_device(self.device);
            self.tower.tokens(&pictures, self.tokens).flatten(0, 1)
        };
        tch::no_grad(|| match pictures {
            [] => Tensor::zeros([0, self.tower.post_layernorm.weight.size()[0]], (self.kind, self.device)),
            _ => Tensor::cat(&pictures.chunks(TOGETHER).map(see).collect::<Vec<_>>(), 0),
        })
    }
}
