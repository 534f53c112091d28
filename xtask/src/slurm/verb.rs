//! The verb and its options.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::cluster::Cluster;
use super::{down, record, status, up};
use crate::failure::{Failure, Result};
use crate::repo;

#[derive(Args)]
pub struct Slurm {
    #[command(subcommand)]
    verb: Verb,
    /// The cluster's folder, `.slurm` without; each folder is a cluster of its own
    #[arg(long, global = true, value_name = "FOLDER")]
    at: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Verb {
    /// Bring the cluster up, or what of it does not run; install Debian's packages where root may
    Up {
        /// A line of `slurm.conf` that differs from ours, such as `MaxArraySize=11`; may be repeated
        #[arg(long, value_name = "KEY=VALUE", value_parser = setting)]
        set: Vec<(String, String)>,
    },
    /// End its jobs and its daemons, and remove all but their logs
    Down,
    /// Say which daemons live and what state the nodes are in; fail unless all is well
    Status,
    /// Print what a shell evaluates to talk to it: `eval "$(cargo xtask slurm env)"`
    Env,
    /// Record what Slurm's programs say into `tests/fixtures/slurm`, on a fresh cluster of its own, in minutes
    Record,
}

impl Slurm {
    pub fn run(&self) -> Result<()> {
        let usual = if matches!(self.verb, Verb::Record) { ".slurm-record" } else { ".slurm" };
        let folder = self.at.clone().unwrap_or_else(|| repo::root().join(usual));
        let cluster = Cluster::at(&folder)?;
        match &self.verb {
            Verb::Up { set } => up::up(&cluster, set),
            Verb::Down => down::down(&cluster),
            Verb::Status => status::status(&cluster),
            Verb::Env => {
                cluster.settings()?.ok_or_else(|| absent(&cluster))?;
                println!("{}", cluster.export());
                Ok(())
            }
            Verb::Record => record::record(&cluster),
        }
    }
}

/// There is nothing that this verb could work on.
pub fn absent(cluster: &Cluster) -> Failure {
    Failure::new(format!("no cluster in `{}`", cluster.folder().display())).hint("`cargo xtask slurm up` makes one")
}

fn setting(text: &str) -> std::result::Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    let plain = |text: &str| !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c == '#');
    if plain(key) && plain(value) {
        Ok((key.to_owned(), value.to_owned()))
    } else {
        Err("neither side may be empty, or hold white space or `#`".to_owned())
    }
}
