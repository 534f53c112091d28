//! What a rerun of a run means: to the bit, within tolerance, within the noise of seeds, or a drift.

use std::path::PathBuf;

use hashbrown::HashMap;
use runfile::{FailureReason, Score, Verdict};

use super::environment::{Change, changes};
use super::repeat::Repeat;
use crate::evidence::Evidence;
use crate::grid::Sweep;
use crate::id::TaskId;
use crate::metric::{Observation, Subject};
use crate::plan::{Plan, RunIx};
use crate::stats::{LEVEL, quantile, summarize};

/// The source of what tasks measure.
const MEASURED: &str = "measured";

/// How far a run and its rerun agree. Each level holds where those before it do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Agreement {
    /// Every file and every score.
    Bits,
    /// Every score to the bit, while files differ.
    Scores,
    /// Every score within its metric's declared tolerance.
    Tolerance,
    /// Every score within what another seed would change.
    Noise,
    /// Some score beyond all of that, or files differ that no score judges.
    Drift,
    /// A task failed when it was done again.
    Failed,
}

/// What a difference was measured by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Measure {
    /// Declared in the sweep file, in the metric's unit.
    Tolerance(f64),
    /// Half width of the interval for the difference of two seeds, and the number of seeds behind it.
    Noise { bound: f64, seeds: usize },
    /// Neither is known.
    Nothing,
}

/// One score that came out otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    pub stage: String,
    pub metric: String,
    pub benchmark: String,
    pub split: String,
    pub step: Option<u64>,
    pub before: f64,
    /// `None` where the rerun did not give it.
    pub again: Option<f64>,
    pub measure: Measure,
    pub agreement: Agreement,
}

/// A run, done again.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    pub run: RunIx,
    pub agreement: Agreement,
    /// Tasks that were compared.
    pub tasks: usize,
    pub scores: usize,
    /// Scores that differ, in order of stages.
    pub differences: Vec<Difference>,
    /// Files that differ: stage and path below its results, upstream first.
    pub files: Vec<(String, PathBuf)>,
    /// What was different the second time, for any of its tasks.
    pub changes: Vec<Change>,
    /// Stages that failed, with reason and message.
    pub failures: Vec<(String, Option<FailureReason>, String)>,
    /// When the last of its tasks was done again, in seconds since the epoch.
    pub recorded: f64,
}

/// Judge every run of the plan whose tasks were all done again, as far as none failed. Of several reruns the last counts.
#[must_use]
pub fn judge(evidence: &Evidence<'_>, repeats: &[Repeat]) -> Vec<Judged> {
    let by_task: HashMap<TaskId, &Repeat> = repeats.iter().map(|repeat| (repeat.task, repeat)).collect();
    let judge = Judge { evidence, by_task, values: values(evidence.observations) };
    evidence.plan.run_indices().filter_map(|run| judge.run(run)).collect()
}

/// Measured values by task, metric, benchmark, split and step.
type Values<'a> = HashMap<(TaskId, &'a str, &'a str, &'a str, Option<u64>), f64>;

fn values(observations: &[Observation]) -> Values<'_> {
    let measured = observations.iter().filter_map(|observation| match observation.subject {
        Subject::Task(task) if observation.kind.source == MEASURED => {
            let kind = &*observation.kind;
            Some(((task, &*kind.metric, &*kind.benchmark, &*kind.split, observation.step), observation.value))
        }
        Subject::Task(_) | Subject::Run(_) => None,
    });
    measured.collect()
}

struct Judge<'a> {
    evidence: &'a Evidence<'a>,
    by_task: HashMap<TaskId, &'a Repeat>,
    values: Values<'a>,
}

impl Judge<'_> {
    fn run(&self, run: RunIx) -> Option<Judged> {
        let Evidence { sweep, plan, .. } = *self.evidence;
        let mut judged = Judged {
            run,
            agreement: Agreement::Bits,
            tasks: 0,
            scores: 0,
            differences: Vec::new(),
            files: Vec::new(),
            changes: Vec::new(),
            failures: Vec::new(),
            recorded: 0.0,
        };
        let mut missing = 0;
        for stage in 0..sweep.stages.len() {
            let Some(task) = plan.task_of(run, stage) else { continue };
            match self.by_task.get(&plan.tasks[task.0 as usize].id) {
                Some(repeat) => self.add(&mut judged, stage, repeat),
                None => missing += 1,
            }
        }
        // Behind a task that failed again nothing is done; without a failure the rerun was interrupted.
        if judged.tasks == 0 || missing > 0 && judged.failures.is_empty() {
            return None;
        }
        judged.agreement = agreement(&judged);
        judged.changes.sort_unstable();
        judged.changes.dedup();
        Some(judged)
    }

    fn add(&self, judged: &mut Judged, stage: usize, repeat: &Repeat) {
        let name = &self.evidence.sweep.stages[stage].name;
        judged.tasks += 1;
        judged.recorded = judged.recorded.max(repeat.recorded);
        judged.changes.extend(changes(&repeat.before.provenance, &repeat.again.provenance));
        if repeat.verdict != Verdict::Succeeded {
            judged.failures.push((name.clone(), repeat.reason, repeat.message.clone()));
            return;
        }
        judged.files.extend(repeat.different_files().into_iter().map(|path| (name.clone(), path)));
        judged.scores += repeat.before.scores.len();
        for before in &repeat.before.scores {
            let again = repeat.again.scores.iter().find(|again| key(again) == key(before)).map(|score| score.value);
            if again.is_some_and(|again| same(again, before.value)) {
                continue;
            }
            let (measure, agreement) = self.measure(judged.run, stage, before, again);
            judged.differences.push(Difference {
                stage: name.clone(),
                metric: before.metric.clone(),
                benchmark: before.benchmark.clone(),
                split: before.split.clone(),
                step: before.step,
                before: before.value,
                again,
                measure,
                agreement,
            });
        }
    }

    /// What the difference is measured by, and how far the two agree by that.
    fn measure(&self, run: RunIx, stage: usize, before: &Score, again: Option<f64>) -> (Measure, Agreement) {
        let Some(again) = again.filter(|again| again.is_finite() && before.value.is_finite()) else {
            return (Measure::Nothing, Agreement::Drift);
        };
        let distance = (again - before.value).abs();
        let tolerance = tolerance(self.evidence.sweep, before);
        if let Some(tolerance) = tolerance.filter(|tolerance| distance <= *tolerance) {
            return (Measure::Tolerance(tolerance), Agreement::Tolerance);
        }
        match (self.noise(run, stage, before), tolerance) {
            (Some((bound, seeds)), _) => {
                let agreement = if distance <= bound { Agreement::Noise } else { Agreement::Drift };
                (Measure::Noise { bound, seeds }, agreement)
            }
            (None, Some(tolerance)) => (Measure::Tolerance(tolerance), Agreement::Drift),
            (None, None) => (Measure::Nothing, Agreement::Drift),
        }
    }

    /// How far two seeds of the cell lie apart at most, with probability [`LEVEL`]: `t sd sqrt(2)`, the prediction
    /// interval for a difference (Student 1908), with n - 1 degrees of freedom. `None` for a single seed.
    fn noise(&self, run: RunIx, stage: usize, score: &Score) -> Option<(f64, usize)> {
        let Score { metric, benchmark, split, step, .. } = score;
        let plan = self.evidence.plan;
        let value = |run: RunIx| {
            let task = plan.tasks[plan.task_of(run, stage)?.0 as usize].id;
            self.values.get(&(task, &**metric, &**benchmark, &**split, *step)).copied()
        };
        let values: Vec<f64> = replicates(plan, run).into_iter().filter_map(value).collect();
        let summary = summarize(&values).ok()?;
        #[expect(clippy::cast_precision_loss, reason = "a cell has few seeds")]
        let t = quantile(0.5 + LEVEL / 2.0, (summary.n - 1) as f64)?;
        Some((t * summary.std_dev? * std::f64::consts::SQRT_2, summary.n))
    }
}

/// The runs of the first cell with `run` that has several seeds, `run` among them.
fn replicates(plan: &Plan, run: RunIx) -> Vec<RunIx> {
    for grid in &plan.grids {
        let Some(mine) = grid.cells.iter().find(|cell| cell.run == run && cell.seed.is_some()) else { continue };
        let beside = grid.cells.iter().filter(|cell| cell.coordinates == mine.coordinates).map(|cell| cell.run);
        let beside: Vec<RunIx> = beside.collect();
        if beside.len() > 1 {
            return beside;
        }
    }
    Vec::new()
}

/// The tolerance of the metric that the score is of.
fn tolerance(sweep: &Sweep, score: &Score) -> Option<f64> {
    let is_of = |benchmark: &Option<String>| benchmark.as_ref().is_none_or(|name| *name == score.benchmark);
    let metrics = sweep.metrics.iter().filter(|metric| metric.score == score.metric && is_of(&metric.benchmark));
    // Where two metrics look at one score, it must satisfy both.
    metrics.filter_map(|metric| metric.tolerance).min_by(f64::total_cmp)
}

fn agreement(judged: &Judged) -> Agreement {
    if !judged.failures.is_empty() {
        return Agreement::Failed;
    }
    let worst = judged.differences.iter().map(|difference| difference.agreement).max();
    match worst {
        Some(worst) => worst,
        None if judged.files.is_empty() => Agreement::Bits,
        None if judged.scores > 0 => Agreement::Scores,
        None => Agreement::Drift,
    }
}

fn key(score: &Score) -> (&str, &str, &str, Option<u64>) {
    (&score.metric, &score.benchmark, &score.split, score.step)
}

/// To the bit; a value that is no number is the same as any other that is none.
fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}
