//! Imported results: numbers that somebody else measured, with where they come from.

use std::path::PathBuf;

use hashbrown::HashMap;
use runfile::number::lenient;
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, SqliteConnection};

use super::Store;
use super::facts::parse;
use super::journal::Fact;
use super::plans::Recorded;
use super::quantities::Quantities;
use super::results::next_id;
use super::rows::{Ids, RUNS, known_ids};
use super::spelling::{join, split};
use super::writer::mark_applied;
use crate::id::{ContentId, RunId};
use crate::{Error, Result};

/// Results from one file, matched to runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// Name of the import in the sweep file, or of the file.
    pub name: String,
    pub file: PathBuf,
    /// Of the file's bytes, 32 hexadecimal digits.
    pub digest: String,
    /// Where the numbers come from, as reports print it.
    pub source: String,
    /// What an earlier import of this name brought is taken back.
    pub replace: bool,
    pub scores: Vec<ImportedScore>,
}

/// One number for one run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportedScore {
    /// The run's identity, 32 hexadecimal digits.
    pub run: String,
    pub metric: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub benchmark: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub split: String,
    /// Training step of the checkpoint; `None` is the final one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u64>,
    /// Finite in tables that people write; what another store measured may be NaN or infinite.
    #[serde(with = "lenient")]
    pub value: f64,
    /// Number of items behind the value, and its standard error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stderr: Option<f64>,
    /// Line of the file, from 1.
    pub line: u64,
    /// Doubts about the number, in the words of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What an import changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Imported {
    /// Scores that the store did not have.
    pub new: usize,
    /// Scores that the source had given before, with the same values.
    pub known: usize,
}

/// What makes a score one: run, metric, benchmark, split and step.
type Key = (String, [String; 3], Option<u64>);

/// A score that is stored.
#[derive(FromRow)]
struct PlaceRow {
    digest: Vec<u8>,
    metric: String,
    benchmark: String,
    split: String,
    step: Option<i64>,
    import: String,
    file: String,
    line: i64,
    value: Option<f64>,
    not_finite: Option<String>,
}

/// Where a score stands already.
struct Place {
    /// The name of the earlier import; `None` is this one.
    import: Option<String>,
    file: String,
    line: i64,
    value: f64,
}

/// The source of what tasks measure; imports have another.
const MEASURED: &str = "measured";

impl Store {
    /// Store what `import` brings; importing the same file again changes nothing.
    ///
    /// # Errors
    /// The source gives a score twice, in this file or in an earlier one (with both places); a run is not in the store;
    /// the journal or the database cannot be written.
    pub fn record_import(&mut self, import: &Import) -> Result<Imported> {
        if import.source == MEASURED {
            return Err(Error::usage(format!(
                "import `{}`: the source `{MEASURED}` is what tasks measure",
                import.name
            ))
            .hint("say where the numbers come from"));
        }
        let runs = import.scores.iter().map(|score| parse(&score.run)).collect::<Result<Vec<RunId>>>()?;
        self.known(RUNS, &runs)?;
        let scores = self.new_scores(import)?;
        let imported = Imported { new: scores.len(), known: import.scores.len() - scores.len() };
        if imported.new > 0 {
            self.enact(Fact::Import(Import { scores, ..import.clone() }))?;
        }
        Ok(imported)
    }

    /// Whether the store knows each of `runs`.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn knows(&mut self, runs: &[RunId]) -> Result<Vec<bool>> {
        let runs: Vec<String> = runs.iter().map(RunId::to_string).collect();
        Ok(self.rows_in_order(RUNS, &runs)?.iter().map(Option::is_some).collect())
    }

    /// The scores that the store does not have yet.
    fn new_scores(&mut self, import: &Import) -> Result<Vec<ImportedScore>> {
        let mut places = self.places_of(import)?;
        let mut new = Vec::with_capacity(import.scores.len());
        for score in &import.scores {
            let place = Place {
                import: None,
                file: import.file.display().to_string(),
                line: score.line.cast_signed(),
                value: score.value,
            };
            let quantity = [&score.metric, &score.benchmark, &score.split].map(String::clone);
            match places.insert((score.run.clone(), quantity, score.step), place) {
                None => new.push(score.clone()),
                Some(first) if first.import.is_some() && is_same(first.value, score.value) => {}
                Some(first) => return Err(twice(import, score, &first)),
            }
        }
        Ok(new)
    }

    /// Every score that the source of `import` has given so far, other than those that it replaces.
    fn places_of(&mut self, import: &Import) -> Result<HashMap<Key, Place>> {
        let rows: Vec<PlaceRow> = self.database.run("read", async |db| {
            sqlx::query_as(
                "SELECT run.digest, metric, benchmark, split, step, import.name AS import, import.file, line, value, \
                 not_finite FROM observation \
                 JOIN run ON run.id = run_id JOIN quantity ON quantity.id = quantity_id \
                 JOIN import ON import.id = import_id JOIN source ON source.id = import.source_id \
                 WHERE source.name = ?1 AND NOT (?2 AND import.name = ?3)",
            )
            .bind(&import.source)
            .bind(import.replace)
            .bind(&import.name)
            .fetch_all(db)
            .await
        })?;
        let place = |row: PlaceRow| {
            let run = row.digest.iter().map(|byte| format!("{byte:02x}")).collect();
            let value = join(row.value, row.not_finite.as_deref());
            let key = (run, [row.metric, row.benchmark, row.split], row.step.map(i64::cast_unsigned));
            (key, Place { import: Some(row.import), file: row.file, line: row.line, value })
        };
        Ok(rows.into_iter().map(place).collect())
    }

    /// Bring an import of the journal into the tables.
    pub(super) fn apply_import(&mut self, at: Recorded, import: &Import) -> Result<()> {
        let digest: ContentId = parse(&import.digest)?;
        let runs = import.scores.iter().map(|score| parse::<RunId>(&score.run)).collect::<Result<Vec<_>>>()?;
        let mut keys = self.database.run("read", async |db| Keys::find(db, import, &runs).await)?;
        self.database.load("store an import in", |sink| {
            if import.replace {
                for id in &keys.replaced {
                    sink.statement("DELETE FROM observation WHERE import_id = ?").add(*id);
                    sink.statement("DELETE FROM import WHERE id = ?").add(*id);
                }
            }
            sink.statement("INSERT INTO source (id, name) VALUES (?, ?) ON CONFLICT DO NOTHING")
                .add(keys.source)
                .add(import.source.clone());
            sink.statement(
                "INSERT INTO import (id, name, file, digest, source_id, recorded) VALUES (?, ?, ?, ?, ?, ?)",
            )
            .add(keys.import)
            .add(import.name.clone())
            .add(import.file.to_string_lossy().into_owned())
            .add(digest.0.to_vec())
            .add(keys.source)
            .add(at.time);
            let mut rows = sink.rows(
                "INSERT INTO observation (run_id, import_id, line, quantity_id, source_id, step, value, not_finite, n, \
                 stderr, note) VALUES ",
                11,
                "",
            );
            for (score, run) in import.scores.iter().zip(&runs) {
                let Some(&run) = keys.runs.get(&run.0) else { continue };
                let quantity = keys.quantities.id(sink, [&score.metric, &score.benchmark, &score.split]);
                let (value, not_finite) = split(score.value);
                rows.add(run).add(keys.import).add(score.line.cast_signed()).add(quantity).add(keys.source);
                rows.add(score.step.map(u64::cast_signed)).add(value).add(not_finite);
                rows.add(score.n.map(u64::cast_signed)).add(score.stderr).add(score.note.clone()).end();
            }
            drop(rows);
            mark_applied(sink, at.position);
        })
    }
}

/// The integer keys that an import needs.
struct Keys {
    import: i64,
    source: i64,
    replaced: Vec<i64>,
    runs: Ids,
    quantities: Quantities,
}

impl Keys {
    async fn find(db: &mut SqliteConnection, import: &Import, runs: &[RunId]) -> sqlx::Result<Self> {
        let digests: Vec<[u8; 16]> = runs.iter().map(|run| run.0).collect();
        let known: Option<i64> = sqlx::query_scalar("SELECT id FROM source WHERE name = ?")
            .bind(&import.source)
            .fetch_optional(&mut *db)
            .await?;
        let next_source = next_id(db, "SELECT coalesce(max(id), 0) + 1 FROM source").await?;
        let replaced = sqlx::query_scalar(
            "SELECT import.id FROM import JOIN source ON source.id = source_id WHERE import.name = ? AND source.name = ?",
        )
        .bind(&import.name)
        .bind(&import.source)
        .fetch_all(&mut *db)
        .await?;
        Ok(Self {
            import: next_id(db, "SELECT coalesce(max(id), 0) + 1 FROM import").await?,
            source: known.unwrap_or(next_source),
            replaced,
            runs: known_ids(db, RUNS, &digests).await?,
            quantities: Quantities::find(db).await?,
        })
    }
}

/// A value that is no number is the same as any other that is none.
fn is_same(a: f64, b: f64) -> bool {
    a == b || a.is_nan() && b.is_nan()
}

fn twice(import: &Import, score: &ImportedScore, first: &Place) -> Error {
    let quantity = match score.benchmark.as_str() {
        "" => score.metric.clone(),
        benchmark => format!("{} of {benchmark}", score.metric),
    };
    let file = import.file.display();
    let error = Error::usage(format!(
        "{file}:{}: the source `{}` gives `{quantity}` twice for one run: {} here, {} in {}:{}",
        score.line, import.source, score.value, first.value, first.file, first.line
    ));
    if first.import.as_ref() == Some(&import.name) {
        error.hint(
            "if the file was corrected since it was imported, `sweep import --replace` takes the old numbers back",
        )
    } else {
        error.hint("a second opinion needs a source of its own: give the import another `source`")
    }
}
