//! Plans: sweeps as text, and the runs and tasks that they hold.

use std::path::{Path, PathBuf};

use sqlx::SqliteConnection;

use super::Store;
use super::bulk::Sink;
use super::journal::Fact;
use super::rows::{Numbered, RUNS, TASKS, Table, known_ids, last_id, number};
use super::writer::mark_applied;
use crate::Result;
use crate::grid::{self, Sweep};
use crate::id::ContentId;
use crate::plan::{self, Plan, RunIx, Selection};
use crate::value::Value;

/// A sweep as it was planned last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSweep {
    pub name: String,
    pub path: PathBuf,
    pub text: String,
    pub digest: ContentId,
}

/// When and where in the journal a plan was recorded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recorded {
    pub position: u64,
    pub time: f64,
}

impl Store {
    /// Record `plan`, the whole of `sweep`, as the latest one. Recording the latest plan again changes nothing.
    ///
    /// # Errors
    /// The journal or the database cannot be written.
    pub fn record_plan(&mut self, sweep: &Sweep, plan: &Plan) -> Result<()> {
        let is_latest = |latest: StoredSweep| latest.name == sweep.name && latest.digest == sweep.digest;
        if self.latest_sweep(None)?.is_some_and(is_latest) {
            return Ok(());
        }
        let (name, path, text) = (sweep.name.clone(), sweep.path.clone(), sweep.text.clone());
        let entry = self.record(Fact::Plan { name, path, text })?;
        self.insert_plan(Recorded { position: entry.position, time: entry.recorded }, sweep, plan)
    }

    /// Plan again what the journal says was planned.
    pub(super) fn apply_plan(&mut self, recorded: Recorded, path: &Path, text: &str) -> Result<()> {
        let sweep = grid::parse(path, text)?;
        let plan = plan::build(&sweep, &Selection::default())?;
        self.insert_plan(recorded, &sweep, &plan)
    }

    fn insert_plan(&mut self, recorded: Recorded, sweep: &Sweep, plan: &Plan) -> Result<()> {
        let keys = self.database.run("read", async |db| Keys::find(db, sweep, plan).await)?;
        self.database.load("store the plan in", |sink| {
            insert_revision(sink, &keys, recorded, sweep);
            insert_runs(sink, &keys, sweep, plan);
            insert_grids(sink, &keys, plan);
            insert_tasks(sink, &keys, sweep, plan);
            insert_run_tasks(sink, &keys, sweep, plan);
            mark_applied(sink, recorded.position);
        })
    }

    /// The sweep that was planned last, of all or of those called `name`.
    ///
    /// # Errors
    /// The database cannot be read, or seems to hold none because it is older than its journal.
    pub fn latest_sweep(&mut self, name: Option<&str>) -> Result<Option<StoredSweep>> {
        let found = self.database.run("read", async |db| {
            let row: Option<(String, String, String, Vec<u8>)> = sqlx::query_as(
                "SELECT name, path, text, digest FROM sweep_revision \
                 WHERE ?1 IS NULL OR name = ?1 ORDER BY position DESC LIMIT 1",
            )
            .bind(name)
            .fetch_optional(db)
            .await?;
            row.map(|(name, path, text, digest)| {
                let digest = <[u8; 16]>::try_from(digest).map_err(|_| decode("a digest of 16 bytes"))?;
                Ok(StoredSweep { name, path: path.into(), text, digest: ContentId(digest) })
            })
            .transpose()
        })?;
        if found.is_none() {
            self.check_behind()?;
        }
        Ok(found)
    }
}

/// The database holds something else than `expected`.
pub(super) fn decode(expected: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(format!("expected {expected}").into())
}

/// The integer keys of everything in a plan. Only one process writes, so that they stay free until they are used.
struct Keys {
    revision: i64,
    /// The revision was planned before: what it holds is there.
    revision_is_known: bool,
    first_grid: i64,
    /// By stage of the sweep.
    stages: Vec<(i64, StageRow)>,
    runs: Numbered,
    tasks: Numbered,
}

/// Whether a stage's name has a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StageRow {
    Known,
    New,
}

impl Keys {
    async fn find(db: &mut SqliteConnection, sweep: &Sweep, plan: &Plan) -> sqlx::Result<Self> {
        let known: Option<i64> = sqlx::query_scalar("SELECT id FROM sweep_revision WHERE name = ? AND digest = ?")
            .bind(&sweep.name)
            .bind(&sweep.digest.0[..])
            .fetch_optional(&mut *db)
            .await?;
        let next: i64 =
            sqlx::query_scalar("SELECT coalesce(max(id), 0) + 1 FROM sweep_revision").fetch_one(&mut *db).await?;
        let first_grid: i64 =
            sqlx::query_scalar("SELECT coalesce(max(id), 0) + 1 FROM grid").fetch_one(&mut *db).await?;
        let stages = find_stages(db, sweep).await?;
        let runs: Vec<[u8; 16]> = plan.runs.iter().map(|run| run.0).collect();
        let tasks: Vec<[u8; 16]> = plan.tasks.iter().map(|task| task.id.0).collect();
        Ok(Self {
            revision: known.unwrap_or(next),
            revision_is_known: known.is_some(),
            first_grid,
            stages,
            runs: number_rows(db, RUNS, &runs).await?,
            tasks: number_rows(db, TASKS, &tasks).await?,
        })
    }
}

async fn find_stages(db: &mut SqliteConnection, sweep: &Sweep) -> sqlx::Result<Vec<(i64, StageRow)>> {
    let mut next: i64 = sqlx::query_scalar("SELECT coalesce(max(id), 0) + 1 FROM stage").fetch_one(&mut *db).await?;
    let mut stages = Vec::with_capacity(sweep.stages.len());
    for stage in &sweep.stages {
        let known: Option<i64> = sqlx::query_scalar("SELECT id FROM stage WHERE name = ?")
            .bind(&stage.name)
            .fetch_optional(&mut *db)
            .await?;
        stages.push(known.map_or((next, StageRow::New), |id| (id, StageRow::Known)));
        next += i64::from(known.is_none());
    }
    Ok(stages)
}

async fn number_rows(db: &mut SqliteConnection, table: Table, digests: &[[u8; 16]]) -> sqlx::Result<Numbered> {
    let known = known_ids(db, table, digests).await?;
    Ok(number(digests, &known, last_id(db, table).await?))
}

fn insert_revision(sink: &Sink, keys: &Keys, recorded: Recorded, sweep: &Sweep) {
    if keys.revision_is_known {
        sink.statement("UPDATE sweep_revision SET position = ?, recorded = ? WHERE id = ?")
            .add(recorded.position.cast_signed())
            .add(recorded.time)
            .add(keys.revision);
        return;
    }
    sink.statement(
        "INSERT INTO sweep_revision (id, name, path, text, digest, position, recorded) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .add(keys.revision)
    .add(sweep.name.clone())
    .add(sweep.path.to_string_lossy().into_owned())
    .add(sweep.text.clone())
    .add(sweep.digest.0.to_vec())
    .add(recorded.position.cast_signed())
    .add(recorded.time);
}

/// Insert the runs that are new.
fn insert_runs(sink: &Sink, keys: &Keys, sweep: &Sweep, plan: &Plan) {
    let parameters = Parameters::new(sweep);
    let mut rows = sink.rows("INSERT INTO run (id, digest, revision_id, parameters) VALUES ", 4, "");
    for &position in &keys.runs.new {
        let at = position as usize;
        rows.add(keys.runs.ids[at]).add(plan.runs[at].0.to_vec()).add(keys.revision);
        rows.add(parameters.of(plan, RunIx(position))).end();
    }
}

fn insert_grids(sink: &Sink, keys: &Keys, plan: &Plan) {
    if keys.revision_is_known {
        return;
    }
    for (id, grid) in (keys.first_grid..).zip(&plan.grids) {
        sink.statement("INSERT INTO grid (id, revision_id, name) VALUES (?, ?, ?)")
            .add(id)
            .add(keys.revision)
            .add(grid.name.clone());
        let mut rows = sink.rows("INSERT INTO grid_run (grid_id, position, run_id, seed) VALUES ", 4, "");
        for (position, cell) in (0_i64..).zip(&grid.cells) {
            rows.add(id).add(position).add(keys.runs.ids[cell.run.0 as usize]).add(cell.seed).end();
        }
    }
}

/// Insert the tasks that are new.
fn insert_tasks(sink: &Sink, keys: &Keys, sweep: &Sweep, plan: &Plan) {
    for (&(id, row), stage) in keys.stages.iter().zip(&sweep.stages) {
        if row == StageRow::New {
            sink.statement("INSERT INTO stage (id, name) VALUES (?, ?)").add(id).add(stage.name.clone());
        }
    }
    let mut rows = sink.rows("INSERT INTO task (id, digest, stage_id) VALUES ", 3, "");
    for at in keys.tasks.new.iter().map(|&position| position as usize) {
        let task = plan.tasks[at];
        rows.add(keys.tasks.ids[at]).add(task.id.0.to_vec()).add(keys.stages[usize::from(task.stage)].0).end();
    }
}

/// Say which tasks answer each run, in order of the key, so that the table grows at its end.
fn insert_run_tasks(sink: &Sink, keys: &Keys, sweep: &Sweep, plan: &Plan) {
    let mut order: Vec<(i64, RunIx)> = keys.runs.ids.iter().copied().zip(plan.run_indices()).collect();
    order.sort_unstable();
    let mut rows = sink.rows("INSERT INTO run_task (run_id, task_id) VALUES ", 2, " ON CONFLICT DO NOTHING");
    let mut tasks = Vec::with_capacity(sweep.stages.len());
    for (id, run) in order {
        tasks.clear();
        let of_run = (0..sweep.stages.len()).filter_map(|stage| plan.task_of(run, stage));
        tasks.extend(of_run.map(|task| keys.tasks.ids[task.0 as usize]));
        tasks.sort_unstable();
        tasks.iter().for_each(|&task| rows.add(id).add(task).end());
    }
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
