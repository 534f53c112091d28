//! Says how a cluster is.

use super::cluster::Cluster;
use super::config::NODES;
use super::process;
use super::verb::absent;
use super::{daemon, daemon::is_in_service};
use crate::failure::{Failure, Result};

pub fn status(cluster: &Cluster) -> Result<()> {
    let Some(settings) = cluster.settings()? else { return Err(absent(cluster)) };
    let running = process::of(cluster);
    let mut well = true;
    for daemon in daemon::all(cluster, &settings) {
        let pid = running.iter().find(|process| process.is(daemon.name, daemon.program)).map(|process| process.pid);
        let port = daemon.port.map(|port| format!(", port {port}")).unwrap_or_default();
        let life = pid.map_or("dead".to_owned(), |pid| format!("lives, process {pid}{port}"));
        println!("{:<10} {life}", daemon.name);
        well &= pid.is_some();
    }
    for node in NODES {
        let state = daemon::node_state(cluster, node).unwrap_or_else(|_| "unknown: no answer".to_owned());
        println!("node {node:<5} {state}");
        well &= is_in_service(&state);
    }
    println!("{}", cluster.export());
    if well {
        return Ok(());
    }
    Err(Failure::new("the cluster is not wholly up").hint("`cargo xtask slurm up` brings up what is missing"))
}
