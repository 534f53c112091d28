//! Imported results: numbers that somebody else measured, with where they come from.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Results from one file, matched to runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// Name of the import in the sweep file, or of the file.
    pub name: String,
    pub file: PathBuf,
    /// Of the file's bytes and of how its columns were read, 32 hexadecimal digits.
    pub digest: String,
    /// Where the numbers come from, as reports print it.
    pub source: String,
    pub scores: Vec<ImportedScore>,
}

/// One number for one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportedScore {
    /// The run's identity, 32 hexadecimal digits.
    pub run: String,
    pub metric: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub benchmark: String,
    /// Finite.
    pub value: f64,
    /// Line of the file, from 1.
    pub line: u64,
}
