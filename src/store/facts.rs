//! What facts of the journal mean for the tables. The same code runs when a fact happens and when it is read again.

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;

use super::Store;
use super::journal::{Entry, Fact};
use super::plans::Recorded;
use super::rows::{RUNS, TASKS, Table, known_ids};
use super::writer::mark_applied;
use crate::id::{InvalidId, RunId, TaskId};
use crate::{Error, Result};

impl Store {
    /// Put on record that `tasks` are about to be started under `token`; a cancellation of any of them ends with it.
    ///
    /// # Errors
    /// The journal or the database cannot be written.
    pub fn record_submission(&mut self, token: &str, launcher: &str, tasks: &[TaskId]) -> Result<()> {
        let tasks = self.known(TASKS, tasks)?;
        self.enact(Fact::Submission {
            token: token.to_owned(),
            launcher: launcher.to_owned(),
            tasks,
            owner: None,
            elements: Vec::new(),
        })
    }

    /// Put on record that `tasks` are not to be tried again until they are submitted once more.
    ///
    /// # Errors
    /// The journal or the database cannot be written.
    pub fn record_cancellation(&mut self, tasks: &[TaskId]) -> Result<()> {
        let tasks = self.known(TASKS, tasks)?;
        self.enact(Fact::Cancellation { tasks })
    }

    /// Put on record that what `run` made is to be kept.
    ///
    /// # Errors
    /// The journal or the database cannot be written.
    pub fn pin(&mut self, run: &RunId) -> Result<()> {
        self.known(RUNS, &[*run])?;
        self.enact(Fact::Pin { run: run.to_string() })
    }

    /// Put on record that what `run` made need no longer be kept.
    ///
    /// # Errors
    /// The journal or the database cannot be written.
    pub fn unpin(&mut self, run: &RunId) -> Result<()> {
        self.known(RUNS, &[*run])?;
        self.enact(Fact::Unpin { run: run.to_string() })
    }

    /// Put on record that files of an attempt are deleted on purpose.
    pub(super) fn record_deletion(&mut self, task: &TaskId, attempt: u32, paths: Vec<PathBuf>) -> Result<()> {
        self.enact(Fact::Deletion { task: task.to_string(), attempt, paths })
    }

    /// Record a fact, then bring it into the tables.
    pub(super) fn enact(&mut self, fact: Fact) -> Result<()> {
        let entry = self.record(fact)?;
        self.apply(entry)
    }

    /// Bring one fact of the journal into the tables.
    pub(super) fn apply(&mut self, entry: Entry) -> Result<()> {
        let at = Recorded { position: entry.position, time: entry.recorded };
        match entry.fact {
            Fact::Plan { path, text, .. } => self.apply_plan(at, &path, &text),
            Fact::Import(import) => self.apply_import(at, &import),
            Fact::Submission { token, launcher, tasks, owner, elements } => {
                self.apply_submission(at, (token, launcher, owner), &tasks, &elements)
            }
            Fact::Job { token, job } => self.apply_job(at, token, job),
            Fact::Release { tokens } => self.apply_release(at, tokens),
            Fact::Closing { token, elements, reason } => self.apply_closing(at, &token, elements, &reason),
            Fact::Cancellation { tasks } => self.apply_cancellation(at, &tasks),
            Fact::Pin { run } => self.apply_pin(at, &run),
            Fact::Unpin { run } => self.apply_unpin(at, &run),
            Fact::Rerun(rerun) => self.apply_rerun(at, &rerun),
            Fact::Deletion { task, attempt, paths } => self.apply_deletion(at, &task, attempt, paths),
        }
    }

    fn apply_cancellation(&mut self, at: Recorded, tasks: &[String]) -> Result<()> {
        let tasks = self.rows_of(TASKS, tasks)?;
        self.database.load("store a cancellation in", |sink| {
            let mut rows =
                sink.rows("INSERT INTO cancellation (task_id, recorded) VALUES ", 2, " ON CONFLICT DO NOTHING");
            tasks.iter().for_each(|&task| rows.add(task).add(at.time).end());
            drop(rows);
            mark_applied(sink, at.position);
        })
    }

    fn apply_pin(&mut self, at: Recorded, run: &str) -> Result<()> {
        let runs = self.rows_of(RUNS, &[run.to_owned()])?;
        self.database.load("store a pin in", |sink| {
            let mut rows = sink.rows("INSERT INTO pin (run_id, recorded) VALUES ", 2, " ON CONFLICT DO NOTHING");
            runs.iter().for_each(|&run| rows.add(run).add(at.time).end());
            drop(rows);
            mark_applied(sink, at.position);
        })
    }

    fn apply_unpin(&mut self, at: Recorded, run: &str) -> Result<()> {
        let runs = self.rows_of(RUNS, &[run.to_owned()])?;
        self.database.load("remove a pin from", |sink| {
            runs.iter().for_each(|&run| drop(sink.statement("DELETE FROM pin WHERE run_id = ?").add(run)));
            mark_applied(sink, at.position);
        })
    }

    fn apply_deletion(&mut self, at: Recorded, task: &str, attempt: u32, paths: Vec<PathBuf>) -> Result<()> {
        let task: TaskId = parse(task)?;
        self.database.load("store a deletion in", |sink| {
            for path in paths {
                sink.statement(
                    "UPDATE artifact SET deleted = ? WHERE path = ? AND attempt_id = (SELECT attempt.id FROM attempt \
                     JOIN task ON task.id = attempt.task_id WHERE task.digest = ? AND number = ?)",
                )
                .add(at.time)
                .add(path.to_string_lossy().into_owned())
                .add(task.0.to_vec())
                .add(attempt);
            }
            mark_applied(sink, at.position);
        })
    }

    /// The identities as the journal spells them, if the store has them all: what is in the journal must apply.
    pub(super) fn known<T: Copy + Into<[u8; 16]> + Display>(
        &mut self,
        table: Table,
        identities: &[T],
    ) -> Result<Vec<String>> {
        let digests: Vec<[u8; 16]> = identities.iter().copied().map(Into::into).collect();
        let known = self.database.run("read", async |db| known_ids(db, table, &digests).await)?;
        match digests.iter().zip(identities).find(|(digest, _)| !known.contains_key(*digest)) {
            Some((_, unknown)) => Err(Error::usage(format!("the store does not know `{unknown}`"))
                .hint("`sweep plan <file>` records what a sweep holds")),
            None => Ok(identities.iter().map(T::to_string).collect()),
        }
    }

    /// The integer keys of rows by their identities, in the order of these; `None` for what the store does not know.
    pub(super) fn rows_in_order(&mut self, table: Table, identities: &[String]) -> Result<Vec<Option<i64>>> {
        let digests = identities.iter().map(|text| parse::<TaskId>(text).map(|id| id.0)).collect::<Result<Vec<_>>>()?;
        let known = self.database.run("read", async |db| known_ids(db, table, &digests).await)?;
        Ok(digests.iter().map(|digest| known.get(digest).copied()).collect())
    }

    /// The integer keys of rows by their identities, each once, in order.
    pub(super) fn rows_of(&mut self, table: Table, identities: &[String]) -> Result<Vec<i64>> {
        let mut ids: Vec<i64> = self.rows_in_order(table, identities)?.into_iter().flatten().collect();
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }
}

/// Read an identity from the journal.
pub(super) fn parse<T: FromStr<Err = InvalidId>>(text: &str) -> Result<T> {
    text.parse().map_err(|error| Error::general(format!("`{}` in the journal: {error}", text.escape_debug())))
}
