//! The only SQL: a project's results in one SQLite file, and the journal that it can be made from.
//!
//! Facts that no job writes go to the journal first and to the database second; facts that jobs write lie in task
//! folders first. The database is therefore an index: [`rebuild`] makes it again. One process writes at a time, under a
//! lock that names it. `docs/store.md` shows the tables.

mod attempts;
mod bulk;
mod check;
mod database;
mod dump;
mod facts;
mod folders;
mod garbage;
mod imports;
mod journal;
mod ledger;
mod lessons;
mod lock;
mod observations;
mod plans;
mod quantities;
mod rebuild;
mod reruns;
mod results;
mod revisions;
mod rows;
mod scan;
mod spelling;
mod submissions;
mod writer;

pub use check::Checked;
pub use garbage::{Garbage, Reason};
pub use imports::{Import, Imported, ImportedScore};
pub use observations::{StoredArtifact, StoredSeries};
pub use plans::StoredSweep;
pub use rebuild::{Rebuilt, rebuild};
pub use reruns::{Rerun, Success};
pub use results::{Ingested, Refused};
pub use revisions::EarlierText;
pub use submissions::Intent;
pub use writer::Store;

pub(crate) use writer::read_identity;

#[cfg(test)]
mod tests;
