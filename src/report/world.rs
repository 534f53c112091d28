//! A sweep with what became of it, made by hand for tests.

use std::path::Path;
use std::sync::Arc;

use crate::attempt::{FailureReason, Failures, Ledger, TaskRecord, TaskState};
use crate::evidence::Evidence;
use crate::grid::{self, Sweep};
use crate::metric::{Kind, Observation, Subject};
use crate::plan::{self, Plan, RunIx};

pub struct World {
    pub sweep: Sweep,
    pub plan: Plan,
    pub ledger: Ledger,
    pub observations: Vec<Observation>,
}

impl World {
    pub fn new(text: &str) -> Self {
        let sweep = grid::parse(Path::new("sweeps/small.toml"), text).unwrap();
        let plan = plan::build(&sweep, &plan::Selection::default()).unwrap();
        Self { sweep, plan, ledger: Ledger::default(), observations: Vec::new() }
    }

    pub fn evidence(&self) -> Evidence<'_> {
        Evidence { sweep: &self.sweep, plan: &self.plan, ledger: &self.ledger, observations: &self.observations }
    }

    pub fn run(&self, cell: usize) -> RunIx {
        self.plan.grids[0].cells[cell].run
    }

    pub fn task(&self, cell: usize, stage: &str) -> crate::id::TaskId {
        let stage = self.sweep.stages.iter().position(|known| known.name == stage).unwrap();
        self.plan.tasks[self.plan.task_of(self.run(cell), stage).unwrap().0 as usize].id
    }

    /// A score as `metric` or `metric/benchmark`.
    pub fn measure(&mut self, cell: usize, stage: &str, score: &str, value: f64) {
        let (metric, benchmark) = score.split_once('/').unwrap_or((score, ""));
        let subject = Subject::Task(self.task(cell, stage));
        self.observations.push(observation(subject, metric, benchmark, value, "measured"));
    }

    pub fn import(&mut self, cell: usize, metric: &str, value: f64, source: &str) {
        let subject = Subject::Run(self.plan.runs[self.run(cell).0 as usize]);
        self.observations.push(observation(subject, metric, "", value, source));
    }

    pub fn fail(&mut self, cell: usize, stage: &str, reason: FailureReason) {
        let record = TaskRecord {
            state: TaskState::Failed(reason),
            attempts: 1,
            results: None,
            seconds: None,
            message: String::new(),
            failures: Failures::default(),
        };
        self.ledger.tasks.insert(self.task(cell, stage), record);
    }
}

fn observation(subject: Subject, metric: &str, benchmark: &str, value: f64, source: &str) -> Observation {
    let [metric, benchmark, split, source] = [metric, benchmark, "", source].map(str::to_owned);
    let kind = Arc::new(Kind { metric, benchmark, split, source });
    Observation { subject, kind, step: None, value, n: None, stderr: None }
}
