//! What an audit looks at besides the evidence: gathered by an edge, never looked up by a rule.

use std::path::PathBuf;
use std::sync::Arc;

use runfile::{Outcome, Score};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::grid::Sweep;
use crate::id::{RunId, TaskId};
use crate::metric::{Kind, Observation};
use crate::report::printed::Printed;
use crate::rerun::Repeat;

/// Everything beside the evidence. An audit of a store without its folders has less, and says so.
#[derive(Debug, Default)]
pub struct Facts {
    /// The ended attempts of the plan's tasks, in the order in which they were stored.
    pub attempts: Vec<Attempt>,
    /// What was imported for the plan's runs, in the order in which it was stored.
    pub imported: Vec<Imported>,
    /// How the task folders look; `None` when they are not here.
    pub disk: Option<Disk>,
    /// What somebody else printed for a report.
    pub printed: Vec<Printed>,
    /// Earlier texts of the sweep that still parse, the latest first.
    pub earlier: Vec<Sweep>,
    /// Where the database says something else than the journal does, one line each.
    pub journal: Vec<String>,
    /// What was done again, the earliest first.
    pub repeats: Vec<Repeat>,
    /// The store that this one is compared with.
    pub other: Option<Other>,
}

/// One ended attempt, as the store has it.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub task: TaskId,
    pub number: u32,
    pub succeeded: bool,
    /// In seconds since the epoch.
    pub ended: f64,
    /// Below the folder of all tasks.
    pub folder: String,
    pub provenance: Provenance,
    /// By path.
    pub artifacts: Vec<Artifact>,
    /// What its files hold that is not as the job protocol says, one line each.
    pub problems: Vec<String>,
    /// Scores of an attempt that does not count; those of one that does are observations.
    pub scores: Vec<LateScore>,
}

/// A score of an attempt that does not count.
#[derive(Debug, Clone, PartialEq)]
pub struct LateScore {
    pub kind: Arc<Kind>,
    pub step: Option<u64>,
    pub value: f64,
}

/// A file that an attempt left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Below the attempt's folder of results.
    pub path: String,
    pub bytes: u64,
    pub digest: blake3::Hash,
    /// It was deleted on purpose.
    pub deleted: bool,
}

/// What an attempt ran with, as far as rules ask; texts are as the worker wrote them.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Provenance {
    pub command: Vec<String>,
    pub commit: Option<String>,
    /// Files differed from the commit.
    pub dirty: Option<bool>,
    /// Digest of that difference.
    pub diff: Option<String>,
    /// Digest of the program.
    pub program: Option<String>,
    /// Digest of the libraries that were kept with it.
    pub libraries: Option<String>,
    /// Digest of the scripts that were kept with it.
    pub code: Option<String>,
    pub device: Option<String>,
    pub driver: Option<String>,
    /// The widest vector instructions of the processor.
    pub cpu_capability: Option<String>,
    pub threads: Option<u64>,
    pub world_size: Option<u64>,
    /// Digest of `effective.json`.
    pub effective: Option<String>,
}

/// One imported number.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    pub run: RunId,
    pub column: Arc<Column>,
    pub value: f64,
    /// Of the imported file, from 1.
    pub line: u64,
    /// Doubts, in the words of the file.
    pub note: Option<String>,
}

/// What the numbers of one column of one import have in common.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Column {
    pub import: String,
    pub file: PathBuf,
    pub source: String,
    pub metric: String,
    pub benchmark: String,
}

/// How the task folders look beside the store.
#[derive(Debug, Default)]
pub struct Disk {
    /// One entry an attempt that was looked at and of which there is something to compare.
    pub attempts: Vec<OnDisk>,
    /// Attempts whose files were looked at, by size and time.
    pub looked_at: usize,
    /// Attempts of which the small files were read as well.
    pub read: usize,
    /// Tasks with a published success that the store does not have.
    pub uncollected: Vec<TaskId>,
    pub verified: Option<Verified>,
    /// Predictions that were scored again; only where files are digested anew.
    pub rescored: Vec<Rescored>,
}

/// Predictions of a published benchmark, scored again.
#[derive(Debug, Clone, PartialEq)]
pub struct Rescored {
    /// Index into [`Facts::attempts`].
    pub attempt: usize,
    pub benchmark: String,
    /// Below the attempt's folder of results.
    pub path: String,
    /// The share of right answers by each protocol, or why there is none.
    pub shares: std::result::Result<Vec<(String, f64)>, String>,
}

/// How many files were digested anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    pub wanted: Wanted,
    pub files: usize,
    pub bytes: u64,
    /// Files that there are.
    pub of: usize,
}

/// Which files were to be digested.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Wanted {
    All,
    /// So many of a million.
    Sample(u32),
}

impl Eq for Wanted {}

/// What lies in the folder of one attempt.
#[derive(Debug, Default)]
pub struct OnDisk {
    /// Index into [`Facts::attempts`].
    pub attempt: usize,
    /// The folder of results is not there.
    pub gone: bool,
    /// Files that are not as the store says.
    pub files: Vec<(String, FileState)>,
    /// What the small files say, where they were read.
    pub contents: Option<Contents>,
}

/// How a file differs from what the store says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileState {
    Missing,
    Unreadable(String),
    /// It has another size.
    Size(u64),
    /// It has the recorded size and another digest.
    Digest(blake3::Hash),
    /// It has the recorded size, was written after the attempt had ended, and was not read.
    Newer,
}

/// What the small files of an attempt say.
#[derive(Debug)]
pub struct Contents {
    pub outcome: std::result::Result<Box<Outcome>, String>,
    /// Of `scores.json` as it lies there; `None` if there is none or it is no file of scores.
    pub scores: Option<Vec<Score>>,
    /// Of `effective.json`.
    pub effective: Option<Map<String, Value>>,
}

/// Another store, asked about the same plan.
#[derive(Debug)]
pub struct Other {
    /// The file.
    pub name: String,
    pub attempts: Vec<Attempt>,
    pub observations: Vec<Observation>,
}
