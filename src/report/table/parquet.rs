//! Parquet, for whoever goes on calculating: numbers with all their bits, texts as they are.

use polars::prelude::*;

use crate::parquet::{Column as Out, Misshapen, Values, write};

/// The frame as a Parquet file. Whatever is neither a number nor text is written as its text.
///
/// # Errors
/// Polars cannot turn a column into text, or a text is too large for the format.
pub fn parquet(frame: &DataFrame) -> PolarsResult<Vec<u8>> {
    let columns = frame.columns().iter().map(column).collect::<PolarsResult<Vec<_>>>()?;
    write(&columns).map_err(|error: Misshapen| polars_err!(ComputeError: "{error}"))
}

fn column(column: &Column) -> PolarsResult<Out> {
    let dtype = column.dtype();
    let values = if dtype.is_float() {
        Values::Floats(column.cast(&DataType::Float64)?.f64()?.iter().collect())
    } else if dtype.is_integer() {
        Values::Integers(column.cast(&DataType::Int64)?.i64()?.iter().collect())
    } else {
        let texts = column.cast(&DataType::String)?;
        Values::Texts(texts.str()?.iter().map(|text| text.map(str::to_owned)).collect())
    };
    Ok(Out { name: column.name().to_string(), values })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `tests/golden/exchange/check.py` reads the same values with another program.
    #[test]
    fn the_file_is_the_one_that_others_read() {
        let columns = vec![
            Column::new("run".into(), ["a", "ä ", ""]),
            Column::new("fid".into(), [Some(0.1), None, Some(f64::NAN)]),
            Column::new("n".into(), [Some(-3_i64), Some(i64::MAX), None]),
            Column::new("seed".into(), [1_u32, 2, 3]),
            Column::new("done".into(), [Some(true), None, Some(false)]),
        ];
        let frame = DataFrame::new(3, columns).unwrap();
        let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/exchange/frame.parquet");
        let bytes = parquet(&frame).unwrap();
        assert!(bytes == std::fs::read(golden).unwrap());
    }
}
