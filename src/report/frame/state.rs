//! What a missing score means: not applicable, not run yet, or failed.

use super::index::Index;
use super::score::CellState;
use crate::attempt::{FailureReason, TaskState};
use crate::grid::StageKind;
use crate::plan::{RunIx, TaskIx};

/// Why none of `runs`, the replicates of one cell, has a value of `measure`.
pub(super) fn missing(index: &Index, measure: usize, runs: &[RunIx]) -> CellState {
    let stages = stages_of(index, measure);
    let tasks = || runs.iter().flat_map(|&run| stages.iter().filter_map(move |&stage| index.plan.task_of(run, stage)));
    if let Some(reason) = tasks().find_map(|task| failure(index, task)) {
        return CellState::Failed(reason);
    }
    if tasks().next().is_none() { CellState::NotApplicable } else { CellState::NotRun }
}

/// The stages that give the measure; while nothing has been measured, any that measures may.
fn stages_of(index: &Index, measure: usize) -> Vec<usize> {
    let known = &index.producers[measure];
    if !known.is_empty() {
        return known.clone();
    }
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
