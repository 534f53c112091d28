//! The networks of FID and CLIP score, opened together: each picture is looked at by both.

use std::path::Path;

use tch::{Device, Tensor};

use super::benchmark::Frame;
use crate::framing;
use crate::judge::{Preparation, agreement, fid};
use crate::model::tensor_files::WHOLE;

/// Which networks; folders among the models.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    /// FID's Inception, as `vpit convert-inception` makes it, in a file `model.safetensors`.
    pub network: &'a str,
    pub preparation: Preparation,
    /// A CLIP as transformers saves it.
    pub encoder: &'a str,
}

/// Why pictures cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Fid(#[from] fid::Error),
    #[error(transparent)]
    Clip(#[from] agreement::Error),
}

/// Both networks.
#[derive(Debug)]
pub struct Jury {
    pub fid: fid::Judge,
    pub clip: agreement::Judge,
    pub eye: Eye,
}

/// How the networks are shown a picture.
#[derive(Debug, Clone, Copy)]
pub struct Eye {
    frame: Frame,
    preparation: Preparation,
    clip_side: i64,
}

/// What the networks are shown of a picture.
#[derive(Debug)]
pub struct Shown {
    fid: Tensor,
    clip: Tensor,
}

/// What the networks say of pictures, one after the other.
#[derive(Debug, Default)]
pub struct Features {
    pub inception: Vec<f32>,
    pub clip: Vec<f32>,
}

impl Jury {
    /// Open both below `models` on `device`. FID sees pictures of both sides brought to `frame` first.
    ///
    /// # Errors
    /// A file is missing, damaged, or of another network.
    pub fn open(models: &Path, names: Names<'_>, frame: Frame, device: Device) -> Result<Self, Error> {
        let fid = fid::Judge::open(&models.join(names.network).join(WHOLE), names.preparation, device)?;
        let clip = agreement::Judge::open(&models.join(names.encoder), device)?;
        let eye = Eye { frame, preparation: names.preparation, clip_side: clip.side() };
        Ok(Self { fid, clip, eye })
    }

    /// What both networks say of pictures.
    #[must_use]
    pub fn look(&self, shown: &[Shown]) -> Features {
        let stack = |of: fn(&Shown) -> &Tensor| Tensor::stack(&shown.iter().map(of).collect::<Vec<_>>(), 0);
        Features {
            inception: self.fid.features(&stack(|shown| &shown.fid)),
            clip: self.clip.images(&stack(|shown| &shown.clip)),
        }
    }
}

impl Eye {
    /// Of levels `[3, height, width]`.
    #[must_use]
    pub fn see(self, levels: &Tensor) -> Shown {
        tch::no_grad(|| Shown { fid: self.for_fid(levels), clip: framing::clip(levels, self.clip_side) })
    }

    /// What FID's network is shown, `[3, 299, 299]`.
    pub fn for_fid(self, levels: &Tensor) -> Tensor {
        tch::no_grad(|| self.preparation.of(&self.frame.of(levels)))
    }
}

impl Features {
    /// Add those of more pictures.
    pub fn extend(&mut self, more: Self) {
        self.inception.extend(more.inception);
        self.clip.extend(more.clip);
    }
}
