//! The cluster of `cargo xtask slurm up`, which tests share and some disturb.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use assert_cmd::cargo::cargo_bin;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};

/// The node whose daemon and jobs tests kill: other tests keep away from it.
pub const TROUBLED: &str = "n3";
/// Set by `cargo xtask slurm` for every daemon: the cluster's folder and the daemon's name.
const MARK: &str = "SLURM_DEVELOPMENT_DAEMON=";

pub struct Cluster {
    folder: PathBuf,
}

/// A process and the program that it is.
pub struct Process {
    pid: i32,
    program: String,
}

impl Cluster {
    /// The cluster of this `slurm.conf`, if it is one of ours.
    pub fn of(slurm_conf: &str) -> Option<Self> {
        let folder = Path::new(slurm_conf).parent()?.to_owned();
        folder.join("cluster.json").exists().then_some(Self { folder })
    }

    /// Held while nobody may disturb the cluster.
    pub fn share(&self) -> File {
        let file = self.lock_file("everything");
        file.lock_shared().unwrap();
        file
    }

    /// Held by whoever disturbs all of it.
    pub fn have_alone(&self) -> File {
        let file = self.lock_file("everything");
        file.lock().unwrap();
        file
    }

    /// Held by whoever disturbs one node.
    pub fn have_node(&self) -> File {
        let file = self.lock_file(TROUBLED);
        file.lock().unwrap();
        file
    }

    fn lock_file(&self, name: &str) -> File {
        File::create(self.folder.join("run").join(format!("{name}.lock"))).unwrap()
    }

    /// The daemon of this name itself.
    pub fn signal_daemon(&self, name: &str, program: &str, signal: Signal) {
        let daemons = self.processes(|variable| self.is_mark(variable, name));
        let daemon = daemons.iter().find(|process| process.program == program).unwrap();
        daemon.signal(signal);
    }

    /// As when its power fails: the daemon, what watches over jobs, and the jobs.
    pub fn kill_node(&self, name: &str) {
        let node = format!("SLURMD_NODENAME={name}");
        loop {
            let left = self.processes(|variable| variable == node || self.is_mark(variable, name));
            if left.is_empty() {
                return;
            }
            left.iter().for_each(|process| process.signal(Signal::KILL));
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    fn is_mark(&self, variable: &str, name: &str) -> bool {
        variable.strip_prefix(MARK).is_some_and(|mark| Path::new(mark) == self.folder.join(name))
    }

    /// Start whatever does not run, and take nodes into service again.
    #[expect(clippy::disallowed_methods, reason = "tests mend what they broke")]
    pub fn mend(&self) {
        let mut command = std::process::Command::new(cargo_bin("xtask"));
        let output = command.args(["slurm", "up", "--at"]).arg(&self.folder).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Processes of this cluster with a variable that `is_wanted`.
    fn processes(&self, is_wanted: impl Fn(&str) -> bool) -> Vec<Process> {
        let ours = self.folder.to_string_lossy().into_owned();
        let look = |pid: i32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
            let environment = String::from_utf8_lossy(&environment).into_owned();
            let variables = || environment.split('\0');
            if !environment.contains(&ours) || !variables().any(&is_wanted) {
                return None;
            }
            let program = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
            Some(Process { pid, program: program.trim_end().to_owned() })
        };
        let entries = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        entries.filter_map(look).collect()
    }

    /// Processes of one start of a job, the trainings that `sweep` started there among them.
    pub fn signal_job(&self, job: &str, signal: Signal) {
        let (id, array) = (format!("SLURM_JOB_ID={job}"), format!("SLURM_ARRAY_JOB_ID={job}"));
        let found = self.processes(|variable| variable == id || variable == array);
        assert!(!found.is_empty(), "job {job} has no process");
        found.iter().for_each(|process| process.signal(signal));
    }
}

impl Process {
    /// It may have ended by now.
    fn signal(&self, signal: Signal) {
        if let Some(pid) = Pid::from_raw(self.pid) {
            assert!(matches!(kill_process(pid, signal), Ok(()) | Err(Errno::SRCH)));
        }
    }
}
