//! The least that the same work can cost: bare loops without checks, errors or generality.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use clap::Subcommand;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Result;
use crate::grid::sides;

#[derive(Subcommand)]
pub enum Floor {
    /// JSON and SHA-256 of each run
    Plan { runs: u64 },
    /// The same, written into the tables of an existing `results.db`
    Store { runs: u64, database: String },
    /// Start `true` again and again, two at a time, with a folder, two logs and a status file flushed to disk
    Spawn { tasks: u64, folder: String },
    /// The points of `tasks` files of JSON lines, written into the tables of an existing `results.db`
    Ingest { file: String, tasks: u64, database: String },
}

/// A run of [`crate::grid`]'s sweep: what it varies and what it leaves at the default.
#[derive(Serialize)]
struct Run {
    a: u64,
    b: u64,
    c: u64,
    batch: u64,
    learning_rate: f64,
    loss: &'static str,
    model: &'static str,
}

impl Floor {
    pub fn run(&self) -> Result<()> {
        match self {
            Self::Plan { runs } => plan(*runs),
            Self::Store { runs, database } => store(*runs, database),
            Self::Spawn { tasks, folder } => spawn(*tasks, Path::new(folder)),
            Self::Ingest { file, tasks, database } => ingest(file, *tasks, database),
        }
    }
}

fn for_each_run(runs: u64, mut each: impl FnMut(&[u8], [u8; 32]) -> Result<()>) -> Result<()> {
    let [first, second, third] = sides(runs);
    let mut json = Vec::new();
    for a in 0..first {
        for b in 0..second {
            for c in 0..third {
                json.clear();
                let run = Run { a, b, c, batch: 256, learning_rate: 1e-5, loss: "cosine", model: "llama-3-8b" };
                serde_json::to_writer(&mut json, &run)?;
                each(&json, Sha256::digest(&json).into())?;
            }
        }
    }
    Ok(())
}

fn plan(runs: u64) -> Result<()> {
    let mut digests = Vec::with_capacity(usize::try_from(runs)?);
    for_each_run(runs, |_, digest| {
        digests.push(digest);
        Ok(())
    })?;
    std::hint::black_box(digests);
    Ok(())
}

/// A run and two tasks of its own each, as the benchmark's sweep has them, in one transaction.
fn store(runs: u64, database: &str) -> Result<()> {
    let mut db = Connection::open(database)?;
    let all = db.transaction()?;
    all.execute_batch("DROP INDEX run_by_digest; DROP INDEX task_by_digest;")?;
    {
        let mut run = all.prepare("INSERT INTO run (id, digest, revision_id, parameters) VALUES (?, ?, 1, ?)")?;
        let mut cell = all.prepare("INSERT INTO grid_run (grid_id, position, run_id) VALUES (1, ?, ?)")?;
        let mut task = all.prepare("INSERT INTO task (id, digest, stage_id) VALUES (?, ?, 1)")?;
        let mut link = all.prepare("INSERT INTO run_task (run_id, task_id) VALUES (?, ?)")?;
        // Beyond what the plan that made the tables put there.
        let mut id = 1_000_000_i64;
        for_each_run(runs, |json, digest| {
            id += 2;
            run.execute(params![id, &digest[..16], std::str::from_utf8(json)?])?;
            cell.execute([id, id])?;
            for (task_id, half) in [(id, &digest[..16]), (id + 1, &digest[16..])] {
                task.execute(params![task_id, half])?;
                link.execute([id, task_id])?;
            }
            Ok(())
        })?;
    }
    all.execute_batch(
        "CREATE UNIQUE INDEX run_by_digest ON run (digest); CREATE UNIQUE INDEX task_by_digest ON task (digest);",
    )?;
    all.commit()?;
    Ok(())
}

fn spawn(tasks: u64, folder: &Path) -> Result<()> {
    let every_second = |first: u64| (first..tasks).step_by(2).try_for_each(|task| spawn_one(folder, task));
    std::thread::scope(|scope| {
        let halves = [0, 1].map(|first| scope.spawn(move || every_second(first)));
        halves.into_iter().try_for_each(|half| half.join().map_err(|_| "a thread panicked")?)
    })
}

fn spawn_one(folder: &Path, task: u64) -> Result<()> {
    let folder = folder.join(task.to_string());
    fs::create_dir(&folder)?;
    let (out, err) = (File::create(folder.join("stdout"))?, File::create(folder.join("stderr"))?);
    #[expect(clippy::disallowed_methods, reason = "the least possible, without a library between")]
    let status = std::process::Command::new("/bin/true").stdout(out).stderr(err).status()?;
    let mut file = File::create(folder.join("status"))?;
    writeln!(file, "{status}")?;
    file.sync_all()?;
    Ok(())
}

#[derive(Deserialize)]
struct Point {
    step: i64,
    loss: f64,
}

fn ingest(file: &str, tasks: u64, database: &str) -> Result<()> {
    let mut db = Connection::open(database)?;
    let all = db.transaction()?;
    all.execute_batch("PRAGMA defer_foreign_keys = ON")?;
    {
        let mut series = all.prepare("INSERT INTO series (id, attempt_id, name) VALUES (?, 1, ?)")?;
        let mut point = all.prepare("INSERT INTO point (series_id, step, value) VALUES (?, ?, ?)")?;
        for task in 0..tasks {
            let id = 1_000_000 + i64::try_from(task)?;
            series.execute(params![id, task.to_string()])?;
            for line in fs::read_to_string(file)?.lines() {
                let Point { step, loss } = serde_json::from_str(line)?;
                point.execute(params![id, step, loss])?;
            }
        }
    }
    all.commit()?;
    Ok(())
}
