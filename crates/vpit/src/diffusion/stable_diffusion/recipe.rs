//! How the visualizer is trained: the paper's settings (appendix A.2), and where the released code has others.

use serde::{Deserialize, Serialize};

use crate::train::Schedule;

/// Settings of a training; AdamW's betas are 0.9 and 0.999 in both.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recipe {
    /// Highest learning rate.
    pub peak: f64,
    /// Steps of logarithmic rise from 0.
    pub warmup: u64,
    /// The step at which a linear fall would reach 0.
    pub end: u64,
    /// Steps that are taken.
    pub steps: u64,
    /// Share of images whose condition becomes zeros, so that there is something to guide away from.
    pub drop_condition: f64,
    pub weight_decay: f64,
    /// Images a step, over all devices.
    pub batch: u64,
}

impl Recipe {
    /// As the paper tells it.
    pub const PAPER: Self = Self {
        peak: 1.1e-5,
        warmup: 2000,
        end: 14_000,
        steps: 14_000,
        drop_condition: 0.7,
        weight_decay: 0.01,
        batch: 2112,
    };

    /// As the released code does it. It stops while the rate is still a third of its peak; its script starts one node of
    /// eight devices with 24 images each, while the paper's batch is that of 88 devices.
    pub const RELEASE: Self = Self {
        peak: 1e-5,
        warmup: 4000,
        end: 16_000,
        steps: 12_000,
        drop_condition: 0.8,
        weight_decay: 0.01,
        batch: 192,
    };

    /// The learning rate by step.
    #[must_use]
    pub const fn schedule(&self) -> Schedule {
        Schedule::logarithmic(self.peak, self.warmup, self.end)
    }
}

impl Default for Recipe {
    fn default() -> Self {
        Self::PAPER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_rates_start_at_zero_peak_after_the_warm_up_and_fall_on_a_line() {
        for recipe in [Recipe::PAPER, Recipe::RELEASE] {
            let rate = |step| recipe.schedule().rate(step) / recipe.peak;
            assert_eq!([rate(0), rate(recipe.warmup), rate(recipe.end), rate(recipe.end + 1)], [0.0, 1.0, 0.0, 0.0]);
            assert!((rate((recipe.warmup + recipe.end) / 2) - 0.5).abs() < 1e-12);
        }
        // A logarithm is past half of its height after the square root of the way.
        assert!((Recipe::PAPER.schedule().rate(44) / 1.1e-5 - 45f64.ln() / 2001f64.ln()).abs() < 1e-12);
        assert!((Recipe::RELEASE.schedule().rate(11_999) / 1e-5 - 4001.0 / 12_000.0).abs() < 1e-12);
    }
}
