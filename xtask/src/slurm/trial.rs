//! The cluster that `cargo xtask test` tries `sweep` on.

use std::path::Path;

use super::cluster::Cluster;
use super::{down, packages, up};
use crate::failure::Result;
use crate::tool;

/// Where tests on a real Slurm can run.
pub enum Trial {
    /// The user's environment names one, by the path of its `slurm.conf`.
    Given(String),
    /// One that is brought up for the tests and taken down after them.
    Own(Cluster),
    /// Nowhere, and why.
    Nowhere(String),
}

/// A cluster for the tests of the repository in `root`.
pub fn trial(root: &Path) -> Result<Trial> {
    if let Some(conf) = tool::env("SLURM_CONF").and_then(|conf| conf.into_string().ok()) {
        return Ok(Trial::Given(conf));
    }
    if packages::can_be_had() {
        return Cluster::at(&root.join(".slurm-test")).map(Trial::Own);
    }
    Ok(Trial::Nowhere("neither SLURM_CONF names a Slurm, nor is this root on Debian or Ubuntu".to_owned()))
}

impl Cluster {
    /// Bring it up, run `tests` with the path of its `slurm.conf`, take it down, however they end.
    pub fn lend(&self, tests: impl FnOnce(&str) -> Result<()>) -> Result<()> {
        // What an interrupted trial left behind would decide this one's job ids and accounts.
        if self.settings()?.is_some() {
            down::down(self)?;
        }
        let (_, conf) = self.client();
        let tried = up::up(self, &[]).and_then(|()| tests(&conf));
        // Also where `up` failed half-way.
        let ended = if self.settings()?.is_some() { down::down(self) } else { Ok(()) };
        tried.and(ended)
    }
}
