//! Reading what was found: observations, time series and artifacts.

use std::path::PathBuf;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use sqlx::SqliteConnection;

use super::Store;
use super::plans::decode;
use super::scan::scan;
use super::spelling::join;
use crate::Result;
use crate::id::{RunId, TaskId};
use crate::metric::{Kind, Observation, Subject};
use crate::plan::Plan;

/// One time series of the attempt that counts.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredSeries {
    pub name: String,
    /// (step, value), ascending by step; values may be NaN or infinite.
    pub points: Vec<(u64, f64)>,
}

/// A file that an attempt left behind.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredArtifact {
    pub attempt: u32,
    /// Below the attempt's folder of results.
    pub path: PathBuf,
    pub bytes: u64,
    pub digest: blake3::Hash,
    /// When it was deleted on purpose, in seconds since the epoch.
    pub deleted: Option<f64>,
}

/// All that is known, in order of insertion.
///
/// It joins nothing: looking a number up in memory costs a tenth of having SQLite look it up. And few observations have
/// any of the last four, so that one flag spares asking for each.
const OBSERVATIONS: &str = "SELECT attempt_id, run_id, quantity_id, source_id, value, \
    coalesce(step, not_finite, n, stderr) IS NOT NULL, step, not_finite, n, stderr FROM observation ORDER BY id";

/// Key of the attempt that counts, and the digest of its task.
const TASKS: &str = "SELECT attempt.id, task.digest FROM attempt JOIN task ON task.id = task_id \
    WHERE verdict = 'succeeded'";
const RUNS: &str = "SELECT id, digest FROM run";

/// Every pair that observations have.
const KINDS: &str = "SELECT quantity.id, source.id, metric, benchmark, split, source.name FROM quantity, source";

/// The series of the attempts that count; and all points, series by series as the table lies.
const SERIES: &str = "SELECT series.id, task.digest, series.name FROM series \
    JOIN attempt ON attempt.id = series.attempt_id AND attempt.verdict = 'succeeded' JOIN task ON task.id = task_id \
    ORDER BY series.id";
const POINTS: &str = "SELECT series_id, step, value, not_finite FROM point ORDER BY series_id, step";

/// Number of the attempt, path, size, digest, and when the file was deleted.
type ArtifactRow = (u32, String, i64, Vec<u8>, Option<f64>);

impl Store {
    /// Everything that was measured by the tasks of `plan` or imported for its runs.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn observations(&mut self, plan: &Plan) -> Result<Vec<Observation>> {
        let tasks: HashSet<TaskId> = plan.tasks.iter().map(|task| task.id).collect();
        let runs: HashSet<RunId> = plan.runs.iter().copied().collect();
        self.database.run("read", async |db| {
            let kinds = kinds(db).await?;
            let planned_task = |digest| Some(TaskId(digest)).filter(|task| tasks.contains(task)).map(Subject::Task);
            let measured = subjects(db, TASKS, planned_task).await?;
            let planned_run = |digest| Some(RunId(digest)).filter(|run| runs.contains(run)).map(Subject::Run);
            let imported = subjects(db, RUNS, planned_run).await?;
            read_all(db, &Subjects { measured, imported }, &kinds).await
        })
    }

    /// The time series of the attempt of `task` that succeeded, by name.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn series(&mut self, task: &TaskId) -> Result<Vec<StoredSeries>> {
        let rows: Vec<(String, i64, Option<f64>, Option<String>)> = self.database.run("read", async |db| {
            sqlx::query_as(
                "SELECT series.name, step, value, not_finite FROM task \
                 JOIN attempt ON attempt.task_id = task.id AND attempt.verdict = 'succeeded' \
                 JOIN series ON series.attempt_id = attempt.id JOIN point ON point.series_id = series.id \
                 WHERE task.digest = ? ORDER BY series.name, step",
            )
            .bind(&task.0[..])
            .fetch_all(db)
            .await
        })?;
        let mut series: Vec<StoredSeries> = Vec::new();
        for (name, step, value, not_finite) in rows {
            let point = (step.cast_unsigned(), join(value, not_finite.as_deref()));
            match series.last_mut().filter(|last| last.name == name) {
                Some(last) => last.points.push(point),
                None => series.push(StoredSeries { name, points: vec![point] }),
            }
        }
        Ok(series)
    }

    /// Give `each` every time series of the tasks of `plan`, of the attempts that succeeded, task by task and by name.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn each_series(&mut self, plan: &Plan, mut each: impl FnMut(TaskId, StoredSeries)) -> Result<()> {
        let tasks: HashSet<TaskId> = plan.tasks.iter().map(|task| task.id).collect();
        self.database.run("read", async |db| {
            let named: Vec<(i64, Vec<u8>, String)> = sqlx::query_as(SERIES).fetch_all(&mut *db).await?;
            let mut wanted: HashMap<i64, (TaskId, String)> = HashMap::new();
            for (series, digest, name) in named {
                let task = TaskId(<[u8; 16]>::try_from(digest).map_err(|_| decode("a digest of 16 bytes"))?);
                if tasks.contains(&task) {
                    wanted.insert(series, (task, name));
                }
            }
            if wanted.is_empty() {
                return Ok(());
            }
            let mut open: Option<(i64, Vec<(u64, f64)>)> = None;
            let mut close = |series: i64, points: Vec<(u64, f64)>| {
                if let Some((task, name)) = wanted.get(&series) {
                    each(*task, StoredSeries { name: name.clone(), points });
                }
            };
            scan(db, POINTS, |row| {
                let series: i64 = row.get(0)?;
                let step: i64 = row.get(1)?;
                let point = (step.cast_unsigned(), join(row.get(2)?, row.get_ref(3)?.as_str_or_null()?));
                match &mut open {
                    Some((known, points)) if *known == series => points.push(point),
                    _ => {
                        if let Some((known, points)) = open.replace((series, vec![point])) {
                            close(known, points);
                        }
                    }
                }
                Ok(())
            })
            .await?;
            if let Some((series, points)) = open {
                close(series, points);
            }
            Ok(())
        })
    }

    /// The files that attempts of `task` left behind.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn artifacts(&mut self, task: &TaskId) -> Result<Vec<StoredArtifact>> {
        self.database.run("read", async |db| {
            let rows: Vec<ArtifactRow> = sqlx::query_as(
                "SELECT number, path, bytes, artifact.digest, deleted FROM task \
                 JOIN attempt ON attempt.task_id = task.id JOIN artifact ON artifact.attempt_id = attempt.id \
                 WHERE task.digest = ? ORDER BY number, path",
            )
            .bind(&task.0[..])
            .fetch_all(db)
            .await?;
            rows.into_iter()
                .map(|(attempt, path, bytes, digest, deleted)| {
                    let digest = <[u8; 32]>::try_from(digest).map_err(|_| decode("a digest of 32 bytes"))?;
                    Ok(StoredArtifact {
                        attempt,
                        path: path.into(),
                        bytes: bytes.cast_unsigned(),
                        digest: digest.into(),
                        deleted,
                    })
                })
                .collect()
        })
    }
}

/// What observations are of, by the keys of quantity and source.
type Kinds = HashMap<(i64, i64), Arc<Kind>>;

async fn kinds(db: &mut SqliteConnection) -> sqlx::Result<Kinds> {
    let rows: Vec<(i64, i64, String, String, String, String)> = sqlx::query_as(KINDS).fetch_all(db).await?;
    let kind = |(quantity, source_id, metric, benchmark, split, source)| {
        ((quantity, source_id), Arc::new(Kind { metric, benchmark, split, source }))
    };
    Ok(rows.into_iter().map(kind).collect())
}

/// The subjects that are wanted, by their keys.
async fn subjects(
    db: &mut SqliteConnection,
    sql: &'static str,
    wanted: impl Fn([u8; 16]) -> Option<Subject>,
) -> sqlx::Result<HashMap<i64, Subject>> {
    let mut subjects = HashMap::new();
    scan(db, sql, |row| {
        if let Some(subject) = wanted(row.get(1)?) {
            subjects.insert(row.get(0)?, subject);
        }
        Ok(())
    })
    .await?;
    Ok(subjects)
}

/// What observations may be of, by their keys.
struct Subjects {
    measured: HashMap<i64, Subject>,
    imported: HashMap<i64, Subject>,
}

/// Everything about these subjects: first what was measured, then what was imported.
async fn read_all(db: &mut SqliteConnection, subjects: &Subjects, kinds: &Kinds) -> sqlx::Result<Vec<Observation>> {
    let (mut measured, mut imported) = (Vec::new(), Vec::new());
    scan(db, OBSERVATIONS, |row| {
        let (found, subject) = match row.get::<_, Option<i64>>(0)? {
            Some(attempt) => (&mut measured, subjects.measured.get(&attempt)),
            None => (&mut imported, subjects.imported.get(&row.get::<_, i64>(1)?)),
        };
        let (Some(&subject), Some(kind)) = (subject, kinds.get(&(row.get(2)?, row.get(3)?))) else { return Ok(()) };
        let kind = Arc::clone(kind);
        found.push(if row.get(5)? {
            let count = |number: Option<i64>| number.map(i64::cast_unsigned);
            Observation {
                subject,
                kind,
                step: count(row.get(6)?),
                value: join(row.get(4)?, row.get_ref(7)?.as_str_or_null()?),
                n: count(row.get(8)?),
                stderr: row.get(9)?,
            }
        } else {
            Observation { subject, kind, step: None, value: row.get(4)?, n: None, stderr: None }
        });
        Ok(())
    })
    .await?;
    if measured.is_empty() {
        return Ok(imported);
    }
    measured.append(&mut imported);
    Ok(measured)
}
