//! A model that stage `finetune` of a published model left, ready to be asked.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use tch::{Device, Kind};

use crate::model::{Vpit, VpitConfig, weights};
use crate::sequence::Layout;
use crate::tokenizer::{self, Tokenizer};
use crate::train::recipe::Recipe;
use crate::{checkpoint, unified};

/// Why a trained model cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("`{}` does not say what was trained: is it what `vpit train` left?", folder.display())]
    NoRecipe { folder: PathBuf, source: runfile::Error },
    #[error("`{}` does not name the language model that it came from", folder.display())]
    NoModel { folder: PathBuf },
    #[error("`{}` has {rows} tokens, too few for the two of images", folder.display())]
    TooSmall { folder: PathBuf, rows: i64 },
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    #[error(transparent)]
    Weights(#[from] weights::Error),
    #[error(transparent)]
    Tokenizer(#[from] tokenizer::Error),
}

/// What a training says of itself in `effective.json`.
#[derive(Debug, Clone, Deserialize)]
pub struct Training {
    pub parameters: Recipe,
    pub steps: u64,
}

impl Training {
    /// What the training says that left `folder`.
    ///
    /// # Errors
    /// It says nothing, or something else.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        runfile::files::read_json(&folder.join(runfile::EFFECTIVE))
            .map_err(|source| Error::NoRecipe { folder: folder.to_owned(), source })
    }
}

/// The model with what it takes to talk to it.
#[derive(Debug)]
pub struct Trained {
    pub model: Vpit,
    pub config: VpitConfig,
    pub layout: Layout,
    pub tokenizer: Tokenizer,
    pub kind: Kind,
    pub device: Device,
}

impl Trained {
    /// Open the model in `folder` on `device`, and below `models` the tokenizer of the language model that it came from.
    ///
    /// # Errors
    /// A file is missing or damaged, or the files do not fit each other.
    pub fn open(folder: &Path, training: &Training, models: &Path, device: Device) -> Result<Self, Error> {
        let recipe = &training.parameters;
        let llm = recipe.llm.as_ref().ok_or_else(|| Error::NoModel { folder: folder.to_owned() })?;
        let tokenizer = Tokenizer::open(&models.join(llm))?;
        let (config, kind) = (unified::config(folder)?, recipe.precision.kind());
        // Two rows are those of the image tokens.
        let rows = config.llama.vocab_size - 2;
        if rows < 0 {
            return Err(Error::TooSmall { folder: folder.to_owned(), rows: config.llama.vocab_size });
        }
        let specials = tokenizer.specials(rows, recipe.template)?;
        let layout = Layout { specials, visual_tokens: config.visual.visual_tokens as usize };
        let (model, _) = unified::weights(folder)?.to(kind, device).build(|scope| Vpit::new(scope, &config))?;
        Ok(Self { model, config, layout, tokenizer, kind, device })
    }
}
