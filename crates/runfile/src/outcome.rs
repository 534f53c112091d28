//! How a task ended, as the worker publishes it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{Error, PROTOCOL, Result};

/// Name of the file in an attempt's folder, and of its link in the task's folder once the task has succeeded.
pub const FILE: &str = "outcome.json";

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

impl FailureReason {
    /// Every reason, in the order of the table in `docs/job-protocol.md`.
    pub const ALL: [Self; 10] = [
        Self::OutOfMemory,
        Self::TimeLimit,
        Self::NodeFailure,
        Self::Preempted,
        Self::ExitCode,
        Self::Signal,
        Self::Diverged,
        Self::MissingOutput,
        Self::NotStarted,
        Self::DiskFull,
    ];

    /// The one spelling, as in `outcome.json`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OutOfMemory => "out-of-memory",
            Self::TimeLimit => "time-limit",
            Self::NodeFailure => "node-failure",
            Self::Preempted => "preempted",
            Self::ExitCode => "exit-code",
            Self::Signal => "signal",
            Self::Diverged => "diverged",
            Self::MissingOutput => "missing-output",
            Self::NotStarted => "not-started",
            Self::DiskFull => "disk-full",
        }
    }

    /// Whether the same command with the same resources may end otherwise next time.
    ///
    /// An exit code or a signal says too little to rule it out; the stage's number of attempts bounds the tries.
    #[must_use]
    pub fn retry_makes_sense(self) -> bool {
        match self {
            Self::NodeFailure | Self::Preempted | Self::ExitCode | Self::Signal => true,
            Self::OutOfMemory
            | Self::TimeLimit
            | Self::Diverged
            | Self::MissingOutput
            | Self::NotStarted
            | Self::DiskFull => false,
        }
    }
}

impl std::fmt::Display for FailureReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
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

impl Outcome {
    /// Read an outcome from the bytes of the file at `path`.
    ///
    /// # Errors
    /// The bytes are not an outcome, or one of a newer protocol.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        let outcome: Self = serde_json::from_slice(bytes).map_err(|error| Error::syntax(path, &error))?;
        if outcome.protocol > PROTOCOL {
            return Err(Error::Version { path: path.to_owned(), found: outcome.protocol });
        }
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_one_spelling() {
        for reason in FailureReason::ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        }
    }

    #[test]
    fn an_outcome_of_a_newer_protocol_is_refused() {
        let text = r#"{"protocol": 2, "task": "0", "attempt": 1, "verdict": "succeeded", "started": 0, "ended": 1}"#;
        let error = Outcome::parse(Path::new("outcome.json"), text.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "outcome.json is written in protocol 2, this program knows 1");
    }
}
