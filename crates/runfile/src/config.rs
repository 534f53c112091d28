//! What a job is told: the configuration of one task.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, PROTOCOL, Result, env, files};

/// The configuration of one task: only the parameters that its stage uses, and where the stages it needs left their
/// results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskConfig {
    pub protocol: u32,
    /// Name of the sweep that planned the task first (information, not identity).
    pub sweep: String,
    pub stage: String,
    /// The task's identity, 32 hexadecimal digits.
    pub task: String,
    /// Parameters by name; amounts are plain integers here (`"200k"` arrives as `200000`).
    pub params: BTreeMap<String, Value>,
    /// By the name of each needed stage: the folder that holds its successful attempt's results.
    pub inputs: BTreeMap<String, PathBuf>,
    /// Number of threads that the job may use.
    pub threads: u32,
    /// Shares of a training, such as `25%`, at which other stages look at it: what they need of it then has to stay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<String>,
}

impl TaskConfig {
    /// Read the configuration that `SWEEP_CONFIG` names.
    ///
    /// # Errors
    /// The variable is unset, or the file is missing, malformed or of a newer protocol.
    pub fn from_env() -> Result<Self> {
        let path = std::env::var_os(env::CONFIG).ok_or(Error::NoEnvironment { name: env::CONFIG })?;
        Self::read(Path::new(&path))
    }

    /// Read the configuration at `path`.
    ///
    /// # Errors
    /// The file is missing, malformed or of a newer protocol.
    pub fn read(path: &Path) -> Result<Self> {
        let config: Self = files::read_json(path)?;
        if config.protocol > PROTOCOL {
            return Err(Error::Version { path: path.to_owned(), found: config.protocol });
        }
        Ok(config)
    }
}
