//! What a missing score means: not applicable, not run yet, or failed.

use super::index::Index;
use super::score::CellState;
use crate::attempt::{FailureReason, TaskState};
use crate::grid::StageKind;
use crate::plan::{RunIx, TaskIx};

/// Why none of `runs`, the replicates of one cell, has a value of `measure`.
pub(super) fn missing(index: &Index, measure: usize, runs: &[RunIx]) -> CellState {
    let states: Vec<CellState> = runs.iter().map(|&run| of_run(index, measure, run)).collect();
    let failed = states.iter().copied().find(|state| matches!(state, CellState::Failed(_)));
    let applies = states.iter().any(|&state| state != CellState::NotApplicable);
    failed.unwrap_or(if applies { CellState::NotRun } else { CellState::NotApplicable })
}

fn of_run(index: &Index, measure: usize, run: RunIx) -> CellState {
    let known = &index.producers[measure];
    let stages = if known.is_empty() { candidates(index) } else { known.clone() };
    let tasks: Vec<TaskIx> = stages.iter().filter_map(|&stage| index.plan.task_of(run, stage)).collect();
    let failures: Vec<FailureReason> = tasks.iter().filter_map(|&task| failure(index, task)).collect();
    // While nobody knows which stage gives the measure, one that failed may be another one.
    let counts = !known.is_empty() || failures.len() == tasks.len();
    match failures.first() {
        Some(&reason) if counts => CellState::Failed(reason),
        _ if tasks.is_empty() => CellState::NotApplicable,
        _ => CellState::NotRun,
    }
}

/// While nothing has been measured, any stage that measures may give any measure.
fn candidates(index: &Index) -> Vec<usize> {
    let measures = |stage: &usize| index.sweep.stages[*stage].kind == StageKind::Measure;
    let measuring: Vec<usize> = index.final_stages.iter().copied().filter(measures).collect();
    if measuring.is_empty() { index.final_stages.clone() } else { measuring }
}

/// Why `task` cannot give its result: it failed, or something that it needs did.
fn failure(index: &Index, task: TaskIx) -> Option<FailureReason> {
    let id = &index.plan.tasks[task.0 as usize].id;
    if let Some(TaskState::Failed(reason)) = index.ledger.get(id).map(|record| record.state) {
        return Some(reason);
    }
    index.plan.needs(index.sweep, task).find_map(|(_, need)| failure(index, need))
}
