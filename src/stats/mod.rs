//! Statistics of claims: pure functions of numbers, each with its source.
//!
//! A function either returns its number or says by [`Undefined`] why there is none: a report prints the reason and
//! never a number that the data cannot carry. `tests/golden/stats/` holds what scipy and numpy say to the same inputs.

mod correlation;
mod describe;
mod line;
mod student;
mod undefined;

pub use correlation::{Correlation, pearson, within};
pub use describe::{Summary, summarize, t_interval};
pub use line::{Line, least_squares};
pub use student::{quantile, two_sided_p};
pub use undefined::Undefined;

/// A range of plausible values: `low <= high`, both finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

/// The level of every interval that a report prints.
pub const LEVEL: f64 = 0.95;

#[cfg(test)]
mod tests;
