//! A trained visualizer on disk: what was trained, and the name of the pipeline that it was trained on.
//!
//! | file | holds |
//! |---|---|
//! | `model.safetensors` | the projector (`projector.`) and the U-Net (`unet.`) |
//! | `visualizer.json` | the pipeline among the models, which has the rest, and what visual tokens it was trained on |

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::config;
use super::folder::{self, Error as FolderError};
use super::unet::Unet;
use super::unet_config::UnetConfig;
use super::visualizer::Visualizer;
use crate::checkpoint;
use crate::diffusion::projector::Projector;
use crate::model::tensor_files::{self, WHOLE};
use crate::model::tensor_writer;
use crate::model::{Parameters, Scope, Weights, weights};

/// Beside the weights: what they fit.
pub const FACTS: &str = "visualizer.json";

/// Why a trained visualizer cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Protocol(#[from] runfile::Error),
    #[error("`{}`: {problem}", path.display())]
    Facts { path: PathBuf, problem: String },
    #[error(transparent)]
    Pipeline(#[from] FolderError),
    #[error(transparent)]
    Config(#[from] config::Error),
    #[error(transparent)]
    Weights(#[from] weights::Error),
    #[error(transparent)]
    Files(#[from] tensor_files::Error),
}

/// What a visualizer was trained on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// Folder among the models, as diffusers saves a pipeline: `stable-diffusion-1.5`.
    pub pipeline: String,
    /// Widths from a visual token to what the U-Net attends to; the paper's are 1152, 2048 and 768.
    pub projector: Vec<i64>,
    /// Visual tokens of an image.
    pub visual_tokens: i64,
}

/// A visualizer that is ready to draw.
#[derive(Debug)]
pub struct Trained {
    pub visualizer: Visualizer,
    pub facts: Facts,
    /// Channels of a latent image.
    pub channels: i64,
    /// Pixels along one side of what becomes one place of a latent image.
    pub reduction: i64,
}

impl Trained {
    /// Open the visualizer that lies in `folder`, with the rest of its pipeline below `models`.
    ///
    /// # Errors
    /// A file is missing or damaged, or the files do not fit each other; all that is wrong with tensors is listed.
    pub fn open(folder: &Path, models: &Path, device: Device) -> Result<Self, Error> {
        let path = folder.join(FACTS);
        let facts: Facts = runfile::files::read_json(&path)?;
        if let Some(problem) = facts.problem() {
            return Err(Error::Facts { path, problem });
        }
        let pipeline = models.join(&facts.pipeline);
        let unet = folder::unet_config(&pipeline)?;
        let weights = Weights::read(&folder.join(WHOLE))?.to(Kind::Float, device);
        let ((projector, unet), _) = weights.build(|scope| networks(scope, &facts, &unet))?;
        let (vae, vae_config) = folder::frozen_vae(&pipeline, device)?;
        let (channels, reduction) = (vae_config.latent_channels, vae_config.reduction());
        let visualizer = Visualizer::new(projector, unet, vae, folder::scheduler(&pipeline)?);
        Ok(Self { visualizer, facts, channels, reduction })
    }
}

fn networks(scope: &Scope<'_>, facts: &Facts, unet: &UnetConfig) -> (Projector, Unet) {
    (Projector::new(&scope.at("projector"), &facts.projector), Unet::new(&scope.at("unet"), unet))
}

/// Write what was trained into `folder`.
///
/// # Errors
/// A file cannot be written.
pub fn save(folder: &Path, facts: &Facts, projector: &Parameters, unet: &Parameters) -> Result<(), Error> {
    let named = |prefix: &'static str, part: &Parameters| -> Vec<(String, Tensor)> {
        part.iter().map(|(name, tensor)| (format!("{prefix}.{name}"), tensor.detach())).collect()
    };
    let tensors: Vec<(String, Tensor)> = named("projector", projector).into_iter().chain(named("unet", unet)).collect();
    let tensors: Vec<(&str, Tensor)> =
        tensors.iter().map(|(name, tensor)| (name.as_str(), tensor.shallow_clone())).collect();
    tensor_writer::write(&folder.join(WHOLE), &tensors)?;
    Ok(runfile::files::write_json(&folder.join(FACTS), facts)?)
}

impl Facts {
    /// What no visualizer can have been trained on, in words.
    fn problem(&self) -> Option<String> {
        if !checkpoint::is_plain(&self.pipeline) {
            return Some(format!("`pipeline` is `{}`: it names a folder among the models", self.pipeline));
        }
        if self.projector.len() < 2 || self.projector.iter().any(|&width| width < 1) {
            return Some(format!("`projector` is {:?}: it has two widths or more", self.projector));
        }
        (self.visual_tokens < 1).then(|| format!("`visual_tokens` is {}", self.visual_tokens))
    }
}
