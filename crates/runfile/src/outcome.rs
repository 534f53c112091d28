//! How a task ended, as the worker publishes it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Our verdict on an attempt. Slurm's word for a job is another thing and kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Succeeded,
    Failed,
    Cancelled,
}

/// Why an attempt failed; decides whether another try makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureReason {
    OutOfMemory,
    TimeLimit,
    NodeFailure,
    Preempted,
    ExitCode,
    Signal,
    /// The program reported NaN or infinity and stopped, or a score is not finite.
    Diverged,
    /// The program ended well but did not leave what its stage promises.
    MissingOutput,
    /// The command could not be started.
    NotStarted,
    DiskFull,
}

/// One file that an attempt left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    /// Path below the attempt's results folder.
    pub path: PathBuf,
    pub bytes: u64,
    /// BLAKE3 digest, hexadecimal.
    pub blake3: String,
}

/// The end of a task, published once and never changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    pub protocol: u32,
    pub task: String,
    pub attempt: u32,
    pub verdict: Verdict,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<FailureReason>,
    /// The last words of the program or of the worker, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// Seconds since the epoch, UTC.
    pub started: f64,
    pub ended: f64,
    #[serde(default)]
    pub artifacts: Vec<Artifact>,
    #[serde(default)]
    pub provenance: serde_json::Map<String, serde_json::Value>,
}
