//! Evidence by cell: what a report draws and tabulates.
//!
//! [`Index`] looks at every observation once and finds them by subject; [`Frame::of`] joins them to the cells of one
//! grid (a task's scores reach every run that shares the task), fills in derived metrics, and keeps replicates together
//! and sources apart. A [`Score`] always says how complete it is; nothing here averages over sources.

mod axes;
mod build;
mod columns;
mod index;
mod measure;
mod replicates;
mod run;
mod score;
mod state;

pub use build::{Frame, FrameCell};
pub use index::Index;
pub use measure::Measure;
pub use replicates::Replicate;
pub use run::RunValue;
pub use score::{CellState, Reading, Score};

#[cfg(test)]
mod tests;
