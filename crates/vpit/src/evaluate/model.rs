//! A trained model that replies.

use std::path::{Path, PathBuf};

use tch::{Device, Tensor};

use super::ready::Ready;
use crate::decode;
use crate::sequence::Sequence;
use crate::tokenizer;
use crate::train::models::{self, Tower};
use crate::trained::{self, Trained, Training};

/// Why a model cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Trained(#[from] trained::Error),
    #[error("the training kept no model at {at}: there is no `{}`; it was trained before a stage named this point as its `at`", folder.display())]
    NoPoint { at: String, folder: PathBuf },
    #[error(transparent)]
    Models(#[from] models::Error),
}

/// The model, and the tower that it sees with.
#[derive(Debug)]
pub struct Model {
    pub trained: Trained,
    pub tower: Tower,
}

impl Model {
    /// Open the model in `folder`, and its tokenizer and vision tower below `models`.
    ///
    /// # Errors
    /// A file is missing or damaged, or they do not fit each other.
    pub fn open(folder: &Path, training: &Training, models: &Path, device: Device) -> Result<Self, Error> {
        let trained = Trained::open(folder, training, models, device)?;
        let recipe = &training.parameters;
        let tower = models.join(&recipe.vision_encoder);
        let tower = Tower::open(&tower, recipe.tokens(), trained.kind, trained.device)?;
        Ok(Self { trained, tower })
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
        let Trained { model, layout, tokenizer, .. } = &self.trained;
        let said = decode::greedy(model, layout, &prompts, &visual, limit);
        let text = |response: &decode::Response| {
            tokenizer.decode(&response.tokens).map(|text| score::answer::python::strip(&text).to_owned())
        };
        said.iter().map(text).collect()
    }
}
