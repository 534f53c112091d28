//! The hidden verb `sweep look`: what the test job of `sweep doctor --job` sees on its node.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use runfile::files;
use serde::{Deserialize, Serialize};

use super::doctor::skew;
use super::hand_over::{host_name, me};
use crate::error::Context;
use crate::provenance::{self, LibtorchSeen};
use crate::{Result, access};

#[derive(Debug, Args)]
pub struct LookArgs {
    /// File for what is seen
    seen: PathBuf,
    /// Folder that tasks will write into
    runs: PathBuf,
    /// The trainer, if there is one
    vpit: Option<PathBuf>,
}

/// What a node is like for jobs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sight {
    pub host: String,
    /// The user's number there.
    pub user: String,
    /// Seconds by which the file server's clock is ahead of the node's, or why nothing can be written.
    pub skew: std::result::Result<f64, String>,
    /// Models of its NVIDIA devices.
    pub devices: Vec<String>,
    /// What the trainer computes on there, or why it does not start; `None` without one.
    pub libtorch: Option<std::result::Result<LibtorchSeen, String>>,
}

impl LookArgs {
    /// Look and write.
    ///
    /// # Errors
    /// What is seen cannot be written.
    pub fn run(self) -> Result<ExitCode> {
        if self.runs.is_dir() {
            access::follow(&self.runs)?;
        }
        let sight = Sight {
            host: host_name(),
            user: me(),
            skew: see_runs(&self.runs),
            devices: provenance::gpu_models(),
            libtorch: self.vpit.as_deref().map(provenance::of_libtorch),
        };
        files::write_json(&self.seen, &sight).context(|| "cannot write what this node is like".to_owned())?;
        Ok(ExitCode::SUCCESS)
    }
}

fn see_runs(runs: &Path) -> std::result::Result<f64, String> {
    if !runs.is_dir() {
        return Err(format!("there is no folder `{}`", runs.display()));
    }
    skew(runs).map_err(|error| error.to_string())
}
