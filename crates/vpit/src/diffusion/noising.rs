//! How much noise there is at each time, and what a network says about it.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

/// What the network predicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Prediction {
    /// The noise, as Stable Diffusion 1.5 does.
    Epsilon,
    /// The clean image. Also where there is almost only noise the network then says what the image is, so that a short
    /// training and few sampling steps suffice.
    Sample,
}

impl Prediction {
    /// What the network should say about `images` with `noise` added.
    pub fn target<'a>(self, images: &'a Tensor, noise: &'a Tensor) -> &'a Tensor {
        match self {
            Self::Epsilon => noise,
            Self::Sample => images,
        }
    }

    /// The clean image behind `x` at time `t`, given what the network `said`.
    pub fn clean(self, noising: &Noising, x: &Tensor, said: &Tensor, t: usize) -> Tensor {
        let alpha_bar = noising.alpha_bar(Some(t));
        match self {
            Self::Epsilon => (x - said * (1.0 - alpha_bar).sqrt()) / alpha_bar.sqrt(),
            Self::Sample => said.shallow_clone(),
        }
    }
}

/// The forward process: image to noise over `steps` times (Ho, Jain and Abbeel 2020).
#[derive(Debug)]
pub struct Noising {
    /// Share of the image's variance left at each time, falling from nearly 1 to nearly 0.
    alpha_bars: Vec<f64>,
}

impl Noising {
    /// Variances whose roots are spaced evenly from `start` to `end`: Stable Diffusion's "scaled linear" schedule.
    #[must_use]
    pub fn scaled_linear(steps: usize, start: f64, end: f64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a schedule has a thousand steps")]
        let root = |step: usize| start.sqrt() + (end.sqrt() - start.sqrt()) * step as f64 / (steps.max(2) - 1) as f64;
        let alpha_bars = (0..steps).scan(1.0, |product, step| {
            *product *= 1.0 - root(step).powi(2);
            Some(*product)
        });
        Self { alpha_bars: alpha_bars.collect() }
    }

    /// The schedule of Stable Diffusion 1.5: 1000 times, variances 0.00085 to 0.012.
    #[must_use]
    pub fn stable_diffusion() -> Self {
        Self::scaled_linear(1000, 0.00085, 0.012)
    }

    /// Number of times.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.alpha_bars.len()
    }

    /// Share of the image's variance left at time `t`; 1 before the first.
    #[must_use]
    pub fn alpha_bar(&self, t: Option<usize>) -> f64 {
        t.and_then(|t| self.alpha_bars.get(t)).copied().unwrap_or(1.0)
    }

    /// `images` at the times `t` with `noise`, all with the batch first.
    pub fn add(&self, images: &Tensor, noise: &Tensor, times: &[usize]) -> Tensor {
        let (signal, rest) = self.shares(times);
        images * signal + noise * rest
    }

    /// What remains of the image and what there is of noise at each of `times`, `[times, 1, 1, 1]`; squares add to 1.
    fn shares(&self, times: &[usize]) -> (Tensor, Tensor) {
        let column = |values: Vec<f64>| Tensor::from_slice(&values).to_kind(Kind::Float).view([-1, 1, 1, 1]);
        let share = |of: fn(f64) -> f64| column(times.iter().map(|&t| of(self.alpha_bar(Some(t)))).collect());
        (share(f64::sqrt), share(|alpha_bar| (1.0 - alpha_bar).sqrt()))
    }

    /// `count` times for sampling, from the noisiest down, evenly spaced.
    #[must_use]
    pub fn descent(&self, count: usize) -> Vec<usize> {
        let (steps, count) = (self.steps(), count.clamp(1, self.steps().max(1)));
        (1..=count).rev().map(|i| steps * i / count - 1).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_ends_of_the_schedule_are_met() {
        // First and last cumulative products of diffusers' DDPMScheduler with Stable Diffusion 1.5's configuration.
        let noising = Noising::stable_diffusion();
        assert!((noising.alpha_bar(Some(0)) - 0.999_149_978_2).abs() < 1e-6);
        assert!((noising.alpha_bar(Some(999)) - 0.004_660_095_1).abs() < 1e-6);
    }

    #[test]
    fn either_prediction_leads_back_to_the_clean_image() {
        let noising = Noising::stable_diffusion();
        let draw = |id| crate::noise::normal(&mut crate::rng::Rng::new(1, "test", id), &[1, 1, 4, 4]);
        let (image, noise, time) = (draw(0), draw(1), 400);
        let x = noising.add(&image, &noise, &[time]);
        for prediction in [Prediction::Epsilon, Prediction::Sample] {
            let said = prediction.target(&image, &noise);
            let difference = prediction.clean(&noising, &x, said, time) - &image;
            assert!(difference.abs().max().double_value(&[]) < 1e-5, "{prediction:?}");
        }
    }

    #[test]
    fn descent_starts_at_the_last_time_and_is_even() {
        assert_eq!(Noising::stable_diffusion().descent(4), [999, 749, 499, 249]);
    }
}
