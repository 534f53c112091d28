//! The two terms of visual-predictive instruction tuning (paper, section 2.1).

use serde::{Deserialize, Serialize};
use tch::{Kind, Reduction, Tensor};

use crate::model::Vpit;
use crate::model::layers::{Linear, normalize};
use crate::model::vpit::VisionHead;
use crate::sequence::{Batch, Targets};

/// How predicted visual tokens are compared with the encoder's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VisionLoss {
    /// One minus the cosine: the released code's minus cosine, shifted so that 0 is perfect.
    Cosine,
    /// Mean absolute difference of the coordinates.
    L1,
    /// No visual term: the vision head learns nothing.
    None,
}

impl VisionLoss {
    /// The loss between `[n, width]` predictions of any length and unit-length targets, averaged over tokens.
    ///
    /// Defined as 0 for no tokens: the mean over an empty tensor is NaN, and a batch without an image to predict is
    /// not a failed one.
    pub fn between(self, predicted: &Tensor, target: &Tensor) -> Tensor {
        if predicted.numel() == 0 || self == Self::None {
            return Tensor::zeros([], (Kind::Float, predicted.device()));
        }
        match self {
            Self::Cosine => {
                1.0 - (normalize(predicted) * target).sum_dim_intlist(-1, false, Kind::Float).mean(Kind::Float)
            }
            Self::L1 => (predicted - target).abs().mean(Kind::Float),
            Self::None => unreachable!("returned above"),
        }
    }
}

/// How the losses of a step's micro-batches, on all ranks, become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossReduction {
    /// Each term is its sum over all targets of the step, divided by their number: how the step is cut changes nothing.
    #[default]
    Global,
    /// As the released code: the mean of a micro-batch over its own targets, then the mean over micro-batches, those
    /// without a target counting as 0. A target weighs more in company of few.
    Rank,
}

impl LossReduction {
    /// What the mean losses of a micro-batch count for: the sum of what they count over all micro-batches of the step is
    /// the step's loss, and the sum of the gradients its gradient.
    #[must_use]
    pub fn shares(self, here: Targets, step: StepTargets) -> Shares {
        #[expect(clippy::cast_precision_loss, reason = "a step has far fewer than 2^53 targets")]
        let share = |part: i64, whole: i64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        match self {
            Self::Global => {
                Shares { text: share(here.text, step.targets.text), vision: share(here.vision, step.targets.vision) }
            }
            Self::Rank => {
                let even = share(1, step.micro_batches);
                Shares { text: even, vision: even }
            }
        }
    }
}

/// Number of all targets of one step: of all micro-batches of all ranks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepTargets {
    pub micro_batches: i64,
    pub targets: Targets,
}

/// What the two mean losses of a micro-batch count for in their step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shares {
    pub text: f64,
    pub vision: f64,
}

/// Both terms of a batch.
#[derive(Debug)]
pub struct Losses {
    /// Mean cross-entropy over predicted tokens, nats.
    pub text: Tensor,
    pub vision: Tensor,
}

impl Losses {
    /// Run `model` on `batch`, whose images are rows of `visual`, `[images * visual tokens, width]`, unit length.
    #[must_use]
    pub fn of(model: &Vpit, batch: &Batch, visual: &Tensor, vision_loss: VisionLoss) -> Self {
        let shown = visual.index_select(0, &batch.visual_rows);
        let hidden = model.forward(&model.embed(&batch.ids, &batch.visual_places, &shown));
        Self::at(&hidden, (&model.lm_head, &model.vision_head), batch, visual, vision_loss)
    }

    /// The same from hidden states `[batch, length, width]` after the last normalisation. Both losses are computed in f32.
    #[must_use]
    pub fn at(
        hidden: &Tensor,
        (lm_head, vision_head): (&Linear, &VisionHead),
        batch: &Batch,
        visual: &Tensor,
        vision_loss: VisionLoss,
    ) -> Self {
        let hidden = hidden.flatten(0, 1);
        let logits = lm_head.forward(&hidden.index_select(0, &batch.text_from));
        let predicted = vision_head.forward(&hidden.index_select(0, &batch.visual_from)).to_kind(Kind::Float);
        let targets = visual.index_select(0, &batch.visual_targets).to_kind(Kind::Float);
        Self { text: cross_entropy(&logits, &batch.text_targets), vision: vision_loss.between(&predicted, &targets) }
    }

    /// What this micro-batch adds to its step's loss, the visual term weighed by `coefficient`.
    pub fn total(&self, shares: Shares, coefficient: f64) -> Tensor {
        &self.text * shares.text + &self.vision * (shares.vision * coefficient)
    }
}

/// Mean cross-entropy of `[n, classes]` logits against `[n]` ids, nats; 0 for no ids.
pub fn cross_entropy(logits: &Tensor, targets: &Tensor) -> Tensor {
    if targets.numel() == 0 {
        return Tensor::zeros([], (Kind::Float, logits.device()));
    }
    logits.to_kind(Kind::Float).cross_entropy_loss::<Tensor>(targets, None, Reduction::Mean, -100, 0.0)
}

/// The mean of the cross-entropies over rows and over columns of `[n, n]` logits whose diagonal holds the matching pairs.
///
/// Where `same` is true off the diagonal, the pair is left out.
pub fn contrastive_softmax(logits: &Tensor, same: &Tensor) -> Tensor {
    let n = logits.size()[0];
    let diagonal = Tensor::eye(n, (Kind::Bool, logits.device()));
    let logits = logits.masked_fill(&same.logical_and(&diagonal.logical_not()), f64::NEG_INFINITY);
    let targets = Tensor::arange(n, (Kind::Int64, logits.device()));
    (cross_entropy(&logits, &targets) + cross_entropy(&logits.tr(), &targets)) * 0.5
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Tensor, Tensor) {
        let predicted = Tensor::from_slice(&[2f32, 0.0, 3.0, 4.0]).view([2, 2]);
        let target = Tensor::from_slice(&[1f32, 0.0, 0.0, 1.0]).view([2, 2]);
        (predicted, target)
    }

    #[test]
    fn cosine_loss_ignores_length_and_averages_over_tokens() {
        let (predicted, target) = pair();
        // Cosines 1 and 4/5, so 1 - 0.9.
        let loss = VisionLoss::Cosine.between(&predicted, &target).double_value(&[]);
        assert!((loss - 0.1).abs() < 1e-6, "{loss}");
    }

    #[test]
    fn l1_loss_sees_length() {
        let (predicted, target) = pair();
        // Differences 1, 0, 3, 3.
        let loss = VisionLoss::L1.between(&predicted, &target).double_value(&[]);
        assert!((loss - 1.75).abs() < 1e-6, "{loss}");
    }

    #[test]
    fn no_tokens_cost_nothing() {
        let empty = Tensor::zeros([0, 2], (Kind::Float, tch::Device::Cpu));
        for loss in [VisionLoss::Cosine, VisionLoss::L1, VisionLoss::None] {
            assert_eq!(loss.between(&empty, &empty).double_value(&[]), 0.0);
        }
    }

    #[test]
    fn a_step_counts_targets_globally_or_micro_batches_alike() {
        let here = Targets { text: 3, vision: 0 };
        let step = StepTargets { micro_batches: 2, targets: Targets { text: 12, vision: 8 } };
        assert_eq!(LossReduction::Global.shares(here, step), Shares { text: 0.25, vision: 0.0 });
        assert_eq!(LossReduction::Rank.shares(here, step), Shares { text: 0.5, vision: 0.5 });
        let without = StepTargets { targets: Targets { vision: 0, ..step.targets }, ..step };
        assert_eq!(LossReduction::Global.shares(here, without).vision, 0.0);
    }

    #[test]
    fn cross_entropy_of_equal_logits_is_the_log_of_the_classes() {
        let loss =
            cross_entropy(&Tensor::zeros([3, 4], (Kind::Float, tch::Device::Cpu)), &Tensor::from_slice(&[0i64, 1, 3]));
        assert!((loss.double_value(&[]) - 4f64.ln()).abs() < 1e-6);
    }
}
