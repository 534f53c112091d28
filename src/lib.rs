//! `sweep`: an instrument for ablation science.
//!
//! One `grid.toml` states a question. It becomes a [`grid::Sweep`], that a [`plan::Plan`] of runs and tasks, those are
//! started by a [`launch`]er as attempts, whose results the [`store`] keeps and the [`report`] draws. Arrows never turn
//! back: `grid`, `plan`, `stats`, `claim` and `report` are pure, the rest is a thin edge. `docs/architecture.md` has the map.

pub mod access;
pub mod attempt;
pub mod audit;
pub mod bundle;
pub mod claim;
pub mod clock;
pub mod cmd;
pub mod collect;
pub mod error;
pub mod evidence;
pub mod exchange;
pub mod freeze;
pub mod grid;
pub mod id;
pub mod import;
pub mod inspect;
pub mod launch;
pub mod metric;
pub mod parquet;
pub mod plan;
pub mod project;
pub mod provenance;
pub mod report;
pub mod rerun;
pub mod serve;
pub mod settings;
pub mod slurm;
pub mod stats;
pub mod store;
pub mod text;
pub mod ui;
pub mod value;
pub mod worker;

pub use error::{Error, Result};
