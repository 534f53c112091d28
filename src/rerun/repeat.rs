//! What there was, and what came of doing it again.

use std::collections::BTreeMap;
use std::path::PathBuf;

use runfile::{FailureReason, Score, Verdict};
use serde_json::{Map, Value};

use crate::id::TaskId;

/// What one attempt left.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Left {
    pub provenance: Map<String, Value>,
    /// Digest of every file, by its path below the results folder.
    pub artifacts: BTreeMap<PathBuf, blake3::Hash>,
    pub scores: Vec<Score>,
}

/// One task done again.
#[derive(Debug, Clone, PartialEq)]
pub struct Repeat {
    pub task: TaskId,
    /// Number of the attempt that was repeated.
    pub attempt: u32,
    /// Names the rerun, and its folder.
    pub token: String,
    /// Seconds since the epoch, UTC.
    pub recorded: f64,
    pub verdict: Verdict,
    pub reason: Option<FailureReason>,
    /// The last words of the program or of the worker.
    pub message: String,
    pub before: Left,
    pub again: Left,
}

impl Repeat {
    /// The files that are not the same in both, or in only one.
    #[must_use]
    pub fn different_files(&self) -> Vec<PathBuf> {
        let (before, again) = (&self.before.artifacts, &self.again.artifacts);
        let changed = before.iter().filter(|(path, digest)| again.get(*path) != Some(digest)).map(|(path, _)| path);
        let new = again.keys().filter(|path| !before.contains_key(*path));
        let mut files: Vec<PathBuf> = changed.chain(new).cloned().collect();
        files.sort_unstable();
        files
    }
}
