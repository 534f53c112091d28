//! FID's network behind one way of preparing pictures.

use std::path::{Path, PathBuf};

use tch::{Device, Kind, Tensor};

use super::preparation::Preparation;
use super::{Inception, floats};
use crate::model::{Weights, weights};

/// Why the network cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Weights(#[from] weights::Error),
    #[error("cannot read `{}`", path.display())]
    Read { path: PathBuf, source: std::io::Error },
}

/// The network, ready to look.
#[derive(Debug)]
pub struct Judge {
    inception: Inception,
    pub preparation: Preparation,
    device: Device,
    /// BLAKE3 of the file of weights.
    pub digest: String,
}

impl Judge {
    /// Open the weights at `path` on `device`.
    ///
    /// # Errors
    /// The file is missing, damaged, or holds other weights.
    pub fn open(path: &Path, preparation: Preparation, device: Device) -> Result<Self, Error> {
        let (inception, _) = Weights::read(path)?.to(Kind::Float, device).build(Inception::new)?;
        let inception = tch::no_grad(|| inception.folded());
        Ok(Self { inception, preparation, device, digest: digest(path)? })
    }

    /// The metric's name: the preparation changes the number.
    #[must_use]
    pub fn metric(&self) -> String {
        format!("fid/{}", self.preparation)
    }

    /// Features of prepared pictures `[n, 3, 299, 299]`, 2048 of each, one after the other.
    #[must_use]
    pub fn features(&self, prepared: &Tensor) -> Vec<f32> {
        floats(&tch::no_grad(|| self.inception.forward(&prepared.to_device(self.device))))
    }
}

/// BLAKE3 of the file at `path`.
///
/// # Errors
/// It cannot be read.
pub fn digest(path: &Path) -> Result<String, Error> {
    let mut hasher = blake3::Hasher::new();
    let hashed = std::fs::File::open(path).and_then(|file| hasher.update_reader(file).map(drop));
    hashed.map_err(|source| Error::Read { path: path.to_owned(), source })?;
    Ok(hasher.finalize().to_hex().to_string())
}
