//! From task folders to what the store records. Reads only; the same folders give the same facts.

use std::path::PathBuf;

use runfile::{Outcome, Score, Series};

use crate::id::TaskId;

/// How one attempt of a task ended, with everything that it left for the store.
///
/// A task that was tried three times gives three of these, one for each [`Outcome::attempt`]. Artifacts and provenance
/// are in the outcome. Scores of an attempt that did not succeed are kept (a diverged training is a result), it is the
/// verdict that says whether a report may use them.
#[derive(Debug, Clone, PartialEq)]
pub struct CollectedTask {
    pub task: TaskId,
    /// Name of the task's stage.
    pub stage: String,
    pub outcome: Outcome,
    /// The attempt's folder of results.
    pub results: PathBuf,
    pub scores: Vec<Score>,
    pub series: Series,
    /// What the files hold that is not as the protocol says; each becomes a finding.
    pub problems: Vec<Problem>,
}

/// Something wrong in a task folder, for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, below the task folder's root.
    pub path: PathBuf,
    /// 1-based; `None` when the whole file is meant.
    pub line: Option<u64>,
    pub message: String,
}
