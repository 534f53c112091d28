//! The file protocol between a job and the orchestrator, compiled by both sides.
//!
//! A job is any program. It finds its configuration as a JSON file ([`TaskConfig`]) named by the environment variable
//! `SWEEP_CONFIG`, runs in a folder of its own ([`env::OUT`]) and leaves there what it found: [`scores`], [`series`],
//! predictions, its effective configuration and any artifacts. The worker that started it then publishes an
//! [`Outcome`]. `docs/job-protocol.md` tells the same to people who write jobs in other languages.

pub mod config;
pub mod env;
pub mod exit;
pub mod files;
pub mod number;
pub mod outcome;
pub mod scores;
pub mod series;

pub use config::TaskConfig;
pub use outcome::{FailureReason, Outcome, Verdict};
pub use scores::Score;
pub use series::Series;

/// Version of the protocol; a side that reads a newer one refuses it instead of guessing.
pub const PROTOCOL: u32 = 1;

/// Name of the folder, in the job's folder, that a later attempt gets as [`env::RESUME`].
pub const CHECKPOINT: &str = "checkpoint";

/// Name of the file in which a program reports the configuration that took effect, as one JSON object.
pub const EFFECTIVE: &str = "effective.json";

/// Why a protocol file could not be used; every variant names the file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {path}")]
    Read { path: std::path::PathBuf, source: std::io::Error },
    #[error("cannot write {path}")]
    Write { path: std::path::PathBuf, source: std::io::Error },
    #[error("{path}:{line}:{column}: {message}")]
    Syntax { path: std::path::PathBuf, line: usize, column: usize, message: String },
    #[error(
        "{path}: `{score}` is given twice, as score {first} and as score {second}; \
         `benchmark`, `split` and `step` tell scores of one metric apart"
    )]
    Twice { path: std::path::PathBuf, score: String, first: usize, second: usize },
    #[error("{path} is written in protocol {found}, this program knows {PROTOCOL}")]
    Version { path: std::path::PathBuf, found: u32 },
    #[error("the environment variable {name} is not set: is this program started by `sweep`?")]
    NoEnvironment { name: &'static str },
}

impl Error {
    /// What serde_json found, with its place told once.
    pub(crate) fn syntax(path: &std::path::Path, error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let text = error.to_string();
        let message = text.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&text);
        let message = match message.strip_prefix("EOF while parsing ") {
            Some(what) => format!("the file ends in the middle of {what}"),
            None => message.to_owned(),
        };
        // It counts the characters before the place, which may be none.
        Self::Syntax { path: path.to_owned(), line, column: column.max(1), message }
    }
}

pub type Result<T> = std::result::Result<T, Error>;
