//! How much of what a figure could show is there.

use crate::report::frame::{CellState, Frame};

/// Runs that a figure shows, of those that it could.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coverage {
    /// Runs with every measure that applies to them.
    pub have: usize,
    /// Runs to which any measure applies.
    pub of: usize,
    /// Cells of which a run failed.
    pub failed: usize,
}

impl Coverage {
    /// Whether nothing is missing.
    #[must_use]
    pub fn is_complete(self) -> bool {
        self.have == self.of
    }

    /// What the stamp says; `None` when nothing is missing.
    #[must_use]
    pub fn stamp(self) -> Option<String> {
        (!self.is_complete()).then(|| format!("partial: {} of {} runs", self.have, self.of))
    }
}

/// Count the runs of `frame` that have all of `measures`. A cell to which a measure does not apply lacks nothing.
#[must_use]
pub fn coverage(frame: &Frame, measures: &[usize]) -> Coverage {
    let mut total = Coverage { have: 0, of: 0, failed: 0 };
    for (position, cell) in frame.cells.iter().enumerate() {
        let of = cell.replicates.len();
        let states = measures.iter().map(|&measure| frame.score(position, measure).state);
        let applying: Vec<CellState> = states.filter(|state| *state != CellState::NotApplicable).collect();
        let have = applying.iter().map(|&state| replicates(state, of)).min();
        total.have += have.unwrap_or(0);
        total.of += if have.is_some() { of } else { 0 };
        total.failed += usize::from(applying.iter().any(|state| matches!(state, CellState::Failed(_))));
    }
    total
}

fn replicates(state: CellState, of: usize) -> usize {
    match state {
        CellState::Complete => of,
        CellState::Partial { have, .. } => have,
        CellState::NotApplicable | CellState::NotRun | CellState::Failed(_) => 0,
    }
}
