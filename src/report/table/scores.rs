//! The table of a grid: one row a cell, one column a measure.

use super::number::fixed;
use super::{Entry, Heading, Table};
use crate::metric::Direction;
use crate::report::frame::{CellState, Frame, Measure, Reading, Score};

/// One row a cell, one column for each of `columns` (measure, decimals), the best of each column in bold.
#[must_use]
pub fn scores(frame: &Frame, columns: &[(usize, usize)], title: &str) -> Table {
    let axes = frame.varied_axes();
    let mut table = Table { title: title.to_owned(), ..Table::default() };
    table.columns.extend(axes.iter().map(|&axis| Heading::left(frame.axis_label(axis))));
    table.rows = (0..frame.cells.len())
        .map(|cell| axes.iter().map(|&axis| Entry::text(frame.label(cell, axis))).collect())
        .collect();
    for &column in columns {
        push_column(&mut table, frame, column);
    }
    let measures: Vec<usize> = columns.iter().map(|(measure, _)| *measure).collect();
    table.remarks.extend(remarks(frame, &measures, &axes));
    table
}

fn push_column(table: &mut Table, frame: &Frame, (measure, decimals): (usize, usize)) {
    let Some(spec) = frame.measures().get(measure) else { return };
    table.columns.push(Heading::right(spec.heading()));
    let values: Vec<f64> = (0..frame.cells.len()).filter_map(|cell| frame.score(cell, measure).value()).collect();
    let best = best(spec, &values).map(|best| fixed(best, decimals));
    for cell in 0..frame.cells.len() {
        let score = frame.score(cell, measure);
        let mut entry = entry(frame, score, decimals);
        // By what is printed: two cells that read the same are both the best.
        entry.best = score.value().is_some() && best.as_ref() == Some(&entry.text);
        let notes = notes(frame, score, measure, decimals);
        entry.marks = notes.into_iter().map(|note| table.note(note)).collect();
        if let Some(row) = table.rows.get_mut(cell) {
            row.push(entry);
        }
    }
}

/// The best of several values; a single one has nothing to be better than.
fn best(measure: &Measure, values: &[f64]) -> Option<f64> {
    let direction = measure.direction.filter(|_| values.len() > 1)?;
    let values = values.iter().copied();
    match direction {
        Direction::Maximize => values.reduce(f64::max),
        Direction::Minimize => values.reduce(f64::min),
    }
}

fn entry(frame: &Frame, score: Score, decimals: usize) -> Entry {
    let Some(value) = score.value() else {
        let text = match score.state {
            CellState::NotApplicable => "n/a",
            CellState::Failed(_) => "failed",
            CellState::Complete | CellState::Partial { .. } | CellState::NotRun => "not run",
        };
        return Entry::text(text);
    };
    let half_width = score.readings.first().and_then(|reading| reading.half_width);
    let spread = half_width.map_or_else(|| "–".to_owned(), |half| fixed(half, decimals.max(1)));
    Entry { spread: frame.has_replicates().then_some(spread), ..Entry::text(fixed(value, decimals)) }
}

/// What a reader must know of one score: what is missing, and where sources differ.
fn notes(frame: &Frame, score: Score, measure: usize, decimals: usize) -> Vec<String> {
    let mut notes = Vec::new();
    match score.state {
        CellState::Failed(_) | CellState::Partial { .. } => notes.push(score.state.to_string()),
        CellState::Complete | CellState::NotApplicable | CellState::NotRun => {}
    }
    let Some(shown) = score.readings.first() else { return notes };
    let others = differing(frame, score, decimals);
    let from = format!("from {}", frame.source_of(shown));
    if !others.is_empty() {
        let says =
            |reading: &&Reading| format!("{} in {}", frame.reading_text(reading, decimals), frame.source_of(reading));
        let others: Vec<String> = others.iter().map(says).collect();
        notes.push(format!("{from}; {}", others.join("; ")));
    } else if frame.bare_source(shown) != frame.main_source(measure) {
        notes.push(from);
    }
    notes
}

/// The readings that print another value than the one that is shown.
#[must_use]
pub fn differing<'a>(frame: &Frame, score: Score<'a>, decimals: usize) -> Vec<&'a Reading> {
    let [shown, others @ ..] = score.readings else { return Vec::new() };
    let shown = frame.reading_text(shown, decimals);
    others.iter().filter(|reading| frame.reading_text(reading, decimals) != shown).collect()
}

/// Which sources the shown values are from.
#[must_use]
pub fn sources(frame: &Frame, measures: &[usize]) -> String {
    let mut sources: Vec<&str> = Vec::new();
    for (cell, &measure) in (0..frame.cells.len()).flat_map(|cell| measures.iter().map(move |measure| (cell, measure)))
    {
        let shown = frame.score(cell, measure).readings.first().and_then(|reading| frame.bare_source(reading));
        sources.extend(shown.filter(|source| !sources.contains(source)));
    }
    sources.sort_unstable();
    match sources[..] {
        [] => "No values yet.".to_owned(),
        _ => format!("Values: {}.", sources.join("; ")),
    }
}

fn remarks(frame: &Frame, measures: &[usize], varied: &[usize]) -> Vec<String> {
    let mut remarks = vec![sources(frame, measures)];
    let constant = frame.constants(varied);
    if !constant.is_empty() {
        remarks.push(format!("All rows: {constant}."));
    }
    if frame.has_replicates() {
        remarks.push(format!(
            "± is half of the 95% t interval of the mean over seeds; – where there is one seed. {}",
            frame.shared_by_seeds()
        ));
    }
    remarks
}
