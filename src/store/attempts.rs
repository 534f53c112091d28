//! What an audit looks at beside observations: attempts with their files and provenance, and imports number by number.

use std::sync::Arc;

use hashbrown::HashMap;
use sqlx::SqliteConnection;

use super::Store;
use super::journal::{self, Fact};
use super::plans::decode;
use super::scan::scan;
use super::spelling::join;
use crate::Result;
use crate::audit::{Artifact, Attempt, Column, Imported, LateScore};
use crate::id::{RunId, TaskId};
use crate::metric::Kind;
use crate::plan::Plan;

const TASKS: &str = "SELECT id, digest FROM task";
const RUNS: &str = "SELECT id, digest FROM run";
const ATTEMPTS: &str =
    "SELECT id, task_id, number, verdict = 'succeeded', folder, provenance, ended FROM attempt ORDER BY id";
/// In the order of the key, so that a table without row ids is read from front to back.
const ARTIFACTS: &str =
    "SELECT attempt_id, path, bytes, digest, deleted IS NOT NULL FROM artifact ORDER BY attempt_id, path";
const PROBLEMS: &str = "SELECT attempt_id, path, line, message FROM problem ORDER BY attempt_id, position";
const LATE: &str = "SELECT attempt_id, quantity_id, step, value, not_finite FROM observation \
    WHERE attempt_id IN (SELECT id FROM attempt WHERE verdict <> 'succeeded') ORDER BY id";
const IMPORTED: &str =
    "SELECT run_id, quantity_id, import_id, line, value, note FROM observation WHERE run_id IS NOT NULL ORDER BY id";

/// Metric, benchmark, split.
type Quantity = [String; 3];

impl Store {
    /// The ended attempts of the tasks of `plan`, in the order in which they were stored.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn attempts(&mut self, plan: &Plan) -> Result<Vec<Attempt>> {
        self.database.run("read", async |db| {
            let planned: HashMap<[u8; 16], TaskId> = plan.tasks.iter().map(|task| (task.id.0, task.id)).collect();
            let mut tasks: HashMap<i64, TaskId> = HashMap::with_capacity(planned.len());
            scan(db, TASKS, |row| {
                if let Some(task) = planned.get(&row.get::<_, [u8; 16]>(1)?) {
                    tasks.insert(row.get(0)?, *task);
                }
                Ok(())
            })
            .await?;
            let (mut attempts, places) = read_attempts(db, &tasks).await?;
            add_artifacts(db, &mut attempts, &places).await?;
            add_problems(db, &mut attempts, &places).await?;
            add_scores(db, &mut attempts, &places).await?;
            Ok(attempts)
        })
    }

    /// What was imported for the runs of `plan`, in the order in which it was stored.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn imported(&mut self, plan: &Plan) -> Result<Vec<Imported>> {
        self.database.run("read", async |db| {
            let planned: HashMap<[u8; 16], RunId> = plan.runs.iter().map(|run| (run.0, *run)).collect();
            let mut runs: HashMap<i64, RunId> = HashMap::new();
            scan(db, RUNS, |row| {
                if let Some(run) = planned.get(&row.get::<_, [u8; 16]>(1)?) {
                    runs.insert(row.get(0)?, *run);
                }
                Ok(())
            })
            .await?;
            let quantities = quantities(db).await?;
            let imports = imports(db).await?;
            let mut columns: HashMap<(i64, i64), Arc<Column>> = HashMap::new();
            let mut imported = Vec::new();
            scan(db, IMPORTED, |row| {
                let Some(&run) = runs.get(&row.get::<_, i64>(0)?) else { return Ok(()) };
                let key = (row.get(1)?, row.get(2)?);
                let (Some([metric, benchmark, _]), Some([import, file, source])) =
                    (quantities.get(&key.0), imports.get(&key.1))
                else {
                    return Ok(());
                };
                let column = columns.entry(key).or_insert_with(|| {
                    let [import, source, metric, benchmark] = [import, source, metric, benchmark].map(String::clone);
                    Arc::new(Column { import, file: file.into(), source, metric, benchmark })
                });
                imported.push(Imported {
                    run,
                    column: Arc::clone(column),
                    value: row.get::<_, Option<f64>>(4)?.unwrap_or(f64::NAN),
                    line: row.get::<_, i64>(3)?.cast_unsigned(),
                    note: row.get(5)?,
                });
                Ok(())
            })
            .await?;
            Ok(imported)
        })
    }

    /// Where the database gives imported numbers otherwise than the journal, one line each, at most `most`.
    ///
    /// # Errors
    /// The journal or the database cannot be read.
    pub fn imports_beside_journal(&mut self, plan: &Plan, most: usize) -> Result<Vec<String>> {
        let recorded = recorded(journal::read(&self.project.journal_folder())?);
        if recorded.is_empty() {
            // A database that was sent without its journal.
            return Ok(Vec::new());
        }
        let mut lines = Vec::new();
        for imported in self.imported(plan)? {
            let column = &imported.column;
            let key = (column.import.clone(), column.metric.clone(), column.benchmark.clone(), imported.line);
            let told = recorded.get(&key).and_then(|runs| runs.get(&imported.run.to_string()));
            let line = match told {
                Some(value) if *value == imported.value => continue,
                Some(value) => format!("{value} in the journal, {} in the database", imported.value),
                None => format!("nothing in the journal, {} in the database", imported.value),
            };
            lines.push(format!("{}, line {}: {line}", column.source, imported.line));
            if lines.len() == most {
                break;
            }
        }
        Ok(lines)
    }
}

/// Import, metric, benchmark and line.
type Recorded = HashMap<(String, String, String, u64), HashMap<String, f64>>;

/// What the journal says that imports brought, by run; one that was replaced has nothing of its own left.
fn recorded(contents: journal::Contents) -> Recorded {
    let mut recorded = Recorded::new();
    for entry in contents.entries {
        let Fact::Import(import) = entry.fact else { continue };
        if import.replace {
            recorded.retain(|(name, ..), _| *name != import.name);
        }
        for score in import.scores {
            let key = (import.name.clone(), score.metric, score.benchmark, score.line);
            recorded.entry(key).or_default().insert(score.run, score.value);
        }
    }
    recorded
}

/// Attempts with the place of each by its key.
async fn read_attempts(
    db: &mut SqliteConnection,
    tasks: &HashMap<i64, TaskId>,
) -> sqlx::Result<(Vec<Attempt>, HashMap<i64, usize>)> {
    let (mut attempts, mut places) = (Vec::new(), HashMap::new());
    let mut unread = false;
    scan(db, ATTEMPTS, |row| {
        let Some(&task) = tasks.get(&row.get::<_, i64>(1)?) else { return Ok(()) };
        places.insert(row.get::<_, i64>(0)?, attempts.len());
        let provenance = serde_json::from_str(row.get_ref(5)?.as_str()?);
        unread |= provenance.is_err();
        attempts.push(Attempt {
            task,
            number: row.get(2)?,
            succeeded: row.get(3)?,
            ended: row.get(6)?,
            folder: row.get(4)?,
            provenance: provenance.unwrap_or_default(),
            artifacts: Vec::new(),
            problems: Vec::new(),
            scores: Vec::new(),
        });
        Ok(())
    })
    .await?;
    if unread { Err(decode("provenance as a worker writes it")) } else { Ok((attempts, places)) }
}

async fn add_artifacts(
    db: &mut SqliteConnection,
    attempts: &mut [Attempt],
    places: &HashMap<i64, usize>,
) -> sqlx::Result<()> {
    scan(db, ARTIFACTS, |row| {
        if let Some(&place) = places.get(&row.get::<_, i64>(0)?) {
            attempts[place].artifacts.push(Artifact {
                path: row.get(1)?,
                bytes: row.get::<_, i64>(2)?.cast_unsigned(),
                digest: row.get::<_, [u8; 32]>(3)?.into(),
                deleted: row.get(4)?,
            });
        }
        Ok(())
    })
    .await
}

async fn add_problems(
    db: &mut SqliteConnection,
    attempts: &mut [Attempt],
    places: &HashMap<i64, usize>,
) -> sqlx::Result<()> {
    scan(db, PROBLEMS, |row| {
        if let Some(&place) = places.get(&row.get::<_, i64>(0)?) {
            let (path, message): (String, String) = (row.get(1)?, row.get(3)?);
            let line = row.get::<_, Option<i64>>(2)?.map_or_else(String::new, |line| format!(":{line}"));
            attempts[place].problems.push(format!("{path}{line}: {message}"));
        }
        Ok(())
    })
    .await
}

async fn add_scores(
    db: &mut SqliteConnection,
    attempts: &mut [Attempt],
    places: &HashMap<i64, usize>,
) -> sqlx::Result<()> {
    let kinds: HashMap<i64, Arc<Kind>> = quantities(db)
        .await?
        .into_iter()
        .map(|(id, [metric, benchmark, split])| {
            (id, Arc::new(Kind { metric, benchmark, split, source: "measured".to_owned() }))
        })
        .collect();
    scan(db, LATE, |row| {
        let place = places.get(&row.get::<_, i64>(0)?);
        if let (Some(&place), Some(kind)) = (place, kinds.get(&row.get::<_, i64>(1)?)) {
            let value = join(row.get(3)?, row.get_ref(4)?.as_str_or_null()?);
            let step = row.get::<_, Option<i64>>(2)?.map(i64::cast_unsigned);
            attempts[place].scores.push(LateScore { kind: Arc::clone(kind), step, value });
        }
        Ok(())
    })
    .await
}

async fn quantities(db: &mut SqliteConnection) -> sqlx::Result<HashMap<i64, Quantity>> {
    let rows: Vec<(i64, String, String, String)> =
        sqlx::query_as("SELECT id, metric, benchmark, split FROM quantity").fetch_all(db).await?;
    Ok(rows.into_iter().map(|(id, metric, benchmark, split)| (id, [metric, benchmark, split])).collect())
}

/// By key: name, file, source.
async fn imports(db: &mut SqliteConnection) -> sqlx::Result<HashMap<i64, [String; 3]>> {
    let rows: Vec<(i64, String, String, String)> = sqlx::query_as(
        "SELECT import.id, import.name, file, source.name FROM import JOIN source ON source.id = source_id",
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|(id, name, file, source)| (id, [name, file, source])).collect())
}
