//! Results of attempts: what task folders hold becomes rows, each once.

use std::path::Path;

use hashbrown::{HashMap, HashSet};
use runfile::series::Point;
use runfile::{Outcome, Series, Verdict};
use sqlx::{AssertSqlSafe, SqliteConnection};

use super::Store;
use super::bulk::Sink;
use super::quantities::Quantities;
use super::rows::{Ids, TASKS, known_ids};
use super::spelling::{spell, split};
use crate::Result;
use crate::collect::{CollectedTask, Problem};
use crate::id::TaskId;

/// Attempts in a lookup statement.
const LOOKUP: usize = 500;

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

impl Store {
    /// Store what was collected, all in one transaction; what the store has already is passed over.
    ///
    /// # Errors
    /// The database cannot be written; nothing of it is stored then.
    pub fn record_results(&mut self, collected: &[CollectedTask]) -> Result<Ingested> {
        let tasks_folder = self.project.tasks_folder();
        self.database.run("write", async |db| ensure_tasks(db, collected).await)?;
        let known = self.database.run("read", async |db| Known::find(db, collected).await)?;
        let (new, mut ingested) = choose(collected, known);
        if new.attempts.is_empty() {
            return Ok(ingested);
        }
        let (scores, points) = self.database.load("store results in", |sink| insert(sink, new, &tasks_folder))?;
        (ingested.scores, ingested.points) = (scores, points);
        Ok(ingested)
    }
}

/// A task folder may outlive the record of the plan that asked for it: give such a task a row.
async fn ensure_tasks(db: &mut SqliteConnection, collected: &[CollectedTask]) -> sqlx::Result<()> {
    let known = known_ids(db, TASKS, &digests(collected)).await?;
    for collected in collected.iter().filter(|collected| !known.contains_key(&collected.task.0)) {
        sqlx::query("INSERT INTO stage (name) VALUES (?) ON CONFLICT DO NOTHING")
            .bind(&collected.stage)
            .execute(&mut *db)
            .await?;
        sqlx::query(
            "INSERT INTO task (digest, stage_id) VALUES (?, (SELECT id FROM stage WHERE name = ?)) \
             ON CONFLICT DO NOTHING",
        )
        .bind(&collected.task.0[..])
        .bind(&collected.stage)
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

fn digests(collected: &[CollectedTask]) -> Vec<[u8; 16]> {
    collected.iter().map(|collected| collected.task.0).collect()
}

/// What the store has of the collected tasks, and the ids that are free.
struct Known {
    tasks: Ids,
    attempts: HashSet<(i64, u32)>,
    /// Number of the attempt that counts, by task.
    succeeded: HashMap<i64, u32>,
    quantities: Quantities,
    next_attempt: i64,
    next_series: i64,
}

impl Known {
    async fn find(db: &mut SqliteConnection, collected: &[CollectedTask]) -> sqlx::Result<Self> {
        let tasks = known_ids(db, TASKS, &digests(collected)).await?;
        let mentioned: HashSet<i64> = collected.iter().map(|collected| tasks[&collected.task.0]).collect();
        let mut known = Self {
            tasks,
            attempts: HashSet::new(),
            succeeded: HashMap::new(),
            quantities: Quantities::find(db).await?,
            next_attempt: next_id(db, "SELECT coalesce(max(id), 0) + 1 FROM attempt").await?,
            next_series: next_id(db, "SELECT coalesce(max(id), 0) + 1 FROM series").await?,
        };
        known.find_attempts(db, &mentioned).await?;
        Ok(known)
    }

    async fn find_attempts(&mut self, db: &mut SqliteConnection, tasks: &HashSet<i64>) -> sqlx::Result<()> {
        let tasks: Vec<i64> = tasks.iter().copied().collect();
        for chunk in tasks.chunks(LOOKUP) {
            let marks = vec!["?"; chunk.len()].join(",");
            let sql = format!("SELECT task_id, number, verdict = 'succeeded' FROM attempt WHERE task_id IN ({marks})");
            let query = chunk.iter().fold(sqlx::query_as(AssertSqlSafe(sql)), |query, task| query.bind(task));
            let rows: Vec<(i64, u32, bool)> = query.fetch_all(&mut *db).await?;
            self.attempts.extend(rows.iter().map(|&(task, number, _)| (task, number)));
            self.succeeded.extend(rows.iter().filter(|row| row.2).map(|&(task, number, _)| (task, number)));
        }
        Ok(())
    }
}

pub(super) async fn next_id(db: &mut SqliteConnection, sql: &'static str) -> sqlx::Result<i64> {
    sqlx::query_scalar(sql).fetch_one(db).await
}

/// Attempts that get rows.
struct New<'a> {
    attempts: Vec<NewAttempt<'a>>,
    quantities: Quantities,
    next_series: i64,
}

struct NewAttempt<'a> {
    id: i64,
    task: i64,
    collected: &'a CollectedTask,
    /// The attempt was taken for dead, and that stored, before it succeeded after all.
    replaces: bool,
}

/// Which of the collected attempts are to be stored.
fn choose(collected: &[CollectedTask], mut known: Known) -> (New<'_>, Ingested) {
    let mut ingested = Ingested::default();
    let mut attempts = Vec::with_capacity(collected.len());
    for collected in collected {
        let task = known.tasks[&collected.task.0];
        let number = collected.outcome.attempt;
        let late = collected.outcome.verdict == Verdict::Succeeded && !known.succeeded.contains_key(&task);
        let stored = known.attempts.contains(&(task, number));
        if stored && !late {
            ingested.known += 1;
        } else if let Some(reason) = refusal(&collected.outcome, known.succeeded.get(&task)) {
            ingested.refused.push(Refused { task: collected.task, attempt: number, reason });
        } else {
            known.attempts.insert((task, number));
            if collected.outcome.verdict == Verdict::Succeeded {
                known.succeeded.insert(task, number);
            }
            attempts.push(NewAttempt { id: known.next_attempt, task, collected, replaces: stored });
            known.next_attempt += 1;
        }
    }
    ingested.attempts = attempts.len();
    (New { attempts, quantities: known.quantities, next_series: known.next_series }, ingested)
}

/// Why an outcome cannot be stored, if it cannot.
fn refusal(outcome: &Outcome, succeeded: Option<&u32>) -> Option<String> {
    if outcome.attempt == 0 {
        return Some("attempts are numbered from 1".to_owned());
    }
    if let Some(artifact) = outcome.artifacts.iter().find(|artifact| blake3::Hash::from_hex(&artifact.blake3).is_err())
    {
        return Some(format!("the digest of `{}` is not one", artifact.path.display()));
    }
    match (outcome.verdict, outcome.reason, succeeded) {
        (Verdict::Succeeded, _, Some(first)) => Some(format!("attempt {first} succeeded already: it alone counts")),
        (Verdict::Failed, None, _) => Some("its outcome says `failed` without a reason".to_owned()),
        (Verdict::Succeeded | Verdict::Cancelled, Some(reason), _) => {
            Some(format!("its outcome did not fail, yet gives the reason `{reason}`"))
        }
        _ => None,
    }
}

/// Make the rows of new attempts; the numbers of scores and of points.
fn insert(sink: &Sink, mut new: New<'_>, tasks_folder: &Path) -> (usize, usize) {
    let mut problems: Vec<Vec<Problem>> = new.attempts.iter().map(|new| new.collected.problems.clone()).collect();
    insert_attempts(sink, &new.attempts, tasks_folder);
    insert_artifacts(sink, &new.attempts);
    let scores = insert_scores(sink, &mut new, &mut problems);
    insert_series(sink, &new);
    let points = insert_points(sink, &new, &mut problems);
    insert_problems(sink, &new.attempts, &problems);
    (scores, points)
}

/// What an attempt that is replaced leaves, and the attempt itself: while rows are loaded, nothing cascades.
const REPLACED: [&str; 6] = [
    "DELETE FROM artifact WHERE attempt_id = (SELECT id FROM attempt WHERE task_id = ? AND number = ?)",
    "DELETE FROM problem WHERE attempt_id = (SELECT id FROM attempt WHERE task_id = ? AND number = ?)",
    "DELETE FROM observation WHERE attempt_id = (SELECT id FROM attempt WHERE task_id = ? AND number = ?)",
    "DELETE FROM point WHERE series_id IN (SELECT series.id FROM series JOIN attempt ON attempt.id = attempt_id \
     WHERE task_id = ? AND number = ?)",
    "DELETE FROM series WHERE attempt_id = (SELECT id FROM attempt WHERE task_id = ? AND number = ?)",
    "DELETE FROM attempt WHERE task_id = ? AND number = ?",
];

fn insert_attempts(sink: &Sink, new: &[NewAttempt<'_>], tasks_folder: &Path) {
    for new in new.iter().filter(|new| new.replaces) {
        for sql in REPLACED {
            sink.statement(sql).add(new.task).add(new.collected.outcome.attempt);
        }
    }
    let mut rows = sink.rows(
        "INSERT INTO attempt (id, task_id, number, folder, started, ended, verdict, reason, message, exit_code, signal, \
         provenance) VALUES ",
        12,
        "",
    );
    for NewAttempt { id, task, collected, .. } in new {
        let CollectedTask { outcome, results, .. } = collected;
        // Relative, so that a project may be moved.
        let folder = results.strip_prefix(tasks_folder).unwrap_or(results);
        rows.add(id).add(task).add(outcome.attempt).add(folder.to_string_lossy().into_owned());
        rows.add(outcome.started).add(outcome.ended).add(spell(&outcome.verdict));
        rows.add(outcome.reason.map(runfile::FailureReason::as_str)).add(outcome.message.clone());
        rows.add(outcome.exit_code).add(outcome.signal);
        rows.add(serde_json::Value::Object(outcome.provenance.clone()).to_string()).end();
    }
}

fn insert_artifacts(sink: &Sink, new: &[NewAttempt<'_>]) {
    let mut rows =
        sink.rows("INSERT INTO artifact (attempt_id, path, bytes, digest) VALUES ", 4, " ON CONFLICT DO NOTHING");
    for NewAttempt { id, collected, .. } in new {
        for artifact in &collected.outcome.artifacts {
            let digest = blake3::Hash::from_hex(&artifact.blake3).map(|digest| digest.as_bytes().to_vec());
            rows.add(id).add(artifact.path.to_string_lossy().into_owned());
            rows.add(artifact.bytes.cast_signed()).add(digest.ok()).end();
        }
    }
}

/// The id of the source that `sweep` itself is.
const MEASURED: i64 = 1;

fn insert_scores(sink: &Sink, new: &mut New<'_>, problems: &mut [Vec<Problem>]) -> usize {
    let mut count = 0;
    let mut seen = HashSet::new();
    let mut rows = sink.rows(
        "INSERT INTO observation (attempt_id, quantity_id, source_id, step, value, not_finite, n, stderr) VALUES ",
        8,
        "",
    );
    for (NewAttempt { id, collected, .. }, problems) in new.attempts.iter().zip(problems) {
        seen.clear();
        for score in &collected.scores {
            let quantity = new.quantities.id(sink, [&score.metric, &score.benchmark, &score.split]);
            let step = score.step.map(u64::cast_signed);
            if !seen.insert((quantity, step)) {
                let message = format!("`{}` of `{}` is given twice; the first stands", score.metric, score.benchmark);
                problems.push(Problem { path: runfile::scores::FILE.into(), line: None, message });
                continue;
            }
            count += 1;
            let (value, not_finite) = split(score.value);
            rows.add(id).add(quantity).add(MEASURED).add(step).add(value).add(not_finite);
            rows.add(score.n.map(u64::cast_signed)).add(score.stderr).end();
        }
    }
    count
}

fn insert_series(sink: &Sink, new: &New<'_>) {
    let mut rows = sink.rows("INSERT INTO series (id, attempt_id, name) VALUES ", 3, "");
    let names = new.attempts.iter().flat_map(|new| new.collected.series.names.iter().map(|name| (new.id, name)));
    for (id, (attempt, name)) in (new.next_series..).zip(names) {
        rows.add(id).add(attempt).add(name.clone()).end();
    }
}

fn insert_points(sink: &Sink, new: &New<'_>, problems: &mut [Vec<Problem>]) -> usize {
    let mut first_series = new.next_series;
    let mut count = 0;
    let mut rows =
        sink.rows("INSERT INTO point (series_id, step, value, not_finite) VALUES ", 4, " ON CONFLICT DO NOTHING");
    for (NewAttempt { collected, .. }, problems) in new.attempts.iter().zip(problems) {
        let series = &collected.series;
        let (mut last, mut repeated) = (None, 0);
        for point in in_key_order(series) {
            let key = (point.name, point.step);
            repeated += usize::from(last.replace(key) == Some(key));
            let (value, not_finite) = split(point.value);
            rows.add(first_series + i64::from(point.name))
                .add(point.step.cast_signed())
                .add(value)
                .add(not_finite)
                .end();
        }
        if repeated > 0 {
            let message = format!("{repeated} of its points repeat a step; the first of each stands");
            problems.push(Problem { path: runfile::series::FILE.into(), line: None, message });
        }
        count += series.points.len() - repeated;
        first_series += i64::try_from(series.names.len()).unwrap_or(i64::MAX);
    }
    count
}

/// Points by name and step, so that the table grows at its end. What has one key keeps the file's order.
fn in_key_order(series: &Series) -> Vec<Point> {
    let mut points = series.points.clone();
    points.sort_by_key(|point| (point.name, point.step));
    points
}

fn insert_problems(sink: &Sink, new: &[NewAttempt<'_>], problems: &[Vec<Problem>]) {
    let mut rows = sink.rows("INSERT INTO problem (attempt_id, position, path, line, message) VALUES ", 5, "");
    for (NewAttempt { id, .. }, problems) in new.iter().zip(problems) {
        for (position, problem) in (1_i64..).zip(problems) {
            rows.add(id).add(position).add(problem.path.to_string_lossy().into_owned());
            rows.add(problem.line.map(u64::cast_signed)).add(problem.message.clone()).end();
        }
    }
}
