//! CLIP with its tokenizer: how well pictures and captions agree.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

use super::captions::{self, Captions};
use super::clip::{self, Clip, ClipConfig, VisionConfig};
use super::floats;

/// Why pictures and captions cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Clip(#[from] clip::Error),
    #[error(transparent)]
    Captions(#[from] captions::Error),
}

/// What becomes of a cosine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// 100 cos, as torchmetrics has it and the paper's numbers imply
    Cosine,
    /// 2.5 max(cos, 0), captions after "A photo depicts" (Hessel et al. 2021)
    Hessel,
}

impl Scale {
    const fn metric(self) -> &'static str {
        match self {
            Self::Cosine => "clip_score",
            Self::Hessel => "clip_score_hessel",
        }
    }

    /// What the encoder reads for a caption.
    #[must_use]
    pub fn prompt(self, caption: &str) -> String {
        match self {
            Self::Cosine => caption.to_owned(),
            Self::Hessel => format!("A photo depicts {caption}"),
        }
    }

    /// The score of pairs with these cosines.
    ///
    /// # Errors
    /// There is none, or one is no cosine.
    pub fn score(self, cosines: &[f64]) -> Result<score::Estimate, score::clip::Error> {
        match self {
            Self::Cosine => score::clip::clip_score(cosines),
            Self::Hessel => score::clip::hessel(cosines),
        }
    }
}

/// The encoder, ready to compare.
#[derive(Debug)]
pub struct Judge {
    clip: Clip,
    config: ClipConfig,
    captions: Captions,
    device: Device,
}

impl Judge {
    /// Open the CLIP in `folder`, as transformers saves it, on `device`.
    ///
    /// # Errors
    /// A file is missing, damaged, or of another model.
    pub fn open(folder: &Path, device: Device) -> Result<Self, Error> {
        let (clip, config) = clip::read(folder, device)?;
        let captions = Captions::open(folder, &config.text_config)?;
        Ok(Self { clip, config, captions, device })
    }

    /// The metric's name: encoder and scale change the number.
    #[must_use]
    pub fn metric(&self, scale: Scale) -> String {
        format!("{}/{}", scale.metric(), self.encoder())
    }

    /// The usual name of an encoder of this size.
    #[must_use]
    pub fn encoder(&self) -> String {
        let VisionConfig { hidden_size, patch_size, image_size, .. } = self.config.vision_config;
        let size = match hidden_size {
            768 => "B".to_owned(),
            1024 => "L".to_owned(),
            1280 => "H".to_owned(),
            width => width.to_string(),
        };
        let side = if image_size == 224 { String::new() } else { format!("-{image_size}") };
        format!("ViT-{size}-{patch_size}{side}")
    }

    /// Pixels along one side of what the encoder sees.
    #[must_use]
    pub const fn side(&self) -> i64 {
        self.config.vision_config.image_size
    }

    /// Numbers of an embedding.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.config.projection_dim as usize
    }

    /// Embeddings of pictures `[n, 3, side, side]`, one after the other.
    #[must_use]
    pub fn images(&self, prepared: &Tensor) -> Vec<f32> {
        floats(&tch::no_grad(|| self.clip.images(&prepared.to_device(self.device))))
    }

    /// Embeddings of captions, one after the other, and how many captions were cut.
    ///
    /// # Errors
    /// A caption has a character that the tokenizer does not know.
    pub fn texts(&self, captions: &[&str]) -> Result<(Vec<f32>, usize), Error> {
        let (ids, cut) = self.captions.ids(captions)?;
        Ok((floats(&tch::no_grad(|| self.clip.texts(&ids.to_device(self.device)))), cut))
    }

    /// The cosine of each image's embedding with its caption's.
    ///
    /// # Errors
    /// An embedding has no direction.
    pub fn cosines(&self, images: &[f32], texts: &[f32]) -> Result<Vec<f64>, score::clip::Error> {
        let pairs = images.chunks_exact(self.width()).zip(texts.chunks_exact(self.width()));
        pairs.map(|(image, text)| score::clip::cosine(image, text)).collect()
    }
}
