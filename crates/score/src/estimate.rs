//! A mean with what it takes to judge it.

use serde::{Deserialize, Serialize};

/// A mean over `n` samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    pub value: f64,
    /// Standard error of the mean over samples; none where one sample says nothing about the spread. It tells nothing
    /// about the spread between seeds.
    pub stderr: Option<f64>,
    pub n: u64,
}

impl Estimate {
    /// The mean of `values` with the standard error `s / sqrt(n)`, where `s` is the sample standard deviation (n - 1).
    /// None for no values.
    pub fn of(values: &[f64]) -> Option<Self> {
        let n = values.len();
        if n == 0 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / n as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let stderr = (n > 1).then(|| (squares / (n - 1) as f64 / n as f64).sqrt());
        Some(Self { value: mean, stderr, n: n as u64 })
    }

    /// The share `right / n` with the binomial standard error `sqrt(p (1 - p) / n)`. None for `n = 0`.
    pub fn share(right: u64, n: u64) -> Option<Self> {
        if n == 0 {
            return None;
        }
        let p = right as f64 / n as f64;
        Some(Self { value: p, stderr: Some((p * (1.0 - p) / n as f64).sqrt()), n })
    }

    /// By how many standard errors this share exceeds `chance`, a share strictly between 0 and 1.
    ///
    /// The error is that of guessing, `sqrt(c (1 - c) / n)`: the estimate's own error vanishes for a share of 0 or 1.
    pub fn above_chance(&self, chance: f64) -> f64 {
        (self.value - chance) / (chance * (1.0 - chance) / self.n as f64).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_error_by_hand() {
        // Deviations -2, 0, 2: variance 4, error sqrt(4 / 3).
        let estimate = Estimate::of(&[1.0, 3.0, 5.0]).unwrap();
        assert_eq!((estimate.value, estimate.n), (3.0, 3));
        assert!((estimate.stderr.unwrap() - (4.0f64 / 3.0).sqrt()).abs() < 1e-15);
    }

    #[test]
    fn one_value_has_no_error_and_none_no_mean() {
        assert_eq!(Estimate::of(&[7.0]).unwrap().stderr, None);
        assert_eq!(Estimate::of(&[]), None);
        assert_eq!(Estimate::share(0, 0), None);
    }

    #[test]
    fn share_by_hand() {
        let share = Estimate::share(20, 100).unwrap();
        assert!((share.value - 0.2).abs() < 1e-15 && (share.stderr.unwrap() - 0.04).abs() < 1e-15);
        // Chance 0.1 has an error of 0.03.
        assert!((share.above_chance(0.1) - 10.0 / 3.0).abs() < 1e-12);
    }
}
