//! The processes of a cluster, found by what they carry in their environment.
//!
//! A file with process ids would be one step late when its writer is killed, and wrong once an id is used again. What a
//! process was started with stays readable as long as it lives, and all that a daemon starts inherits it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::cluster::Cluster;
use crate::failure::{Failure, Result};

/// Set for every daemon, to the cluster's folder and the daemon's name below it.
pub const MARK: &str = "SLURM_DEVELOPMENT_DAEMON";

const STEP: Duration = Duration::from_millis(50);
/// Steps that an end may take before it is forced: 20 s.
const PATIENCE: u32 = 400;

#[derive(Debug)]
pub struct Process {
    pub pid: i32,
    /// The program's name as the kernel has it.
    pub program: String,
    pub role: Role,
}

#[derive(Debug, PartialEq)]
pub enum Role {
    /// Marked as the daemon of this name, or started by it.
    Daemon(String),
    /// Part of a job.
    Job,
}

/// All that run now, in the order of their ids. Somebody else's processes, which we could not end either, show nothing.
pub fn of(cluster: &Cluster) -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten();
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let mut found: Vec<Process> = pids.filter_map(|pid| look(cluster, pid)).collect();
    found.sort_by_key(|process| process.pid);
    found
}

fn look(cluster: &Cluster, pid: i32) -> Option<Process> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let role = role(cluster, &String::from_utf8_lossy(&environment))?;
    let program = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?.trim_end().to_owned();
    Some(Process { pid, program, role })
}

/// A shell that talks to the cluster has `SLURM_CONF` too: only with a job's id it is a job's.
fn role(cluster: &Cluster, environment: &str) -> Option<Role> {
    let variables: BTreeMap<&str, &str> = environment.split('\0').filter_map(|text| text.split_once('=')).collect();
    let (client, conf) = cluster.client();
    if let Some(name) = variables.get(MARK).and_then(|mark| mark.strip_prefix(&cluster.text(""))) {
        return Some(Role::Daemon(name.to_owned()));
    }
    let is_job = variables.get(client) == Some(&conf.as_str()) && variables.contains_key("SLURM_JOB_ID");
    is_job.then_some(Role::Job)
}

impl Process {
    /// Whether this is the daemon itself, not a helper of it.
    pub fn is(&self, name: &str, program: &str) -> bool {
        self.program == program && self.role == Role::Daemon(name.to_owned())
    }
}

/// End all processes of the cluster that are `wanted`: ask first, then force. Returns once they are gone.
pub fn end(cluster: &Cluster, wanted: impl Fn(&Process) -> bool) -> Result<()> {
    signal_all(cluster, &wanted, Signal::TERM)?;
    // A stopped one hears nothing until it goes on.
    signal_all(cluster, &wanted, Signal::CONT)?;
    for _ in 0..PATIENCE {
        if !of(cluster).iter().any(&wanted) {
            return Ok(());
        }
        thread::sleep(STEP);
    }
    kill(cluster, wanted)
}

/// End at once whatever is `wanted`, and whatever it starts meanwhile.
pub fn kill(cluster: &Cluster, wanted: impl Fn(&Process) -> bool) -> Result<()> {
    for _ in 0..PATIENCE {
        let left: Vec<Process> = of(cluster).into_iter().filter(|process| wanted(process)).collect();
        if left.is_empty() {
            return Ok(());
        }
        for process in left {
            signal(cluster, &process, Signal::KILL)?;
        }
        thread::sleep(STEP);
    }
    Err(Failure::new("processes of the cluster outlive being killed; the machine may be short of memory or disk"))
}

/// Send a signal to all processes of the cluster that are `wanted`.
pub fn signal_all(cluster: &Cluster, wanted: impl Fn(&Process) -> bool, what: Signal) -> Result<()> {
    of(cluster).iter().filter(|process| wanted(process)).try_for_each(|process| signal(cluster, process, what))
}

/// The id may belong to somebody else by now, so look again once the kernel holds it for us.
fn signal(cluster: &Cluster, process: &Process, signal: Signal) -> Result<()> {
    let send = || -> io::Result<()> {
        let Some(pid) = Pid::from_raw(process.pid) else { return Ok(()) };
        let held = pidfd_open(pid, PidfdFlags::empty())?;
        if look(cluster, process.pid).is_some_and(|now| now.role == process.role) {
            pidfd_send_signal(held, signal)?;
        }
        Ok(())
    };
    match send() {
        // It ended by itself.
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => Ok(()),
        Err(error) => Err(Failure::new(format!("cannot end `{}`, process {}: {error}", process.program, process.pid))),
        Ok(()) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::tool;

    fn role_in(environment: &str) -> Option<Role> {
        role(&Cluster::at(Path::new("/c")).expect("a plain name"), environment)
    }

    #[test]
    fn daemons_are_known_by_the_mark_of_their_own_cluster() {
        let daemon = |name: &str| Some(Role::Daemon(name.to_owned()));
        assert_eq!(role_in("A=b\0SLURM_DEVELOPMENT_DAEMON=/c/n1\0"), daemon("n1"));
        assert_eq!(role_in("SLURM_DEVELOPMENT_DAEMON=/c2/n1\0"), None);
        assert_eq!(role_in("X_SLURM_DEVELOPMENT_DAEMON=/c/n1\0"), None);
    }

    #[test]
    fn only_processes_of_the_same_cluster_are_ended() {
        let folder = tempfile::tempdir().expect("a folder");
        let clusters = ["a", "b"].map(|name| Cluster::at(&folder.path().join(name)).expect("a plain name"));
        for cluster in &clusters {
            let (mark, log) = (cluster.text("n1"), folder.path().join("log"));
            tool::start_daemon("sleep", &["1000".to_owned()], &[("PATH", "/usr/bin:/bin"), (MARK, &mark)], &log)
                .expect("every machine has it");
        }
        let count = |cluster: &Cluster| of(cluster).iter().filter(|process| process.is("n1", "sleep")).count();
        while clusters.iter().any(|cluster| count(cluster) == 0) {
            thread::sleep(STEP);
        }
        end(&clusters[0], |_| true).expect("they are ours");
        assert_eq!(clusters.each_ref().map(count), [0, 1]);
        kill(&clusters[1], |_| true).expect("they are ours");
        assert_eq!(count(&clusters[1]), 0);
    }

    #[test]
    fn a_job_is_told_from_a_client() {
        assert_eq!(role_in("SLURM_CONF=/c/slurm.conf\0SLURM_JOB_ID=7\0"), Some(Role::Job));
        assert_eq!(role_in("SLURM_CONF=/c/slurm.conf\0"), None);
        assert_eq!(role_in("SLURM_CONF=/d/slurm.conf\0SLURM_JOB_ID=7\0"), None);
    }
}
