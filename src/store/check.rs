//! Whether the database is whole, and agrees with the journal and the task folders.

use std::path::Path;

use hashbrown::HashSet;

use super::Store;
use super::folders::{TaskFolder, task_folders};
use super::journal;
use crate::Result;
use crate::collect::CollectedTask;
use crate::id::TaskId;

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// What is wrong, one line each.
    pub problems: Vec<String>,
    /// What is worth knowing and no mistake.
    pub notes: Vec<String>,
}

impl Store {
    /// Check everything. `read` gives the ended attempts of a task, as for [`rebuild`](super::rebuild).
    ///
    /// # Errors
    /// The database is too damaged to be asked.
    pub fn check(&mut self, read: impl Fn(&str, TaskId, &Path, u32) -> Result<Vec<CollectedTask>>) -> Result<Checked> {
        let mut checked = Checked::default();
        self.check_integrity(&mut checked)?;
        self.check_journal(&mut checked)?;
        self.check_folders(&mut checked, read)?;
        Ok(checked)
    }

    fn check_integrity(&mut self, checked: &mut Checked) -> Result<()> {
        let verdicts: Vec<String> =
            self.database.run("check", async |db| sqlx::query_scalar("PRAGMA integrity_check").fetch_all(db).await)?;
        checked.problems.extend(verdicts.into_iter().filter(|verdict| verdict != "ok"));
        let broken: Vec<(String, i64)> = self.database.run("check", async |db| {
            sqlx::query_as("SELECT \"table\", count(*) FROM pragma_foreign_key_check GROUP BY 1").fetch_all(db).await
        })?;
        checked.problems.extend(
            broken.into_iter().map(|(table, rows)| format!("{rows} rows of `{table}` refer to rows that do not exist")),
        );
        Ok(())
    }

    fn check_journal(&mut self, checked: &mut Checked) -> Result<()> {
        let contents = match journal::read(&self.project.journal_folder()) {
            Ok(contents) => contents,
            Err(error) => {
                checked.problems.push(error.to_string());
                return Ok(());
            }
        };
        checked.notes.extend(
            contents
                .torn
                .iter()
                .map(|(path, bytes)| format!("{}: the last line is torn ({bytes} bytes)", path.display())),
        );
        let (written, applied) = (contents.entries.last().map_or(0, |entry| entry.position), self.applied()?);
        if written != applied {
            checked.problems.push(format!("the journal ends at fact {written}, the database at fact {applied}"));
        }
        Ok(())
    }

    fn check_folders(
        &mut self,
        checked: &mut Checked,
        read: impl Fn(&str, TaskId, &Path, u32) -> Result<Vec<CollectedTask>>,
    ) -> Result<()> {
        let known = self.attempts_of_tasks()?;
        let mut found = HashSet::new();
        for TaskFolder { task, path } in task_folders(&self.project)? {
            match read("", task, &path, 0) {
                Ok(attempts) => found.extend(attempts.iter().map(|attempt| (task, attempt.outcome.attempt))),
                Err(error) => checked.problems.push(error.to_string()),
            }
        }
        let waiting = found.difference(&known).count();
        if waiting > 0 {
            checked
                .notes
                .push(format!("{waiting} ended attempts are not in the store yet: `sweep collect` brings them in"));
        }
        let gone = known.difference(&found).count();
        if gone > 0 {
            checked.notes.push(format!(
                "{gone} attempts are in the store alone, their folders are gone: a rebuild would lose them"
            ));
        }
        Ok(())
    }

    fn attempts_of_tasks(&mut self) -> Result<HashSet<(TaskId, u32)>> {
        let rows: Vec<(Vec<u8>, u32)> = self.database.run("read", async |db| {
            sqlx::query_as("SELECT task.digest, number FROM attempt JOIN task ON task.id = task_id").fetch_all(db).await
        })?;
        let key = |(digest, number): (Vec<u8>, u32)| Some((TaskId(<[u8; 16]>::try_from(digest).ok()?), number));
        Ok(rows.into_iter().filter_map(key).collect())
    }
}
