//! AdamW under a learning-rate schedule, which stops a training that has diverged.

use serde::{Deserialize, Serialize};
use tch::{COptimizer, TchError, Tensor};

/// The learning rate by step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    pub peak: f64,
    /// Steps of rise from 0.
    pub warmup: u64,
    /// The step at which the rate is 0 again.
    pub total: u64,
    pub shape: Shape,
}

/// How the rate rises and falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// Along a line, then along half a cosine.
    Cosine,
    /// With the logarithm of the step, then along a line.
    Logarithmic,
}

impl Schedule {
    /// A rise over 3% of `total` steps, as the paper trains, then half a cosine to 0.
    #[must_use]
    pub fn cosine(peak: f64, total: u64) -> Self {
        Self { peak, warmup: (total * 3).div_ceil(100), total, shape: Shape::Cosine }
    }

    /// A logarithmic rise over `warmup` steps, then a line to 0 at step `total`, as the paper trains its visualizer.
    #[must_use]
    pub const fn logarithmic(peak: f64, warmup: u64, total: u64) -> Self {
        Self { peak, warmup, total, shape: Shape::Logarithmic }
    }

    /// The rate of step `step`, from 0; 0 from `total` on.
    #[must_use]
    pub fn rate(&self, step: u64) -> f64 {
        if step < self.warmup {
            return self.peak * self.shape.rise(step, self.warmup);
        }
        let done = share(step - self.warmup, self.total.saturating_sub(self.warmup)).min(1.0);
        self.peak * self.shape.fall(done)
    }
}

impl Shape {
    /// The part of the peak at `step` of `warmup` steps.
    fn rise(self, step: u64, warmup: u64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "steps are far below 2^53")]
        let logarithm = |step: u64| (step as f64 + 1.0).ln();
        match self {
            Self::Cosine => share(step, warmup),
            Self::Logarithmic => logarithm(step) / logarithm(warmup),
        }
    }

    /// The part of the peak when a share `done` of the way down is behind.
    fn fall(self, done: f64) -> f64 {
        match self {
            Self::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * done).cos()),
            Self::Logarithmic => 1.0 - done,
        }
    }
}

fn share(part: u64, whole: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "steps are far below 2^53")]
    let share = part as f64 / whole.max(1) as f64;
    share
}

/// Why a step was not taken.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    #[error("training diverged: the loss is {loss} at step {step}")]
    Diverged { step: u64, loss: f64 },
    #[error("training diverged: the norm of the gradient is {norm} at step {step}")]
    Exploded { step: u64, norm: f64 },
    #[error("the optimiser failed at step {step}")]
    Torch { step: u64, source: TchError },
}

/// AdamW with PyTorch's defaults (betas 0.9 and 0.999, epsilon 1e-8), without weight decay unless told.
#[derive(Debug)]
pub struct Optimizer {
    inner: COptimizer,
    parameters: Vec<Tensor>,
    schedule: Schedule,
    clip: Option<f64>,
    step: u64,
}

impl Optimizer {
    /// An optimiser of `parameters`.
    ///
    /// # Errors
    /// libtorch refuses a parameter.
    pub fn new(parameters: Vec<Tensor>, schedule: Schedule) -> Result<Self, StepError> {
        let start = || -> Result<COptimizer, TchError> {
            let mut inner = COptimizer::adamw(schedule.peak, 0.9, 0.999, 0.0, 1e-8, false)?;
            parameters.iter().try_for_each(|parameter| inner.add_parameters(parameter, 0))?;
            Ok(inner)
        };
        let inner = start().map_err(|source| StepError::Torch { step: 0, source })?;
        Ok(Self { inner, parameters, schedule, clip: None, step: 0 })
    }

    /// Scale gradients down where their common norm exceeds `norm`.
    #[must_use]
    pub fn with_clip(self, norm: f64) -> Self {
        Self { clip: Some(norm), ..self }
    }

    /// Also shrink every parameter by `weight_decay` times the rate at each step.
    ///
    /// # Errors
    /// libtorch refuses the number.
    pub fn with_weight_decay(mut self, weight_decay: f64) -> Result<Self, StepError> {
        self.inner.set_weight_decay(weight_decay).map_err(|source| StepError::Torch { step: 0, source })?;
        Ok(self)
    }

    /// Descend along the gradient of `loss`; returns the loss's value.
    ///
    /// # Errors
    /// The loss is not finite: nothing is changed then.
    pub fn descend(&mut self, loss: &Tensor) -> Result<f64, StepError> {
        let value = loss.double_value(&[]);
        if !value.is_finite() {
            return Err(StepError::Diverged { step: self.step, loss: value });
        }
        self.update(loss).map_err(|source| StepError::Torch { step: self.step, source })?;
        self.step += 1;
        Ok(value)
    }

    /// The rate of the next step.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.schedule.rate(self.step)
    }

    fn update(&mut self, loss: &Tensor) -> Result<(), TchError> {
        self.inner.zero_grad()?;
        loss.f_backward()?;
        if let Some(norm) = self.clip {
            clip_gradients(&self.parameters, norm);
        }
        self.inner.set_learning_rate(self.rate())?;
        self.inner.step()
    }
}

fn clip_gradients(parameters: &[Tensor], norm: f64) {
    let gradients: Vec<Tensor> = parameters.iter().map(Tensor::grad).filter(Tensor::defined).collect();
    let norms: Vec<Tensor> = gradients.iter().map(Tensor::norm).collect();
    let scale = norm / Tensor::stack(&norms, 0).norm().double_value(&[]).max(norm);
    if scale < 1.0 {
        for mut gradient in gradients {
            let _ = gradient.g_mul_scalar_(scale);
        }
    }
}

/// A running average of weights, which generates better images than the last weights do.
#[derive(Debug)]
pub struct Average {
    parameters: Vec<Tensor>,
    averages: Vec<Tensor>,
    decay: f64,
    updates: i32,
}

impl Average {
    /// Start from the present values; `decay` in (0, 1) is the weight of the past.
    #[must_use]
    pub fn start(parameters: &[Tensor], decay: f64) -> Self {
        let averages = parameters.iter().map(|parameter| parameter.detach().copy()).collect();
        Self { parameters: parameters.iter().map(Tensor::shallow_clone).collect(), averages, decay, updates: 0 }
    }

    /// Move towards the present values; early on faster, so that the start is soon forgotten.
    pub fn follow(&mut self) {
        self.updates += 1;
        let decay = self.decay.min(f64::from(1 + self.updates) / f64::from(10 + self.updates));
        for (average, parameter) in self.averages.iter_mut().zip(&self.parameters) {
            let _ = average.lerp_(&parameter.detach(), 1.0 - decay);
        }
    }

    /// Put the averages in the parameters' place.
    pub fn adopt(self) {
        tch::no_grad(|| {
            for (mut parameter, average) in self.parameters.into_iter().zip(&self.averages) {
                parameter.copy_(average);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_linearly_and_falls_along_half_a_cosine() {
        let schedule = Schedule { peak: 2.0, warmup: 4, total: 12, shape: Shape::Cosine };
        assert_eq!([0, 1, 2, 4].map(|step| schedule.rate(step)), [0.0, 0.5, 1.0, 2.0]);
        assert!((schedule.rate(8) - 1.0).abs() < 1e-12);
        assert_eq!(schedule.rate(12), 0.0);
    }

    #[test]
    fn a_loss_that_is_not_finite_stops_the_training() {
        let x = Tensor::from_slice(&[0f32]).set_requires_grad(true);
        let mut optimizer = Optimizer::new(vec![x.shallow_clone()], Schedule::cosine(1.0, 10)).unwrap();
        let error = optimizer.descend(&(x / 0.0).sum(tch::Kind::Float)).unwrap_err();
        assert!(matches!(error, StepError::Diverged { step: 0, .. }), "{error}");
    }
}
