//! Metrics and observations: what is measured, and one measurement of it.

use std::sync::Arc;

use crate::id::{RunId, TaskId};

/// Which way is better. There is no default: FID and accuracy point in opposite directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Maximize,
    Minimize,
}

impl Direction {
    /// The arrow that papers print after the metric's name.
    #[must_use]
    pub fn arrow(self) -> char {
        match self {
            Self::Maximize => '↑',
            Self::Minimize => '↓',
        }
    }
}

/// Definition of a metric, from `[metrics.<name>]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// The key in the sweep file.
    pub name: String,
    /// What figures and tables print.
    pub label: String,
    pub direction: Direction,
    pub unit: String,
    /// The metric's name in `scores.json`, when it differs from `name`.
    pub score: String,
    /// Only scores of this benchmark; `None` takes any.
    pub benchmark: Option<String>,
    /// Group of benchmarks that it belongs to (Figure 8's colours).
    pub group: Option<String>,
    /// The mean of other metrics, computed where no observation of its own exists.
    pub mean_of: Vec<String>,
    /// Number of decimals in tables.
    pub decimals: usize,
    pub version: u32,
    /// Smallest and largest possible value.
    pub range: Option<(f64, f64)>,
    /// How far two executions of the same task may lie apart, in the metric's unit; `None` promises nothing.
    pub tolerance: Option<f64>,
    /// Numbers of items that its benchmark may have, where it is the share of them that is right; empty if it is no share.
    pub items: Vec<u64>,
    /// Steps of the credit of one item from 0 to 1: 1 for right or wrong.
    pub credit_steps: u64,
}

/// What an observation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// Measured by an attempt of this task.
    Task(TaskId),
    /// Imported for this run.
    Run(RunId),
}

/// What a value is a value of, and who says so: equal in many observations.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Kind {
    /// The name in `scores.json` or in the import.
    pub metric: String,
    /// Empty when the metric has only one.
    pub benchmark: String,
    pub split: String,
    /// `measured`, or the name that the import gave.
    pub source: String,
}

/// One measured value. Two sources of one score are two observations: never averaged, never overwritten.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    pub subject: Subject,
    /// Shared, since a large sweep has millions of observations of a few kinds.
    pub kind: Arc<Kind>,
    /// Training step of the checkpoint; `None` is the final one.
    pub step: Option<u64>,
    /// May be NaN or infinite: a diverged training is a result.
    pub value: f64,
    pub n: Option<u64>,
    pub stderr: Option<f64>,
}
