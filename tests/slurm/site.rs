//! A project in a folder of its own, on a cluster.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use assert_cmd::cargo::cargo_bin;
use runfile::{Outcome, Verdict};
use serde_json::Value;
use tempfile::TempDir;

/// The project with `sweep.toml`; below it, where the cluster is a fake, that one.
pub struct Site {
    folder: TempDir,
    slurm_conf: Option<String>,
}

/// How a program ended.
#[must_use]
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ended {
    /// It must have ended with `code`.
    #[track_caller]
    pub fn with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        self
    }
}

/// Five minutes' worth: whatever takes longer hangs.
const MOST_LOOKS: usize = 1500;

const PROFILE: &str = "[profile.test]\nsettle = \"2s\"\npatience = \"20s\"\n";

impl Site {
    /// On the real cluster if there is one.
    pub fn new(sweep: &str) -> Self {
        let slurm_conf = std::env::var_os("SLURM_CONF").and_then(|conf| conf.into_string().ok());
        Self::on(sweep, slurm_conf.filter(|conf| !conf.is_empty()))
    }

    pub fn fake(sweep: &str) -> Self {
        Self::on(sweep, None)
    }

    fn on(sweep: &str, slurm_conf: Option<String>) -> Self {
        let site = Self { folder: tempfile::tempdir().unwrap(), slurm_conf };
        site.write("grid.toml", sweep);
        site.write("sweep.toml", PROFILE);
        fs::create_dir_all(site.path().join("fake/bin")).unwrap();
        let program = cargo_bin("fake-slurm");
        assert!(program.exists(), "`cargo build --workspace` makes the fake Slurm");
        for name in ["sbatch", "squeue", "sacct", "scancel", "scontrol", "sinfo", "sacctmgr"] {
            symlink(&program, site.path().join("fake/bin").join(name)).unwrap();
        }
        site
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap_or_default()
    }

    /// Lines of the profile that jobs are submitted with.
    pub fn profile(&self, lines: &str) {
        self.write("sweep.toml", &format!("{PROFILE}{lines}"));
    }

    /// What the fake's next calls meet.
    pub fn trouble(&self, lines: &str) {
        self.write("fake/trouble", lines);
    }

    /// A command that appends its arguments to `starts` before it does what `body` says.
    pub fn script(&self, name: &str, body: &str) {
        let starts = self.path().join("starts");
        self.write(name, &format!("#!/bin/sh\necho {name} $1 >> {}\n{body}\n", starts.display()));
        fs::set_permissions(self.path().join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// How often scripts have started.
    pub fn starts(&self) -> usize {
        self.read("starts").lines().count()
    }

    pub fn sweep(&self, arguments: &[&str]) -> Ended {
        self.run(&cargo_bin("sweep"), arguments)
    }

    /// A program of Slurm.
    pub fn slurm(&self, program: &str, arguments: &[&str]) -> Ended {
        let fake = self.path().join("fake/bin").join(program);
        self.run(if self.slurm_conf.is_some() { Path::new(program) } else { &fake }, arguments)
    }

    #[expect(clippy::disallowed_methods, reason = "tests start the program under test")]
    fn run(&self, program: &Path, arguments: &[&str]) -> Ended {
        let mut path: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
        if self.slurm_conf.is_none() {
            path.insert(0, self.path().join("fake/bin"));
        }
        let mut command = std::process::Command::new(program);
        command.current_dir(self.path()).args(arguments).env_clear().env("HOME", self.path());
        command.env("PATH", std::env::join_paths(path).unwrap()).stdin(std::process::Stdio::null());
        command.envs(self.slurm_conf.as_ref().map(|conf| ("SLURM_CONF", conf)));
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    pub fn submit(&self) -> Ended {
        self.sweep(&["submit", "grid.toml", "--to", "test"])
    }

    /// The sum of a number over the rows of `sweep status`.
    pub fn count(&self, what: &str) -> u64 {
        let text = self.sweep(&["status", "--json"]).out;
        let status: Value = serde_json::from_str(&text).unwrap();
        status["stages"].as_array().unwrap().iter().map(|row| row[what].as_u64().unwrap_or(0)).sum()
    }

    /// Wait, without doing anything about it, until `holds`; then collect.
    #[track_caller]
    pub fn wait_until(&self, holds: impl Fn(&Self) -> bool) {
        for _ in 0..MOST_LOOKS {
            if holds(self) {
                let _ = self.sweep(&["collect"]).with(0);
                return;
            }
            thread::sleep(Duration::from_millis(200));
        }
        panic!("it never comes about:\n{}", self.sweep(&["status"]).out);
    }

    /// Tasks with a published outcome.
    pub fn outcomes(&self) -> Vec<Outcome> {
        let pattern = self.path().join("runs/*/tasks/*/*/outcome.json");
        let files = glob::glob(pattern.to_str().unwrap()).unwrap().map(Result::unwrap);
        files.map(|path| Outcome::parse(&path, &fs::read(&path).unwrap()).unwrap()).collect()
    }

    pub fn succeeded(&self) -> usize {
        self.outcomes().iter().filter(|outcome| outcome.verdict == Verdict::Succeeded).count()
    }
}

impl Drop for Site {
    /// Nothing of a failed test runs on.
    fn drop(&mut self) {
        if self.slurm_conf.is_none() {
            self.trouble("");
            let _ = self.slurm("scancel", &["--me", "--signal=KILL"]);
            let _ = self.slurm("scancel", &["--me"]);
        } else if thread::panicking() {
            let _ = self.sweep(&["cancel", "--yes"]);
        }
    }
}
