//! One row: its cells by column, and where its pictures are.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::data::picture::inside;

/// Where the bytes of a picture are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a file of its own.
    File(PathBuf),
    /// In base64, in a cell of the record that begins at this byte of a table.
    Text { table: Arc<Path>, byte: u64, column: usize },
    /// In a row of a Parquet file, counted from 0; the first picture of the column.
    Parquet { table: Arc<Path>, row: u64, column: String },
}

/// What a row needs to say where its pictures are.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// Files that the row names.
    Files,
    /// The record with the picture, and the column of pictures, if the table has one.
    Delimited {
        table: Arc<Path>,
        byte: u64,
        column: Option<usize>,
    },
    Parquet {
        table: Arc<Path>,
        row: u64,
    },
}

/// A row of a published file. The cell of a picture says only whether there is one.
#[derive(Debug, Clone)]
pub struct Row {
    pub(super) cells: Map<String, Value>,
    /// The folder of the files that it names.
    pub(super) root: Arc<Path>,
    pub(super) origin: Origin,
}

impl Row {
    fn cell(&self, column: &str) -> &Value {
        self.cells.get(column).unwrap_or(&Value::Null)
    }

    /// The text in a cell.
    ///
    /// # Errors
    /// There is none; the message names the column.
    pub fn text(&self, column: &str) -> Result<&str, String> {
        self.cell(column).as_str().ok_or_else(|| format!("there is no text in column `{column}`"))
    }

    /// The text in a cell, unless it is empty or one of the spellings of none.
    pub fn text_if_any(&self, column: &str) -> Option<&str> {
        self.cell(column).as_str().filter(|text| !text.is_empty() && *text != "nan")
    }

    /// The text or integer in the first of some columns that has one, as text.
    ///
    /// # Errors
    /// None of them has.
    pub fn name(&self, columns: &[&str]) -> Result<String, String> {
        let name = |column: &&str| match self.cell(column) {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) if !number.is_f64() => Some(number.to_string()),
            _ => None,
        };
        columns.iter().find_map(name).ok_or_else(|| format!("there is no name in column `{}`", columns.join("` or `")))
    }

    /// The number in a cell.
    pub fn number(&self, column: &str) -> Option<f64> {
        self.cell(column).as_f64()
    }

    /// The index in a cell, from 0.
    ///
    /// # Errors
    /// There is none.
    pub fn index(&self, column: &str) -> Result<usize, String> {
        let index = self.cell(column).as_u64().and_then(|index| usize::try_from(index).ok());
        index.ok_or_else(|| format!("there is no index in column `{column}`"))
    }

    /// The texts in a cell.
    ///
    /// # Errors
    /// It is no list of texts.
    pub fn texts(&self, column: &str) -> Result<Vec<&str>, String> {
        let texts = self.cell(column).as_array().and_then(|cells| cells.iter().map(Value::as_str).collect());
        texts.ok_or_else(|| format!("there is no list of texts in column `{column}`"))
    }

    /// How many pictures a cell has.
    pub fn pictures(&self, column: &str) -> usize {
        match self.cell(column) {
            Value::Null => 0,
            Value::String(text) => usize::from(!text.is_empty()),
            Value::Array(pictures) => pictures.len(),
            _ => 1,
        }
    }

    /// Where the picture of a cell is.
    ///
    /// # Errors
    /// There is none, or a file's name leads out of the folder.
    pub fn picture(&self, column: &str) -> Result<Place, String> {
        let none = || format!("there is no picture in column `{column}`");
        if self.pictures(column) == 0 {
            return Err(none());
        }
        match &self.origin {
            Origin::Files => Ok(Place::File(self.file(self.text(column)?)?)),
            Origin::Delimited { table, byte, column: place } => {
                Ok(Place::Text { table: Arc::clone(table), byte: *byte, column: place.ok_or_else(none)? })
            }
            Origin::Parquet { table, row } => {
                Ok(Place::Parquet { table: Arc::clone(table), row: *row, column: column.to_owned() })
            }
        }
    }

    /// A file of the benchmark.
    ///
    /// # Errors
    /// The name leads out of its folder.
    pub fn file(&self, name: &str) -> Result<PathBuf, String> {
        inside(&self.root, name)
    }
}
