//! Reruns: what came of doing tasks again, kept apart from their attempts.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hashbrown::HashMap;
use runfile::{Outcome, Score};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::{FromRow, SqliteConnection};

use super::Store;
use super::facts::parse;
use super::journal::Fact;
use super::plans::{Recorded, decode};
use super::quantities::Quantities;
use super::results::next_id;
use super::rows::TASKS;
use super::spelling::{join, read, spell, split};
use super::writer::mark_applied;
use crate::Result;
use crate::id::TaskId;
use crate::plan::Plan;
use crate::rerun::{Left, Repeat};

/// One task done again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rerun {
    /// Names the rerun, and its folder.
    pub token: String,
    /// Number of the attempt that was repeated.
    pub attempt: u32,
    pub outcome: Outcome,
    pub scores: Vec<Score>,
}

/// The attempt of a task that counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Success {
    /// Its number.
    pub attempt: u32,
    /// Its folder of results.
    pub results: PathBuf,
    /// Seconds since the epoch, UTC.
    pub started: f64,
    pub ended: f64,
    pub left: Left,
}

/// One rerun, in the order in which they were recorded.
#[derive(FromRow)]
struct RerunRow {
    id: i64,
    digest: Vec<u8>,
    token: String,
    attempt: u32,
    recorded: f64,
    verdict: String,
    reason: Option<String>,
    message: String,
    provenance: String,
    /// Of the attempt that was repeated; NULL if the store has lost it.
    original: Option<i64>,
    original_provenance: Option<String>,
}

/// Metric, benchmark, split, step, value, what is not finite, n, standard error.
type ScoreRow = (String, String, String, Option<i64>, Option<f64>, Option<String>, Option<i64>, Option<f64>);

impl Store {
    /// Put on record what came of doing a task again.
    ///
    /// # Errors
    /// The store does not know the task; the journal or the database cannot be written.
    pub fn record_rerun(&mut self, rerun: Rerun) -> Result<()> {
        let task: TaskId = parse(&rerun.outcome.task)?;
        self.known(TASKS, &[task])?;
        self.enact(Fact::Rerun(Box::new(rerun)))
    }

    /// The number of the next rerun.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn next_rerun(&mut self) -> Result<u32> {
        let next: i64 = self.database.run("read", async |db| {
            next_id(db, "SELECT coalesce(max(CAST(token AS INTEGER)), 0) + 1 FROM rerun").await
        })?;
        Ok(u32::try_from(next).unwrap_or(u32::MAX))
    }

    /// What was done again of the tasks of `plan`, beside what it repeats; the earliest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn repeats(&mut self, plan: &Plan) -> Result<Vec<Repeat>> {
        let planned: HashMap<[u8; 16], TaskId> = plan.tasks.iter().map(|task| (task.id.0, task.id)).collect();
        self.database.run("read", async |db| {
            let rows: Vec<RerunRow> = sqlx::query_as(
                "SELECT rerun.id, task.digest, token, rerun.attempt, rerun.recorded, rerun.verdict, rerun.reason, \
                 rerun.message, rerun.provenance, attempt.id AS original, attempt.provenance AS original_provenance \
                 FROM rerun JOIN task ON task.id = rerun.task_id \
                 LEFT JOIN attempt ON attempt.task_id = rerun.task_id AND attempt.number = rerun.attempt \
                 ORDER BY rerun.id",
            )
            .fetch_all(&mut *db)
            .await?;
            let mut repeats = Vec::new();
            for row in rows {
                let task = <[u8; 16]>::try_from(row.digest.as_slice()).ok().and_then(|digest| planned.get(&digest));
                // An attempt that the store has lost is nothing to compare with.
                let (Some(&task), Some(original)) = (task, row.original) else { continue };
                let before = attempt_left(db, original, row.original_provenance.as_deref()).await?;
                repeats.push(repeat(db, row, task, before).await?);
            }
            Ok(repeats)
        })
    }

    /// The attempt of `task` that succeeded, with what it left.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn success(&mut self, task: &TaskId) -> Result<Option<Success>> {
        let tasks_folder = self.project.tasks_folder();
        self.database.run("read", async |db| {
            let row: Option<(i64, u32, String, f64, f64, String)> = sqlx::query_as(
                "SELECT attempt.id, number, folder, started, ended, provenance FROM attempt \
                 JOIN task ON task.id = task_id WHERE task.digest = ? AND verdict = 'succeeded'",
            )
            .bind(&task.0[..])
            .fetch_optional(&mut *db)
            .await?;
            let Some((id, attempt, folder, started, ended, provenance)) = row else { return Ok(None) };
            let left = attempt_left(db, id, Some(&provenance)).await?;
            Ok(Some(Success { attempt, results: tasks_folder.join(folder), started, ended, left }))
        })
    }

    /// Bring a rerun of the journal into the tables.
    pub(super) fn apply_rerun(&mut self, at: Recorded, rerun: &Rerun) -> Result<()> {
        let Rerun { token, attempt, outcome, scores } = rerun;
        let tasks = self.rows_of(TASKS, std::slice::from_ref(&outcome.task))?;
        let (id, mut quantities) = self.database.run("read", async |db| {
            let id = next_id(db, "SELECT coalesce(max(id), 0) + 1 FROM rerun").await?;
            Ok((id, Quantities::find(db).await?))
        })?;
        self.database.load("store a rerun in", |sink| {
            for &task in &tasks {
                sink.statement(
                    "INSERT INTO rerun (id, task_id, token, attempt, recorded, started, ended, verdict, reason, \
                     message, provenance) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                )
                .add(id)
                .add(task)
                .add(token.clone())
                .add(attempt)
                .add(at.time)
                .add(outcome.started)
                .add(outcome.ended)
                .add(spell(&outcome.verdict))
                .add(outcome.reason.map(runfile::FailureReason::as_str))
                .add(outcome.message.clone())
                .add(Value::Object(outcome.provenance.clone()).to_string());
            }
            let head = "INSERT INTO rerun_artifact (rerun_id, path, bytes, digest) VALUES ";
            let mut rows = sink.rows(head, 4, " ON CONFLICT DO NOTHING");
            for artifact in &outcome.artifacts {
                let Ok(digest) = blake3::Hash::from_hex(&artifact.blake3) else { continue };
                rows.add(id).add(artifact.path.to_string_lossy().into_owned());
                rows.add(artifact.bytes.cast_signed()).add(digest.as_bytes().to_vec()).end();
            }
            drop(rows);
            let head = "INSERT INTO rerun_score (rerun_id, quantity_id, step, value, not_finite, n, stderr) VALUES ";
            let mut rows = sink.rows(head, 7, " ON CONFLICT DO NOTHING");
            for score in scores {
                let quantity = quantities.id(sink, [&score.metric, &score.benchmark, &score.split]);
                let (value, not_finite) = split(score.value);
                rows.add(id).add(quantity).add(score.step.map(u64::cast_signed)).add(value).add(not_finite);
                rows.add(score.n.map(u64::cast_signed)).add(score.stderr).end();
            }
            drop(rows);
            mark_applied(sink, at.position);
        })
    }
}

async fn repeat(db: &mut SqliteConnection, row: RerunRow, task: TaskId, before: Left) -> sqlx::Result<Repeat> {
    let artifacts = files(db, "SELECT path, digest FROM rerun_artifact WHERE rerun_id = ?", row.id).await?;
    let scores = scores(
        db,
        "SELECT metric, benchmark, split, step, value, not_finite, n, stderr FROM rerun_score \
         JOIN quantity ON quantity.id = quantity_id WHERE rerun_id = ? ORDER BY rerun_score.id",
        row.id,
    )
    .await?;
    Ok(Repeat {
        task,
        attempt: row.attempt,
        token: row.token,
        recorded: row.recorded,
        verdict: read(&row.verdict)?,
        reason: row.reason.as_deref().map(read).transpose()?,
        message: row.message,
        before,
        again: Left { provenance: facts(&row.provenance)?, artifacts, scores },
    })
}

/// What the attempt with the key `id` left.
async fn attempt_left(db: &mut SqliteConnection, id: i64, provenance: Option<&str>) -> sqlx::Result<Left> {
    let artifacts = files(db, "SELECT path, digest FROM artifact WHERE attempt_id = ?", id).await?;
    let scores = scores(
        db,
        "SELECT metric, benchmark, split, step, value, not_finite, n, stderr FROM observation \
         JOIN quantity ON quantity.id = quantity_id WHERE attempt_id = ? ORDER BY observation.id",
        id,
    )
    .await?;
    Ok(Left { provenance: facts(provenance.unwrap_or("{}"))?, artifacts, scores })
}

fn facts(text: &str) -> sqlx::Result<Map<String, Value>> {
    serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(error.into()))
}

async fn files(db: &mut SqliteConnection, sql: &'static str, id: i64) -> sqlx::Result<BTreeMap<PathBuf, blake3::Hash>> {
    let rows: Vec<(String, Vec<u8>)> = sqlx::query_as(sql).bind(id).fetch_all(db).await?;
    rows.into_iter()
        .map(|(path, digest)| {
            let digest = <[u8; 32]>::try_from(digest).map_err(|_| decode("a digest of 32 bytes"))?;
            Ok((path.into(), digest.into()))
        })
        .collect()
}

async fn scores(db: &mut SqliteConnection, sql: &'static str, id: i64) -> sqlx::Result<Vec<Score>> {
    let rows: Vec<ScoreRow> = sqlx::query_as(sql).bind(id).fetch_all(db).await?;
    let score = |(metric, benchmark, split, step, value, not_finite, n, stderr): ScoreRow| Score {
        metric,
        benchmark,
        split,
        step: step.map(i64::cast_unsigned),
        value: join(value, not_finite.as_deref()),
        n: n.map(i64::cast_unsigned),
        stderr,
    };
    Ok(rows.into_iter().map(score).collect())
}
