//! Runs and tasks as columns: what was configured, where it stands, what it took and why it failed.

use serde::Serialize;

use super::column::{Column, Texts};
use crate::attempt::Ledger;
use crate::evidence::Evidence;
use crate::grid::{self, Factor, StageKind, Sweep};
use crate::plan::{Actions, Counts, Plan, RunIx, Standing, TaskIx};
use crate::report::frame::Frame;
use crate::value::Value;

/// Digits of a task's identity: enough for `sweep logs`.
const TASK_DIGITS: usize = 12;

/// Every run of the plan, once.
#[derive(Debug, Serialize)]
pub struct Runs {
    id: Vec<String>,
    standing: Column<&'static str>,
    /// By factor: an index into its levels.
    levels: Vec<Column<u16>>,
    /// By stage: an index into the tasks, `None` where the stage does not apply.
    tasks: Vec<Column<Option<u32>>>,
    /// By measure: what the run's own row of a table shows.
    scores: Vec<Column<Option<f64>>>,
    decimals: Vec<usize>,
}

#[derive(Debug, Serialize)]
pub struct FactorPart<'a> {
    name: &'a str,
    label: &'a str,
    levels: Vec<String>,
    /// The numbers that the levels stand for; `None` where they are names.
    values: Option<Vec<f64>>,
}

impl<'a> FactorPart<'a> {
    pub fn of(factor: &'a Factor) -> Self {
        let number = |value: &Value| match value {
            Value::Int(value) => Some(*value as f64),
            Value::Float(value) => Some(*value),
            Value::Bool(_) | Value::Text(_) | Value::List(_) => None,
        };
        Self {
            name: &factor.name,
            label: &factor.label,
            levels: factor.levels.iter().map(|level| grid::label(factor.kind, level)).collect(),
            values: factor.levels.iter().map(number).collect(),
        }
    }
}

impl Runs {
    /// `scores` has one row a run, if the sweep has any.
    pub fn of(evidence: &Evidence, actions: &Actions, scores: Option<&Frame>) -> Self {
        let Evidence { sweep, plan, .. } = *evidence;
        let measures = 0..scores.map_or(0, |scores| scores.measures().len());
        let value = |run: RunIx, measure: usize| {
            scores?.score(run.0 as usize, measure).value().filter(|value| value.is_finite())
        };
        let has_score = |run: RunIx| measures.clone().any(|measure| value(run, measure).is_some());
        let runs = || plan.run_indices();
        Self {
            id: plan.runs.iter().map(ToString::to_string).collect(),
            standing: runs().map(|run| standing(sweep, plan, actions, run, has_score(run))).collect(),
            levels: (0..sweep.factors.len())
                .map(|factor| runs().map(|run| plan.level(run, factor)).collect())
                .collect(),
            tasks: (0..sweep.stages.len())
                .map(|stage| runs().map(|run| plan.task_of(run, stage).map(|task| task.0)).collect())
                .collect(),
            scores: measures.clone().map(|measure| runs().map(|run| value(run, measure)).collect()).collect(),
            decimals: measures.map(|measure| scores.map_or(0, |scores| scores.decimals(measure))).collect(),
        }
    }
}

/// Where a run stands: what its least finished task says.
fn standing(sweep: &Sweep, plan: &Plan, actions: &Actions, run: RunIx, has_score: bool) -> &'static str {
    let mut counts = Counts::default();
    let tasks = (0..sweep.stages.len()).filter_map(|stage| plan.task_of(run, stage));
    tasks.for_each(|task| counts.add(actions.of(task)));
    let started = counts.done + counts.running + counts.queued + counts.retry;
    match counts {
        Counts { failed: 1.., .. } | Counts { blocked: 1.., .. } => "failed",
        Counts { cancelled: 1.., .. } => "cancelled",
        counts if counts.total() == counts.done && counts.done > 0 => "done",
        Counts { running: 1.., .. } => "running",
        Counts { retry: 1.., .. } => "retry",
        Counts { queued: 1.., .. } => "queued",
        // Nobody trained it here, and yet it has scores.
        _ if has_score && started == 0 => "imported",
        _ if counts.done > 0 => "waiting",
        _ => "new",
    }
}

/// As the page and `sweep status` call it.
fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::New => "new",
        Standing::Waiting { .. } => "waiting",
        Standing::Queued => "queued",
        Standing::Running => "running",
        Standing::Done => "done",
        Standing::Retry { .. } => "retry",
        Standing::Failed { .. } => "failed",
        Standing::Blocked { .. } => "blocked",
        Standing::Cancelled => "cancelled",
    }
}

/// Every task of the plan, once, whatever the number of runs that share it.
#[derive(Debug, Serialize)]
pub struct Tasks {
    count: usize,
    stage: Column<u16>,
    standing: Column<&'static str>,
    /// Of the attempt that succeeded.
    seconds: Column<Option<f64>>,
    attempts: Column<u32>,
    /// GPUs on all nodes.
    gpus: Column<u32>,
    /// A run that needs it, and how many do.
    run: Column<u32>,
    runs: Column<usize>,
}

impl Tasks {
    pub fn of(evidence: &Evidence, actions: &Actions) -> Self {
        let Evidence { sweep, plan, ledger, .. } = *evidence;
        let record = |task: &crate::plan::Task| ledger.get(&task.id);
        let gpus = |(task, _)| {
            let resources = plan.resources(sweep, TaskIx(task));
            resources.gpus * resources.nodes
        };
        Self {
            count: plan.tasks.len(),
            stage: plan.tasks.iter().map(|task| task.stage).collect(),
            standing: actions.standings.iter().map(|&standing| word(standing)).collect(),
            seconds: plan.tasks.iter().map(|task| record(task)?.seconds.map(to_millis)).collect(),
            attempts: plan.tasks.iter().map(|task| record(task).map_or(0, |record| record.attempts)).collect(),
            gpus: (0..).zip(&plan.tasks).map(gpus).collect(),
            run: plan.tasks.iter().map(|task| task.run.0).collect(),
            runs: users(sweep, plan).into_iter().collect(),
        }
    }
}

fn to_millis(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

/// Number of runs that need each task.
fn users(sweep: &Sweep, plan: &Plan) -> Vec<usize> {
    let mut users = vec![0; plan.tasks.len()];
    let stages = 0..sweep.stages.len();
    for task in plan.run_indices().flat_map(|run| stages.clone().filter_map(move |stage| plan.task_of(run, stage))) {
        if let Some(users) = users.get_mut(task.0 as usize) {
            *users += 1;
        }
    }
    users
}

#[derive(Debug, Serialize)]
pub struct StagePart<'a> {
    name: &'a str,
    /// `train` or `measure`.
    kind: &'static str,
}

impl<'a> StagePart<'a> {
    pub fn all(sweep: &'a Sweep) -> Vec<Self> {
        let kind = |kind| match kind {
            StageKind::Train => "train",
            StageKind::Measure => "measure",
        };
        sweep.stages.iter().map(|stage| Self { name: &stage.name, kind: kind(stage.kind) }).collect()
    }
}

/// A task that failed, for good or so far.
#[derive(Debug, Serialize)]
pub struct Failure {
    task: u32,
    /// For `sweep logs`.
    id: String,
    reason: &'static str,
    attempts: u32,
    /// Place of a text: the last words of the attempt.
    message: u32,
    /// Whether it is tried again.
    retry: bool,
}

/// What failed, in the plan's order.
pub fn failures(plan: &Plan, ledger: &Ledger, actions: &Actions, texts: &mut Texts) -> Vec<Failure> {
    let mut failures = Vec::new();
    for (position, (task, standing)) in (0..).zip(plan.tasks.iter().zip(&actions.standings)) {
        let (reason, attempts, retry) = match *standing {
            Standing::Failed { reason, attempts } => (reason, attempts, false),
            Standing::Retry { reason, attempts } => (reason, attempts, true),
            Standing::New
            | Standing::Waiting { .. }
            | Standing::Queued
            | Standing::Running
            | Standing::Done
            | Standing::Blocked { .. }
            | Standing::Cancelled => continue,
        };
        let message = ledger.get(&task.id).map(|record| record.message.clone()).unwrap_or_default();
        failures.push(Failure {
            task: position,
            id: task.id.short(TASK_DIGITS),
            reason: reason.as_str(),
            attempts,
            message: texts.place(message),
            retry,
        });
    }
    failures
}
