//! Finished results in a CSV file: rows become scores of the runs whose cells they name. Pure.

use std::path::Path;

use csv::{ByteRecord, ReaderBuilder, StringRecord};
use hashbrown::HashMap;

use crate::error::{Error, Result};
use crate::grid::{Axis, Grid, ImportSpec, LevelIx, Sweep, list, nearest};
use crate::id::{ContentId, RunId};
use crate::metric::Metric;
use crate::plan::{GridPlan, Plan};
use crate::store::{Import, ImportedScore};
use crate::text::plural;
use crate::value::parse_amount;

/// What a file gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Matched {
    pub import: Import,
    /// Rows that the import asks for.
    pub rows: usize,
    /// Cells of the file that say that there is no number.
    pub empty: usize,
}

/// What the text that is read was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A CSV file, whose lines and columns a person finds again.
    Table,
    /// Records of another format, made into CSV: a person finds them by their number.
    Records,
}

/// Match the CSV text in `bytes` to runs, as `spec` says.
///
/// # Errors
/// With file, line and column: the text is not CSV, a column is missing, a row names no cell or several runs, a number
/// does not parse, is not finite or outside its metric's range.
pub fn read(sweep: &Sweep, plan: &Plan, spec: &ImportSpec, (bytes, origin): (&[u8], Origin)) -> Result<Matched> {
    let table = Table { file: &spec.file, bytes, origin };
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    let mut records = reader.byte_records();
    let header = match records.next() {
        Some(record) => record.map_err(|error| table.broken(&error))?,
        None => return Err(Error::usage(format!("{}: the file is empty", spec.file.display()))),
    };
    let mapping = Mapping::new(sweep, plan, spec, &table, &header)?;
    let mut matched = Matched { import: empty_import(spec, bytes), rows: 0, empty: 0 };
    for record in records {
        let record = record.map_err(|error| table.broken(&error))?;
        let row = Row::new(&table, &header, &record)?;
        if mapping.asks_for(&row) {
            matched.rows += 1;
            mapping.read_row(&row, &mut matched)?;
        }
    }
    Ok(matched)
}

fn empty_import(spec: &ImportSpec, bytes: &[u8]) -> Import {
    let digest = ContentId::from_hash(&blake3::hash(bytes)).to_string();
    let (name, file, source) = (spec.name.clone(), spec.file.clone(), spec.source.clone());
    Import { name, file, digest, source, replace: false, scores: Vec::new() }
}

/// The file, for messages.
struct Table<'a> {
    file: &'a Path,
    bytes: &'a [u8],
    origin: Origin,
}

impl Table<'_> {
    fn broken(&self, error: &csv::Error) -> Error {
        let line = error.position().map_or(1, csv::Position::line);
        Error::usage(format!("{}:{line}: {error}", self.file.display()))
    }
}

/// One line of the file.
struct Row<'a> {
    table: &'a Table<'a>,
    fields: StringRecord,
    line: u64,
    /// Where the row starts in the file.
    byte: usize,
}

impl<'a> Row<'a> {
    fn new(table: &'a Table<'a>, header: &ByteRecord, record: &ByteRecord) -> Result<Self> {
        let (line, byte) = record
            .position()
            .map_or((1, 0), |position| (position.line(), usize::try_from(position.byte()).unwrap_or(0)));
        // After CRLF the reader says that a record starts at the line feed, which still belongs to the line before.
        let line = line + u64::from(table.bytes.get(byte) == Some(&b'\n'));
        if record.len() != header.len() {
            let message = format!(
                "{}:{line}: {}, while the header has {}",
                table.file.display(),
                plural(record.len(), "field"),
                header.len()
            );
            return Err(Error::usage(message).hint("a field that holds a comma stands in double quotes"));
        }
        let fields = StringRecord::from_byte_record(record.clone())
            .map_err(|error| Error::usage(format!("{}:{line}: {}", table.file.display(), error.utf8_error())))?;
        Ok(Self { table, fields, line, byte })
    }

    fn text(&self, column: usize) -> &str {
        self.fields.get(column).unwrap_or_default().trim()
    }

    /// Number of the line, or of the record.
    fn number(&self) -> u64 {
        match self.table.origin {
            Origin::Table => self.line,
            // The header was put before the first.
            Origin::Records => self.line.saturating_sub(1),
        }
    }

    /// A mistake in a field of this row, with file, line and column.
    fn mistake(&self, column: usize, message: &str) -> Error {
        if self.table.origin == Origin::Records {
            return Error::usage(format!("{}: record {}: {message}", self.table.file.display(), self.number()));
        }
        let (line, column) = place(self.table.bytes, self.byte, self.line, column);
        Error::usage(format!("{}:{line}:{column}: {message}", self.table.file.display()))
    }
}

/// Line and column (in characters, from 1) where field `field` of the row at `start` begins.
fn place(bytes: &[u8], start: usize, line: u64, field: usize) -> (u64, usize) {
    let (mut line, mut line_start, mut fields, mut quoted) = (line, start, 0, false);
    let rest = bytes.get(start..).unwrap_or_default();
    let skipped = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    line_start += skipped;
    let mut at = line_start;
    while fields < field && at < bytes.len() {
        match bytes[at] {
            b'"' => quoted = !quoted,
            b',' if !quoted => fields += 1,
            b'\n' => (line, line_start) = (line + 1, at + 1),
            _ => {}
        }
        at += 1;
    }
    (line, 1 + String::from_utf8_lossy(&bytes[line_start..at]).chars().count())
}

/// How columns become cells and scores.
struct Mapping<'a> {
    grid: &'a Grid,
    cells: HashMap<Box<[LevelIx]>, Vec<RunId>>,
    axes: Vec<AxisSource<'a>>,
    metrics: Vec<(&'a Metric, usize)>,
    rows: Vec<(usize, &'a [String])>,
    notes: Option<usize>,
}

/// Where the level of an axis comes from.
enum AxisSource<'a> {
    Fixed(LevelIx),
    /// A column, and what its texts mean where they are not the level's label.
    Column(usize, &'a [(String, String)]),
}

impl<'a> Mapping<'a> {
    fn new(
        sweep: &'a Sweep,
        plan: &'a Plan,
        spec: &'a ImportSpec,
        table: &Table<'_>,
        header: &ByteRecord,
    ) -> Result<Self> {
        let columns = Columns::new(table, header)?;
        let unknown = || Error::usage(format!("sweep `{}` has no grid `{}`", sweep.name, spec.grid));
        let grid = &sweep.grids[sweep.grid(&spec.grid).ok_or_else(unknown)?];
        let cells = plan.grids.iter().find(|planned| planned.name == grid.name);
        let axes = grid.axes.iter().map(|axis| axis_source(axis, spec, &columns)).collect::<Result<_>>()?;
        let metrics = spec.metrics.iter().map(|(name, column)| {
            let metric = sweep.metrics.iter().find(|metric| metric.name == *name);
            let metric = metric.ok_or_else(|| {
                let known: Vec<&str> = sweep.metrics.iter().map(|metric| metric.name.as_str()).collect();
                unknown_name("metric", name, &known)
            })?;
            Ok((metric, columns.find(column)?))
        });
        let rows = spec.rows.iter().map(|(column, texts)| Ok((columns.find(column)?, texts.as_slice())));
        Ok(Self {
            grid,
            cells: cells.map(|cells| runs_of_cells(plan, cells, grid)).unwrap_or_default(),
            axes,
            metrics: metrics.collect::<Result<_>>()?,
            rows: rows.collect::<Result<_>>()?,
            notes: spec.notes.as_ref().map(|column| columns.find(column)).transpose()?,
        })
    }

    fn asks_for(&self, row: &Row<'_>) -> bool {
        let is_empty = row.table.origin == Origin::Records && row.fields.iter().all(str::is_empty);
        !is_empty && self.rows.iter().all(|&(column, texts)| texts.iter().any(|text| row.text(column) == text))
    }

    fn read_row(&self, row: &Row<'_>, matched: &mut Matched) -> Result<()> {
        let run = self.run(row)?;
        let note = self.notes.map(|column| row.text(column)).filter(|note| !note.is_empty());
        for &(metric, column) in &self.metrics {
            let Some(value) = number(row, column, metric)? else {
                matched.empty += 1;
                continue;
            };
            matched.import.scores.push(ImportedScore {
                run: run.to_string(),
                metric: metric.score.clone(),
                benchmark: metric.benchmark.clone().unwrap_or_default(),
                value,
                line: row.number(),
                note: note.map(str::to_owned),
                ..ImportedScore::default()
            });
        }
        Ok(())
    }

    /// The run whose cell the row names.
    fn run(&self, row: &Row<'_>) -> Result<RunId> {
        let levels = self.axes.iter().zip(&self.grid.axes).map(|(source, axis)| source.level(axis, row));
        let coordinates = levels.collect::<Result<Vec<LevelIx>>>()?;
        match self.cells.get(coordinates.as_slice()).map(Vec::as_slice) {
            Some([run]) => Ok(*run),
            Some(runs) => Err(row
                .mistake(0, &format!("{} has {} replicates", self.describe(&coordinates), runs.len()))
                .hint("an import cannot say which seed a number belongs to: import into a grid without seeds")),
            None => Err(self.no_cell(row, &coordinates)),
        }
    }

    fn no_cell(&self, row: &Row<'_>, coordinates: &[LevelIx]) -> Error {
        let shared = |cell: &[LevelIx]| cell.iter().zip(coordinates).filter(|(left, right)| left == right).count();
        // The smallest coordinates among the nearest, so that the message is the same every time.
        let near = self.cells.keys().max_by_key(|cell| (shared(cell), std::cmp::Reverse(*cell)));
        let message = format!("{} is not a cell of grid `{}`", self.describe(coordinates), self.grid.name);
        let error = row.mistake(0, &message);
        match near {
            Some(near) => error.hint(format!("the nearest cell is {}", self.describe(near))),
            None => error.hint("the grid has no cells"),
        }
    }

    fn describe(&self, coordinates: &[LevelIx]) -> String {
        let parts = self.grid.axes.iter().zip(coordinates).map(|(axis, &level)| {
            let label = axis.levels.get(usize::from(level)).map_or("?", |level| level.label.as_str());
            format!("`{} = {label}`", axis.name)
        });
        parts.collect::<Vec<_>>().join(", ")
    }
}

/// The runs of each cell, by the first position of each of its labels: a zipped axis may say one label twice.
fn runs_of_cells(plan: &Plan, planned: &GridPlan, grid: &Grid) -> HashMap<Box<[LevelIx]>, Vec<RunId>> {
    let mut cells: HashMap<Box<[LevelIx]>, Vec<RunId>> = HashMap::new();
    for cell in &planned.cells {
        let levels = grid.axes.iter().zip(&cell.coordinates);
        let coordinates = levels.map(|(axis, &level)| first_of_its_label(axis, level)).collect();
        cells.entry(coordinates).or_default().push(plan.runs[cell.run.0 as usize]);
    }
    cells
}

fn first_of_its_label(axis: &Axis, level: LevelIx) -> LevelIx {
    axis.levels.get(usize::from(level)).and_then(|named| find_level(axis, &named.label)).unwrap_or(level)
}

impl AxisSource<'_> {
    fn level(&self, axis: &Axis, row: &Row<'_>) -> Result<LevelIx> {
        let (column, meanings) = match *self {
            Self::Fixed(level) => return Ok(level),
            Self::Column(column, meanings) => (column, meanings),
        };
        let text = row.text(column);
        let meant = meanings.iter().find(|(said, _)| said == text).map_or(text, |(_, level)| level);
        find_level(axis, meant).ok_or_else(|| {
            let labels: Vec<&str> = axis.levels.iter().map(|level| level.label.as_str()).collect();
            let message = format!("`{}` is not a level of axis `{}`", text.escape_debug(), axis.name);
            with_nearest(row.mistake(column, &message), text, &labels)
        })
    }
}

/// The level that `text` names: by its label, or as the same amount in another spelling.
fn find_level(axis: &Axis, text: &str) -> Option<LevelIx> {
    let amount = |text: &str| parse_amount(text).or_else(|| text.parse().ok());
    let position = axis.levels.iter().position(|level| level.label == text).or_else(|| {
        let wanted = amount(text)?;
        axis.levels.iter().position(|level| amount(&level.label) == Some(wanted))
    });
    position.and_then(|position| LevelIx::try_from(position).ok())
}

fn axis_source<'a>(axis: &Axis, spec: &'a ImportSpec, columns: &Columns<'_>) -> Result<AxisSource<'a>> {
    if let Some((_, column)) = spec.factors.iter().find(|(name, _)| *name == axis.name) {
        let meanings = spec.levels.iter().find(|(name, _)| *name == axis.name).map_or(&[][..], |(_, words)| words);
        return Ok(AxisSource::Column(columns.find(column)?, meanings));
    }
    let Some((_, label)) = spec.fixed.iter().find(|(name, _)| *name == axis.name) else {
        return Err(Error::usage(format!("import `{}` says nothing about the axis `{}`", spec.name, axis.name)).hint(
            format!("name its column with `--factor {0}=COLUMN`, or its level with `--fixed {0}=LEVEL`", axis.name),
        ));
    };
    let level = find_level(axis, label).ok_or_else(|| {
        let labels: Vec<&str> = axis.levels.iter().map(|level| level.label.as_str()).collect();
        with_nearest(Error::usage(format!("`{label}` is not a level of axis `{}`", axis.name)), label, &labels)
    })?;
    Ok(AxisSource::Fixed(level))
}

/// The number in a field; `None` where it says that there is none.
fn number(row: &Row<'_>, column: usize, metric: &Metric) -> Result<Option<f64>> {
    let text = row.text(column);
    if matches!(text, "" | "-" | "–" | "—") {
        return Ok(None);
    }
    let shown = text.escape_debug();
    let value: f64 = text.parse().map_err(|_| {
        row.mistake(column, &format!("`{shown}` is not a number"))
            .hint("an empty field or `-` says that there is none; doubts belong in a column of notes")
    })?;
    if !value.is_finite() {
        return Err(row
            .mistake(column, &format!("`{shown}` is not a finite number"))
            .hint("leave the field empty and say why in a column of notes: a mean over it would be no number"));
    }
    match metric.range {
        Some((low, high)) if !(low..=high).contains(&value) => {
            Err(row.mistake(column, &format!("{shown} is outside the range of `{}`, {low} to {high}", metric.name)))
        }
        _ => Ok(Some(value)),
    }
}

/// The header.
struct Columns<'a> {
    file: &'a Path,
    names: Vec<String>,
}

impl<'a> Columns<'a> {
    fn new(table: &Table<'a>, header: &ByteRecord) -> Result<Self> {
        let names: Vec<String> = header
            .iter()
            .map(|name| String::from_utf8_lossy(name).trim_start_matches('\u{feff}').trim().to_owned())
            .collect();
        let repeated = names.iter().enumerate().find(|(index, name)| names[..*index].contains(name));
        if let Some((_, name)) = repeated {
            return Err(Error::usage(format!("{}:1: two columns are called `{name}`", table.file.display())));
        }
        Ok(Self { file: table.file, names })
    }

    fn find(&self, name: &str) -> Result<usize> {
        self.names.iter().position(|known| known == name).ok_or_else(|| {
            let known: Vec<&str> = self.names.iter().map(String::as_str).collect();
            with_nearest(Error::usage(format!("{}:1: there is no column `{name}`", self.file.display())), name, &known)
        })
    }
}

fn unknown_name(what: &str, name: &str, known: &[&str]) -> Error {
    with_nearest(Error::usage(format!("the sweep has no {what} `{name}`")), name, known)
}

fn with_nearest(error: Error, word: &str, known: &[&str]) -> Error {
    match nearest(word, known) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint(format!("there are {}", list(known))),
    }
}

#[cfg(test)]
mod tests;
