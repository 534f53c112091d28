//! Drawing latents in few steps, as diffusers' `PNDMScheduler` does with `skip_prk_steps`: the multistep method alone
//! (Liu et al. 2022, with the start of Katherine Crowson's sampler).

use serde::Deserialize;
use tch::Tensor;

use super::config::{Only, Wire};
use crate::diffusion::Noising;

/// What diffusers' `scheduler_config.json` says: the noise that the network was trained with, and how times are chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct SchedulerConfig {
    pub num_train_timesteps: usize,
    pub beta_start: f64,
    pub beta_end: f64,
    /// Whether the last step goes to an image without noise; it goes to what time 0 has otherwise.
    pub set_alpha_to_one: bool,
    /// What is added to every time.
    pub steps_offset: usize,
}

impl SchedulerConfig {
    /// The published one of Stable Diffusion 1.5.
    #[must_use]
    pub const fn stable_diffusion() -> Self {
        Self {
            num_train_timesteps: 1000,
            beta_start: 0.000_85,
            beta_end: 0.012,
            set_alpha_to_one: false,
            steps_offset: 1,
        }
    }

    /// The noise by time.
    #[must_use]
    pub fn noising(&self) -> Noising {
        Noising::scaled_linear(self.num_train_timesteps, self.beta_start, self.beta_end)
    }

    /// The times of `steps` steps, the noisiest first; the second one twice, unless there is only one.
    ///
    /// # Errors
    /// There are no steps, or more than the network knows times.
    pub fn times(&self, steps: usize) -> Result<Vec<usize>, TooManySteps> {
        let stride = self.num_train_timesteps.checked_div(steps).unwrap_or(0);
        let even = (0..steps).rev().map(|i| i * stride + self.steps_offset);
        let known = |time: &usize| *time < self.num_train_timesteps;
        if stride == 0 || !even.clone().next().as_ref().is_some_and(known) {
            return Err(TooManySteps { steps, known: self.num_train_timesteps });
        }
        let mut times: Vec<usize> = even.collect();
        if let Some(&second) = times.get(1) {
            times.insert(1, second);
        }
        Ok(times)
    }
}

/// A number of steps that cannot be spread over the times of a schedule.
#[derive(Debug, thiserror::Error)]
#[error("cannot draw in {steps} steps: the network knows {known} times, and at least one step is needed")]
pub struct TooManySteps {
    steps: usize,
    known: usize,
}

/// `PNDMScheduler`'s configuration, with the defaults of diffusers 0.30.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WireScheduler {
    #[serde(default = "thousand")]
    num_train_timesteps: usize,
    beta_start: f64,
    beta_end: f64,
    /// diffusers' default is another one.
    #[expect(dead_code, reason = "only one value can be read")]
    beta_schedule: BetaSchedule,
    #[serde(default)]
    skip_prk_steps: bool,
    #[serde(default)]
    set_alpha_to_one: bool,
    #[serde(default)]
    steps_offset: usize,
}

const fn thousand() -> usize {
    1000
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum BetaSchedule {
    ScaledLinear,
}

impl Wire for WireScheduler {
    type Config = SchedulerConfig;

    const CLASS: &'static str = "PNDMScheduler";
    const FIXED: &'static [(&'static str, Only)] = &[
        ("prediction_type", Only::Text("epsilon")),
        ("timestep_spacing", Only::Text("leading")),
        ("trained_betas", Only::Null),
    ];
    /// `clip_sample` stands in the published file and is a setting of other schedulers.
    const IDLE: &'static [&'static str] = &["clip_sample"];

    fn resolve(self) -> Result<SchedulerConfig, Vec<String>> {
        let mut problems = Vec::new();
        if !self.skip_prk_steps {
            problems.push("`skip_prk_steps` is false or absent; only true is known here".to_owned());
        }
        if !(0.0 < self.beta_start && self.beta_start <= self.beta_end && self.beta_end < 1.0) {
            problems
                .push(format!("`beta_start` {} and `beta_end` {} are no variances", self.beta_start, self.beta_end));
        }
        if self.num_train_timesteps < 2 || self.steps_offset >= self.num_train_timesteps {
            let (steps, offset) = (self.num_train_timesteps, self.steps_offset);
            problems.push(format!("`num_train_timesteps` {steps} and `steps_offset` {offset} leave no times"));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(SchedulerConfig {
            num_train_timesteps: self.num_train_timesteps,
            beta_start: self.beta_start,
            beta_end: self.beta_end,
            set_alpha_to_one: self.set_alpha_to_one,
            steps_offset: self.steps_offset,
        })
    }
}

/// Steps from noise to latents: the network is asked at each of [`Pndm::times`] in turn, and every answer moves on.
#[derive(Debug)]
pub struct Pndm {
    noising: Noising,
    times: Vec<usize>,
    /// Times between two steps.
    stride: usize,
    /// The share of variance that is left after the last step.
    final_alpha_bar: f64,
    /// Answers that a step builds upon, the latest first; never more than four.
    answers: Vec<Tensor>,
    /// What the first step started from: the second one starts there again.
    start: Option<Tensor>,
    taken: usize,
}

impl Pndm {
    /// `steps` steps, which ask the network `steps + 1` times (once for one step).
    ///
    /// # Errors
    /// There are no steps, or more than the network knows times.
    pub fn new(config: &SchedulerConfig, steps: usize) -> Result<Self, TooManySteps> {
        let (noising, times) = (config.noising(), config.times(steps)?);
        let final_alpha_bar = noising.alpha_bar((!config.set_alpha_to_one).then_some(0));
        let stride = config.num_train_timesteps / steps;
        Ok(Self { noising, times, stride, final_alpha_bar, answers: Vec::new(), start: None, taken: 0 })
    }

    /// When the network is asked, in order.
    #[must_use]
    pub fn times(&self) -> &[usize] {
        &self.times
    }

    /// The next latents, from the present ones and the `noise` that the network sees in them at the present time.
    ///
    /// # Panics
    /// All steps were taken.
    pub fn step(&mut self, noise: &Tensor, latents: &Tensor) -> Tensor {
        let time = *self.times.get(self.taken).unwrap_or_else(|| panic!("all {} steps were taken", self.taken));
        self.taken += 1;
        if let Some(start) = self.start.take() {
            // The second answer corrects the first one: both are averaged, and the first step is taken again.
            let average = (noise + self.latest(0)) / 2.0;
            return self.travel(&start, &average, time + self.stride, Some(time));
        }
        self.answers.truncate(3);
        self.answers.insert(0, noise.shallow_clone());
        if self.taken == 1 {
            self.start = Some(latents.shallow_clone());
        }
        self.travel(latents, &self.extrapolate(), time, time.checked_sub(self.stride))
    }

    /// The noise along the next step, by a polynomial through the answers (Adams and Bashforth).
    fn extrapolate(&self) -> Tensor {
        match self.answers.len() {
            0 | 1 => self.latest(0).shallow_clone(),
            2 => (self.latest(0) * 3.0 - self.latest(1)) / 2.0,
            3 => (self.latest(0) * 23.0 - self.latest(1) * 16.0 + self.latest(2) * 5.0) / 12.0,
            _ => (self.latest(0) * 55.0 - self.latest(1) * 59.0 + self.latest(2) * 37.0 - self.latest(3) * 9.0) / 24.0,
        }
    }

    fn latest(&self, ago: usize) -> &Tensor {
        self.answers.get(ago).unwrap_or_else(|| unreachable!("the number of answers was asked first"))
    }

    /// From one time to another with this noise (formula 9 of the paper); `None` is beyond the first time.
    fn travel(&self, latents: &Tensor, noise: &Tensor, from: usize, to: Option<usize>) -> Tensor {
        let now = self.noising.alpha_bar(Some(from));
        let next = to.map_or(self.final_alpha_bar, |to| self.noising.alpha_bar(Some(to)));
        let scale = now * (1.0 - next).sqrt() + (now * (1.0 - now) * next).sqrt();
        latents * (next / now).sqrt() - noise * ((next - now) / scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifty_steps_are_fifty_one_calls_and_the_second_time_comes_twice() {
        let times = SchedulerConfig::stable_diffusion().times(50).unwrap();
        assert_eq!(times.len(), 51);
        assert_eq!((&times[..4], &times[49..]), (&[981, 961, 961, 941][..], &[21, 1][..]));
    }

    #[test]
    fn one_step_asks_once_and_steps_beyond_the_known_times_are_refused() {
        let config = SchedulerConfig::stable_diffusion();
        assert_eq!(config.times(1).unwrap(), [1]);
        assert_eq!(config.times(2).unwrap(), [501, 1, 1]);
        assert_eq!(config.times(999).unwrap().first(), Some(&999));
        for steps in [0, 1000, 1001] {
            let message = config.times(steps).unwrap_err().to_string();
            assert!(message.contains(&format!("in {steps} steps")), "{message}");
        }
    }
}
