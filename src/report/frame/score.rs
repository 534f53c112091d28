//! One measure of one cell: its readings, and what is missing.

use std::fmt;

use crate::attempt::FailureReason;
use crate::stats::Summary;

/// How complete a cell's score is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellState {
    /// Every replicate has a finite value.
    Complete,
    /// Some replicates have one.
    Partial {
        have: usize,
        of: usize,
    },
    /// No stage that gives the measure applies to the cell.
    NotApplicable,
    /// Nothing failed, nothing is there.
    NotRun,
    Failed(FailureReason),
}

impl CellState {
    /// Whether something is missing that could be there.
    #[must_use]
    pub fn is_hole(self) -> bool {
        match self {
            Self::Complete | Self::NotApplicable => false,
            Self::Partial { .. } | Self::NotRun | Self::Failed(_) => true,
        }
    }
}

impl fmt::Display for CellState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete => f.write_str("complete"),
            Self::Partial { have, of } => write!(f, "{have} of {of} seeds"),
            Self::NotApplicable => f.write_str("not applicable"),
            Self::NotRun => f.write_str("not run yet"),
            Self::Failed(reason) => write!(f, "failed: {}", words(*reason)),
        }
    }
}

fn words(reason: FailureReason) -> &'static str {
    match reason {
        FailureReason::OutOfMemory => "out of memory",
        FailureReason::TimeLimit => "time limit",
        FailureReason::NodeFailure => "node failure",
        FailureReason::Preempted => "preempted",
        FailureReason::ExitCode => "exit code",
        FailureReason::Signal => "signal",
        FailureReason::Diverged => "diverged",
        FailureReason::MissingOutput => "missing output",
        FailureReason::NotStarted => "not started",
        FailureReason::DiskFull => "disk full",
    }
}

/// What tells the readings of one score apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Variant {
    /// Into [`super::Index::origins`].
    pub origin: u16,
    /// The stage that measured it; [`IMPORTED`] for none.
    pub stage: u16,
    /// Computed as the mean of other measures.
    pub derived: bool,
}

pub(super) const IMPORTED: u16 = u16::MAX;

/// The replicates of a cell as one source has them.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    pub(super) variant: Variant,
    /// Over the replicates with a finite value; `None` when there is none.
    pub summary: Option<Summary>,
    /// Half the width of the 95% t interval over replicates; `None` for a single one.
    pub half_width: Option<f64>,
    /// Replicates whose value is NaN or infinite.
    pub not_finite: usize,
    /// Number of items in the benchmark, where every replicate has the same.
    pub items: Option<u64>,
    /// Standard error that the measurement itself gave, for a single replicate.
    pub stderr: Option<f64>,
}

impl Reading {
    /// Mean over the replicates.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.summary.map(|summary| summary.mean)
    }

    /// Whether it is the mean of other measures.
    #[must_use]
    pub fn is_derived(&self) -> bool {
        self.variant.derived
    }
}

/// All readings of one measure of one cell, and what is missing. The first reading is the one that is shown.
#[derive(Debug, Clone, Copy)]
pub struct Score<'a> {
    pub state: CellState,
    pub readings: &'a [Reading],
}

impl Score<'_> {
    /// The value that figures and tables show.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.readings.first()?.value()
    }
}
