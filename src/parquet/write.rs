//! The file: pages column by column, then what they are.

use super::thrift::{self, Struct, Value};

/// A column: its name and a value a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    pub name: String,
    pub values: Values,
}

/// Values of one type, `None` where there is none.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// May be NaN or infinite.
    Floats(Vec<Option<f64>>),
    Integers(Vec<Option<i64>>),
    Texts(Vec<Option<String>>),
}

/// Why a table cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misshapen {
    #[error("column `{name}` has {rows} rows where the first has {expected}")]
    Rows { name: String, rows: usize, expected: usize },
    #[error("column `{name}` holds a page of more than 2 GiB")]
    TooLarge { name: String },
}

const MAGIC: &[u8; 4] = b"PAR1";
/// Rows in a page: readers hold one page of each column in memory.
const PAGE_ROWS: usize = 1 << 16;

// Numbers of enums, as the format gives them.
const INT64: i32 = 2;
const DOUBLE: i32 = 5;
const BYTE_ARRAY: i32 = 6;
const OPTIONAL: i32 = 1;
const UTF8: i32 = 0;
const PLAIN: i32 = 0;
const RLE: i32 = 3;
const UNCOMPRESSED: i32 = 0;
const DATA_PAGE: i32 = 0;

/// The file.
///
/// # Errors
/// The columns have different numbers of rows, or a page of texts is too large for the format.
pub fn write(columns: &[Column]) -> Result<Vec<u8>, Misshapen> {
    let rows = columns.first().map_or(0, |column| column.values.len());
    if let Some(odd) = columns.iter().find(|column| column.values.len() != rows) {
        return Err(Misshapen::Rows { name: odd.name.clone(), rows: odd.values.len(), expected: rows });
    }
    let mut file = MAGIC.to_vec();
    let mut chunks = Vec::with_capacity(columns.len());
    for column in columns {
        let start = file.len();
        for from in (0..rows).step_by(PAGE_ROWS) {
            let page = column.values.page(from..rows.min(from + PAGE_ROWS));
            let size = i32::try_from(page.len()).map_err(|_| Misshapen::TooLarge { name: column.name.clone() })?;
            file.extend(page_header(size, rows.min(from + PAGE_ROWS) - from).bytes());
            file.extend(page);
        }
        chunks.push(chunk(column, rows, start, file.len() - start));
    }
    let footer = metadata(columns, rows, chunks, file.len() - MAGIC.len()).bytes();
    file.extend(&footer);
    file.extend(u32::try_from(footer.len()).unwrap_or(u32::MAX).to_le_bytes());
    file.extend(MAGIC);
    Ok(file)
}

fn page_header(size: i32, rows: usize) -> Struct {
    let data = Struct::new()
        .field(1, Value::I32(i32::try_from(rows).unwrap_or(i32::MAX)))
        .field(2, Value::I32(PLAIN))
        .field(3, Value::I32(RLE))
        .field(4, Value::I32(RLE));
    Struct::new()
        .field(1, Value::I32(DATA_PAGE))
        .field(2, Value::I32(size))
        .field(3, Value::I32(size))
        .field(5, Value::Struct(data))
}

fn chunk(column: &Column, rows: usize, start: usize, bytes: usize) -> Struct {
    let metadata = Struct::new()
        .field(1, Value::I32(column.values.physical_type()))
        .field(2, Value::List(vec![Value::I32(PLAIN), Value::I32(RLE)]))
        .field(3, Value::List(vec![Value::Text(column.name.clone())]))
        .field(4, Value::I32(UNCOMPRESSED))
        .field(5, long(rows))
        .field(6, long(bytes))
        .field(7, long(bytes))
        .field(9, long(start));
    Struct::new().field(2, long(start)).field(3, Value::Struct(metadata))
}

fn metadata(columns: &[Column], rows: usize, chunks: Vec<Struct>, bytes: usize) -> Struct {
    let children = i32::try_from(columns.len()).unwrap_or(i32::MAX);
    let root = Struct::new().field(4, Value::Text("schema".to_owned())).field(5, Value::I32(children));
    let schema = std::iter::once(root).chain(columns.iter().map(element)).map(Value::Struct).collect();
    let group = Struct::new()
        .field(1, Value::List(chunks.into_iter().map(Value::Struct).collect()))
        .field(2, long(bytes))
        .field(3, long(rows));
    let groups = if rows == 0 { Vec::new() } else { vec![Value::Struct(group)] };
    Struct::new()
        .field(1, Value::I32(1))
        .field(2, Value::List(schema))
        .field(3, long(rows))
        .field(4, Value::List(groups))
        .field(6, Value::Text(format!("sweep version {}", env!("CARGO_PKG_VERSION"))))
}

fn element(column: &Column) -> Struct {
    let element = Struct::new()
        .field(1, Value::I32(column.values.physical_type()))
        .field(3, Value::I32(OPTIONAL))
        .field(4, Value::Text(column.name.clone()));
    match column.values {
        // Both ways of saying that bytes are text: older readers know the first.
        Values::Texts(_) => element
            .field(6, Value::I32(UTF8))
            .field(10, Value::Struct(Struct::new().field(1, Value::Struct(Struct::new())))),
        Values::Floats(_) | Values::Integers(_) => element,
    }
}

fn long(number: usize) -> Value {
    Value::I64(i64::try_from(number).unwrap_or(i64::MAX))
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Self::Floats(values) => values.len(),
            Self::Integers(values) => values.len(),
            Self::Texts(values) => values.len(),
        }
    }

    fn physical_type(&self) -> i32 {
        match self {
            Self::Floats(_) => DOUBLE,
            Self::Integers(_) => INT64,
            Self::Texts(_) => BYTE_ARRAY,
        }
    }

    /// Which of `rows` have a value, then those values.
    fn page(&self, rows: std::ops::Range<usize>) -> Vec<u8> {
        match self {
            Self::Floats(values) => page(values.get(rows), |value, out| out.extend(value.to_le_bytes())),
            Self::Integers(values) => page(values.get(rows), |value, out| out.extend(value.to_le_bytes())),
            Self::Texts(values) => page(values.get(rows), |value, out| {
                out.extend(u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
                out.extend(value.as_bytes());
            }),
        }
    }
}

fn page<T>(values: Option<&[Option<T>]>, put: impl Fn(&T, &mut Vec<u8>)) -> Vec<u8> {
    let values = values.unwrap_or_default();
    let mut levels = Vec::new();
    for run in values.chunk_by(|a, b| a.is_some() == b.is_some()) {
        // The length of a run, times two to tell it from packed bits; then the level itself in a byte.
        thrift::varint(run.len() as u64 * 2, &mut levels);
        levels.push(u8::from(run.first().is_some_and(Option::is_some)));
    }
    let mut out = u32::try_from(levels.len()).unwrap_or(u32::MAX).to_le_bytes().to_vec();
    out.extend(levels);
    values.iter().flatten().for_each(|value| put(value, &mut out));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, values: Values) -> Column {
        Column { name: name.to_owned(), values }
    }

    #[test]
    fn a_file_begins_and_ends_as_the_format_says() {
        let file = write(&[column("a", Values::Integers(vec![Some(1), None, Some(-1)]))]).unwrap();
        assert_eq!((&file[..4], &file[file.len() - 4..]), (&b"PAR1"[..], &b"PAR1"[..]));
        let footer = u32::from_le_bytes(file[file.len() - 8..file.len() - 4].try_into().unwrap()) as usize;
        // The pages: a header, the levels (4 bytes of length, then the runs 1, 0, 1), two values of eight bytes.
        let levels = [6, 0, 0, 0, 2, 1, 2, 0, 2, 1];
        let values = [1, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255];
        let page = [&levels[..], &values[..]].concat();
        assert_eq!(&file[file.len() - 8 - footer - page.len()..file.len() - 8 - footer], page);
    }

    #[test]
    fn columns_of_different_lengths_are_refused() {
        let columns = [column("a", Values::Floats(vec![None])), column("b", Values::Texts(vec![]))];
        let error = write(&columns).unwrap_err();
        assert_eq!(error.to_string(), "column `b` has 0 rows where the first has 1");
    }
}
