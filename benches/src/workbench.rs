//! The programs to compare, a scratch folder for each comparison, and the ways to run them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::Result;
use crate::cost::{Cost, measure, repeated};

pub struct Workbench {
    pub sweep: String,
    pub python: String,
    /// Repetitions of each measurement, of which the median counts.
    pub times: usize,
    /// The largest number of runs.
    pub largest: u64,
    /// The program that does pieces of a training.
    pub measure: Option<String>,
    pub peers: PathBuf,
    this: String,
    scratch: TempDir,
}

impl Workbench {
    pub fn new(sweep: &Path, peers: &Path, python: String, times: usize, largest: u64) -> Result<Self> {
        let sweep = text(fs::canonicalize(sweep)?)?;
        let this = text(std::env::current_exe()?)?;
        let peers = fs::canonicalize(peers)?;
        Ok(Self { sweep, python, times, largest, measure: None, peers, this, scratch: tempfile::tempdir()? })
    }

    /// A new folder for the comparison `name`.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.scratch.path().join(name);
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// What a command costs in `folder`, again and again on the same state.
    pub fn cost(&self, folder: &Path, command: &[&str]) -> Result<Cost> {
        self.cost_after(folder, command, || Ok(()))
    }

    /// What a command costs in `folder`, each time after `prepare`, which is not counted.
    pub fn cost_after(&self, folder: &Path, command: &[&str], prepare: impl FnMut() -> Result<()>) -> Result<Cost> {
        repeated(self.times, folder, &owned(command), prepare)
    }

    /// What a command costs in `folder`, this once.
    pub fn one_cost(&self, folder: &Path, command: &[&str]) -> Result<Cost> {
        measure(folder, &owned(command))
    }

    /// As [`Workbench::cost`], repeated more often, for what takes milliseconds.
    pub fn quick_cost(&self, folder: &Path, command: &[&str]) -> Result<Cost> {
        repeated(40 * self.times, folder, &owned(command), || Ok(()))
    }

    /// What a bare loop of this program costs.
    pub fn floor(&self, folder: &Path, args: &[&str], prepare: impl FnMut() -> Result<()>) -> Result<Cost> {
        self.cost_after(folder, &[&[self.this.as_str(), "floor"], args].concat(), prepare)
    }

    /// What a bare loop of this program costs, this once.
    pub fn one_floor(&self, folder: &Path, args: &[&str]) -> Result<Cost> {
        self.one_cost(folder, &[&[self.this.as_str(), "floor"], args].concat())
    }

    /// What a piece of work of this program costs.
    pub fn own(&self, folder: &Path, args: &[&str]) -> Result<Cost> {
        self.cost(folder, &[&[self.this.as_str()], args].concat())
    }

    /// `vpit`, which lies beside `sweep`.
    pub fn vpit(&self) -> Result<String> {
        text(fs::canonicalize(Path::new(&self.sweep).with_file_name("vpit"))?)
    }

    /// What a program of `benches/peers` prints.
    pub fn peer_says(&self, folder: &Path, script: &str, args: &[&str]) -> Result<String> {
        let script = text(self.peers.join(script))?;
        read(folder, &[&[self.python.as_str(), &script], args].concat())
    }

    /// What a program of `benches/peers` costs.
    pub fn peer(&self, folder: &Path, script: &str, args: &[&str]) -> Result<Cost> {
        let script = text(self.peers.join(script))?;
        self.cost(folder, &[&[self.python.as_str(), &script], args].concat())
    }
}

/// Run a command that prepares or verifies something, and give what it prints.
pub fn read(folder: &Path, command: &[&str]) -> Result<String> {
    let said = duct::cmd(command[0], &command[1..]).dir(folder).stdin_null().stdout_capture().stderr_capture();
    let end = said.unchecked().run()?;
    if end.status.success() {
        return Ok(String::from_utf8_lossy(&end.stdout).into_owned());
    }
    Err(format!("`{}` failed:\n{}", command.join(" "), String::from_utf8_lossy(&end.stderr)).into())
}

/// Remove everything that a project consists of, so that the next command starts anew.
pub fn forget_project(folder: &Path) -> Result<()> {
    for name in [".sweep", "runs", "results.db"] {
        remove(&folder.join(name))?;
    }
    Ok(())
}

/// Remove a file or a folder with all that it holds, if it is there.
pub fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn owned(command: &[&str]) -> Vec<String> {
    command.iter().map(|&word| word.to_owned()).collect()
}

fn text(path: PathBuf) -> Result<String> {
    path.into_os_string().into_string().map_err(|path| format!("{} is not UTF-8", path.display()).into())
}
