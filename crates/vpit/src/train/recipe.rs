//! The parameters of both stages of a training of a published model, as `sweeps/metamorph.toml` sets them; what is absent
//! is the paper's.

use std::path::{Path, PathBuf};

use runfile::TaskConfig;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tch::Kind;

use super::point::Point;
use super::{LossReduction, Schedule, VisionLoss};
use crate::checkpoint;
use crate::data::Source;
use crate::model::presets;
use crate::model::siglip::{FeatureLayer, VisualTokens};
use crate::model::vpit::{VisionHeadKind, VisualConfig};
use crate::tokenizer::Template;

/// Why a configuration is no training of a published model.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Protocol(#[from] runfile::Error),
    #[error("`{}` is of stage `{stage}`: `adapter` and `finetune` train a published model", path.display())]
    Stage { path: PathBuf, stage: String },
    #[error("`{}`: {message}", path.display())]
    Parameters { path: PathBuf, message: String },
}

/// The two stages of a training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The adapter learns to show images to the frozen decoder.
    Adapter,
    /// Everything but the vision tower learns.
    Finetune,
}

/// The type that weights and activations have while they are computed with. What learns is kept in f32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    Bfloat16,
    Float32,
}

impl Precision {
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self {
            Self::Bfloat16 => Kind::BFloat16,
            Self::Float32 => Kind::Float,
        }
    }
}

/// What a training is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recipe {
    /// The folder of the language model, among the models; a published one's name.
    pub llm: Option<String>,
    pub vision_encoder: String,
    pub visual_tokens: i64,
    /// Which features of the vision tower become visual tokens, and whether they are of unit length.
    pub layer: FeatureLayer,
    pub unit_length: bool,
    pub adapter_lr: f64,
    pub adapter_batch: u64,
    pub vision_loss: VisionLoss,
    pub vision_head: VisionHeadKind,
    pub vision_coefficient: f64,
    pub loss_reduction: LossReduction,
    pub template: Template,
    pub precision: Precision,
    pub lr: f64,
    pub batch: u64,
    pub warmup: f64,
    pub weight_decay: f64,
    /// AdamW's, where a gradient as small as this begins to count less.
    pub epsilon: f64,
    /// Scale gradients down where their common norm exceeds this; 0 never does.
    pub clip: f64,
    /// Places of a sequence.
    pub max_length: u64,
    pub seed: u64,
    /// Shares of the training after which the model is kept, by the stages that look at it then; no part of what is
    /// trained.
    #[serde(skip)]
    pub points: Vec<Point>,
    /// Samples of each source of data. Stage 1 takes `alignment` alone, all of it where the amount is 0.
    pub alignment: u64,
    pub vqa: u64,
    pub video_qa: u64,
    pub pure_video: u64,
    pub generation: u64,
    pub visual_thinking: u64,
    pub image_to_image: u64,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            llm: None,
            vision_encoder: presets::SIGLIP.to_owned(),
            visual_tokens: 64,
            layer: FeatureLayer::Last,
            unit_length: true,
            adapter_lr: 4.90e-5,
            adapter_batch: 768,
            vision_loss: VisionLoss::Cosine,
            // "a projection layer" (section 2.1); every released script says `mlp`.
            vision_head: VisionHeadKind::Linear,
            vision_coefficient: 1.0,
            loss_reduction: LossReduction::Global,
            template: Template::Release,
            precision: Precision::Bfloat16,
            lr: 6.93e-5,
            batch: 1536,
            warmup: 0.03,
            weight_decay: 0.0,
            epsilon: 1e-8,
            clip: 0.0,
            max_length: 4096,
            seed: 42,
            points: Vec::new(),
            alignment: 0,
            vqa: 0,
            video_qa: 0,
            pure_video: 0,
            generation: 0,
            visual_thinking: 0,
            image_to_image: 0,
        }
    }
}

impl Recipe {
    /// Stage and parameters of the task whose configuration lies at `path`.
    ///
    /// # Errors
    /// It is of another stage, or a parameter is unknown or of no use.
    pub fn of(task: &TaskConfig, path: &Path) -> Result<(Stage, Self), Error> {
        let stage = match task.stage.as_str() {
            "adapter" => Stage::Adapter,
            // Kept points of a training are stages of their own.
            "finetune" => Stage::Finetune,
            _ => return Err(Error::Stage { path: path.to_owned(), stage: task.stage.clone() }),
        };
        let bad = |message: String| Error::Parameters { path: path.to_owned(), message };
        let given = Value::Object(task.params.clone().into_iter().collect());
        let mut recipe: Self = serde_json::from_value(given).map_err(|error| bad(error.to_string()))?;
        let points = task.points.iter().map(|point| point.parse()).collect::<Result<_, String>>();
        recipe.points = points.map_err(bad)?;
        match recipe.problem() {
            Some(problem) => Err(bad(problem)),
            None => Ok((stage, recipe)),
        }
    }

    /// Samples of every source that the stage takes from; 0 of `alignment` stands for all.
    #[must_use]
    pub fn amounts(&self, stage: Stage) -> Vec<(Source, u64)> {
        if stage == Stage::Adapter {
            return vec![(Source::Alignment, self.alignment)];
        }
        let all = [
            (Source::Vqa, self.vqa),
            (Source::VideoQa, self.video_qa),
            (Source::PureVideo, self.pure_video),
            (Source::Generation, self.generation),
            (Source::VisualThinking, self.visual_thinking),
            (Source::ImageToImage, self.image_to_image),
        ];
        all.into_iter().filter(|(_, amount)| *amount > 0).collect()
    }

    /// Samples a step.
    #[must_use]
    pub const fn batch(&self, stage: Stage) -> u64 {
        match stage {
            Stage::Adapter => self.adapter_batch,
            Stage::Finetune => self.batch,
        }
    }

    /// The learning rate over `steps` steps.
    #[must_use]
    pub fn schedule(&self, stage: Stage, steps: u64) -> Schedule {
        let peak = match stage {
            Stage::Adapter => self.adapter_lr,
            Stage::Finetune => self.lr,
        };
        #[expect(clippy::cast_precision_loss, reason = "steps are far below 2^53")]
        let warmup = (self.warmup * steps as f64).ceil() as u64;
        Schedule { warmup, ..Schedule::cosine(peak, steps) }
    }

    /// What lies between a decoder and a tower of this width.
    #[must_use]
    pub const fn visual(&self, visual_width: i64) -> VisualConfig {
        VisualConfig { visual_width, visual_tokens: self.visual_tokens, vision_head: self.vision_head }
    }

    /// How images become visual tokens.
    #[must_use]
    pub const fn tokens(&self) -> VisualTokens {
        VisualTokens { layer: self.layer, side: self.visual_tokens.isqrt(), unit_length: self.unit_length }
    }

    /// What no training can do, in words.
    fn problem(&self) -> Option<String> {
        let side = self.visual_tokens.max(0).isqrt();
        if side * side != self.visual_tokens || side == 0 {
            return Some(format!("`visual_tokens` is {}: tokens fill a square", self.visual_tokens));
        }
        for (key, name) in [("llm", self.llm.as_deref()), ("vision_encoder", Some(self.vision_encoder.as_str()))] {
            if let Some(name) = name.filter(|name| !checkpoint::is_plain(name)) {
                return Some(format!("`{key}` is `{name}`: it names a folder among the models"));
            }
        }
        let rates = [
            ("lr", self.lr),
            ("adapter_lr", self.adapter_lr),
            ("vision_coefficient", self.vision_coefficient),
            ("weight_decay", self.weight_decay),
            ("epsilon", self.epsilon),
            ("clip", self.clip),
        ];
        if let Some((name, value)) = rates.iter().find(|(_, value)| !value.is_finite() || *value < 0.0) {
            return Some(format!("`{name}` is {value}"));
        }
        if !(0.0..1.0).contains(&self.warmup) {
            return Some(format!("`warmup` is {}: it is a share of the steps", self.warmup));
        }
        let counts = [("batch", self.batch), ("adapter_batch", self.adapter_batch), ("max_length", self.max_length)];
        counts.iter().find(|(_, count)| *count == 0).map(|(name, _)| format!("`{name}` is 0"))
    }
}
