//! Stage `encoder`: a SigLIP-style pair of towers, trained contrastively on scenes and captions, then frozen.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::data::{self, ContrastiveBatches, EncoderConfig};
use super::task::{Result, Task};
use crate::checkpoint;
use crate::digits::{Split, World, vocabulary};
use crate::model::siglip::Siglip;
use crate::model::{Weights, presets};
use crate::train::loss::contrastive_softmax;
use crate::train::{Optimizer, Schedule};

/// Parameters of the stage.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    pub seed: u64,
    pub steps: u64,
    pub batch: u64,
    pub lr: f64,
    pub loss: ContrastiveLoss,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { seed: 0, steps: 800, batch: 64, lr: 2e-3, loss: ContrastiveLoss::Softmax }
    }
}

/// How matching pairs are told from others.
///
/// SigLIP's sigmoid loss is made for tens of thousands of negatives an image. With the 63 of a batch here it learns far
/// more slowly than the softmax (after 300 steps 42% against 72% of images find their caption), so the softmax is the
/// default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContrastiveLoss {
    /// Every pair on its own (Zhai et al. 2023).
    Sigmoid,
    /// Every image among all texts and every text among all images (Radford et al. 2021).
    Softmax,
}

impl ContrastiveLoss {
    /// The loss of `[n, n]` logits. `same` is true where two pairs have the same text: such pairs are no negatives.
    fn of(self, logits: &Tensor, same: &Tensor) -> Tensor {
        match self {
            Self::Sigmoid => sigmoid_loss(logits, same),
            Self::Softmax => contrastive_softmax(logits, same),
        }
    }
}

/// Train the towers and leave their checkpoint.
///
/// # Errors
/// The parameters are not usable, training diverges, or a file cannot be written.
pub fn run(task: &Task) -> Result<()> {
    let parameters: Parameters = task.parameters()?;
    let config = EncoderConfig { vision: presets::digits_vision(), text: presets::digits_text(vocabulary::SIZE) };
    let (model, tensors) =
        Weights::fresh(parameters.seed).build(|scope| Siglip::new(scope, &config.vision, &config.text))?;
    let schedule = Schedule::cosine(parameters.lr, parameters.steps);
    let mut optimizer = Optimizer::new(tensors.train(|_| true), schedule)?.with_clip(1.0);
    let (world, mut series) = (World::open(Split::Train), task.series()?);
    for (step, scenes) in (0..parameters.steps).zip(ContrastiveBatches::new(&world, 0, parameters.batch)) {
        let texts = data::captions(scenes.iter().map(|scene| scene.caption.as_str()))?;
        let logits = model.forward(&data::pixels(&scenes), &texts);
        let loss = optimizer.descend(&parameters.loss.of(&logits, &data::same_rows(&texts)))?;
        if step % 10 == 0 || step + 1 == parameters.steps {
            series.push(step, &[("loss", loss), ("rank_1", rank_1(&logits, &texts))])?;
        }
    }
    Ok(checkpoint::save(task.folder(), &config, &tensors)?)
}

/// The sigmoid loss over all pairs, summed over pairs and averaged over rows (Zhai et al. 2023).
///
/// Pairs with the same text count as matching: in a small world captions repeat within a batch.
fn sigmoid_loss(logits: &Tensor, same: &Tensor) -> Tensor {
    let signs = same.to_kind(Kind::Float) * 2.0 - 1.0;
    -(logits * signs).log_sigmoid().sum(Kind::Float) / logits.size()[0] as f64
}

/// Share of images whose highest logit is that of their own text, or of one with the same words.
fn rank_1(logits: &Tensor, texts: &Tensor) -> f64 {
    let chosen = texts.index_select(0, &logits.argmax(-1, false));
    chosen.eq_tensor(texts).all_dim(-1, false).to_kind(Kind::Double).mean(Kind::Double).double_value(&[])
}
