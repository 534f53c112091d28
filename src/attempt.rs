//! Tasks on their way: states, and what the ledger knows of each.

use std::path::PathBuf;

use hashbrown::HashMap;
pub use runfile::{FailureReason, Verdict};

use crate::id::TaskId;

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskState {
    /// Known, never attempted, or waiting for its next attempt.
    Pending,
    /// In the hands of a scheduler, which decides when it runs.
    Queued,
    Running,
    Succeeded,
    Failed(FailureReason),
    Cancelled,
}

/// What the store knows of one task.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskRecord {
    pub state: TaskState,
    /// Number of attempts so far.
    pub attempts: u32,
    /// Folder with the successful attempt's results.
    pub results: Option<PathBuf>,
    /// Seconds that the successful attempt took.
    pub seconds: Option<f64>,
    /// The last words of a failed attempt.
    pub message: String,
    pub failures: Failures,
}

/// How often a task has failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Failures {
    /// For reasons that count against the attempts that a stage allows: all but a wish to be started again.
    pub counted: u32,
    pub out_of_memory: u32,
    pub time_limit: u32,
}

impl Failures {
    /// Take note of one more.
    pub fn add(&mut self, reason: FailureReason) {
        match reason {
            // It saved its state and goes on from there.
            FailureReason::Preempted => return,
            FailureReason::OutOfMemory => self.out_of_memory += 1,
            FailureReason::TimeLimit => self.time_limit += 1,
            FailureReason::NodeFailure
            | FailureReason::ExitCode
            | FailureReason::Signal
            | FailureReason::Diverged
            | FailureReason::MissingOutput
            | FailureReason::NotStarted
            | FailureReason::DiskFull => {}
        }
        self.counted += 1;
    }
}

/// What is known of the tasks of a plan; a task that is not in it is new.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    pub tasks: HashMap<TaskId, TaskRecord>,
}

impl Ledger {
    #[must_use]
    pub fn get(&self, task: &TaskId) -> Option<&TaskRecord> {
        self.tasks.get(task)
    }

    /// Treat every task that has failed as one that was never attempted: the user wants another try.
    pub fn forgive_failures(&mut self) {
        for record in self.tasks.values_mut().filter(|record| matches!(record.state, TaskState::Failed(_))) {
            record.state = TaskState::Pending;
            record.attempts = 0;
            record.failures = Failures::default();
        }
    }

    /// Treat every task that somebody has cancelled as one that was not: the user wants it after all.
    pub fn forgive_cancellations(&mut self) {
        for record in self.tasks.values_mut().filter(|record| record.state == TaskState::Cancelled) {
            record.state = TaskState::Pending;
        }
    }

    #[must_use]
    pub fn has_succeeded(&self, task: &TaskId) -> bool {
        self.get(task).is_some_and(|record| record.state == TaskState::Succeeded)
    }
}
