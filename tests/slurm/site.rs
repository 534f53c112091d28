//! A project in a folder of its own, on a cluster.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use assert_cmd::cargo::cargo_bin;
use runfile::{Outcome, Verdict};
use serde_json::Value;
use tempfile::TempDir;

use crate::cluster::{Cluster, TROUBLED};

/// The project with `sweep.toml`; below it, where the cluster is a fake, that one.
pub struct Site {
    folder: TempDir,
    slurm_conf: Option<String>,
    /// The option that says where its jobs may run.
    place: Option<String>,
    /// Who else may use the cluster meanwhile.
    _locks: Vec<File>,
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
    pub fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// It must have ended with `code`.
    #[track_caller]
    pub fn with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        self
    }
}

/// As a program ends that aborts.
const SIGABRT: i32 = 6;

/// Five minutes' worth: whatever takes longer hangs.
const MOST_LOOKS: usize = 1500;

/// The `slurm.conf` of the cluster that tests are to run on.
fn slurm_conf() -> Option<String> {
    let conf = std::env::var_os("SLURM_CONF").and_then(|conf| conf.into_string().ok());
    conf.filter(|conf| !conf.is_empty())
}

fn development() -> Option<(String, Cluster)> {
    let conf = slurm_conf()?;
    let cluster = Cluster::of(&conf)?;
    Some((conf, cluster))
}

/// `cargo xtask test` says it as well, in its last lines.
fn say_so<T>() -> Option<T> {
    eprintln!("not tried: SLURM_CONF names no cluster of `cargo xtask slurm up`");
    None
}

/// Where nobody disturbs jobs.
fn elsewhere() -> String {
    format!("--exclude={TROUBLED}")
}

const PROFILE: &str = "[profile.test]\nsettle = \"2s\"\npatience = \"20s\"\n";

impl Site {
    /// On the real cluster if there is one.
    pub fn new(sweep: &str) -> Self {
        match development() {
            Some((conf, cluster)) => Self::on(sweep, Some(conf), Some(elsewhere()), vec![cluster.share()]),
            None => Self::on(sweep, slurm_conf(), None, Vec::new()),
        }
    }

    pub fn fake(sweep: &str) -> Self {
        Self::on(sweep, None, None, Vec::new())
    }

    /// On the development cluster; `None` without one, where the test has nothing to be held on.
    pub fn real(sweep: &str) -> Option<Self> {
        let (conf, cluster) = development().or_else(say_so)?;
        Some(Self::on(sweep, Some(conf), Some(elsewhere()), vec![cluster.share()]))
    }

    /// As [`Site::real`], for who disturbs everybody.
    pub fn alone(sweep: &str) -> Option<(Self, Cluster)> {
        let (conf, cluster) = development().or_else(say_so)?;
        Some((Self::on(sweep, Some(conf), Some(elsewhere()), vec![cluster.have_alone()]), cluster))
    }

    /// As [`Site::real`], for who disturbs one node, where its tasks run.
    pub fn on_node(sweep: &str) -> Option<(Self, Cluster)> {
        let (conf, cluster) = development().or_else(say_so)?;
        // The node first: whoever waits for it must not hold up who wants everything.
        let locks = vec![cluster.have_node(), cluster.share()];
        Some((Self::on(sweep, Some(conf), Some(format!("--nodelist={TROUBLED}")), locks), cluster))
    }

    fn on(sweep: &str, slurm_conf: Option<String>, place: Option<String>, locks: Vec<File>) -> Self {
        let site = Self { folder: tempfile::tempdir().unwrap(), slurm_conf, place, _locks: locks };
        site.write("grid.toml", sweep);
        site.profile("");
        fs::create_dir_all(site.path().join("fake/bin")).unwrap();
        if site.slurm_conf.is_some() {
            return site;
        }
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
        self.profile_with(lines, None);
    }

    /// The same, and one more option of `sbatch`.
    pub fn profile_with(&self, lines: &str, option: Option<&str>) {
        let options: Vec<&str> = self.place.as_deref().into_iter().chain(option).collect();
        let options = if options.is_empty() { String::new() } else { format!("options = {options:?}\n") };
        self.write("sweep.toml", &format!("{PROFILE}{options}{lines}"));
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

    /// As [`Site::sweep`], which dies where `point` says; whether it did.
    pub fn sweep_until(&self, point: &str, arguments: &[&str]) -> bool {
        let mut command = self.command(&cargo_bin("sweep"), arguments);
        command.env("SWEEP_CRASH", point).output().unwrap().status.signal() == Some(SIGABRT)
    }

    /// Start `sweep` and go on.
    pub fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(&cargo_bin("sweep"), arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn run(&self, program: &Path, arguments: &[&str]) -> Ended {
        Ended::of(self.command(program, arguments).output().unwrap())
    }

    #[expect(clippy::disallowed_methods, reason = "tests start the program under test")]
    pub fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut path: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
        path.insert(0, self.path().join("fake/bin"));
        let mut command = Command::new(program);
        command.current_dir(self.path()).args(arguments).env_clear().env("HOME", self.path());
        command.env("PATH", std::env::join_paths(path).unwrap()).stdin(Stdio::null());
        command.envs(self.slurm_conf.as_ref().map(|conf| ("SLURM_CONF", conf)));
        command
    }

    pub fn submit(&self) -> Ended {
        self.sweep(&["submit", "grid.toml", "--to", "test"])
    }

    /// Submit, `change` something while all tasks wait, and let them run.
    pub fn submit_and(&self, change: impl FnOnce()) {
        self.profile_with("", Some("--begin=now+1hour"));
        let _ = self.submit().with(0);
        change();
        let _ = self.slurm("scontrol", &["update", &format!("JobId={}", self.job()), "StartTime=now"]).with(0);
    }

    /// The sum of a number over the rows of `sweep status`.
    pub fn count(&self, what: &str) -> u64 {
        let text = self.sweep(&["status", "--json", "--fresh"]).out;
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

    /// Wait until `holds`, whatever it looks at.
    #[track_caller]
    pub fn wait_for(&self, holds: impl Fn() -> bool) {
        for _ in 0..MOST_LOOKS {
            if holds() {
                return;
            }
            thread::sleep(Duration::from_millis(200));
        }
        panic!("it never comes about:\n{}", self.sweep(&["status"]).out);
    }

    /// Names of the submissions, as Slurm knows them.
    pub fn submissions(&self) -> Vec<String> {
        let pattern = self.path().join("runs/*/submissions/*");
        let folders = glob::glob(pattern.to_str().unwrap()).unwrap().map(Result::unwrap);
        folders.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
    }

    /// The job of the only submission.
    pub fn job(&self) -> String {
        let [token] = &self.submissions()[..] else { panic!("one submission") };
        let said = self.slurm("squeue", &["--noheader", "--states=all", "--format=%F", "--name", token]).with(0);
        said.out.lines().next().unwrap().trim().to_owned()
    }

    /// What Slurm says of all jobs of the only submission, one word each.
    pub fn states(&self) -> Vec<String> {
        let job = self.job();
        let said = self.slurm("squeue", &["--array", "--noheader", "--states=all", "--format=%T", "--jobs", &job]);
        said.out.lines().map(|word| word.trim().to_owned()).collect()
    }

    /// What the attempts that succeeded scored, by task.
    pub fn scores(&self) -> BTreeMap<String, String> {
        let of = |outcome: Outcome| {
            let pattern = format!("runs/*/tasks/*/{}/attempts/{}/out/scores.json", outcome.task, outcome.attempt);
            let mut files = glob::glob(self.path().join(pattern).to_str().unwrap()).unwrap();
            let text = files.next().map(|path| fs::read_to_string(path.unwrap()).unwrap())?;
            Some((outcome.task, text))
        };
        self.outcomes().into_iter().filter(|outcome| outcome.verdict == Verdict::Succeeded).filter_map(of).collect()
    }

    /// All that Slurm and the workers wrote about the elements.
    pub fn element_logs(&self) -> String {
        let pattern = self.path().join("runs/*/submissions/*/*.log");
        let files = glob::glob(pattern.to_str().unwrap()).unwrap().map(Result::unwrap);
        files.map(|path| fs::read_to_string(path).unwrap()).collect()
    }

    /// Outcomes of all attempts, in their order.
    pub fn attempts(&self) -> Vec<Outcome> {
        let pattern = self.path().join("runs/*/tasks/*/*/attempts/*/outcome.json");
        let files = glob::glob(pattern.to_str().unwrap()).unwrap().map(Result::unwrap);
        let mut all: Vec<Outcome> =
            files.map(|path| Outcome::parse(&path, &fs::read(&path).unwrap()).unwrap()).collect();
        all.sort_by_key(|outcome| (outcome.task.clone(), outcome.attempt));
        all
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
