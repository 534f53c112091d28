//! Plans: sweeps as text, and the runs and tasks that they hold.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sqlx::SqliteConnection;

use super::Store;
use super::bulk::Rows;
use super::journal::Fact;
use super::rows::{Numbered, RUNS, TASKS, known_ids, last_id, number};
use super::writer::mark_applied;
use crate::Result;
use crate::grid::Sweep;
use crate::id::ContentId;
use crate::plan::{Plan, RunIx};
use crate::value::Value;

/// What the command line changed or chose; with the sweep's text it makes the same plan again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// `--set`, in order.
    pub set: Vec<String>,
    /// `--where`.
    pub filter: Option<String>,
}

/// A sweep as it was planned last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSweep {
    pub name: String,
    pub path: PathBuf,
    pub text: String,
    pub digest: ContentId,
    pub selection: Selection,
}

/// When and where in the journal a plan was recorded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recorded {
    pub position: u64,
    pub time: f64,
}

impl Store {
    /// Record `plan` of `sweep` as the latest one. Recording the latest plan again changes nothing.
    ///
    /// # Errors
    /// The journal or the database cannot be written.
    pub fn record_plan(&mut self, sweep: &Sweep, plan: &Plan, selection: &Selection) -> Result<()> {
        if self.latest_sweep(None)?.is_some_and(|latest| {
            (latest.name == sweep.name, latest.digest == sweep.digest, &latest.selection == selection)
                == (true, true, true)
        }) {
            return Ok(());
        }
        let entry = self.record(Fact::Plan {
            name: sweep.name.clone(),
            path: sweep.path.clone(),
            text: sweep.text.clone(),
            selection: selection.clone(),
        })?;
        let recorded = Recorded { position: entry.position, time: entry.recorded };
        self.insert_plan(recorded, sweep, plan, selection)
    }

    pub(super) fn insert_plan(
        &mut self,
        recorded: Recorded,
        sweep: &Sweep,
        plan: &Plan,
        selection: &Selection,
    ) -> Result<()> {
        self.database.transact("store the plan in", async |db| {
            let revision = insert_revision(db, recorded, sweep, selection).await?;
            let runs = insert_runs(db, revision, sweep, plan).await?;
            insert_grids(db, revision, plan, &runs).await?;
            let tasks = insert_tasks(db, sweep, plan).await?;
            insert_run_tasks(db, sweep, plan, &runs, &tasks).await?;
            mark_applied(db, recorded.position).await
        })
    }

    /// The sweep that was planned last, of all or of those called `name`.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn latest_sweep(&mut self, name: Option<&str>) -> Result<Option<StoredSweep>> {
        self.database.run("read", async |db| {
            let row: Option<(String, String, String, Vec<u8>, String)> = sqlx::query_as(
                "SELECT name, path, text, digest, selection FROM sweep_revision \
                 WHERE ?1 IS NULL OR name = ?1 ORDER BY position DESC LIMIT 1",
            )
            .bind(name)
            .fetch_optional(db)
            .await?;
            row.map(|(name, path, text, digest, selection)| {
                let digest = <[u8; 16]>::try_from(digest).map_err(|_| decode("a digest of 16 bytes"))?;
                let selection = serde_json::from_str(&selection).map_err(|error| sqlx::Error::Decode(error.into()))?;
                Ok(StoredSweep { name, path: path.into(), text, digest: ContentId(digest), selection })
            })
            .transpose()
        })
    }
}

/// The database holds something else than `expected`.
pub(super) fn decode(expected: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(format!("expected {expected}").into())
}

async fn insert_revision(
    db: &mut SqliteConnection,
    recorded: Recorded,
    sweep: &Sweep,
    selection: &Selection,
) -> sqlx::Result<i64> {
    let selection = serde_json::to_string(selection).map_err(|error| sqlx::Error::Encode(error.into()))?;
    sqlx::query_scalar(
        "INSERT INTO sweep_revision (name, path, text, digest, selection, position, recorded) \
         VALUES (?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT (name, digest, selection) DO UPDATE SET position = excluded.position, recorded = excluded.recorded \
         RETURNING id",
    )
    .bind(&sweep.name)
    .bind(sweep.path.to_string_lossy())
    .bind(&sweep.text)
    .bind(&sweep.digest.0[..])
    .bind(selection)
    .bind(recorded.position.cast_signed())
    .bind(recorded.time)
    .fetch_one(db)
    .await
}

/// Insert the runs that are new; the id of each run of the plan.
async fn insert_runs(db: &mut SqliteConnection, revision: i64, sweep: &Sweep, plan: &Plan) -> sqlx::Result<Vec<i64>> {
    let digests: Vec<[u8; 16]> = plan.runs.iter().map(|run| run.0).collect();
    let known = known_ids(db, RUNS, digests.iter().copied()).await?;
    let Numbered { ids, order } = number(&digests, &known, last_id(db, RUNS).await?);
    let parameters = Parameters::new(sweep);
    let mut rows = Rows::new("INSERT INTO run (id, digest, revision_id, parameters) VALUES ", 4, "");
    for position in order {
        let at = position as usize;
        rows.add(ids[at])?.add(digests[at].to_vec())?.add(revision)?.add(parameters.of(plan, RunIx(position)))?;
        rows.end_row(db).await?;
    }
    rows.finish(db).await?;
    Ok(ids)
}

async fn insert_grids(db: &mut SqliteConnection, revision: i64, plan: &Plan, runs: &[i64]) -> sqlx::Result<()> {
    // The same text and selection make the same cells: what an earlier record left is complete.
    for grid in &plan.grids {
        let id: Option<i64> = sqlx::query_scalar(
            "INSERT INTO grid (revision_id, name) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING id",
        )
        .bind(revision)
        .bind(&grid.name)
        .fetch_optional(&mut *db)
        .await?;
        let Some(id) = id else { continue };
        let mut rows = Rows::new("INSERT INTO grid_run (grid_id, position, run_id, seed) VALUES ", 4, "");
        for (position, cell) in (0_i64..).zip(&grid.cells) {
            rows.add(id)?.add(position)?.add(runs[cell.run.0 as usize])?.add(cell.seed)?;
            rows.end_row(db).await?;
        }
        rows.finish(db).await?;
    }
    Ok(())
}

/// Insert the tasks that are new; the id of each task of the plan.
async fn insert_tasks(db: &mut SqliteConnection, sweep: &Sweep, plan: &Plan) -> sqlx::Result<Vec<i64>> {
    let stages = insert_stages(db, sweep).await?;
    let digests: Vec<[u8; 16]> = plan.tasks.iter().map(|task| task.id.0).collect();
    let known = known_ids(db, TASKS, digests.iter().copied()).await?;
    let Numbered { ids, order } = number(&digests, &known, last_id(db, TASKS).await?);
    let mut rows = Rows::new("INSERT INTO task (id, digest, stage_id) VALUES ", 3, "");
    for at in order.into_iter().map(|position| position as usize) {
        let stage = stages[usize::from(plan.tasks[at].stage)];
        rows.add(ids[at])?.add(digests[at].to_vec())?.add(stage)?;
        rows.end_row(db).await?;
    }
    rows.finish(db).await?;
    Ok(ids)
}

/// The id of each stage of the sweep.
async fn insert_stages(db: &mut SqliteConnection, sweep: &Sweep) -> sqlx::Result<Vec<i64>> {
    let mut ids = Vec::with_capacity(sweep.stages.len());
    for stage in &sweep.stages {
        let id = sqlx::query_scalar(
            "INSERT INTO stage (name) VALUES (?) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id",
        )
        .bind(&stage.name)
        .fetch_one(&mut *db)
        .await?;
        ids.push(id);
    }
    Ok(ids)
}

async fn insert_run_tasks(
    db: &mut SqliteConnection,
    sweep: &Sweep,
    plan: &Plan,
    runs: &[i64],
    tasks: &[i64],
) -> sqlx::Result<()> {
    // In order of the key, so that the table grows at its end.
    let mut order: Vec<RunIx> = plan.run_indices().collect();
    order.sort_unstable_by_key(|run| runs[run.0 as usize]);
    let mut rows = Rows::new("INSERT INTO run_task (run_id, task_id) VALUES ", 2, " ON CONFLICT DO NOTHING");
    let mut of_run = Vec::with_capacity(sweep.stages.len());
    for run in order {
        of_run.clear();
        of_run.extend(
            (0..sweep.stages.len()).filter_map(|stage| plan.task_of(run, stage)).map(|task| tasks[task.0 as usize]),
        );
        of_run.sort_unstable();
        for &task in &of_run {
            rows.add(runs[run.0 as usize])?.add(task)?;
            rows.end_row(db).await?;
        }
    }
    rows.finish(db).await?;
    Ok(())
}

/// The parameters of runs as JSON, put together from one piece a level.
struct Parameters {
    /// By factor and level: `"vqa":1000000`, or nothing for the default.
    pieces: Vec<Vec<String>>,
}

impl Parameters {
    fn new(sweep: &Sweep) -> Self {
        let pieces = sweep.factors.iter().map(|factor| {
            let name = serde_json::Value::from(factor.name.as_str());
            let piece = |(level, value): (usize, &Value)| match level == usize::from(factor.default) {
                true => String::new(),
                false => format!("{name}:{}", value.to_json()),
            };
            factor.levels.iter().enumerate().map(piece).collect()
        });
        Self { pieces: pieces.collect() }
    }

    fn of(&self, plan: &Plan, run: RunIx) -> String {
        let mut text = String::with_capacity(64);
        text.push('{');
        for (factor, levels) in self.pieces.iter().enumerate() {
            let piece = &levels[usize::from(plan.level(run, factor))];
            if !piece.is_empty() && text.len() > 1 {
                text.push(',');
            }
            text.push_str(piece);
        }
        text.push('}');
        text
    }
}
