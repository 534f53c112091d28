//! The store against itself: what goes in comes out, once, whatever happens in between.

mod damage;
mod garbage;
mod imports;
mod lessons;
mod plans;
mod rebuild;
mod results;
mod schema;
mod submissions;
mod writers;

use std::path::{Path, PathBuf};

use hashbrown::HashMap;
use runfile::series::Point;
use runfile::{FailureReason, Outcome, Score, Series, Verdict};
use tempfile::TempDir;

use super::Store;
use crate::collect::CollectedTask;
use crate::grid::{self, Sweep};
use crate::id::TaskId;
use crate::plan::{self, Plan, Selection};
use crate::project::Project;
use crate::{Error, Result};

pub(super) const SWEEP: &str = r#"
name = "first"

[defaults]
lr = 0.1
width = 64

[grids.main]
vary = { lr = [0.1, 0.01], width = [64, 128] }

[stages.train]
kind = "train"
uses = ["lr", "width"]
command = ["train", "{lr}", "{width}"]

[stages.evaluate]
kind = "measure"
needs = ["train"]
command = ["evaluate"]

[metrics.accuracy]
direction = "maximize"

[metrics.fid]
direction = "minimize"
"#;

pub(super) fn sweep(text: &str) -> Sweep {
    grid::parse(Path::new("first.toml"), text).unwrap()
}

pub(super) fn plan(sweep: &Sweep) -> Plan {
    plan::build(sweep, &Selection::default()).unwrap()
}

/// A project in a folder of its own, with the plan of [`SWEEP`] recorded.
pub(super) struct Fixture {
    /// Held so that the project lives as long as the fixture.
    _folder: TempDir,
    pub project: Project,
    pub sweep: Sweep,
    pub plan: Plan,
}

impl Fixture {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (project, _) = Project::find_or_create(folder.path()).unwrap();
        let sweep = sweep(SWEEP);
        let plan = plan(&sweep);
        let fixture = Self { _folder: folder, project, sweep, plan };
        fixture.writer().record_plan(&fixture.sweep, &fixture.plan).unwrap();
        fixture
    }

    pub fn writer(&self) -> Store {
        Store::open_for_writing(&self.project, "test").unwrap()
    }

    pub fn reader(&self) -> Store {
        Store::open(&self.project).unwrap()
    }

    pub fn task(&self, index: usize) -> TaskId {
        self.plan.tasks[index].id
    }

    pub fn dump(&self) -> String {
        self.reader().dump().unwrap()
    }
}

/// Task folders that tests make up: the folders are real and empty, what they would hold is here.
#[derive(Default)]
pub(super) struct Folders(HashMap<TaskId, Vec<CollectedTask>>);

impl Folders {
    pub fn add(&mut self, project: &Project, collected: &CollectedTask) {
        std::fs::create_dir_all(project.task_folder(&collected.task)).unwrap();
        let attempts = self.0.entry(collected.task).or_default();
        // A folder holds one outcome: that of a worker which was taken for dead replaces what was declared for it.
        match attempts.iter_mut().find(|known| known.outcome.attempt == collected.outcome.attempt) {
            Some(known) => *known = collected.clone(),
            None => attempts.push(collected.clone()),
        }
    }

    pub fn hold(&self, task: TaskId, attempt: u32) -> bool {
        self.0.get(&task).is_some_and(|attempts| attempts.iter().any(|ended| ended.outcome.attempt == attempt))
    }

    pub fn read(&self, stage: &str, task: TaskId, _folder: &Path, _known: u32) -> Result<Vec<CollectedTask>> {
        let mut attempts = self.0.get(&task).cloned().ok_or_else(|| Error::general("nobody wrote here"))?;
        attempts.iter_mut().for_each(|attempt| attempt.stage = stage.to_owned());
        Ok(attempts)
    }
}

/// An attempt that ended well, with one score and no series.
pub(super) fn succeeded(project: &Project, task: TaskId, attempt: u32) -> CollectedTask {
    let outcome = Outcome {
        protocol: 1,
        task: task.to_string(),
        attempt,
        verdict: Verdict::Succeeded,
        reason: None,
        message: String::new(),
        exit_code: Some(0),
        signal: None,
        started: 10.0,
        ended: 12.5,
        artifacts: vec![runfile::outcome::Artifact {
            path: "weights.safetensors".into(),
            bytes: 7,
            blake3: blake3::hash(b"weights").to_string(),
        }],
        provenance: serde_json::Map::new(),
    };
    CollectedTask {
        task,
        stage: "evaluate".to_owned(),
        outcome,
        results: results_folder(project, task, attempt),
        scores: vec![Score::share("accuracy", "digits", 3, 4)],
        series: Series::default(),
        problems: Vec::new(),
    }
}

pub(super) fn failed(project: &Project, task: TaskId, attempt: u32, reason: FailureReason) -> CollectedTask {
    let mut collected = succeeded(project, task, attempt);
    collected.outcome.verdict = Verdict::Failed;
    collected.outcome.reason = Some(reason);
    collected.outcome.message = "it broke".to_owned();
    collected.scores.clear();
    collected.outcome.artifacts.clear();
    collected
}

fn results_folder(project: &Project, task: TaskId, attempt: u32) -> PathBuf {
    project.task_folder(&task).join("attempts").join(attempt.to_string()).join("out")
}

pub(super) fn series(points: &[(&str, u64, f64)]) -> Series {
    let mut series = Series::default();
    for &(name, step, value) in points {
        let known = series.names.iter().position(|known| known == name);
        let index = known.unwrap_or_else(|| {
            series.names.push(name.to_owned());
            series.names.len() - 1
        });
        series.points.push(Point { name: u32::try_from(index).unwrap(), step, value });
    }
    series
}
