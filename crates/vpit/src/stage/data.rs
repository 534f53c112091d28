//! From the digits world to tensors.

use std::borrow::Cow;
use std::collections::VecDeque;

use tch::{Kind, Tensor};

use super::task::Result;
use crate::checkpoint;
use crate::digits::{Content, SIDE, Scene, World, vocabulary};
use crate::model::presets;
use crate::model::siglip::{Siglip, TextConfig, VisionConfig, VisionTransformer, visual_tokens};
use crate::sequence::{Layout, Specials};

/// Scenes an encoder sees at once: bounds memory, and is part of no result.
const CHUNK: usize = 128;

/// Longest caption, padded.
pub const CAPTION_LENGTH: usize = 10;

/// The miniature's conversations.
pub const LAYOUT: Layout = Layout {
    specials: Specials {
        pad: vocabulary::PAD,
        bos: Cow::Borrowed(&[vocabulary::BOS]),
        eot: vocabulary::EOT,
        user: Cow::Borrowed(&[vocabulary::USER]),
        assistant: Cow::Borrowed(&[vocabulary::ASSISTANT]),
        image_start: vocabulary::IMAGE_START,
        image_end: vocabulary::IMAGE_END,
        text_end: None,
    },
    visual_tokens: (presets::DIGITS_VISUAL_SIDE * presets::DIGITS_VISUAL_SIDE) as usize,
};

/// `[n, 1, SIDE, SIDE]` in [-1, 1].
pub fn pixels<'a>(scenes: impl IntoIterator<Item = &'a Scene>) -> Tensor {
    let bytes: Vec<u8> = scenes.into_iter().flat_map(|scene| scene.pixels.iter().copied()).collect();
    from_bytes(&Tensor::from_slice(&bytes))
}

/// Grey values of any shape to `[n, 1, SIDE, SIDE]` in [-1, 1].
pub fn from_bytes(bytes: &Tensor) -> Tensor {
    bytes.view([-1, 1, SIDE as i64, SIDE as i64]).to_kind(Kind::Float) / 127.5 - 1.0
}

/// `[n, 1, SIDE, SIDE]` in [-1, 1] to grey values `[n, SIDE, SIDE]`.
pub fn to_bytes(images: &Tensor) -> Tensor {
    ((images.squeeze_dim(1) + 1.0) * 127.5).round().clamp(0.0, 255.0).to_kind(Kind::Uint8)
}

/// Captions as ids, padded on the right, `[n, CAPTION_LENGTH]`.
///
/// # Errors
/// A caption has a word outside the vocabulary.
pub fn captions<'a>(captions: impl IntoIterator<Item = &'a str>) -> Result<Tensor> {
    let mut ids = Vec::new();
    for caption in captions {
        let mut row = vocabulary::encode(caption)?;
        row.resize(CAPTION_LENGTH, vocabulary::PAD);
        ids.extend(row);
    }
    Ok(Tensor::from_slice(&ids).view([-1, CAPTION_LENGTH as i64]))
}

/// Which pairs of rows are equal, `[n, n]`.
pub fn same_rows(ids: &Tensor) -> Tensor {
    ids.unsqueeze(0).eq_tensor(&ids.unsqueeze(1)).all_dim(-1, false)
}

/// Batches of training scenes for contrastive learning, by turns of any kind and of one kind.
///
/// Among scenes of all kinds a rough look is enough to find the matching caption; among scenes of one kind only the
/// details tell captions apart, and details are what questions ask for.
pub struct ContrastiveBatches<'a> {
    world: &'a World,
    next_id: u64,
    batch: usize,
    queue: VecDeque<Vec<Scene>>,
}

/// Kinds of scenes, and so the number of batches that are sorted together.
const KINDS: usize = 6;

impl<'a> ContrastiveBatches<'a> {
    /// Batches of `batch` scenes, no scene twice, from id `first` on.
    #[must_use]
    pub fn new(world: &'a World, first: u64, batch: u64) -> Self {
        Self { world, next_id: first, batch: (batch as usize).max(1), queue: VecDeque::new() }
    }

    fn refill(&mut self) {
        let mut draw = |count: usize| -> Vec<Scene> {
            let ids = self.next_id..self.next_id + count as u64;
            self.next_id = ids.end;
            ids.map(|id| self.world.scene(id)).collect()
        };
        let (mixed, mut sorted) = (draw(KINDS * self.batch), draw(KINDS * self.batch));
        sorted.sort_by_key(|scene| kind(&scene.content));
        for (mixed, sorted) in mixed.chunks(self.batch).zip(sorted.chunks(self.batch)) {
            self.queue.extend([mixed.to_vec(), sorted.to_vec()]);
        }
    }
}

impl Iterator for ContrastiveBatches<'_> {
    type Item = Vec<Scene>;

    fn next(&mut self) -> Option<Vec<Scene>> {
        if self.queue.is_empty() {
            self.refill();
        }
        self.queue.pop_front()
    }
}

const fn kind(content: &Content) -> usize {
    match content {
        Content::Single { .. } => 0,
        Content::Pair { .. } => 1,
        Content::Count { .. } => 2,
        Content::Corner { .. } => 3,
        Content::Sign { .. } => 4,
        Content::Bars { .. } => KINDS - 1,
    }
}

/// The frozen vision tower.
#[derive(Debug)]
pub struct Eye {
    tower: VisionTransformer,
    /// Width of a visual token.
    pub width: i64,
}

/// Both towers' sizes, as the encoder's checkpoint keeps them.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct EncoderConfig {
    pub vision: VisionConfig,
    pub text: TextConfig,
}

impl Eye {
    /// Open the encoder whose checkpoint lies in `folder`.
    ///
    /// # Errors
    /// The checkpoint is missing or damaged.
    pub fn open(folder: &std::path::Path) -> Result<Self> {
        let new =
            |scope: &crate::model::Scope<'_>, config: &EncoderConfig| Siglip::new(scope, &config.vision, &config.text);
        let (siglip, config, _) = checkpoint::load(folder, new)?;
        Ok(Self { tower: siglip.vision_model, width: config.vision.tower.hidden_size })
    }

    /// Visual tokens of scenes, `[scenes * visual tokens, width]`, unit length.
    pub fn see(&self, scenes: &[&Scene]) -> Tensor {
        let see = |chunk: &[&Scene]| {
            let features = self.tower.features(&pixels(chunk.iter().copied()));
            visual_tokens(&features, presets::DIGITS_VISUAL_SIDE).flatten(0, 1)
        };
        tch::no_grad(|| {
            let seen: Vec<Tensor> = scenes.chunks(CHUNK).map(see).collect();
            if seen.is_empty() { Tensor::zeros([0, self.width], tch::kind::FLOAT_CPU) } else { Tensor::cat(&seen, 0) }
        })
    }
}
