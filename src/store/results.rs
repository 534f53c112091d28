//! Results of attempts: what task folders hold becomes rows, each once.

use std::path::Path;

use hashbrown::{HashMap, HashSet};
use runfile::{Outcome, Series, Verdict};
use sqlx::{AssertSqlSafe, SqliteConnection};

use super::Store;
use super::bulk::Rows;
use super::rows::{TASKS, known_ids};
use super::spelling::{spell, split};
use crate::Result;
use crate::collect::{CollectedTask, Problem};
use crate::id::TaskId;

/// What became of collected attempts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ingested {
    /// Attempts that the store did not have.
    pub attempts: usize,
    /// Attempts that it had.
    pub known: usize,
    pub scores: usize,
    pub points: usize,
    /// What was left out, and why.
    pub refused: Vec<Refused>,
}

/// Something that a task folder offers and the store does not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub task: TaskId,
    pub attempt: u32,
    pub reason: String,
}

/// An attempt that gets rows.
struct New<'a> {
    id: i64,
    task: i64,
    collected: &'a CollectedTask,
    /// What the readers found, and what was found here.
    problems: Vec<Problem>,
}

impl Store {
    /// Store what was collected, all in one transaction; what the store has already is passed over.
    ///
    /// # Errors
    /// The database cannot be written; nothing of it is stored then.
    pub fn record_results(&mut self, collected: &[CollectedTask]) -> Result<Ingested> {
        let tasks_folder = self.project.tasks_folder();
        self.database.transact("store results in", async |db| {
            let tasks = ensure_tasks(db, collected).await?;
            let mut ingested = Ingested::default();
            let mut new = choose(db, collected, &tasks, &mut ingested).await?;
            insert_attempts(db, &new, &tasks_folder).await?;
            insert_artifacts(db, &new).await?;
            ingested.scores = insert_scores(db, &mut new).await?;
            ingested.points = insert_series(db, &mut new).await?;
            insert_problems(db, &new).await?;
            Ok(ingested)
        })
    }
}

/// The ids of all collected tasks. A task folder may outlive the record of the plan that asked for it: such a task gets
/// a row of its own.
async fn ensure_tasks(db: &mut SqliteConnection, collected: &[CollectedTask]) -> sqlx::Result<HashMap<[u8; 16], i64>> {
    let mut ids = known_ids(db, TASKS, collected.iter().map(|collected| collected.task.0)).await?;
    for collected in collected {
        if ids.contains_key(&collected.task.0) {
            continue;
        }
        sqlx::query("INSERT INTO stage (name) VALUES (?) ON CONFLICT DO NOTHING")
            .bind(&collected.stage)
            .execute(&mut *db)
            .await?;
        let id = sqlx::query_scalar(
            "INSERT INTO task (digest, stage_id) VALUES (?, (SELECT id FROM stage WHERE name = ?)) RETURNING id",
        )
        .bind(&collected.task.0[..])
        .bind(&collected.stage)
        .fetch_one(&mut *db)
        .await?;
        ids.insert(collected.task.0, id);
    }
    Ok(ids)
}

/// Attempts in a lookup statement.
const LOOKUP: usize = 500;

/// What the store has of some tasks.
#[derive(Default)]
struct Known {
    attempts: HashSet<(i64, u32)>,
    /// Number of the attempt that counts, by task.
    succeeded: HashMap<i64, u32>,
}

async fn known_attempts(db: &mut SqliteConnection, tasks: &HashSet<i64>) -> sqlx::Result<Known> {
    let mut known = Known::default();
    let tasks: Vec<i64> = tasks.iter().copied().collect();
    for chunk in tasks.chunks(LOOKUP) {
        let marks = vec!["?"; chunk.len()].join(",");
        let sql = format!("SELECT task_id, number, verdict = 'succeeded' FROM attempt WHERE task_id IN ({marks})");
        let query = chunk.iter().fold(sqlx::query_as(AssertSqlSafe(sql)), |query, task| query.bind(task));
        let rows: Vec<(i64, u32, bool)> = query.fetch_all(&mut *db).await?;
        for (task, number, succeeded) in rows {
            known.attempts.insert((task, number));
            if succeeded {
                known.succeeded.insert(task, number);
            }
        }
    }
    Ok(known)
}

/// The attempts that are to be stored, with their new ids.
async fn choose<'a>(
    db: &mut SqliteConnection,
    collected: &'a [CollectedTask],
    tasks: &HashMap<[u8; 16], i64>,
    ingested: &mut Ingested,
) -> sqlx::Result<Vec<New<'a>>> {
    let mentioned: HashSet<i64> = collected.iter().map(|collected| tasks[&collected.task.0]).collect();
    let mut known = known_attempts(db, &mentioned).await?;
    let mut next: i64 = sqlx::query_scalar("SELECT coalesce(max(id), 0) + 1 FROM attempt").fetch_one(db).await?;
    let mut new = Vec::with_capacity(collected.len());
    for collected in collected {
        let task = tasks[&collected.task.0];
        let number = collected.outcome.attempt;
        if known.attempts.contains(&(task, number)) {
            ingested.known += 1;
        } else if let Some(reason) = refusal(&collected.outcome, known.succeeded.get(&task)) {
            ingested.refused.push(Refused { task: collected.task, attempt: number, reason });
        } else {
            known.attempts.insert((task, number));
            if collected.outcome.verdict == Verdict::Succeeded {
                known.succeeded.insert(task, number);
            }
            new.push(New { id: next, task, collected, problems: collected.problems.clone() });
            next += 1;
        }
    }
    ingested.attempts = new.len();
    Ok(new)
}

/// Why an outcome cannot be stored, if it cannot.
fn refusal(outcome: &Outcome, succeeded: Option<&u32>) -> Option<String> {
    match (outcome.verdict, outcome.reason, succeeded) {
        (Verdict::Succeeded, _, Some(first)) => Some(format!("attempt {first} succeeded already: it alone counts")),
        (Verdict::Failed, None, _) => Some("its outcome says `failed` without a reason".to_owned()),
        (Verdict::Succeeded | Verdict::Cancelled, Some(reason), _) => {
            Some(format!("its outcome did not fail, yet gives the reason `{reason}`"))
        }
        _ if outcome.attempt == 0 => Some("attempts are numbered from 1".to_owned()),
        _ => None,
    }
}

async fn insert_attempts(db: &mut SqliteConnection, new: &[New<'_>], tasks_folder: &Path) -> sqlx::Result<()> {
    let mut rows = Rows::new(
        "INSERT INTO attempt (id, task_id, number, folder, started, ended, verdict, reason, message, exit_code, signal, \
         provenance) VALUES ",
        12,
        "",
    );
    for New { id, task, collected, .. } in new {
        let CollectedTask { outcome, results, .. } = collected;
        // Relative, so that a project may be moved.
        let folder = results.strip_prefix(tasks_folder).unwrap_or(results);
        let provenance =
            serde_json::to_string(&outcome.provenance).map_err(|error| sqlx::Error::Encode(error.into()))?;
        rows.add(id)?.add(task)?.add(outcome.attempt)?.add(folder.to_string_lossy().into_owned())?;
        rows.add(outcome.started)?.add(outcome.ended)?.add(spell(&outcome.verdict)?)?;
        rows.add(outcome.reason.map(runfile::FailureReason::as_str))?.add(outcome.message.clone())?;
        rows.add(outcome.exit_code)?.add(outcome.signal)?.add(provenance)?;
        rows.end_row(db).await?;
    }
    rows.finish(db).await.map(drop)
}

async fn insert_artifacts(db: &mut SqliteConnection, new: &[New<'_>]) -> sqlx::Result<()> {
    let mut rows = Rows::new("INSERT INTO artifact (attempt_id, path, bytes, digest) VALUES ", 4, "");
    for New { id, collected, .. } in new {
        for artifact in &collected.outcome.artifacts {
            let digest = blake3::Hash::from_hex(&artifact.blake3).map_err(|error| sqlx::Error::Encode(error.into()))?;
            rows.add(id)?.add(artifact.path.to_string_lossy().into_owned())?;
            rows.add(artifact.bytes.cast_signed())?.add(digest.as_bytes().to_vec())?;
            rows.end_row(db).await?;
        }
    }
    rows.finish(db).await.map(drop)
}

/// Ids of quantities, looked up once each.
#[derive(Default)]
pub(super) struct Quantities {
    ids: HashMap<[String; 3], i64>,
}

impl Quantities {
    /// The id of a metric on a benchmark's split.
    pub async fn id(
        &mut self,
        db: &mut SqliteConnection,
        metric: &str,
        benchmark: &str,
        split: &str,
    ) -> sqlx::Result<i64> {
        let key = [metric, benchmark, split].map(str::to_owned);
        if let Some(id) = self.ids.get(&key) {
            return Ok(*id);
        }
        let id = sqlx::query_scalar(
            "INSERT INTO quantity (metric, benchmark, split) VALUES (?, ?, ?) \
             ON CONFLICT (metric, benchmark, split) DO UPDATE SET metric = excluded.metric RETURNING id",
        )
        .bind(metric)
        .bind(benchmark)
        .bind(split)
        .fetch_one(db)
        .await?;
        self.ids.insert(key, id);
        Ok(id)
    }
}

/// The id of the source that `sweep` itself is.
const MEASURED: i64 = 1;

async fn insert_scores(db: &mut SqliteConnection, new: &mut [New<'_>]) -> sqlx::Result<usize> {
    let mut quantities = Quantities::default();
    let mut rows = Rows::new(
        "INSERT INTO observation (attempt_id, quantity_id, source_id, step, value, not_finite, n, stderr) VALUES ",
        8,
        "",
    );
    let mut seen = HashSet::new();
    for New { id, collected, problems, .. } in new {
        seen.clear();
        for score in &collected.scores {
            let quantity = quantities.id(db, &score.metric, &score.benchmark, &score.split).await?;
            let step = score.step.map(u64::cast_signed);
            if !seen.insert((quantity, step)) {
                problems.push(Problem {
                    path: runfile::scores::FILE.into(),
                    line: None,
                    message: format!("`{}` on `{}` is given twice; the first stands", score.metric, score.benchmark),
                });
                continue;
            }
            let (value, not_finite) = split(score.value);
            rows.add(*id)?.add(quantity)?.add(MEASURED)?.add(step)?.add(value)?.add(not_finite)?;
            rows.add(score.n.map(u64::cast_signed))?.add(score.stderr)?;
            rows.end_row(db).await?;
        }
    }
    Ok(usize::try_from(rows.finish(db).await?).unwrap_or(usize::MAX))
}

async fn insert_series(db: &mut SqliteConnection, new: &mut [New<'_>]) -> sqlx::Result<usize> {
    let mut next: i64 = sqlx::query_scalar("SELECT coalesce(max(id), 0) + 1 FROM series").fetch_one(&mut *db).await?;
    let first = next;
    let mut rows = Rows::new("INSERT INTO series (id, attempt_id, name) VALUES ", 3, "");
    for New { id, collected, .. } in &*new {
        for name in &collected.series.names {
            rows.add(next)?.add(id)?.add(name.clone())?;
            rows.end_row(db).await?;
            next += 1;
        }
    }
    rows.finish(db).await?;
    insert_points(db, new, first).await
}

async fn insert_points(db: &mut SqliteConnection, new: &mut [New<'_>], first: i64) -> sqlx::Result<usize> {
    let mut base = first;
    let mut rows =
        Rows::new("INSERT INTO point (series_id, step, value, not_finite) VALUES ", 4, " ON CONFLICT DO NOTHING");
    for New { collected, problems, .. } in new {
        let Series { names, points } = &collected.series;
        let mut last = None;
        let mut repeated = 0;
        for point in in_key_order(&collected.series) {
            let key = (points[point].name, points[point].step);
            repeated += usize::from(last.replace(key) == Some(key));
            let (value, not_finite) = split(points[point].value);
            rows.add(base + i64::from(key.0))?.add(key.1.cast_signed())?.add(value)?.add(not_finite)?;
            rows.end_row(db).await?;
        }
        if repeated > 0 {
            problems.push(Problem {
                path: runfile::series::FILE.into(),
                line: None,
                message: format!("points repeat a step of their series ({repeated}); the first of each stands"),
            });
        }
        base += i64::try_from(names.len()).unwrap_or(i64::MAX);
    }
    Ok(usize::try_from(rows.finish(db).await?).unwrap_or(usize::MAX))
}

/// Positions of points by name and step: the table then grows at its end. What has one key keeps the file's order.
fn in_key_order(series: &Series) -> Vec<usize> {
    let mut order: Vec<usize> = (0..series.points.len()).collect();
    order.sort_by_key(|&at| (series.points[at].name, series.points[at].step));
    order
}

async fn insert_problems(db: &mut SqliteConnection, new: &[New<'_>]) -> sqlx::Result<()> {
    let mut rows = Rows::new("INSERT INTO problem (attempt_id, position, path, line, message) VALUES ", 5, "");
    for New { id, problems, .. } in new {
        for (position, problem) in (1_i64..).zip(problems) {
            rows.add(id)?.add(position)?.add(problem.path.to_string_lossy().into_owned())?;
            rows.add(problem.line.map(u64::cast_signed))?.add(problem.message.clone())?;
            rows.end_row(db).await?;
        }
    }
    rows.finish(db).await.map(drop)
}
