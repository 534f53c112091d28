//! Frames as polars data frames, to be written, filtered or handed on.

use polars::prelude::*;

use super::build::Frame;
use super::score::{CellState, Reading};

impl Frame<'_> {
    /// One row a cell: the label of each axis, then for each of `measures` its shown value, and where any cell has
    /// several replicates the half width of its interval and their number.
    ///
    /// # Errors
    /// Two axes or metrics have one name.
    pub fn wide(&self, measures: &[usize]) -> PolarsResult<DataFrame> {
        let mut columns = self.axis_columns();
        for &measure in measures {
            let Some(spec) = self.measures().get(measure) else { continue };
            let shown: Vec<Option<&Reading>> =
                (0..self.cells.len()).map(|cell| self.score(cell, measure).readings.first()).collect();
            let values: Vec<Option<f64>> = shown.iter().map(|reading| reading.and_then(Reading::value)).collect();
            columns.push(Column::new(spec.name.as_str().into(), values));
            if self.has_replicates() {
                let half: Vec<Option<f64>> =
                    shown.iter().map(|reading| reading.and_then(|reading| reading.half_width)).collect();
                let count =
                    |reading: &Option<&Reading>| reading.and_then(|reading| reading.summary).map_or(0, |s| s.n as u64);
                columns.push(Column::new(format!("{}_ci95", spec.name).into(), half));
                columns.push(Column::new(
                    format!("{}_seeds", spec.name).into(),
                    shown.iter().map(count).collect::<Vec<_>>(),
                ));
            }
        }
        DataFrame::new(self.cells.len(), columns)
    }

    /// One row a reading: axes, metric, source, state, value, standard deviation, replicates, items. Several sources of
    /// one score are several rows; a cell without any reading is one row without a value.
    ///
    /// # Errors
    /// Two axes have one name.
    pub fn long(&self, measures: &[usize]) -> PolarsResult<DataFrame> {
        let mut rows = Rows::default();
        for cell in 0..self.cells.len() {
            for &measure in measures {
                rows.push(self, cell, measure);
            }
        }
        let take = |column: Column| -> PolarsResult<Column> {
            column.take(&IdxCa::from_vec(PlSmallStr::EMPTY, rows.cells.clone()))
        };
        let mut columns = self.axis_columns().into_iter().map(take).collect::<PolarsResult<Vec<_>>>()?;
        columns.extend(rows.columns());
        let height = columns.first().map_or(0, Column::len);
        DataFrame::new(height, columns)
    }

    /// Whether any cell of the grid has more than one replicate.
    #[must_use]
    pub fn has_replicates(&self) -> bool {
        self.cells.iter().any(|cell| cell.replicates.len() > 1)
    }

    fn axis_columns(&self) -> Vec<Column> {
        let axis = |axis: usize| (0..self.cells.len()).map(|cell| self.label(cell, axis)).collect::<Vec<_>>();
        self.grid
            .axes
            .iter()
            .enumerate()
            .map(|(position, spec)| Column::new(spec.name.as_str().into(), axis(position)))
            .collect()
    }
}

#[derive(Default)]
struct Rows {
    cells: Vec<IdxSize>,
    metric: Vec<String>,
    source: Vec<Option<String>>,
    state: Vec<String>,
    value: Vec<Option<f64>>,
    std_dev: Vec<Option<f64>>,
    replicates: Vec<u64>,
    items: Vec<Option<u64>>,
    stderr: Vec<Option<f64>>,
}

impl Rows {
    fn push(&mut self, frame: &Frame, cell: usize, measure: usize) {
        let score = frame.score(cell, measure);
        if score.readings.is_empty() {
            self.row(frame, (cell, measure), score.state, None);
        }
        for reading in score.readings {
            self.row(frame, (cell, measure), score.state, Some(reading));
        }
    }

    fn row(&mut self, frame: &Frame, (cell, measure): (usize, usize), state: CellState, reading: Option<&Reading>) {
        let summary = reading.and_then(|reading| reading.summary);
        self.cells.push(IdxSize::try_from(cell).unwrap_or(IdxSize::MAX));
        self.metric.push(frame.measures().get(measure).map(|measure| measure.name.clone()).unwrap_or_default());
        self.source.push(reading.map(|reading| frame.source_of(reading)));
        self.state.push(state.to_string());
        self.value.push(summary.map(|summary| summary.mean));
        self.std_dev.push(summary.and_then(|summary| summary.std_dev));
        self.replicates.push(summary.map_or(0, |summary| summary.n as u64));
        self.items.push(reading.and_then(|reading| reading.items));
        self.stderr.push(reading.and_then(|reading| reading.stderr));
    }

    fn columns(self) -> [Column; 8] {
        [
            Column::new("metric".into(), self.metric),
            Column::new("source".into(), self.source),
            Column::new("state".into(), self.state),
            Column::new("value".into(), self.value),
            Column::new("std_dev".into(), self.std_dev),
            Column::new("replicates".into(), self.replicates),
            Column::new("items".into(), self.items),
            Column::new("stderr".into(), self.stderr),
        ]
    }
}
