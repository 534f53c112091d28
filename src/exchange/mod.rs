//! Scores and curves in other programs' formats, and back. Pure.
//!
//! [`rows`] joins every score to the run that it is of; `text` writes those as CSV, JSON, JSON lines and Parquet,
//! [`mlflow`] and [`tensorboard`] as files that those programs open. [`foreign`] and [`wandb`] go
//! the other way, as far as scores are concerned.

pub mod foreign;
pub mod mlflow;
pub mod protobuf;
mod rows;
pub mod tensorboard;
mod text;
pub mod wandb;

pub use rows::{Curve, Row, Run, rows, runs};
pub use text::{csv, json, json_lines, parquet};
