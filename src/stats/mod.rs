//! Statistics of claims: pure functions of numbers, each with its source.
//!
//! A function either returns its number or says by [`Undefined`] why there is none: a report prints the reason and
//! never a number that the data cannot carry. `tests/golden/stats/` holds what scipy, statsmodels and numpy say to the same inputs.

use serde::Serialize;

mod beta;
mod bootstrap;
mod contrast;
mod correlation;
mod describe;
mod effects;
mod estimate;
mod line;
mod multiple;
mod power;
mod random;
mod regression;
mod spearman;
mod student;
mod undefined;

pub use bootstrap::{RESAMPLES, Replicates, correlations};
pub use contrast::{Term, contrast};
pub use correlation::{Correlation, pearson, within};
pub use describe::{Summary, summarize, t_interval};
pub use effects::{Source, TwoWay, on_logarithms, two_way};
pub use estimate::{Estimate, Spread, sorted_quantile};
pub use line::{Line, least_squares};
pub use multiple::{benjamini_hochberg, holm, holm_levels};
pub use power::{power, seeds_needed};
pub use random::Random;
pub use regression::{Coefficient, Regression, regress};
pub use spearman::{RankCorrelation, ranks, spearman};
pub use student::{quantile, two_sided_p};
pub use undefined::Undefined;

/// A range of plausible values: `low <= high`, both finite.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

/// The level of every interval that a report prints.
pub const LEVEL: f64 = 0.95;

#[cfg(test)]
mod tests;
