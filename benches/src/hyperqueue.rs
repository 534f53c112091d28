//! A HyperQueue server with one worker of two cores on this machine, for as long as the comparison takes.

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
        read(folder, &["hq", "--version"])?;
        let mut cluster = Self { folder: folder.to_owned(), processes: Vec::new() };
        cluster.spawn(&["server", "start"])?;
        cluster.wait_for(&["server", "info"], "")?;
        cluster.spawn(&["worker", "start", "--cpus", "2"])?;
        cluster.wait_for(&["worker", "list"], "RUNNING")?;
        Ok(cluster)
    }

    /// What an array of `tasks` times `true` costs, with the output files that HyperQueue writes by default.
    pub fn cost(&self, bench: &Workbench, tasks: u64) -> Result<Cost> {
        let array = format!("1-{tasks}");
        bench.cost(&self.folder, &["hq", "--server-dir", "hq", "submit", "--array", &array, "--wait", "true"])
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
        for process in &self.processes {
            // Its end is wanted, not how it comes about.
            let _ = process.kill();
        }
    }
}
