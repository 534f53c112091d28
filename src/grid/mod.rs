//! From the text of a sweep file to a checked [`Sweep`].
//!
//! `wire` has the file's shape as serde reads it, `check` turns that into the types here or into errors that name file,
//! line, column and the nearest valid spelling. What comes out is trusted from then on: every factor exists, every
//! level has its factor's kind, stages are in order, metrics have a direction.

mod sweep;

pub use sweep::{
    Applies, Axis, AxisLevel, Factor, FactorKind, Grid, LevelIx, Report, ReportKind, Resources, Retry, Seeds, Stage,
    StageKind, Sweep,
};
