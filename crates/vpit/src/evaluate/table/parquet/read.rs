//! Rows of a file, and its pictures one by one.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::super::row::{Origin, Row};
use super::column::{Column, Entry, Pages};
use super::footer::{Footer, Kind, Leaf};
use super::page;

/// What a picture is made of.
const BYTES: &str = "bytes";
const PATH: &str = "path";

/// All rows, without their pictures.
pub fn rows(table: &Arc<Path>, root: &Arc<Path>) -> Result<Vec<Row>, String> {
    let file = File::open(table).map_err(|error| error.to_string())?;
    let footer = Footer::read(&file)?;
    let mut cells: Vec<Map<String, Value>> = vec![Map::new(); footer.rows()];
    for (name, leaf, is_picture) in columns(&footer) {
        let column = Column::of(&file, &footer, leaf)?;
        for (row, entries) in cells.iter_mut().zip(column.rows()) {
            let entries = entries.filter(|entry| entry.level >= leaf.listed);
            let value = |entry: &Entry<'_>| match is_picture {
                true if entry.level >= leaf.grouped => Ok(Value::Object(Map::new())),
                true => Ok(Value::Null),
                false => entry.value.map_or(Ok(Value::Null), |value| value.json()),
            };
            let mut values = entries.map(|entry| value(&entry)).collect::<Result<Vec<Value>, String>>()?;
            let cell = if leaf.repeats() { Value::Array(values) } else { values.pop().unwrap_or(Value::Null) };
            row.insert(name.to_owned(), cell);
        }
    }
    let row = |(row, cells)| {
        let origin = Origin::Parquet { table: Arc::clone(table), row };
        Row { cells, root: Arc::clone(root), origin }
    };
    Ok((0..).zip(cells).map(row).collect())
}

/// Columns of one value a row or list, and those of pictures, of which the names are read.
fn columns(footer: &Footer) -> impl Iterator<Item = (&str, &Leaf, bool)> {
    let mut groups: BTreeMap<&str, Vec<&Leaf>> = BTreeMap::new();
    for leaf in &footer.leaves {
        groups.entry(leaf.column()).or_default().push(leaf);
    }
    groups.into_iter().filter_map(|(name, leaves)| {
        let named = |part: &str| leaves.iter().copied().find(|leaf| leaf.name() == part);
        match (leaves.as_slice(), named(BYTES), named(PATH)) {
            ([_, _], Some(_), Some(path)) => Some((name, path, true)),
            (&[leaf], None, _) if leaf.kind != Kind::Other => Some((name, leaf, false)),
            // No benchmark has other groups in a column that is read.
            _ => None,
        }
    })
}

/// Reads pictures out of one file, fastest in the order of its rows.
pub struct Columns {
    table: Arc<Path>,
    file: File,
    footer: Footer,
    /// By the name of the column: the group of rows, and its pages from the last one on.
    open: BTreeMap<String, (usize, Pages)>,
}

impl Columns {
    pub fn open(table: &Arc<Path>) -> Result<Self, String> {
        let file = File::open(table).map_err(|error| error.to_string())?;
        let footer = Footer::read(&file)?;
        Ok(Self { table: Arc::clone(table), file, footer, open: BTreeMap::new() })
    }

    pub fn is_of(&self, table: &Arc<Path>) -> bool {
        self.table == *table
    }

    /// The first picture that `column` has in `row`.
    pub fn picture(&mut self, row: u64, column: &str) -> Result<Vec<u8>, String> {
        let none = || format!("column `{column}` has no picture in row {row}");
        let (group, within) = self.footer.group(row).ok_or_else(none)?;
        let is_it = |leaf: &&Leaf| leaf.column() == column && leaf.name() == BYTES;
        let leaf = self.footer.leaves.iter().find(is_it).ok_or_else(none)?;
        let usable = |(of, pages): &(usize, Pages)| *of == group && pages.first() <= within;
        let mut pages = match self.open.remove(column).filter(usable) {
            Some((_, pages)) => pages,
            None => Pages::of(&self.footer, leaf, group)?,
        };
        let picture = pages.record(&self.file, leaf, within)?;
        self.open.insert(column.to_owned(), (group, pages));
        picture.as_ref().and_then(page::Scalar::bytes).map(<[u8]>::to_vec).ok_or_else(none)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: &str = "tests/golden/benchmarks/odd";

    fn golden(name: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(GOLDEN).join(name)
    }

    /// The rows of a file, in the place of each picture its bytes as text.
    fn read(path: &Path) -> Result<Vec<Value>, String> {
        let table: Arc<Path> = path.into();
        let rows = rows(&table, &Path::new("/").into())?;
        let mut columns = Columns::open(&table)?;
        let seen = |(number, row): (u64, Row)| {
            let mut cells = row.cells;
            if cells.get("image").is_some_and(Value::is_object) {
                let bytes = columns.picture(number, "image")?;
                cells.insert("image".to_owned(), String::from_utf8_lossy(&bytes).into());
            }
            Ok(Value::Object(cells))
        };
        (0..).zip(rows).map(seen).collect()
    }

    #[test]
    fn whatever_way_a_table_is_written_its_rows_are_those_that_pyarrow_reads() {
        let mut expected: Vec<Value> = runfile::files::read_json(&golden("rows.json")).unwrap();
        for row in &mut expected {
            // That there is no list and that it is empty are one thing here.
            row["numbers"] = row["numbers"].as_array().cloned().unwrap_or_default().into();
        }
        for name in ["usual", "second", "plain", "gzip"] {
            let found = read(&golden(&format!("{name}.parquet"))).unwrap();
            assert_eq!(found.len(), expected.len());
            for (row, (found, expected)) in found.iter().zip(&expected).enumerate() {
                assert_eq!(found, expected, "{name}, row {row}");
            }
        }
        let refused = read(&golden("zstd.parquet")).unwrap_err();
        assert!(refused.contains("Zstandard, which is not read here"), "{refused}");
    }

    #[test]
    fn a_damaged_file_is_an_error_or_read_and_never_ends_the_program() {
        let whole = std::fs::read(golden("second.parquet")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            read(&path)
        };
        assert!((0..whole.len()).step_by(211).all(|length| read(&whole[..length]).is_err()));
        for at in (0..whole.len()).step_by(101) {
            for change in [0x01, 0x80, 0xFF] {
                let mut bytes = whole.clone();
                bytes[at] ^= change;
                // Either is well: that it comes back is what is tested.
                drop(read(&bytes));
            }
        }
    }
}
