//! Submissions to a scheduler: what was about to be submitted, the job that it became, and what is still open.

use sqlx::FromRow;

use super::Store;
use super::journal::Fact;
use super::plans::{Recorded, decode};
use super::results::next_id;
use super::rows::TASKS;
use super::writer::mark_applied;
use crate::Result;
use crate::id::TaskId;
use crate::slurm::follow::{Closing, Submitted};

/// What is about to be submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent<'a> {
    /// Names the submission for good, here and at the scheduler.
    pub token: &'a str,
    pub launcher: &'a str,
    /// The user who submits.
    pub owner: &'a str,
    /// Tasks, each with the element of the array that is to run it.
    pub tasks: &'a [(TaskId, u32)],
}

/// One task of a submission that is open.
#[derive(FromRow)]
struct OpenRow {
    id: i64,
    token: String,
    job: Option<i64>,
    owner: Option<String>,
    released: bool,
    recorded: f64,
    digest: Vec<u8>,
    element: u32,
}

impl Store {
    /// Put on record that tasks are about to be submitted; a cancellation of any of them ends with it.
    ///
    /// # Errors
    /// The journal or the database cannot be written.
    pub fn record_intent(&mut self, intent: &Intent<'_>) -> Result<()> {
        let ids: Vec<TaskId> = intent.tasks.iter().map(|(task, _)| *task).collect();
        let tasks = self.known(TASKS, &ids)?;
        self.enact(Fact::Submission {
            token: intent.token.to_owned(),
            launcher: intent.launcher.to_owned(),
            tasks,
            owner: Some(intent.owner.to_owned()),
            elements: intent.tasks.iter().map(|&(_, element)| element).collect(),
        })
    }

    /// Put on record that the submission `token` became `job`.
    ///
    /// # Errors
    /// The journal or the database cannot be written.
    pub fn record_job(&mut self, token: &str, job: u64) -> Result<()> {
        self.enact(Fact::Job { token: token.to_owned(), job })
    }

    /// Put on record that these submissions, which were held, are let go.
    ///
    /// # Errors
    /// The journal or the database cannot be written.
    pub fn record_release(&mut self, tokens: &[&str]) -> Result<()> {
        self.enact(Fact::Release { tokens: tokens.iter().map(|&token| token.to_owned()).collect() })
    }

    /// Put on record that nothing more is expected of `elements` of a submission; of all of it, if there are none.
    ///
    /// # Errors
    /// The journal or the database cannot be written.
    pub fn record_closing(&mut self, token: &str, elements: &[u32], reason: Closing) -> Result<()> {
        let elements = elements.to_vec();
        self.enact(Fact::Closing { token: token.to_owned(), elements, reason: reason.as_str().to_owned() })
    }

    /// The submissions of which something is still expected, in the order of their intents.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn open_submissions(&mut self) -> Result<Vec<Submitted>> {
        self.database.run("read", async |db| {
            let rows: Vec<OpenRow> = sqlx::query_as(
                "SELECT submission.id, token, job, owner, released IS NOT NULL AS released, submission.recorded, \
                 task.digest, element FROM submission_task JOIN submission ON submission.id = submission_id \
                 JOIN task ON task.id = task_id WHERE closed IS NULL AND element IS NOT NULL \
                 ORDER BY submission.id, element, task.id",
            )
            .fetch_all(db)
            .await?;
            let mut open: Vec<Submitted> = Vec::new();
            let mut last = None;
            for row in rows {
                let task = <[u8; 16]>::try_from(row.digest).map(TaskId).map_err(|_| decode("a digest of 16 bytes"))?;
                if last != Some(row.id) {
                    last = Some(row.id);
                    open.push(Submitted {
                        token: row.token,
                        job: row.job.map(i64::unsigned_abs),
                        owner: row.owner.unwrap_or_default(),
                        released: row.released,
                        recorded: row.recorded,
                        tasks: Vec::new(),
                    });
                }
                open.iter_mut().rev().take(1).for_each(|submitted| submitted.tasks.push((task, row.element)));
            }
            Ok(open)
        })
    }

    pub(super) fn apply_submission(
        &mut self,
        at: Recorded,
        fact: (String, String, Option<String>),
        tasks: &[String],
        elements: &[u32],
    ) -> Result<()> {
        let (token, launcher, owner) = fact;
        let rows = self.rows_in_order(TASKS, tasks)?;
        let next = self
            .database
            .run("read", async |db| next_id(db, "SELECT coalesce(max(id), 0) + 1 FROM submission").await)?;
        self.database.load("store a submission in", |sink| {
            sink.statement("INSERT INTO submission (id, token, launcher, owner, recorded) VALUES (?, ?, ?, ?, ?)")
                .add(next)
                .add(token)
                .add(launcher)
                .add(owner)
                .add(at.time);
            let head = "INSERT INTO submission_task (submission_id, task_id, element) VALUES ";
            let mut inserts = sink.rows(head, 3, " ON CONFLICT DO NOTHING");
            for (position, task) in rows.iter().enumerate().filter_map(|(at, task)| Some((at, (*task)?))) {
                inserts.add(next).add(task).add(elements.get(position).copied()).end();
            }
            drop(inserts);
            let tasks = rows.iter().flatten();
            tasks.for_each(|&task| drop(sink.statement("DELETE FROM cancellation WHERE task_id = ?").add(task)));
            mark_applied(sink, at.position);
        })
    }

    pub(super) fn apply_job(&mut self, at: Recorded, token: String, job: u64) -> Result<()> {
        self.database.load("store a job in", |sink| {
            sink.statement("UPDATE submission SET job = ? WHERE token = ?").add(job.cast_signed()).add(token);
            mark_applied(sink, at.position);
        })
    }

    pub(super) fn apply_release(&mut self, at: Recorded, tokens: Vec<String>) -> Result<()> {
        self.database.load("store a release in", |sink| {
            for token in tokens {
                sink.statement("UPDATE submission SET released = ? WHERE token = ?").add(at.time).add(token);
            }
            mark_applied(sink, at.position);
        })
    }

    pub(super) fn apply_closing(&mut self, at: Recorded, token: &str, elements: Vec<u32>, reason: &str) -> Result<()> {
        const ALL: &str = "UPDATE submission_task SET closed = ?, closing = ? WHERE closed IS NULL \
             AND submission_id = (SELECT id FROM submission WHERE token = ?)";
        const ONE: &str = "UPDATE submission_task SET closed = ?, closing = ? WHERE closed IS NULL \
             AND submission_id = (SELECT id FROM submission WHERE token = ?) AND element = ?";
        self.database.load("store what is over in", |sink| {
            if elements.is_empty() {
                drop(sink.statement(ALL).add(at.time).add(reason.to_owned()).add(token.to_owned()));
            }
            for element in elements {
                sink.statement(ONE).add(at.time).add(reason.to_owned()).add(token.to_owned()).add(element);
            }
            mark_applied(sink, at.position);
        })
    }
}
