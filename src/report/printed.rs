//! What somebody else printed for the same figure, beside what we compute.

use std::path::PathBuf;

use super::frame::Frame;
use super::item::{Asked, Correlated};
use super::table::{Entry, Heading, Table, fixed};
use crate::{Error, Result};

/// Decimals of the recomputed value.
const DECIMALS: usize = 4;

/// A file with values that somebody else printed for a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printed {
    pub report: String,
    pub file: PathBuf,
    pub text: String,
}

/// A table of printed and recomputed correlations.
///
/// `text` is CSV with the columns `benchmark`, `metric` and `printed_rho`; benchmarks and metrics are named as the sweep
/// names them, or as the columns of its imports are.
///
/// # Errors
/// A column is missing, a row has no number, or a name is unknown.
pub fn compare(asked: Asked, text: &str, pairs: &[Correlated]) -> Result<Table> {
    let mut table = Table { title: "Printed and recomputed ρ".to_owned(), ..Table::default() };
    table.columns = ["Metric", "with"].map(Heading::left).to_vec();
    table.columns.extend(["printed ρ", "recomputed ρ", "difference"].map(Heading::right));
    table.columns.push(Heading::left("agree"));
    for row in printed_rhos(asked.frame, text)? {
        let (benchmark, metric) = (row.y, row.x);
        let pair = pairs.iter().find(|pair| (pair.y, pair.x) == (benchmark, metric));
        let found = pair.and_then(|pair| pair.pearson.as_ref().ok());
        let label = |measure: usize| asked.frame.measures().get(measure).map_or("", |spec| spec.label.as_str());
        let mut entries = vec![Entry::text(label(benchmark)), Entry::text(label(metric)), Entry::text(&row.text)];
        entries.extend(match found {
            None => ["–", "–", "not computed"].map(Entry::text),
            Some(found) => judge(&row, found.rho).map(Entry::text),
        });
        table.rows.push(entries);
    }
    let (agreeing, all) =
        (table.rows.iter().filter(|row| row.last() == Some(&Entry::text("yes"))).count(), table.rows.len());
    let remark = format!("{agreeing} of {all} agree: the recomputed value rounds to the printed one.");
    table.remarks.push(remark);
    Ok(table)
}

/// Recomputed value, difference, verdict.
fn judge(row: &PrintedRho, rho: f64) -> [String; 3] {
    let decimals = row.text.split_once('.').map_or(0, |(_, digits)| digits.len());
    let agree = fixed(rho, decimals) == fixed(row.value, decimals);
    let difference = format!("{:+.DECIMALS$}", rho - row.value);
    [fixed(rho, DECIMALS), difference, if agree { "yes" } else { "no" }.to_owned()]
}

/// A correlation that somebody printed.
#[derive(Debug, Clone, PartialEq)]
pub struct PrintedRho {
    /// Of the file, from 1.
    pub line: u64,
    /// Positions of the measures.
    pub y: usize,
    pub x: usize,
    /// As printed, for its number of decimals.
    pub text: String,
    pub value: f64,
}

/// The correlations of the file with printed values `text`, for the measures of `frame`.
///
/// # Errors
/// A column is missing, a row has no number, or a name is unknown.
pub fn printed_rhos(frame: &Frame, text: &str) -> Result<Vec<PrintedRho>> {
    let resolve = |row: Row| {
        let (y, x) = (measure(frame, &row.benchmark, row.line)?, measure(frame, &row.metric, row.line)?);
        Ok(PrintedRho { line: row.line, y, x, text: row.printed, value: row.value })
    };
    rows(text)?.into_iter().map(resolve).collect()
}

struct Row {
    line: u64,
    benchmark: String,
    metric: String,
    printed: String,
    value: f64,
}

fn rows(text: &str) -> Result<Vec<Row>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let head = reader.headers().map_err(|error| broken(&error))?.clone();
    let column = |name: &str| {
        let missing = || Error::usage(format!("the file with printed values has no column `{name}`"));
        head.iter().position(|column| column.trim() == name).ok_or_else(missing)
    };
    let columns = [column("benchmark")?, column("metric")?, column("printed_rho")?];
    reader.records().map(|record| row(&record.map_err(|error| broken(&error))?, columns)).collect()
}

fn broken(error: &csv::Error) -> Error {
    Error::usage(format!("the file with printed values is not CSV: {error}"))
}

fn row(record: &csv::StringRecord, columns: [usize; 3]) -> Result<Row> {
    let line = record.position().map_or(0, csv::Position::line);
    let [benchmark, metric, printed] =
        columns.map(|column| record.get(column).map(str::trim).unwrap_or_default().to_owned());
    let value = printed.parse().ok().filter(|value: &f64| value.is_finite());
    let value = value.ok_or_else(|| {
        let shown = printed.escape_debug();
        Error::usage(format!("line {line} of the file with printed values: `{shown}` is not a number"))
    })?;
    Ok(Row { line, benchmark, metric, printed, value })
}

/// The measure that a name means: its own, its label, or the column of an import.
fn measure(frame: &Frame, name: &str, line: u64) -> Result<usize> {
    let index = frame.index;
    let imported = || {
        let columns = index.imports().iter().flat_map(|import| &import.metrics);
        columns.filter(|(_, column)| column == name).find_map(|(metric, _)| frame.measure(metric))
    };
    let labelled = || frame.measures().iter().position(|measure| measure.label == name);
    frame.measure(name).or_else(labelled).or_else(imported).ok_or_else(|| {
        Error::usage(format!(
            "line {line} of the file with printed values: there is no metric `{}`",
            name.escape_debug()
        ))
        .hint("name the metric, its label, or the column that an import reads it from")
    })
}
