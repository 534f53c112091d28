//! `metrics.jsonl`: time series, one JSON object a line, `{"step": 10, "loss": 1.25, "lr": 0.001}`.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::{Error, Result};

/// Name of the file in the job's folder.
pub const FILE: &str = "metrics.jsonl";

/// Appends points to the job's time series.
///
/// Each point is one `write` of one line, so that a reader of a growing file sees whole lines, at worst a torn last one.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    file: File,
}

impl Writer {
    /// Open the series in `folder` for appending.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(|source| Error::Write { path: path.clone(), source })?;
        Ok(Self { path, file })
    }

    /// Append one point; a value that is not finite is written as the string that names it.
    ///
    /// # Errors
    /// The line cannot be written.
    pub fn push(&mut self, step: u64, values: &[(&str, f64)]) -> Result<()> {
        let mut point = Map::new();
        point.insert("step".to_owned(), step.into());
        for &(name, value) in values {
            let value = serde_json::Number::from_f64(value).map_or_else(|| value.to_string().into(), Value::Number);
            point.insert(name.to_owned(), value);
        }
        let mut line = Value::Object(point).to_string();
        line.push('\n');
        self.file.write_all(line.as_bytes()).map_err(|source| Error::Write { path: self.path.clone(), source })
    }
}
