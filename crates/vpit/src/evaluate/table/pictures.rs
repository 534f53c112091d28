//! Bytes of pictures, wherever a row keeps them.

use super::delimited::Records;
use super::form::guarded;
use super::parquet::Columns;
use super::row::Place;

/// Reads pictures, fastest in the order of the rows: the file of the last one stays open.
#[derive(Default)]
pub struct Pictures {
    records: Option<Records>,
    columns: Option<Columns>,
}

impl Pictures {
    /// The bytes of the picture at a place.
    ///
    /// # Errors
    /// They cannot be read; the message names the file.
    pub fn read(&mut self, place: &Place) -> Result<Vec<u8>, String> {
        let (path, bytes) = match place {
            Place::File(path) => (path.as_path(), std::fs::read(path).map_err(|error| error.to_string())),
            Place::Text { table, byte, column } => {
                let read = || {
                    let records = match self.records.take().filter(|records| records.is_of(table)) {
                        Some(records) => records,
                        None => Records::open(table)?,
                    };
                    self.records.insert(records).picture(*byte, *column)
                };
                (table.as_ref(), guarded(read))
            }
            Place::Parquet { table, row, column } => {
                let read = || {
                    let columns = match self.columns.take().filter(|columns| columns.is_of(table)) {
                        Some(columns) => columns,
                        None => Columns::open(table)?,
                    };
                    self.columns.insert(columns).picture(*row, column)
                };
                (table.as_ref(), guarded(read))
            }
        };
        bytes.map_err(|problem| format!("`{}`: {problem}", path.display()))
    }
}
