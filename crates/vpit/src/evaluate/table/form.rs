//! The forms of a table.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use super::row::Row;
use super::{delimited, json, parquet};

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Parquet,
    /// Columns apart by tabs.
    Tsv,
    /// Columns apart by commas.
    Csv,
    /// An object a line.
    JsonLines,
    /// One list of objects.
    Json,
}

/// The rows of the table in a file; files that they name are below `root`.
///
/// # Errors
/// The file cannot be read, or is no such table; the message says why.
pub fn rows(form: Form, table: &Arc<Path>, root: &Arc<Path>) -> Result<Vec<Row>, String> {
    guarded(|| match form {
        Form::Parquet => parquet::rows(table, root),
        Form::Tsv => delimited::rows(table, root, b'\t'),
        Form::Csv => delimited::rows(table, root, b','),
        Form::JsonLines => json::lines(table, root),
        Form::Json => json::list(table, root),
    })
}

/// A reader that panics on a damaged file must not end the program without a word of which file it was.
pub(super) fn guarded<T>(read: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err("its reader panicked: is the file whole?".to_owned()))
}
