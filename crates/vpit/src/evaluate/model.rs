//! A trained model that replies.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use tch::{Device, Tensor};

use super::ready::Ready;
use crate::model::{Parameters, Vpit, weights};
use crate::sequence::{Layout, Sequence};
use crate::tokenizer::{self, Tokenizer};
use crate::train::models::{self, Tower};
use crate::train::recipe::Recipe;
use crate::{checkpoint, decode, unified};

/// Why a model cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("`{}` does not say what was trained: is it what `vpit train` left?", folder.display())]
    NoRecipe { folder: PathBuf, source: runfile::Error },
    #[error("`{}` does not name the language model that it came from", folder.display())]
    NoModel { folder: PathBuf },
    #[error("the training kept no model at {at}: there is no `{}`; it was trained before a stage named this point as its `at`", folder.display())]
    NoPoint { at: String, folder: PathBuf },
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    #[error(transparent)]
    Weights(#[from] weights::Error),
    #[error(transparent)]
    Tokenizer(#[from] tokenizer::Error),
    #[error(transparent)]
    Models(#[from] models::Error),
}

/// What a training says of itself in `effective.json`.
#[derive(Debug, Clone, Deserialize)]
pub struct Trained {
    pub parameters: Recipe,
    pub steps: u64,
}

impl Trained {
    /// What the training says that left `folder`.
    ///
    /// # Errors
    /// It says nothing, or something else.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        runfile::files::read_json(&folder.join(runfile::EFFECTIVE))
            .map_err(|source| Error::NoRecipe { folder: folder.to_owned(), source })
    }
}

/// The model, and what it takes to talk to it.
#[derive(Debug)]
pub struct Model {
    pub tokenizer: Tokenizer,
    pub layout: Layout,
    pub tower: Tower,
    model: Vpit,
    // The model's tensors are these.
    _parameters: Parameters,
}

impl Model {
    /// Open the model in `folder`, and its tokenizer and vision tower below `models`.
    ///
    /// # Errors
    /// A file is missing or damaged, or they do not fit each other.
    pub fn open(folder: &Path, trained: &Trained, models: &Path, device: Device) -> Result<Self, Error> {
        let recipe = &trained.parameters;
        let kind = recipe.precision.kind();
        let llm = recipe.llm.as_ref().ok_or_else(|| Error::NoModel { folder: folder.to_owned() })?;
        let tokenizer = Tokenizer::open(&models.join(llm))?;
        let config = unified::config(folder)?;
        // Two rows are those of the image tokens.
        let specials = tokenizer.specials(config.llama.vocab_size - 2, recipe.template)?;
        let layout = Layout { specials, visual_tokens: config.visual.visual_tokens as usize };
        let (model, parameters) =
            unified::weights(folder)?.to(kind, device).build(|scope| Vpit::new(scope, &config))?;
        let tower = Tower::open(&models.join(&recipe.vision_encoder), recipe.tokens(), kind, device)?;
        Ok(Self { tokenizer, layout, tower, model, _parameters: parameters })
    }

    /// What the model replies to each, of at most `limit` tokens, by the likeliest token each time.
    ///
    /// # Errors
    /// Tokens cannot be put together as text.
    pub fn replies(&self, asked: Vec<Ready>, limit: usize) -> Result<Vec<String>, tokenizer::Error> {
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let (mut sequences, mut pictures): (Vec<Sequence>, Vec<Tensor>) = (Vec::new(), Vec::new());
        for ready in asked {
            sequences.push(ready.sequence.with_images_from(pictures.len()));
            pictures.extend(ready.pictures);
        }
        let visual = self.tower.see(&pictures.iter().collect::<Vec<&Tensor>>());
        let prompts: Vec<&Sequence> = sequences.iter().collect();
        let said = decode::greedy(&self.model, &self.layout, &prompts, &visual, limit);
        let text = |response: &decode::Response| {
            self.tokenizer.decode(&response.tokens).map(|text| score::answer::python::strip(&text).to_owned())
        };
        said.iter().map(text).collect()
    }
}
