//! The daemons: how each is started, and how one knows that it answers.

use super::cluster::Cluster;
use super::config::{NODES, Settings};
use crate::failure::{Failure, Result};
use crate::tool;

/// One daemon in the foreground, as its own arguments have it.
pub struct Daemon {
    /// Unique within a cluster; its files in `log/` begin with it.
    pub name: &'static str,
    pub program: &'static str,
    pub args: Vec<String>,
    /// What it needs in its environment besides what all get.
    pub env: Option<(&'static str, String)>,
    /// The one it listens on, if it is no socket below the folder.
    pub port: Option<u16>,
}

/// All daemons, each after those that it needs.
pub fn all(cluster: &Cluster, settings: &Settings) -> Vec<Daemon> {
    let controller = Daemon {
        name: "slurmctld",
        program: "slurmctld",
        args: vec!["-D".to_owned()],
        env: None,
        port: Some(settings.slurmctld_port),
    };
    let nodes = NODES.iter().zip(settings.node_ports).map(|(name, port)| Daemon {
        name,
        program: "slurmd",
        args: ["-D", "-N", name].map(str::to_owned).to_vec(),
        env: None,
        port: Some(port),
    });
    let first = [munged(cluster), mariadbd(cluster, settings), slurmdbd(cluster, settings), controller];
    first.into_iter().chain(nodes).collect()
}

/// With a key and a socket of its own, beside the machine's if it has one.
fn munged(cluster: &Cluster) -> Daemon {
    let file = |option: &str, name: &str| format!("--{option}={}", cluster.text(&format!("munge/{name}")));
    let files =
        [("key-file", "key"), ("socket", "socket"), ("pid-file", "pid"), ("log-file", "log"), ("seed-file", "seed")];
    let files = files.iter().map(|(option, name)| file(option, name));
    Daemon {
        name: "munged",
        program: "munged",
        args: ["--foreground".to_owned()].into_iter().chain(files).collect(),
        env: None,
        port: None,
    }
}

/// Reached by a socket below the folder alone: no port, no password.
fn mariadbd(cluster: &Cluster, settings: &Settings) -> Daemon {
    Daemon {
        name: "mariadbd",
        program: "mariadbd",
        args: vec![
            "--no-defaults".to_owned(),
            format!("--user={}", settings.user),
            format!("--datadir={}", cluster.text("db")),
            format!("--socket={}", cluster.text("run/mariadb.socket")),
            format!("--pid-file={}", cluster.text("run/mariadbd.pid")),
            "--skip-networking".to_owned(),
            // As slurmdbd wants it, else it complains at every start.
            "--innodb-lock-wait-timeout=900".to_owned(),
        ],
        env: None,
        port: None,
    }
}

fn slurmdbd(cluster: &Cluster, settings: &Settings) -> Daemon {
    Daemon {
        name: "slurmdbd",
        program: "slurmdbd",
        args: vec!["-D".to_owned()],
        // Its configuration knows no socket; MariaDB's client library does.
        env: Some(("MYSQL_UNIX_PORT", cluster.text("run/mariadb.socket"))),
        port: Some(settings.slurmdbd_port),
    }
}

impl Daemon {
    /// Fail with a client's words unless it does its work.
    pub fn answers(&self, cluster: &Cluster) -> Result<()> {
        let works = |program: &str, args: &[&str]| ask(cluster, program, args).map(drop);
        match self.program {
            "munged" => works("munge", &["--no-input", "--socket", &cluster.text("munge/socket")]),
            "mariadbd" => {
                let socket = format!("--socket={}", cluster.text("run/mariadb.socket"));
                works("mariadb", &["--no-defaults", &socket, "--execute=select 1"])
            }
            "slurmdbd" => works("sacctmgr", &["--noheader", "list", "cluster"]),
            "slurmctld" => works("scontrol", &["ping"]),
            _ => {
                let state = node_state(cluster, self.name)?;
                let in_service = is_in_service(&state);
                if in_service { Ok(()) } else { Err(Failure::new(format!("Slurm calls the node `{state}`"))) }
            }
        }
    }
}

/// What a program that finds the cluster by its environment prints.
pub fn ask(cluster: &Cluster, program: &str, args: &[&str]) -> Result<String> {
    let (name, value) = cluster.client();
    tool::ask(program, args, cluster.folder(), &[(name, &value)])
}

/// Slurm's word, such as `idle`, `mixed`, or `down*`: the star says that the node does not answer.
pub fn node_state(cluster: &Cluster, node: &str) -> Result<String> {
    let lines = ask(cluster, "sinfo", &["--noheader", "--Node", "--nodes", node, "--format=%T"])?;
    // One line for each partition that it is in, all alike.
    Ok(lines.lines().next().unwrap_or("unknown").trim().to_owned())
}

/// Whether a node in this state takes jobs, now or once others end.
pub fn is_in_service(state: &str) -> bool {
    ["idle", "mixed", "allocated", "completing"].contains(&state)
}
