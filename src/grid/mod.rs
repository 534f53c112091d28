//! From the text of a sweep file to a checked [`Sweep`].
//!
//! `tree` has the file as TOML with the place of every key and value, the other modules turn one part of it each into
//! the types of `sweep` or into errors that name file, line, column and the nearest valid spelling. What comes out is
//! trusted from then on: every factor exists, every level has its factor's kind, stages are in order, metrics have a
//! direction. `load` is the edge: the only module here that opens files.

mod anchors;
mod check;
pub mod claim;
pub mod command;
mod condition;
mod factors;
pub mod filter;
mod grids;
mod load;
mod metrics;
mod read;
mod reports;
mod source;
mod stages;
mod sweep;
mod tree;

pub use claim::Claim;
pub use factors::label;
pub use filter::Condition;
pub use grids::{dimensions, size};
pub use load::{load, load_with, parse};
pub(crate) use read::Fields;
pub(crate) use source::{At, Diagnostics, Problem, Sources, Span, list, nearest};
pub use sweep::{
    Anchor, AnchorValue, Applies, Axis, AxisLevel, Checkpoints, Factor, FactorKind, Grid, ImportSpec, LevelIx,
    OnSuccess, Place, Report, ReportKind, Resources, Retry, Seeds, Stage, StageKind, Sweep,
};
pub(crate) use tree::{Table, parse as parse_tree};

#[cfg(test)]
mod tests;
