//! Reading what was found: observations, time series and artifacts.

use std::path::PathBuf;

use hashbrown::HashSet;
use sqlx::{FromRow, SqliteConnection};

use super::Store;
use super::plans::decode;
use super::spelling::join;
use crate::Result;
use crate::id::{RunId, TaskId};
use crate::metric::{Observation, Subject};
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

#[derive(FromRow)]
struct ObservationRow {
    digest: Vec<u8>,
    metric: String,
    benchmark: String,
    split: String,
    step: Option<i64>,
    value: Option<f64>,
    not_finite: Option<String>,
    n: Option<i64>,
    stderr: Option<f64>,
    source: String,
}

const MEASURED: &str = "SELECT task.digest, metric, benchmark, split, step, value, not_finite, n, stderr, source.name AS source \
    FROM observation \
    JOIN attempt ON attempt.id = attempt_id AND attempt.verdict = 'succeeded' \
    JOIN task ON task.id = attempt.task_id \
    JOIN quantity ON quantity.id = quantity_id \
    JOIN source ON source.id = source_id ORDER BY observation.id";

const IMPORTED: &str = "SELECT run.digest, metric, benchmark, split, step, value, not_finite, n, stderr, source.name AS source \
    FROM observation \
    JOIN run ON run.id = run_id \
    JOIN quantity ON quantity.id = quantity_id \
    JOIN source ON source.id = source_id ORDER BY observation.id";

/// Number of the attempt, path, size, digest, and when the file was deleted.
type ArtifactRow = (u32, String, i64, Vec<u8>, Option<f64>);

impl Store {
    /// Everything that was measured by the tasks of `plan` or imported for its runs.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn observations(&mut self, plan: &Plan) -> Result<Vec<Observation>> {
        let tasks: HashSet<[u8; 16]> = plan.tasks.iter().map(|task| task.id.0).collect();
        let runs: HashSet<[u8; 16]> = plan.runs.iter().map(|run| run.0).collect();
        self.database.run("read", async |db| {
            let mut observations = Vec::new();
            read_into(&mut observations, db, MEASURED, |digest| {
                tasks.contains(&digest).then_some(Subject::Task(TaskId(digest)))
            })
            .await?;
            read_into(&mut observations, db, IMPORTED, |digest| {
                runs.contains(&digest).then_some(Subject::Run(RunId(digest)))
            })
            .await?;
            Ok(observations)
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

async fn read_into(
    observations: &mut Vec<Observation>,
    db: &mut SqliteConnection,
    sql: &'static str,
    subject: impl Fn([u8; 16]) -> Option<Subject>,
) -> sqlx::Result<()> {
    let rows: Vec<ObservationRow> = sqlx::query_as(sql).fetch_all(db).await?;
    for row in rows {
        let digest = <[u8; 16]>::try_from(row.digest).map_err(|_| decode("a digest of 16 bytes"))?;
        let Some(subject) = subject(digest) else { continue };
        observations.push(Observation {
            subject,
            metric: row.metric,
            benchmark: row.benchmark,
            split: row.split,
            step: row.step.map(i64::cast_unsigned),
            value: join(row.value, row.not_finite.as_deref()),
            n: row.n.map(i64::cast_unsigned),
            stderr: row.stderr,
            source: row.source,
        });
    }
    Ok(())
}
