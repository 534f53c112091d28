//! CSV that spreadsheets read as data.

use polars::prelude::*;

/// The frame as CSV: numbers with all their digits, texts that no spreadsheet takes for a formula.
///
/// # Errors
/// Polars cannot write a column's type; the columns of frames have types that it can.
pub fn csv(frame: &DataFrame) -> PolarsResult<Vec<u8>> {
    let columns = frame.columns().iter().map(neutral_column).collect::<PolarsResult<Vec<_>>>()?;
    let mut frame = DataFrame::new(frame.height(), columns)?;
    let mut out = Vec::new();
    CsvWriter::new(&mut out).finish(&mut frame)?;
    Ok(out)
}

fn neutral_column(column: &Column) -> PolarsResult<Column> {
    let name = neutral(column.name());
    let Ok(texts) = column.str() else { return Ok(column.clone().with_name(name.into())) };
    let texts: Vec<Option<String>> = texts.iter().map(|text| text.map(neutral)).collect();
    Ok(Column::new(name.into(), texts))
}

/// A spreadsheet takes a text for a formula by its first character; an apostrophe before it makes it plain text
/// (OWASP, "CSV injection"). Plain numbers, also negative ones, stay numbers.
fn neutral(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) && text.parse::<f64>().is_err();
    if is_formula { format!("'{text}") } else { text.to_owned() }
}
