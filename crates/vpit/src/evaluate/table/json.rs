//! JSON: an object a line, or a list of objects.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::row::{Origin, Row};

/// The stem of the file's name, as a cell of each of its rows.
pub const STEM: &str = "(file)";

pub fn lines(table: &Arc<Path>, root: &Arc<Path>) -> Result<Vec<Row>, String> {
    let text = std::fs::read_to_string(table).map_err(|error| error.to_string())?;
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let object =
        |(number, line): (usize, &str)| serde_json::from_str(line).map_err(|error| format!("line {number}: {error}"));
    Ok(placed(table, root, lines.map(object).collect::<Result<_, String>>()?))
}

pub fn list(table: &Arc<Path>, root: &Arc<Path>) -> Result<Vec<Row>, String> {
    let text = std::fs::read(table).map_err(|error| error.to_string())?;
    Ok(placed(table, root, serde_json::from_slice(&text).map_err(|error| error.to_string())?))
}

fn placed(table: &Path, root: &Arc<Path>, objects: Vec<Map<String, Value>>) -> Vec<Row> {
    let stem = table.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let row = |mut cells: Map<String, Value>| {
        cells.insert(STEM.to_owned(), Value::String(stem.clone()));
        Row { cells, root: Arc::clone(root), origin: Origin::Files }
    };
    objects.into_iter().map(row).collect()
}
