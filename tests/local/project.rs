//! A project in a folder of its own, and `sweep` run there.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};

use assert_cmd::cargo::cargo_bin;
use runfile::Outcome;
use serde_json::Value;
use tempfile::TempDir;

pub struct Project {
    folder: TempDir,
}

/// How `sweep` ended.
#[must_use]
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ended {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// It must have ended with `code`.
    #[track_caller]
    pub fn with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        self
    }
}

impl Project {
    /// A folder with a sweep file.
    pub fn new(sweep: &str) -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap() };
        project.write("grid.toml", sweep);
        project
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A script that the command may be.
    pub fn script(&self, name: &str, body: &str) {
        self.write(name, &format!("#!/bin/sh\n{body}\n"));
        fs::set_permissions(self.path().join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    #[expect(clippy::disallowed_methods, reason = "tests start the program under test")]
    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(cargo_bin("sweep"));
        command.current_dir(self.path()).args(arguments).env_clear().env("HOME", self.path());
        // The folders that hold python3; nothing else of the environment decides a test.
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).stdin(Stdio::null());
        command
    }

    pub fn sweep(&self, arguments: &[&str]) -> Ended {
        self.sweep_with(arguments, &[])
    }

    /// As [`Project::sweep`], in another folder.
    pub fn sweep_in(&self, folder: &Path, arguments: &[&str]) -> Ended {
        Ended::of(&self.command(arguments).current_dir(folder).output().unwrap())
    }

    pub fn sweep_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
        Ended::of(&self.command(arguments).envs(environment.iter().copied()).output().unwrap())
    }

    /// As [`Project::sweep`], for somebody with this umask.
    pub fn sweep_masked(&self, umask: &str, arguments: &[&str]) -> Ended {
        let command = self.command(arguments);
        let script = "umask \"$0\" && exec \"$@\"";
        let words = ["-c", script, umask].map(OsStr::new);
        let sweep = std::iter::once(command.get_program()).chain(command.get_args());
        #[expect(clippy::disallowed_methods, reason = "tests start the program under test")]
        let mut shell = std::process::Command::new("sh");
        shell.args(words.into_iter().chain(sweep)).current_dir(self.path()).stdin(Stdio::null());
        Ended::of(&shell.output().unwrap())
    }

    /// Start `sweep` and go on.
    pub fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Plan and submit.
    pub fn run(&self) -> Ended {
        self.sweep(&["submit", "grid.toml", "--jobs", "2"])
    }

    /// The rows of `sweep status --json`.
    pub fn status(&self) -> Vec<Value> {
        let text = self.sweep(&["status", "--json"]).with(0).out;
        serde_json::from_str::<Value>(&text).unwrap()["stages"].as_array().unwrap().clone()
    }

    /// A number of the only row of `sweep status`.
    pub fn count(&self, what: &str) -> u64 {
        let rows = self.status();
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows[0][what].as_u64().unwrap()
    }

    /// All task folders.
    pub fn tasks(&self) -> Vec<PathBuf> {
        self.glob("runs/*/tasks/*/*")
    }

    pub fn glob(&self, pattern: &str) -> Vec<PathBuf> {
        let pattern = self.path().join(pattern);
        glob::glob(pattern.to_str().unwrap()).unwrap().map(Result::unwrap).collect()
    }

    /// The outcomes of all attempts.
    pub fn outcomes(&self) -> Vec<Outcome> {
        let parse = |path: &PathBuf| Outcome::parse(path, &fs::read(path).unwrap()).unwrap();
        self.glob("runs/*/tasks/*/*/attempts/*/outcome.json").iter().map(parse).collect()
    }
}

/// Wait until `holds`, for as long as the test runner lets us.
pub fn wait_until(holds: impl Fn() -> bool) {
    while !holds() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
