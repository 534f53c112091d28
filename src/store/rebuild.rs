//! Making the database again, from the journal and the task folders.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hashbrown::HashMap;

use super::Store;
use super::database::{refuse_newer, rename_durably};
use super::folders::{TaskFolder, task_folders};
use super::journal::{self, Contents, Fact};
use super::lock::WriterLock;
use super::writer::{create_beside, mark_applied};
use crate::collect::CollectedTask;
use crate::error::Context;
use crate::id::TaskId;
use crate::project::{Project, make_private_folder};
use crate::{Error, Result};

/// Task folders that are read before what they hold is stored: it bounds the memory, not the result.
const AT_ONCE: usize = 1_000;

/// What the new database was made from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rebuilt {
    pub facts: usize,
    pub attempts: usize,
    /// What could not be read or was left out, one line each.
    pub problems: Vec<String>,
    /// Where the old database lies now.
    pub kept: Option<PathBuf>,
}

/// Make the database again and put it in place of the old one, which is kept beside it.
///
/// `read` gives the ended attempts of a task: (stage, task, its folder, number of the last attempt to leave out).
///
/// # Errors
/// Another process writes; the database is of a newer version; the journal is damaged; the new database cannot be written. The old one is then untouched.
pub fn rebuild(
    project: &Project,
    patience: Duration,
    read: impl Fn(&str, TaskId, &Path, u32) -> Result<Vec<CollectedTask>>,
) -> Result<Rebuilt> {
    make_private_folder(&project.state_folder())?;
    let lock = WriterLock::take(&project.lock_file(), "db rebuild", patience)?;
    refuse_newer(&project.database())?;
    let contents = journal::read(&project.journal_folder())?;
    let (path, database) = create_beside(&project.database(), project.store_id())?;
    let mut store = Store::over(database, project.clone());
    let mut rebuilt = Rebuilt { facts: contents.entries.len(), ..Rebuilt::default() };
    rebuilt.problems.extend(torn(&contents));
    store.replay(contents, &mut rebuilt, read)?;
    store.database.close()?;
    rebuilt.kept = swap(&project.database(), &path)?;
    drop(lock);
    Ok(rebuilt)
}

fn torn(contents: &Contents) -> impl Iterator<Item = String> + '_ {
    contents.torn.iter().map(|(path, bytes)| {
        format!("{}: the last line is torn ({bytes} bytes): what it was to say has not happened", path.display())
    })
}

impl Store {
    fn replay(
        &mut self,
        contents: Contents,
        rebuilt: &mut Rebuilt,
        read: impl Fn(&str, TaskId, &Path, u32) -> Result<Vec<CollectedTask>>,
    ) -> Result<()> {
        let last = contents.entries.last().map_or(0, |entry| entry.position);
        // A file can be marked as deleted once there is a row for it, which comes with its attempt.
        let is_deletion = |fact: &Fact| matches!(fact, Fact::Deletion { .. });
        let (deletions, facts): (Vec<_>, Vec<_>) =
            contents.entries.into_iter().partition(|entry| is_deletion(&entry.fact));
        for entry in facts {
            let position = entry.position;
            self.apply(entry)
                .map_err(|error| error.context(format!("cannot repeat fact {position} of the journal")))?;
        }
        self.collect_all(rebuilt, read)?;
        deletions.into_iter().try_for_each(|entry| self.apply(entry))?;
        self.database.load("finish", |sink| mark_applied(sink, last))
    }

    /// Store what all task folders hold; a folder that cannot be read does not hide the others.
    fn collect_all(
        &mut self,
        rebuilt: &mut Rebuilt,
        read: impl Fn(&str, TaskId, &Path, u32) -> Result<Vec<CollectedTask>>,
    ) -> Result<()> {
        let stages = self.stages_of_tasks()?;
        for folders in task_folders(&self.project)?.chunks(AT_ONCE) {
            let mut collected = Vec::new();
            for TaskFolder { task, path } in folders {
                let stage = stages.get(task).map_or(UNKNOWN_STAGE, String::as_str);
                match read(stage, *task, path, 0) {
                    Ok(attempts) => collected.extend(attempts),
                    Err(error) => rebuilt.problems.push(error.to_string()),
                }
            }
            let ingested = self.record_results(&collected)?;
            rebuilt.attempts += ingested.attempts;
            let refused = ingested.refused.into_iter();
            rebuilt
                .problems
                .extend(refused.map(|refused| {
                    format!("attempt {} of task {}: {}", refused.attempt, refused.task, refused.reason)
                }));
        }
        Ok(())
    }

    /// The stage of every task that a plan holds.
    pub(super) fn stages_of_tasks(&mut self) -> Result<HashMap<TaskId, String>> {
        let rows: Vec<(Vec<u8>, String)> = self.database.run("read", async |db| {
            sqlx::query_as("SELECT digest, stage.name FROM task JOIN stage ON stage.id = stage_id").fetch_all(db).await
        })?;
        let task = |digest: Vec<u8>| <[u8; 16]>::try_from(digest).ok().map(TaskId);
        Ok(rows.into_iter().filter_map(|(digest, stage)| Some((task(digest)?, stage))).collect())
    }
}

/// The stage of a task that no plan of the journal holds.
const UNKNOWN_STAGE: &str = "";

/// Put the new database in place; where the old one lies now.
fn swap(path: &Path, new: &Path) -> Result<Option<PathBuf>> {
    let cannot = || format!("cannot put `{}` in place of `{}`", new.display(), path.display());
    let kept = (1..).map(|number| path.with_extension(format!("db.old-{number}"))).find(|kept| !kept.exists());
    let kept = kept.ok_or_else(|| Error::general(cannot()))?;
    let had_one = move_if_there(path, &kept).context(cannot)?;
    // SQLite would play an old rollback journal into the new database, by its name.
    move_if_there(&with_suffix(path, "-journal"), &with_suffix(&kept, "-journal")).context(cannot)?;
    rename_durably(new, path).context(cannot)?;
    Ok(had_one.then_some(kept))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn move_if_there(from: &Path, to: &Path) -> std::io::Result<bool> {
    match fs::rename(from, to) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
