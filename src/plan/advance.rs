//! Where every task of a plan stands, and why: decided from what is known, without touching anything.

use super::table::{Plan, Task, TaskIx};
use crate::attempt::{FailureReason, Ledger, TaskState};
use crate::grid::Sweep;

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Never attempted, and everything that it needs is there.
    New,
    /// Not attempted yet: it needs a task that has not succeeded yet.
    Waiting {
        on: TaskIx,
    },
    /// In the hands of a scheduler.
    Queued,
    Running,
    Done,
    /// Failed, and another try makes sense.
    Retry {
        reason: FailureReason,
        attempts: u32,
    },
    /// Failed for good.
    Failed {
        reason: FailureReason,
        attempts: u32,
    },
    /// It needs a task that has failed for good or was cancelled.
    Blocked {
        on: TaskIx,
    },
    Cancelled,
}

/// What should be done about a plan: one standing a task.
#[derive(Debug, Default)]
pub struct Actions {
    /// By [`TaskIx`].
    pub standings: Vec<Standing>,
}

/// Number of tasks by standing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub new: usize,
    pub waiting: usize,
    pub queued: usize,
    pub running: usize,
    pub done: usize,
    pub retry: usize,
    pub failed: usize,
    pub blocked: usize,
    pub cancelled: usize,
}

impl Counts {
    /// Count one more.
    pub fn add(&mut self, standing: Standing) {
        *match standing {
            Standing::New => &mut self.new,
            Standing::Waiting { .. } => &mut self.waiting,
            Standing::Queued => &mut self.queued,
            Standing::Running => &mut self.running,
            Standing::Done => &mut self.done,
            Standing::Retry { .. } => &mut self.retry,
            Standing::Failed { .. } => &mut self.failed,
            Standing::Blocked { .. } => &mut self.blocked,
            Standing::Cancelled => &mut self.cancelled,
        } += 1;
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> usize {
        let Self { new, waiting, queued, running, done, retry, failed, blocked, cancelled } = *self;
        new + waiting + queued + running + done + retry + failed + blocked + cancelled
    }

    /// Tasks that a submission would start, now or once what they need is there.
    #[must_use]
    pub fn to_start(&self) -> usize {
        self.new + self.waiting + self.retry
    }
}

impl Actions {
    /// The standing of one task.
    #[must_use]
    pub fn of(&self, task: TaskIx) -> Standing {
        self.standings[task.0 as usize]
    }

    /// Counts by stage, in the sweep's order.
    #[must_use]
    pub fn by_stage(&self, sweep: &Sweep, plan: &Plan) -> Vec<Counts> {
        let mut counts = vec![Counts::default(); sweep.stages.len()];
        for (task, standing) in plan.tasks.iter().zip(&self.standings) {
            counts[usize::from(task.stage)].add(*standing);
        }
        counts
    }
}

/// Decide where each task of `plan` stands by what `ledger` knows.
#[must_use]
pub fn advance(sweep: &Sweep, plan: &Plan, ledger: &Ledger) -> Actions {
    let mut standings: Vec<Standing> = Vec::with_capacity(plan.tasks.len());
    // What a task needs stands before it, so one pass suffices.
    for (index, task) in (0..).zip(&plan.tasks) {
        let own = standing(sweep, task, ledger);
        let standing = match own {
            Standing::New | Standing::Retry { .. } => with_needs(sweep, plan, TaskIx(index), own, &standings),
            settled => settled,
        };
        standings.push(standing);
    }
    Actions { standings }
}

/// By the task's own record alone.
fn standing(sweep: &Sweep, task: &Task, ledger: &Ledger) -> Standing {
    let Some(record) = ledger.get(&task.id) else { return Standing::New };
    let attempts = record.attempts;
    let retry = &sweep.stages[usize::from(task.stage)].retry;
    match record.state {
        TaskState::Pending => Standing::New,
        TaskState::Queued => Standing::Queued,
        TaskState::Running => Standing::Running,
        TaskState::Succeeded => Standing::Done,
        TaskState::Cancelled => Standing::Cancelled,
        TaskState::Failed(reason) if retry.covers(reason) && retry.allows(attempts, record.failures) => {
            Standing::Retry { reason, attempts }
        }
        TaskState::Failed(reason) => Standing::Failed { reason, attempts },
    }
}

/// A task that could start, unless what it needs is not there.
fn with_needs(sweep: &Sweep, plan: &Plan, task: TaskIx, own: Standing, standings: &[Standing]) -> Standing {
    let mut standing = own;
    for (_, need) in plan.needs(sweep, task) {
        match standings[need.0 as usize] {
            Standing::Done => {}
            Standing::Failed { .. } | Standing::Blocked { .. } | Standing::Cancelled => {
                return Standing::Blocked { on: need };
            }
            Standing::New
            | Standing::Waiting { .. }
            | Standing::Queued
            | Standing::Running
            | Standing::Retry { .. } => {
                standing = Standing::Waiting { on: need };
            }
        }
    }
    standing
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::attempt::{Failures, TaskRecord};
    use crate::grid;
    use crate::plan::{Selection, build};

    const CHAIN: &str = r#"
name = "chain"
[grids.main]
[stages.a]
kind = "train"
command = ["a"]
[stages.b]
kind = "train"
needs = ["a"]
command = ["b"]
[stages.c]
kind = "measure"
needs = ["b"]
command = ["c"]
"#;

    fn record(state: TaskState, attempts: u32) -> TaskRecord {
        let failures = Failures { counted: attempts, ..Failures::default() };
        TaskRecord { state, attempts, results: None, seconds: None, message: String::new(), failures }
    }

    /// The standings when the first tasks of the chain have these records.
    fn standings(records: &[TaskRecord]) -> Vec<Standing> {
        let sweep = grid::parse(Path::new("chain.toml"), CHAIN).unwrap();
        let plan = build(&sweep, &Selection::default()).unwrap();
        let mut ledger = Ledger::default();
        ledger.tasks.extend(plan.tasks.iter().map(|task| task.id).zip(records.iter().cloned()));
        advance(&sweep, &plan, &ledger).standings
    }

    #[test]
    fn what_was_never_attempted_is_new_and_the_rest_waits() {
        let [a, b] = [TaskIx(0), TaskIx(1)];
        assert_eq!(standings(&[]), [Standing::New, Standing::Waiting { on: a }, Standing::Waiting { on: b }]);
    }

    #[test]
    fn what_needs_a_running_task_waits_and_what_needs_a_finished_one_is_new() {
        let done = record(TaskState::Succeeded, 1);
        let running = record(TaskState::Running, 1);
        assert_eq!(standings(&[done.clone(), running])[1..], [Standing::Running, Standing::Waiting { on: TaskIx(1) }]);
        assert_eq!(standings(&[done.clone(), done])[1..], [Standing::Done, Standing::New]);
    }

    #[test]
    fn a_failure_is_tried_again_only_where_it_makes_sense_and_often_enough() {
        let reason = FailureReason::NodeFailure;
        assert_eq!(standings(&[record(TaskState::Failed(reason), 1)])[0], Standing::Retry { reason, attempts: 1 });
        let failed = standings(&[record(TaskState::Failed(reason), 3)]);
        let on = |task| Standing::Blocked { on: TaskIx(task) };
        assert_eq!(failed, [Standing::Failed { reason, attempts: 3 }, on(0), on(1)]);
        let reason = FailureReason::Diverged;
        assert_eq!(standings(&[record(TaskState::Failed(reason), 1)])[0], Standing::Failed { reason, attempts: 1 });
    }

    #[test]
    fn what_a_scheduler_has_in_hand_is_waited_for() {
        let queued = standings(&[record(TaskState::Queued, 0)]);
        assert_eq!(queued[..2], [Standing::Queued, Standing::Waiting { on: TaskIx(0) }]);
    }

    #[test]
    fn a_wish_to_be_started_again_is_granted_beyond_the_number_of_attempts() {
        let reason = FailureReason::Preempted;
        let saved = TaskRecord { failures: Failures::default(), ..record(TaskState::Failed(reason), 7) };
        assert_eq!(standings(&[saved])[0], Standing::Retry { reason, attempts: 7 });
    }

    #[test]
    fn more_memory_is_tried_only_where_the_stage_says_so() {
        let reason = FailureReason::OutOfMemory;
        let failed = record(TaskState::Failed(reason), 1);
        assert_eq!(standings(std::slice::from_ref(&failed))[0], Standing::Failed { reason, attempts: 1 });
        let text = CHAIN.replacen("command", "retry = { memory = \"+50%\" }\ncommand", 1);
        let sweep = grid::parse(Path::new("chain.toml"), &text).unwrap();
        let plan = build(&sweep, &Selection::default()).unwrap();
        let mut ledger = Ledger::default();
        ledger.tasks.insert(plan.tasks[0].id, failed);
        assert_eq!(advance(&sweep, &plan, &ledger).standings[0], Standing::Retry { reason, attempts: 1 });
    }

    #[test]
    fn what_needs_a_cancelled_task_is_blocked() {
        let cancelled = standings(&[record(TaskState::Cancelled, 0)]);
        assert_eq!(cancelled[..2], [Standing::Cancelled, Standing::Blocked { on: TaskIx(0) }]);
    }
}
