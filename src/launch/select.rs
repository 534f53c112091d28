//! Which tasks a submission starts: everything of the plan that is neither settled nor out of reach. Pure.

use super::board::Item;
use super::order;
use crate::attempt::{FailureReason, Ledger};
use crate::grid::Sweep;
use crate::plan::{Actions, Plan, Standing, TaskIx};

/// What is to be started, and what is not and why.
#[derive(Debug, Default)]
pub struct Selected {
    /// Tasks to start, upstream first.
    pub tasks: Vec<TaskIx>,
    /// The same for the board, whose needs are positions in `tasks`.
    pub items: Vec<Item>,
    /// Number of tasks that have succeeded before.
    pub done: usize,
    /// Tasks that failed before and are not to be tried again.
    pub failed: Vec<(TaskIx, FailureReason)>,
    /// Tasks that need one of those.
    pub blocked: usize,
    /// Tasks that somebody has cancelled.
    pub cancelled: usize,
}

/// Choose by where each task stands.
#[must_use]
pub fn select(sweep: &Sweep, plan: &Plan, actions: &Actions, ledger: &Ledger) -> Selected {
    let ranks = order::ranks(sweep, plan);
    let mut selected = Selected::default();
    let mut positions: Vec<Option<usize>> = vec![None; plan.tasks.len()];
    for (index, (task, standing)) in (0..).zip(plan.tasks.iter().zip(&actions.standings)) {
        let here = TaskIx(index);
        match *standing {
            Standing::Done => selected.done += 1,
            Standing::Failed { reason, .. } => selected.failed.push((here, reason)),
            Standing::Blocked { .. } => selected.blocked += 1,
            Standing::Cancelled => selected.cancelled += 1,
            Standing::New | Standing::Waiting { .. } | Standing::Running | Standing::Retry { .. } => {
                let stage = &sweep.stages[usize::from(task.stage)];
                let made = ledger.get(&task.id).map_or(0, |record| record.attempts);
                let needs = plan.needs(sweep, here).filter_map(|(_, need)| positions[need.0 as usize]);
                let item = Item {
                    rank: ranks[index as usize],
                    needs: needs.collect(),
                    threads: stage.threads,
                    gpus: plan.resources(sweep, here).gpus,
                    attempts: stage.retry.attempts.saturating_sub(made).max(1),
                };
                positions[index as usize] = Some(selected.tasks.len());
                selected.tasks.push(here);
                selected.items.push(item);
            }
        }
    }
    selected
}
