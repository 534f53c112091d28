//! What a plan will cost: GPU-hours from declared or measured durations, and disk under the retention rules.

use super::advance::{Actions, Standing};
use super::table::{Plan, TaskIx};
use crate::attempt::Ledger;
use crate::grid::{FactorKind, OnSuccess, Resources, Stage, Sweep};
use crate::value::Value;

/// What the tasks of one stage will cost.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cost {
    /// GPU-hours of everything planned, finished or not.
    pub gpu_hours: f64,
    /// Of what is still to be done.
    pub gpu_hours_left: f64,
    /// The same in hours of nodes without a GPU.
    pub cpu_hours: f64,
    pub cpu_hours_left: f64,
    /// Tasks still to be done that have neither a declared nor a measured duration.
    pub unknown: usize,
    /// Whether measured durations corrected the declared ones.
    pub measured: bool,
}

/// Bytes on disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Disk {
    /// What stays once everything has succeeded.
    pub last: u64,
    /// The largest training state that one task holds while it runs: what is kept and the one being written.
    pub one_state: u64,
    /// The states of the stage that holds most, if all its tasks ran at once.
    pub all_states: u64,
}

/// The cost of each stage, in the sweep's order.
#[must_use]
pub fn costs(sweep: &Sweep, plan: &Plan, actions: &Actions, ledger: &Ledger) -> Vec<Cost> {
    let measured = measured(sweep, plan, ledger);
    let mut costs: Vec<Cost> =
        measured.iter().map(|measured| Cost { measured: measured.tasks > 0, ..Cost::default() }).collect();
    for (index, task) in (0..).zip(&plan.tasks) {
        let stage = usize::from(task.stage);
        let resources = plan.resources(sweep, TaskIx(index));
        let own = ledger.get(&task.id).and_then(|record| record.seconds);
        let declared = expected(sweep, plan, TaskIx(index), &resources);
        let seconds = own.or_else(|| measured[stage].correct(declared));
        let done = actions.of(TaskIx(index)) == Standing::Done;
        let Some(seconds) = seconds else {
            costs[stage].unknown += usize::from(!done);
            continue;
        };
        let cost = &mut costs[stage];
        let node_hours = seconds / 3600.0 * f64::from(resources.nodes);
        let gpu_hours = node_hours * f64::from(resources.gpus);
        let cpu_hours = if resources.gpus == 0 { node_hours } else { 0.0 };
        cost.gpu_hours += gpu_hours;
        cost.cpu_hours += cpu_hours;
        if !done {
            cost.gpu_hours_left += gpu_hours;
            cost.cpu_hours_left += cpu_hours;
        }
    }
    costs
}

/// What is still to be done, were it done one after the other.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Left {
    pub seconds: f64,
    /// Tasks that nobody knows the duration of.
    pub unknown: usize,
}

/// The durations of all tasks that are neither done nor out of reach, as measured or else as declared.
#[must_use]
pub fn left(sweep: &Sweep, plan: &Plan, actions: &Actions, ledger: &Ledger) -> Left {
    let measured = measured(sweep, plan, ledger);
    let mut left = Left::default();
    for (index, task) in (0..).zip(&plan.tasks) {
        let settled = matches!(
            actions.of(TaskIx(index)),
            Standing::Done | Standing::Failed { .. } | Standing::Blocked { .. } | Standing::Cancelled
        );
        if settled {
            continue;
        }
        let declared = expected(sweep, plan, TaskIx(index), &plan.resources(sweep, TaskIx(index)));
        match measured[usize::from(task.stage)].correct(declared) {
            Some(seconds) => left.seconds += seconds,
            None => left.unknown += 1,
        }
    }
    left
}

/// Seconds that the sweep file declares for a task; amounts are those that its stage uses.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a forecast")]
pub fn expected(sweep: &Sweep, plan: &Plan, task: TaskIx, resources: &Resources) -> Option<f64> {
    let per_million = resources.expected_seconds_per_million;
    let base = resources.expected_seconds.or(per_million.map(|_| 0))?;
    let definition = plan.tasks[task.0 as usize];
    let stage = &sweep.stages[usize::from(definition.stage)];
    let amount = |&factor: &usize| match plan.value(sweep, definition.run, factor) {
        Value::Int(amount) if sweep.factors[factor].kind == FactorKind::Amount => *amount as f64,
        _ => 0.0,
    };
    let samples: f64 = stage.uses.iter().map(amount).sum();
    Some(base as f64 + per_million.unwrap_or(0) as f64 * samples / 1e6)
}

/// What the finished tasks of a stage took, beside what was declared for them.
#[derive(Debug, Clone, Copy, Default)]
struct Measured {
    tasks: usize,
    seconds: f64,
    /// Over the tasks that have a declared duration: measured and declared seconds.
    compared: f64,
    declared: f64,
}

impl Measured {
    /// A better guess than `declared` alone.
    #[expect(clippy::cast_precision_loss, reason = "a forecast")]
    fn correct(self, declared: Option<f64>) -> Option<f64> {
        match declared {
            Some(declared) if self.declared > 0.0 => Some(declared * self.compared / self.declared),
            Some(declared) => Some(declared),
            None if self.tasks > 0 => Some(self.seconds / self.tasks as f64),
            None => None,
        }
    }
}

fn measured(sweep: &Sweep, plan: &Plan, ledger: &Ledger) -> Vec<Measured> {
    let mut measured = vec![Measured::default(); sweep.stages.len()];
    if ledger.tasks.is_empty() {
        return measured;
    }
    for (index, task) in (0..).zip(&plan.tasks) {
        let Some(seconds) = ledger.get(&task.id).and_then(|record| record.seconds) else { continue };
        let stage = &mut measured[usize::from(task.stage)];
        stage.tasks += 1;
        stage.seconds += seconds;
        let resources = plan.resources(sweep, TaskIx(index));
        if let Some(declared) = expected(sweep, plan, TaskIx(index), &resources) {
            stage.compared += seconds;
            stage.declared += declared;
        }
    }
    measured
}

/// What the whole plan puts on disk.
#[must_use]
pub fn disk(sweep: &Sweep, plan: &Plan) -> Disk {
    let mut disk = Disk::default();
    let mut states = vec![0_u64; sweep.stages.len()];
    for (index, task) in (0..).zip(&plan.tasks) {
        let stage = &sweep.stages[usize::from(task.stage)];
        let resources = plan.resources(sweep, TaskIx(index));
        let state = running_state(stage, &resources);
        disk.last = disk.last.saturating_add(kept(stage, &resources));
        disk.one_state = disk.one_state.max(state);
        let all = &mut states[usize::from(task.stage)];
        *all = all.saturating_add(state);
    }
    disk.all_states = states.into_iter().max().unwrap_or(0);
    disk
}

/// Bytes that a task holds beside its results while it runs: the states that it keeps and the one it is writing.
fn running_state(stage: &Stage, resources: &Resources) -> u64 {
    let states = u64::from(stage.checkpoints.keep_last) + 1;
    resources.checkpoint_bytes.unwrap_or(0).saturating_mul(states)
}

/// Bytes that stay after success.
fn kept(stage: &Stage, resources: &Resources) -> u64 {
    let result = resources.result_bytes.unwrap_or(0);
    let states = u64::from(stage.checkpoints.keep_last).saturating_mul(resources.checkpoint_bytes.unwrap_or(0));
    match stage.checkpoints.on_success {
        OnSuccess::Weights => result,
        OnSuccess::All => result.saturating_add(states),
        OnSuccess::Nothing => 0,
    }
}
