//! Tables of text, their columns apart by tabs or commas, quoted as pandas and Excel quote; pictures in base64.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use csv::{Position, ReaderBuilder, StringRecord};
use serde_json::{Map, Value};

use super::row::{Origin, Row};

/// The column of pictures.
const PICTURE: &str = "image";
/// The column of the name by which other rows say that their picture is this one's.
const NAME: &str = "index";
/// A text that is longer is a picture, and no such name.
const LONGEST_NAME: usize = 64;

/// All rows, without their pictures.
pub fn rows(table: &Arc<Path>, root: &Arc<Path>, delimiter: u8) -> Result<Vec<Row>, String> {
    let fail = |error: csv::Error| error.to_string();
    let mut reader = ReaderBuilder::new().delimiter(delimiter).from_path(table).map_err(fail)?;
    let header = reader.headers().map_err(fail)?.clone();
    let column = header.iter().position(|name| name == PICTURE);
    let (mut rows, mut record) = (Vec::new(), StringRecord::new());
    loop {
        let byte = reader.position().byte();
        if !reader.read_record(&mut record).map_err(fail)? {
            break;
        }
        let cell = |(name, text): (&str, &str)| {
            // A picture itself would fill the memory.
            let is_picture = name == PICTURE && text.len() > LONGEST_NAME;
            let value = if is_picture { Value::Object(Map::new()) } else { Value::String(text.to_owned()) };
            (name.to_owned(), value)
        };
        let origin = Origin::Delimited { table: Arc::clone(table), byte, column };
        rows.push(Row { cells: header.iter().zip(&record).map(cell).collect(), root: Arc::clone(root), origin });
    }
    find_shared(&mut rows)?;
    Ok(rows)
}

/// Let rows that name another one's picture have it.
fn find_shared(rows: &mut [Row]) -> Result<(), String> {
    let name = |row: &Row| row.text(NAME).ok().map(str::to_owned);
    let own = rows.iter().filter(|row| row.cells.get(PICTURE).is_some_and(Value::is_object));
    let bytes: HashMap<String, u64> = own.filter_map(|row| Some((name(row)?, byte(row)?))).collect();
    for row in rows {
        let Some(wanted) = row.text_if_any(PICTURE) else { continue };
        let found = *bytes.get(wanted).ok_or_else(|| format!("no row `{wanted}` has the picture that a row names"))?;
        row.cells.insert(PICTURE.to_owned(), Value::Object(Map::new()));
        if let Origin::Delimited { byte, .. } = &mut row.origin {
            *byte = found;
        }
    }
    Ok(())
}

const fn byte(row: &Row) -> Option<u64> {
    match row.origin {
        Origin::Delimited { byte, .. } => Some(byte),
        _ => None,
    }
}

/// Reads pictures out of one table.
pub struct Records {
    table: Arc<Path>,
    reader: csv::Reader<File>,
}

impl Records {
    pub fn open(table: &Arc<Path>) -> Result<Self, String> {
        let mut builder = ReaderBuilder::new();
        let reader = builder.delimiter(b'\t').has_headers(false).from_path(table).map_err(|error| error.to_string())?;
        Ok(Self { table: Arc::clone(table), reader })
    }

    pub fn is_of(&self, table: &Arc<Path>) -> bool {
        self.table == *table
    }

    /// The picture in a column of the record that begins at `byte`.
    pub fn picture(&mut self, byte: u64, column: usize) -> Result<Vec<u8>, String> {
        let mut position = Position::new();
        position.set_byte(byte);
        self.reader.seek(position).map_err(|error| error.to_string())?;
        let mut record = StringRecord::new();
        self.reader.read_record(&mut record).map_err(|error| error.to_string())?;
        let text = record.get(column).ok_or("the record ends before its picture")?;
        STANDARD.decode(text.trim()).map_err(|error| format!("its base64 is damaged: {error}"))
    }
}
