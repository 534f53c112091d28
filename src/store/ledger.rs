//! What is known of a plan's tasks.

use std::path::Path;

use hashbrown::HashMap;
use sqlx::FromRow;

use super::Store;
use super::plans::decode;
use super::rows::{TASKS, known_ids};
use super::spelling::read;
use crate::Result;
use crate::attempt::{Failures, Ledger, TaskRecord, TaskState, Verdict};
use crate::id::TaskId;
use crate::plan::Plan;

/// One attempt, in order of task and number.
#[derive(FromRow)]
struct AttemptRow {
    digest: Vec<u8>,
    number: u32,
    folder: String,
    verdict: String,
    reason: Option<String>,
    message: String,
    seconds: f64,
}

impl Store {
    /// What the store knows of the tasks of `plan`.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn ledger(&mut self, plan: &Plan) -> Result<Ledger> {
        let tasks_folder = self.project.tasks_folder();
        self.database.run("read", async |db| {
            let digests: Vec<[u8; 16]> = plan.tasks.iter().map(|task| task.id.0).collect();
            let known = known_ids(db, TASKS, &digests).await?;
            let planned = plan.tasks.iter().map(|task| task.id).filter(|task| known.contains_key(&task.0));
            let mut ledger = Ledger::default();
            ledger.tasks.extend(planned.map(|task| (task, never_attempted())));
            let rows: Vec<AttemptRow> = sqlx::query_as(
                "SELECT task.digest, number, folder, verdict, reason, message, ended - started AS seconds \
                 FROM attempt JOIN task ON task.id = attempt.task_id ORDER BY task_id, number",
            )
            .fetch_all(&mut *db)
            .await?;
            rows.into_iter().try_for_each(|row| add(&mut ledger, row, &tasks_folder))?;
            let cancelled: Vec<Vec<u8>> =
                sqlx::query_scalar("SELECT task.digest FROM cancellation JOIN task ON task.id = task_id")
                    .fetch_all(&mut *db)
                    .await?;
            cancelled.into_iter().try_for_each(|digest| cancel(&mut ledger, digest))?;
            let queued: Vec<Vec<u8>> = sqlx::query_scalar(
                "SELECT task.digest FROM submission_task JOIN task ON task.id = task_id \
                 WHERE closed IS NULL AND element IS NOT NULL",
            )
            .fetch_all(db)
            .await?;
            queued.into_iter().try_for_each(|digest| queue(&mut ledger, digest))?;
            Ok(ledger)
        })
    }
}

impl Store {
    /// When the attempts that count began and ended, by task, in seconds since the epoch.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn times(&mut self) -> Result<HashMap<TaskId, (f64, f64)>> {
        self.database.run("read", async |db| {
            let rows: Vec<(Vec<u8>, f64, f64)> = sqlx::query_as(
                "SELECT task.digest, started, ended FROM attempt JOIN task ON task.id = task_id \
                 WHERE verdict = 'succeeded'",
            )
            .fetch_all(db)
            .await?;
            rows.into_iter().map(|(digest, started, ended)| Ok((task_id(digest)?, (started, ended)))).collect()
        })
    }
}

fn never_attempted() -> TaskRecord {
    TaskRecord {
        state: TaskState::Pending,
        attempts: 0,
        results: None,
        seconds: None,
        message: String::new(),
        failures: Failures::default(),
    }
}

fn task_id(digest: Vec<u8>) -> sqlx::Result<TaskId> {
    <[u8; 16]>::try_from(digest).map(TaskId).map_err(|_| decode("a digest of 16 bytes"))
}

/// Success is final; otherwise the last attempt speaks for the task.
fn add(ledger: &mut Ledger, row: AttemptRow, tasks_folder: &Path) -> sqlx::Result<()> {
    let Some(record) = ledger.tasks.get_mut(&task_id(row.digest)?) else { return Ok(()) };
    record.attempts = record.attempts.max(row.number);
    if record.state == TaskState::Succeeded {
        return Ok(());
    }
    record.state = match (read(&row.verdict)?, row.reason) {
        (Verdict::Succeeded, _) => TaskState::Succeeded,
        // Stopped from outside: it waits for its next attempt. Only somebody's word cancels a task.
        (Verdict::Cancelled, _) => TaskState::Pending,
        (Verdict::Failed, Some(reason)) => {
            let reason = read(&reason)?;
            record.failures.add(reason);
            TaskState::Failed(reason)
        }
        (Verdict::Failed, None) => return Err(decode("a reason for a failed attempt")),
    };
    if record.state == TaskState::Succeeded {
        record.results = Some(tasks_folder.join(row.folder));
        record.seconds = Some(row.seconds);
    }
    record.message = row.message;
    Ok(())
}

fn cancel(ledger: &mut Ledger, digest: Vec<u8>) -> sqlx::Result<()> {
    let record = ledger.tasks.get_mut(&task_id(digest)?);
    if let Some(record) = record.filter(|record| record.state != TaskState::Succeeded) {
        record.state = TaskState::Cancelled;
    }
    Ok(())
}

/// A scheduler has it in hand, whatever became of earlier attempts.
fn queue(ledger: &mut Ledger, digest: Vec<u8>) -> sqlx::Result<()> {
    let record = ledger.tasks.get_mut(&task_id(digest)?);
    if let Some(record) = record.filter(|record| record.state != TaskState::Succeeded) {
        record.state = TaskState::Queued;
    }
    Ok(())
}
