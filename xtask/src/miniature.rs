//! `cargo xtask demo` and `cargo xtask digits`: the miniature, from set-up to figures.

use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread;

use serde_json::Value;

use crate::failure::{Failure, Result};
use crate::stages::Stages;
use crate::{above_chance, libtorch, repo, tool};

/// How much of `sweeps/digits.toml`, and where things go; paths are from the repository's root.
pub struct Miniature {
    /// One grid of the file and the report of the same name, or all of both.
    part: Option<&'static str>,
    /// The project: task folders and store. Two levels below the root.
    project: &'static str,
    report: &'static str,
}

/// A small grid, in minutes.
pub const DEMO: Miniature = Miniature { part: Some("demo"), project: "runs/demo", report: "runs/demo/report" };

/// Every grid; the report is the one that is committed.
pub const DIGITS: Miniature = Miniature { part: None, project: "runs/digits", report: "reports/digits" };

/// The way from a project to the root. Reports name the command that made them, and should name nobody's home.
const UP: &str = "../..";

impl Miniature {
    /// Do all set-up, train, evaluate, collect and draw; what is done already is not done again.
    pub fn run(&self) -> Result<()> {
        let root = repo::root();
        let release = repo::target(&root)?.join("release");
        let project = root.join(self.project);
        let sweep = |args: &[&str]| run_sweep(&release, &project, args);
        let file = format!("{UP}/sweeps/digits.toml");
        let (jobs, note) = (cores().to_string(), machine()?);
        let out = format!("{UP}/{}", self.report);
        let only = |option| self.part.map_or(Vec::new(), |name| vec![option, name]);

        let mut stages = Stages::start();
        stages.run("set-up", &[], || libtorch::provide(&root));
        stages.run("build", &["set-up"], || repo::build_release(&root));
        stages.run("plan", &["build"], || sweep(&[&["plan", &file][..], &only("--grid")].concat()));
        stages.run("train and evaluate", &["plan"], || {
            sweep(&[&["submit", "--jobs", &jobs][..], &only("--grid")].concat())
        });
        // A failed task leaves a hole, which the report shows.
        stages.run("collect", &["plan"], || sweep(&["collect"]));
        let report = ["report", "--out", &out, "--note", &note];
        stages.run("report", &["collect"], || sweep(&[&report[..], &only("--name")].concat()));
        if self.part.is_none() {
            stages.run("check", &["report"], || self.check(&root, &release));
        }
        println!("\n{}", stages.table());
        stages.finish()?;
        show_figures(&root.join(self.report))
    }

    /// A finished miniature must have learned to see.
    fn check(&self, root: &Path, release: &Path) -> Result<()> {
        let program = release.join("sweep");
        let args = ["report", "--name", "correlation", "--out", "check", "--json"];
        let json = tool::read(&program.to_string_lossy(), &args, &root.join(self.project))?;
        let json: Value = serde_json::from_str(&json)
            .map_err(|error| Failure::new(format!("cannot read what `sweep report --json` prints: {error}")))?;
        let path = root.join(self.report).join("correlation.csv");
        let csv = fs::read_to_string(&path).map_err(|error| Failure::io("read", &path, &error))?;
        println!("the best cell:\n{}", above_chance::check(&csv, &json["reports"][0]["anchors"]["chance"])?);
        Ok(())
    }
}

/// Run `sweep` in the project's folder, with `vpit` on the path.
fn run_sweep(release: &Path, project: &Path, args: &[&str]) -> Result<()> {
    fs::create_dir_all(project).map_err(|error| Failure::io("create", project, &error))?;
    let mut path = vec![release.to_owned()];
    path.extend(tool::env("PATH").iter().flat_map(std::env::split_paths));
    let path = std::env::join_paths(path).map_err(|error| Failure::new(format!("cannot extend PATH: {error}")))?;
    let program = release.join("sweep");
    tool::run_with(&program.to_string_lossy(), args, project, &[("PATH", &path.to_string_lossy())])
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// The processor, how many of its cores, and the day.
fn machine() -> Result<String> {
    let day = tool::read("date", &["-u", "+%Y-%m-%d"], Path::new("/"))?;
    let facts = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = facts.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, name)| name);
    Ok(format!("{} cores of {}, {}", cores(), model.unwrap_or(std::env::consts::ARCH), day.trim()))
}

/// The paths of the figures that a person would open first.
fn show_figures(folder: &Path) -> Result<()> {
    let unreadable = |error| Failure::io("read", folder, &error);
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        files.push(entry.map_err(unreadable)?.path());
    }
    files.retain(|file| file.extension().is_some_and(|kind| kind == "svg" || kind == "md"));
    files.sort();
    println!("figures and tables:");
    for file in files {
        println!("  {}", file.display());
    }
    Ok(())
}
