//! Mean and spread of replicates.

use super::student::quantile;
use super::undefined::{at_least, finite};
use super::{Interval, Undefined};

/// Mean and spread of at least one value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    pub n: usize,
    pub mean: f64,
    /// Sample standard deviation, with n - 1 below; `None` for a single value.
    pub std_dev: Option<f64>,
}

impl Summary {
    /// Standard error of the mean, `sd / sqrt(n)`; `None` for a single value.
    #[must_use]
    pub fn stderr(&self) -> Option<f64> {
        Some(self.std_dev? / (self.n as f64).sqrt())
    }
}

/// Mean and sample standard deviation.
///
/// Source: two passes, the second over deviations from the mean (Chan, Golub & LeVeque 1983, "Algorithms for computing
/// the sample variance"), which does not cancel when the mean is large against the spread.
///
/// # Errors
/// No value, or one that is not finite.
pub fn summarize(values: &[f64]) -> Result<Summary, Undefined> {
    at_least(1, values.len())?;
    finite(values)?;
    let n = values.len();
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Ok(Summary { n, mean, std_dev: (n > 1).then(|| (squares / (n - 1) as f64).sqrt()) })
}

/// Interval for the mean of independent replicates: `mean ± t * sd / sqrt(n)` with n - 1 degrees of freedom.
///
/// Source: Student 1908. It assumes replicates that are about normal; it says nothing of what they share (data,
/// pretrained weights), only of what the seed draws anew.
///
/// # Errors
/// Fewer than two values (one seed has no interval), or one that is not finite.
pub fn t_interval(values: &[f64], level: f64) -> Result<Interval, Undefined> {
    at_least(2, values.len())?;
    let summary = summarize(values)?;
    half_width(&summary, level)
        .map(|half| Interval { low: summary.mean - half, high: summary.mean + half })
        .ok_or(Undefined::TooFew { n: summary.n, needed: 2 })
}

impl Summary {
    /// Half the width of the t interval around the mean; `None` for a single value.
    #[must_use]
    pub fn half_width(&self, level: f64) -> Option<f64> {
        half_width(self, level)
    }
}

fn half_width(summary: &Summary, level: f64) -> Option<f64> {
    let stderr = summary.stderr()?;
    let t = quantile(f64::midpoint(1.0, level), (summary.n - 1) as f64)?;
    Some(t * stderr)
}

pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
