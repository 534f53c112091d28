//! A HyperQueue server on this machine, with one worker of two cores or with those that it asks Slurm for, for as long as
//! the comparison takes.

use std::path::{Path, PathBuf};

use crate::Result;
use crate::cost::Cost;
use crate::workbench::{Workbench, read};

pub struct Cluster {
    folder: PathBuf,
    processes: Vec<duct::Handle>,
}

impl Cluster {
    /// Start server and worker and wait until both answer; fails where there is no `hq`.
    pub fn start(folder: &Path) -> Result<Self> {
        let mut cluster = Self::serve(folder)?;
        cluster.spawn(&["worker", "start", "--cpus", "2"])?;
        cluster.wait_for(&["worker", "list"], "RUNNING")?;
        Ok(cluster)
    }

    /// Start a server that gets its workers from Slurm, three at most, when there is work.
    pub fn start_at_slurm(folder: &Path) -> Result<Self> {
        let cluster = Self::serve(folder)?;
        let queue = ["alloc", "add", "slurm", "--time-limit", "10m", "--backlog", "3", "--max-worker-count", "3"];
        let all = [&["hq", "--server-dir", "hq"], &queue[..], &["--", "--cpus-per-task=2"]].concat();
        read(folder, &all)?;
        Ok(cluster)
    }

    fn serve(folder: &Path) -> Result<Self> {
        read(folder, &["hq", "--version"])?;
        let mut cluster = Self { folder: folder.to_owned(), processes: Vec::new() };
        cluster.spawn(&["server", "start"])?;
        cluster.wait_for(&["server", "info"], "")?;
        Ok(cluster)
    }

    /// What an array of `tasks` times `true` costs, with the output files that HyperQueue writes by default into `folder`.
    pub fn cost(&self, bench: &Workbench, folder: &Path, tasks: u64) -> Result<Cost> {
        let (server, array) = (self.folder.join("hq").display().to_string(), format!("1-{tasks}"));
        bench.one_cost(folder, &["hq", "--server-dir", &server, "submit", "--array", &array, "--wait", "true"])
    }

    fn spawn(&mut self, args: &[&str]) -> Result<()> {
        let all = [&["--server-dir", "hq"], args].concat();
        let process = duct::cmd("hq", all).dir(&self.folder).stdin_null().stdout_null().stderr_null().unchecked();
        self.processes.push(process.start()?);
        Ok(())
    }

    fn wait_for(&self, args: &[&str], word: &str) -> Result<()> {
        let all = [&["hq", "--server-dir", "hq"], args].concat();
        for _ in 0..100 {
            if read(&self.folder, &all).is_ok_and(|said| said.contains(word)) {
                return Ok(());
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        Err(format!("`{}` does not answer", all.join(" ")).into())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Workers in Slurm's hands end with their server.
        let _ = read(&self.folder, &["hq", "--server-dir", "hq", "server", "stop"]);
        for process in &self.processes {
            // Its end is wanted, not how it comes about.
            let _ = process.kill();
        }
    }
}
