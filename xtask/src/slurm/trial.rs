//! The cluster that `cargo xtask test` tries `sweep` on.

use std::path::Path;

use sha2::{Digest, Sha256};

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
        return own(root).map(Trial::Own);
    }
    Ok(Trial::Nowhere("neither SLURM_CONF names a Slurm, nor is this root on Debian or Ubuntu".to_owned()))
}

/// Beside the sources; where Slurm cannot live there, among temporary files, under a name that is theirs alone.
fn own(root: &Path) -> Result<Cluster> {
    Cluster::at(&root.join(".slurm-test")).or_else(|_| {
        let digest = Sha256::digest(root.as_os_str().as_encoded_bytes());
        let name: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        Cluster::at(&std::env::temp_dir().join(format!("sweep-slurm-{name}")))
    })
}

impl Cluster {
    /// Bring it up, run `tests` with the path of its `slurm.conf`, take it down, however they end.
    pub fn lend(&self, tests: impl FnOnce(&str) -> Result<()>) -> Result<()> {
        // What an interrupted trial left behind would decide this one's job ids and accounts.
        if self.settings()?.is_some() {
            down::down(self)?;
        }
        let (_, conf) = self.client();
        let tried = up::up(self, &trial_settings()).and_then(|()| tests(&conf));
        // Also where `up` failed half-way.
        let ended = if self.settings()?.is_some() { down::down(self) } else { Ok(()) };
        tried.and(ended)
    }
}

/// Tests wait for nodes to be given up.
fn trial_settings() -> [(String, String); 1] {
    [("SlurmdTimeout".to_owned(), "5".to_owned())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkout_with_a_long_or_odd_path_has_its_cluster_elsewhere() {
        let folder = |root: &str| own(Path::new(root)).unwrap().folder().to_owned();
        assert_eq!(folder("/src/sweep"), Path::new("/src/sweep/.slurm-test"));
        let long = format!("/{}", "long".repeat(30));
        let elsewhere = [&*long, "/with space", "/with $(dollar)"].map(folder);
        for place in &elsewhere {
            assert!(place.starts_with(std::env::temp_dir()), "{}", place.display());
        }
        assert_ne!(elsewhere[0], elsewhere[1]);
    }
}
