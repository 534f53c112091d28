//! `scores.json`: what a job measured.
//!
//! Two spellings are read. The short one, `{"accuracy": 0.93}`, is for a script of ten lines; the long one is
//! `{"scores": [{"metric": "accuracy", "benchmark": "digits/general", "value": 0.93, "n": 400, "stderr": 0.0128}]}`.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Result, files};

/// Name of the file in the job's folder.
pub const FILE: &str = "scores.json";

/// One measured value with what is needed to judge it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Score {
    pub metric: String,
    /// Data set and protocol; empty when the metric has only one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub benchmark: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub split: String,
    /// Training step of the checkpoint; absent means the final one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u64>,
    pub value: f64,
    /// Number of items behind the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u64>,
    /// Standard error of the value, in its own unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stderr: Option<f64>,
}

impl Score {
    /// A final score of `metric` on `benchmark` over `n` items.
    #[must_use]
    pub fn new(metric: &str, benchmark: &str, value: f64) -> Self {
        Self {
            metric: metric.to_owned(),
            benchmark: benchmark.to_owned(),
            split: String::new(),
            step: None,
            value,
            n: None,
            stderr: None,
        }
    }

    /// A share of right answers with its binomial standard error, `sqrt(p (1 - p) / n)`.
    #[must_use]
    pub fn share(metric: &str, benchmark: &str, right: u64, n: u64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "benchmarks have far fewer than 2^53 items")]
        let (right, items) = (right as f64, n as f64);
        let p = right / items;
        Self { n: Some(n), stderr: Some((p * (1.0 - p) / items).sqrt()), ..Self::new(metric, benchmark, p) }
    }
}

/// Write `scores` into the job's folder, whole or not at all.
///
/// # Errors
/// The file cannot be written.
pub fn write(folder: &Path, scores: &[Score]) -> Result<()> {
    #[derive(Serialize)]
    struct Long<'a> {
        scores: &'a [Score],
    }
    files::write_json(&folder.join(FILE), &Long { scores })
}
