//! What a claim may say.

use std::fmt;

use serde::Serialize;

use crate::grid::sweep::{Applies, LevelIx};

/// Relations that a sweep states in advance, about the cells of one grid.
#[derive(Debug, Clone)]
pub struct Claim {
    pub name: String,
    /// One sentence for people.
    pub text: String,
    pub grid: String,
    /// Only cells that satisfy this.
    pub filter: Option<Applies>,
    pub by: By,
    /// All of them must hold.
    pub relations: Vec<Relation>,
}

/// How a claim is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// By intervals over seeds: what reaches over the boundary is not decided.
    Interval,
    /// By the side on which the estimate lies: a description, whatever its uncertainty.
    Estimate,
}

/// One relation of a claim. Differences and effects of metrics are counted as improvements: positive is better,
/// whatever the metric's direction.
#[derive(Debug, Clone)]
pub enum Relation {
    /// Correlation of two metrics over the cells; within the levels of an axis where one is named.
    Correlation { x: Group, y: Group, method: Method, within: Option<String>, region: Region },
    /// Cells of one side against those of the other that agree with them on all axes that do not tell the sides apart.
    Better { is: Applies, than: Applies, metrics: Group, cells: Take, region: Region },
    /// The value in each cell, or their mean.
    Value { metrics: Group, cells: Take, region: Region },
    /// Improvement by an axis of amounts, the other axes held.
    Effect { of: String, metrics: Group, per: Vec<Per>, region: Region },
    /// The effect of one axis of amounts is so many times that of another.
    LargerEffect { of: String, than: String, metrics: Group, per: Vec<Per>, times: f64 },
    /// Every step to the next level improves; a step back of at most `slack` is let pass.
    Improves { along: Vec<String>, metrics: Group, cells: Take, slack: f64 },
    /// At this level of the axis, at least `share` of the whole improvement from its first to its last level is there.
    Suffices { along: String, at: LevelIx, metrics: Group, cells: Take, share: f64 },
    /// From this level of the axis on, no value is further than `within` from that of the last level.
    Stabilises { along: String, from: LevelIx, metrics: Group, cells: Take, within: f64 },
}

/// Whether each of several must satisfy the relation, or their mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Take {
    All,
    Mean,
}

/// Metrics of which a claim says "all of" or "mean of".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub take: Take,
    /// Names of metrics, at least one.
    pub metrics: Vec<String>,
}

/// Which coefficient a correlation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Pearson,
    Spearman,
}

/// What an effect is measured over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    /// Each doubling of the amount.
    Doubling,
    /// Each sample; printed per million.
    Sample,
    /// From the smallest to the largest amount that was tried.
    Range,
}

/// The values that a claim allows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Region {
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Whether the boundary itself is excluded.
    pub strict: bool,
}

impl Region {
    /// Everything above zero.
    #[must_use]
    pub fn positive() -> Self {
        Self { low: Some(0.0), high: None, strict: true }
    }

    /// Whether `value` is allowed.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        let above = self.low.is_none_or(|low| if self.strict { value > low } else { value >= low });
        let below = self.high.is_none_or(|high| if self.strict { value < high } else { value <= high });
        above && below
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.low, self.high, self.strict) {
            (Some(low), Some(high), _) => write!(f, "{low} to {high}"),
            (Some(low), None, true) => write!(f, "> {low}"),
            (Some(low), None, false) => write!(f, "≥ {low}"),
            (None, Some(high), true) => write!(f, "< {high}"),
            (None, Some(high), false) => write!(f, "≤ {high}"),
            (None, None, _) => f.write_str("any"),
        }
    }
}
