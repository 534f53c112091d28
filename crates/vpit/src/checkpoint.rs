//! A model on disk: its configuration and its weights, side by side in one folder.

use std::path::{Component, Path};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::model::{Parameters, Scope, Weights, tensor_files, weights};

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";

/// Why a checkpoint could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Config(#[from] runfile::Error),
    #[error(transparent)]
    Weights(#[from] weights::Error),
    #[error(transparent)]
    Files(#[from] tensor_files::Error),
}

/// Whether `name` names a folder among others, and leads nowhere else.
#[must_use]
pub fn is_plain(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None))
}

/// Write a model into `folder`.
///
/// # Errors
/// A file cannot be written.
pub fn save<C: Serialize>(folder: &Path, config: &C, parameters: &Parameters) -> Result<(), Error> {
    runfile::files::write_json(&folder.join(CONFIG), config)?;
    Ok(parameters.save(&folder.join(WEIGHTS))?)
}

/// The configuration of the model in `folder`.
///
/// # Errors
/// The file is missing or not a configuration of this kind of model.
pub fn config<C: DeserializeOwned>(folder: &Path) -> Result<C, Error> {
    Ok(runfile::files::read_json(&folder.join(CONFIG))?)
}

/// The weights in `folder`, to build a model from.
///
/// # Errors
/// The file is missing or damaged.
pub fn weights(folder: &Path) -> Result<Weights, Error> {
    Ok(Weights::read(&folder.join(WEIGHTS))?)
}

/// The whole model in `folder`, built by `new` from its configuration.
///
/// # Errors
/// A file is missing or damaged, or the weights do not fit the configuration.
pub fn load<C: DeserializeOwned, M>(
    folder: &Path,
    new: impl FnOnce(&Scope<'_>, &C) -> M,
) -> Result<(M, C, Parameters), Error> {
    let config = config::<C>(folder)?;
    let (model, parameters) = weights(folder)?.build(|scope| new(scope, &config))?;
    Ok((model, config, parameters))
}
