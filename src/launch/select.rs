//! Which tasks a submission starts: everything of the plan that is neither settled nor out of reach. Pure.

use super::board::Item;
use super::order;
use crate::attempt::{FailureReason, Failures, Ledger};
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
    /// Tasks that a scheduler has in hand, and those that wait for them where the launcher cannot.
    pub queued: usize,
    /// Tasks that are left until the canary has succeeded.
    pub later: usize,
}

/// What becomes of tasks that need one which a scheduler has in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BehindQueued {
    /// They are left until it has succeeded.
    Leave,
    /// They are started as well: whoever starts them sees to the order.
    Take,
}

impl Selected {
    /// Leave for later what is not `wanted`, by task of the plan. All that a wanted task needs must be wanted.
    pub fn keep(&mut self, wanted: &[bool]) {
        let mut positions: Vec<Option<usize>> = vec![None; self.tasks.len()];
        let (tasks, items) = (std::mem::take(&mut self.tasks), std::mem::take(&mut self.items));
        for (before, (task, mut item)) in tasks.into_iter().zip(items).enumerate() {
            if !wanted[task.0 as usize] {
                self.later += 1;
                continue;
            }
            item.needs = item.needs.iter().filter_map(|&need| positions[need]).collect();
            positions[before] = Some(self.tasks.len());
            self.tasks.push(task);
            self.items.push(item);
        }
    }
}

/// Choose by where each task stands.
#[must_use]
pub fn select(current: (&Sweep, &Plan), actions: &Actions, ledger: &Ledger, behind: BehindQueued) -> Selected {
    let (sweep, plan) = current;
    let ranks = order::ranks(sweep, plan);
    let mut selected = Selected::default();
    let mut positions: Vec<Option<usize>> = vec![None; plan.tasks.len()];
    let mut is_behind = vec![false; plan.tasks.len()];
    for (index, (task, standing)) in (0..).zip(plan.tasks.iter().zip(&actions.standings)) {
        let here = TaskIx(index);
        is_behind[index as usize] = *standing == Standing::Queued
            || *standing != Standing::Done && plan.needs(sweep, here).any(|(_, need)| is_behind[need.0 as usize]);
        match *standing {
            Standing::Done => selected.done += 1,
            Standing::Failed { reason, .. } => selected.failed.push((here, reason)),
            Standing::Blocked { .. } => selected.blocked += 1,
            Standing::Cancelled => selected.cancelled += 1,
            Standing::Queued => selected.queued += 1,
            Standing::Waiting { .. } if behind == BehindQueued::Leave && is_behind[index as usize] => {
                selected.queued += 1
            }
            Standing::New | Standing::Waiting { .. } | Standing::Running | Standing::Retry { .. } => {
                let stage = &sweep.stages[usize::from(task.stage)];
                let failures = ledger.get(&task.id).map_or_else(Failures::default, |record| record.failures);
                let needs = plan.needs(sweep, here).filter_map(|(_, need)| positions[need.0 as usize]);
                let item = Item {
                    rank: ranks[index as usize],
                    needs: needs.collect(),
                    threads: stage.threads,
                    gpus: plan.resources(sweep, here).gpus,
                    attempts: stage.retry.attempts.saturating_sub(failures.counted).max(1),
                };
                positions[index as usize] = Some(selected.tasks.len());
                selected.tasks.push(here);
                selected.items.push(item);
            }
        }
    }
    selected
}
