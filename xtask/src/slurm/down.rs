//! Takes a cluster down: its jobs, its daemons, its files.

use super::cluster::Cluster;
use super::daemon;
use super::process::{self, Process, Role};
use super::verb::absent;
use crate::failure::Result;

pub fn down(cluster: &Cluster) -> Result<()> {
    let Some(settings) = cluster.settings()? else { return Err(absent(cluster)) };
    let _lock = cluster.lock()?;
    let daemons = daemon::all(cluster, &settings);
    let (first, slurmds): (Vec<_>, Vec<_>) = daemons.iter().partition(|daemon| daemon.program != "slurmd");
    let is_of = |process: &Process, name: &str| process.role == Role::Daemon(name.to_owned());

    // The controller first: it would start on another node what ends on one.
    process::end(cluster, |process| is_of(process, "slurmctld"))?;
    process::end(cluster, |process| slurmds.iter().any(|daemon| process.is(daemon.name, "slurmd")))?;
    // Jobs and what watches over them live on without slurmd.
    process::kill(cluster, |process| {
        process.role == Role::Job || slurmds.iter().any(|daemon| is_of(process, daemon.name))
    })?;
    for daemon in first.iter().rev() {
        process::end(cluster, |process| is_of(process, daemon.name))?;
    }
    process::kill(cluster, |_| true)?;
    cluster.remove()?;
    println!("slurm: down; its logs are in {}", cluster.path("log").display());
    Ok(())
}
