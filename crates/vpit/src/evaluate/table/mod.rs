//! Rows of published files, whatever their form: Parquet, tables with tabs or commas, JSON.
//!
//! Pictures stay where they are: a row says where, and [`Pictures`] reads one when it is looked at.

mod delimited;
mod form;
mod json;
mod parquet;
mod pictures;
mod row;

pub use form::{Form, rows};
pub use json::STEM;
pub use pictures::Pictures;
pub use row::{Place, Row};
