//! What nobody needs any more: files of attempts that no plan, no pin and nothing that runs asks for.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use hashbrown::{HashMap, HashSet};
use sqlx::FromRow;

use super::Store;
use super::folders::{TaskFolder, last_attempt, task_folders};
use super::plans::decode;
use crate::error::Context;
use crate::grid;
use crate::id::{RunId, TaskId};
use crate::plan::{self, Selection};
use crate::{Error, Result};

/// Files of one attempt that may be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Garbage {
    pub task: TaskId,
    pub stage: String,
    pub attempt: u32,
    /// The runs that the task answers or answered.
    pub runs: Vec<RunId>,
    /// The attempt's folder of results.
    pub folder: PathBuf,
    /// Below it.
    pub paths: Vec<PathBuf>,
    pub bytes: u64,
    pub reason: Reason,
}

/// Why files may be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The task has succeeded in another attempt.
    Superseded,
    /// The latest plan of no sweep holds the task.
    Unplanned,
    /// The file was to be deleted before, and is still there.
    LeftOver,
}

impl Reason {
    /// The reason in words.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Superseded => "another attempt of the task succeeded",
            Self::Unplanned => "the latest plan of no sweep holds the task",
            Self::LeftOver => "was to be deleted before",
        }
    }
}

/// What a rebuild reads is never garbage.
const NEEDED_BY_REBUILD: [&str; 3] = [runfile::scores::FILE, runfile::series::FILE, runfile::EFFECTIVE];

#[derive(FromRow)]
struct ArtifactRow {
    task_id: i64,
    digest: Vec<u8>,
    stage: String,
    number: u32,
    folder: String,
    verdict: String,
    path: String,
    bytes: i64,
    deleted: Option<f64>,
}

/// What must be kept.
#[derive(Default)]
struct Kept {
    /// In the latest plan of a sweep.
    planned: HashSet<TaskId>,
    /// Of a pinned run, or of a run of which some task runs.
    protected: HashSet<i64>,
    /// By task: has it succeeded?
    succeeded: HashSet<i64>,
    runs: HashMap<i64, Vec<RunId>>,
}

impl Store {
    /// The files that nothing needs, by attempt.
    ///
    /// # Errors
    /// The store or a task folder cannot be read, or the latest text of a sweep is not understood any more: then what it
    /// needs is unknown.
    pub fn garbage(&mut self) -> Result<Vec<Garbage>> {
        let kept = self.kept()?;
        let tasks_folder = self.project.tasks_folder();
        let rows: Vec<ArtifactRow> = self.database.run("read", async |db| {
            sqlx::query_as(
                "SELECT task.id AS task_id, task.digest, stage.name AS stage, number, folder, verdict, path, bytes, \
                 deleted FROM artifact JOIN attempt ON attempt.id = attempt_id JOIN task ON task.id = task_id \
                 JOIN stage ON stage.id = stage_id ORDER BY task.id, number, path",
            )
            .fetch_all(db)
            .await
        })?;
        let mut garbage: Vec<Garbage> = Vec::new();
        for row in rows {
            let digest = <[u8; 16]>::try_from(row.digest.as_slice());
            let task = TaskId(digest.map_err(|_| Error::general(decode("a digest of 16 bytes").to_string()))?);
            let folder = tasks_folder.join(&row.folder);
            let Some(reason) = kept.reason(&row, task, &folder.join(&row.path)) else { continue };
            match garbage.last_mut().filter(|last| (last.task, last.attempt, last.reason) == (task, row.number, reason))
            {
                Some(last) => last.push(&row),
                None => garbage.push(Garbage::new(&row, task, folder, &kept, reason)),
            }
        }
        Ok(garbage)
    }

    fn kept(&mut self) -> Result<Kept> {
        let mut kept = Kept { planned: self.planned_tasks()?, ..Kept::default() };
        let rows: Vec<(i64, Vec<u8>)> = self.database.run("read", async |db| {
            sqlx::query_as("SELECT task_id, run.digest FROM run_task JOIN run ON run.id = run_id ORDER BY run.digest")
                .fetch_all(db)
                .await
        })?;
        for (task, run) in rows {
            kept.runs.entry(task).or_default().extend(<[u8; 16]>::try_from(run).ok().map(RunId));
        }
        let busy = self.busy_tasks()?;
        let (protected, succeeded): (Vec<i64>, Vec<i64>) = self.database.run("read", async |db| {
            let mut protected: Vec<i64> =
                sqlx::query_scalar("SELECT task_id FROM run_task JOIN pin USING (run_id)").fetch_all(&mut *db).await?;
            for task in busy {
                protected.push(task);
                let beside: Vec<i64> = sqlx::query_scalar(
                    "SELECT task_id FROM run_task WHERE run_id IN (SELECT run_id FROM run_task WHERE task_id = ?)",
                )
                .bind(task)
                .fetch_all(&mut *db)
                .await?;
                protected.extend(beside);
            }
            let succeeded =
                sqlx::query_scalar("SELECT task_id FROM attempt WHERE verdict = 'succeeded'").fetch_all(db).await?;
            Ok((protected, succeeded))
        })?;
        kept.protected = protected.into_iter().collect();
        kept.succeeded = succeeded.into_iter().collect();
        Ok(kept)
    }

    /// The tasks of the latest plan of every sweep.
    /// The tasks of the latest plan of each sweep.
    ///
    /// # Errors
    /// The database cannot be read, or the latest text of a sweep is not understood any more.
    pub fn planned_tasks(&mut self) -> Result<HashSet<TaskId>> {
        let rows: Vec<(String, String)> = self.database.run("read", async |db| {
            sqlx::query_as(
                "SELECT path, text FROM sweep_revision WHERE position IN \
                 (SELECT max(position) FROM sweep_revision GROUP BY name)",
            )
            .fetch_all(db)
            .await
        })?;
        let mut planned = HashSet::new();
        for (path, text) in rows {
            let sweep = grid::parse(Path::new(&path), &text)?;
            planned.extend(plan::build(&sweep, &Selection::default())?.tasks.iter().map(|task| task.id));
        }
        Ok(planned)
    }

    /// Tasks with an attempt that began and has not come in: unknown never means dead.
    fn busy_tasks(&mut self) -> Result<Vec<i64>> {
        let rows: Vec<(Vec<u8>, i64, u32)> = self.database.run("read", async |db| {
            sqlx::query_as(
                "SELECT digest, task.id, coalesce(max(number), 0) FROM task LEFT JOIN attempt ON task_id = task.id \
                 GROUP BY task.id",
            )
            .fetch_all(db)
            .await
        })?;
        let key =
            |(digest, id, last): (Vec<u8>, i64, u32)| Some((TaskId(<[u8; 16]>::try_from(digest).ok()?), (id, last)));
        let known: HashMap<TaskId, (i64, u32)> = rows.into_iter().filter_map(key).collect();
        let mut busy = Vec::new();
        for TaskFolder { task, path } in task_folders(&self.project)? {
            if let Some(&(id, last)) = known.get(&task)
                && last_attempt(&path).context(|| format!("cannot read `{}`", path.display()))? > last
            {
                busy.push(id);
            }
        }
        Ok(busy)
    }

    /// Delete the files, after that was put on record; the rows stay. Returns the bytes that were freed.
    ///
    /// # Errors
    /// The journal cannot be written, or a file cannot be deleted.
    pub fn delete(&mut self, garbage: &Garbage) -> Result<u64> {
        let root =
            fs::canonicalize(self.project.tasks_folder()).context(|| "cannot find the task folders".to_owned())?;
        self.record_deletion(&garbage.task, garbage.attempt, garbage.paths.clone())?;
        let mut freed = 0;
        for path in &garbage.paths {
            let path = garbage.folder.join(path);
            freed += remove(&root, &path).context(|| format!("cannot delete `{}`", path.display()))?;
        }
        Ok(freed)
    }

    /// The run whose identity begins with `prefix`.
    ///
    /// # Errors
    /// There is none, or several.
    pub fn find_run(&mut self, prefix: &str) -> Result<RunId> {
        let found: Vec<Vec<u8>> = self.database.run("read", async |db| {
            sqlx::query_scalar("SELECT digest FROM run WHERE substr(lower(hex(digest)), 1, length(?1)) = ?1 LIMIT 2")
                .bind(prefix)
                .fetch_all(db)
                .await
        })?;
        let run = |digest: &Vec<u8>| <[u8; 16]>::try_from(digest.as_slice()).ok().map(RunId);
        match found.iter().filter_map(run).collect::<Vec<_>>().as_slice() {
            [run] => Ok(*run),
            [] => Err(Error::usage(format!("no run begins with `{}`", prefix.escape_debug()))
                .hint("`sweep explain` shows the identities of runs")),
            _ => Err(Error::usage(format!("several runs begin with `{prefix}`")).hint("give more digits")),
        }
    }
}

impl Kept {
    /// Why the file may be deleted; `None` if it is needed, or gone.
    fn reason(&self, row: &ArtifactRow, task: TaskId, path: &Path) -> Option<Reason> {
        if NEEDED_BY_REBUILD.contains(&row.path.as_str()) || self.protected.contains(&row.task_id) {
            return None;
        }
        if row.deleted.is_some() {
            return path.symlink_metadata().is_ok().then_some(Reason::LeftOver);
        }
        if row.verdict != "succeeded" && self.succeeded.contains(&row.task_id) {
            return Some(Reason::Superseded);
        }
        (!self.planned.contains(&task)).then_some(Reason::Unplanned)
    }
}

impl Garbage {
    fn new(row: &ArtifactRow, task: TaskId, folder: PathBuf, kept: &Kept, reason: Reason) -> Self {
        let runs = kept.runs.get(&row.task_id).cloned().unwrap_or_default();
        let (stage, attempt) = (row.stage.clone(), row.number);
        let mut garbage = Self { task, stage, attempt, runs, folder, paths: Vec::new(), bytes: 0, reason };
        garbage.push(row);
        garbage
    }

    fn push(&mut self, row: &ArtifactRow) {
        self.paths.push(PathBuf::from(&row.path));
        self.bytes += row.bytes.unsigned_abs();
    }
}

/// Remove a file that lies below `root`, whatever links say; the bytes that it had. One that is gone is no error.
fn remove(root: &Path, path: &Path) -> io::Result<u64> {
    let metadata = match path.symlink_metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let plain = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    let parent = path.parent().map(fs::canonicalize).transpose()?;
    if !plain || !parent.is_some_and(|parent| parent.starts_with(root)) {
        return Err(io::Error::other("it leads out of the task folders"));
    }
    fs::remove_file(path)?;
    Ok(metadata.len())
}
