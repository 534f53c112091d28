//! How large a heatmap's cells are and where its names stand.

use super::super::colour::Rgb;
use super::super::page::{SMALL, TICK};
use super::super::scene::{Anchor, Drawing, Rect, Text, at};
use super::super::{number, text};
use super::{Axis, CellValue, Heatmap, HeatmapPanel, Measured};

/// A plot that looks like the paper's, in points, where the content allows.
const WIDTH: f64 = 92.0;
const HEIGHT: f64 = 126.0;
/// More cells are too many to print values in.
const MOST_PRINTED: (usize, usize) = (64, 96);
/// Longest side of a plot without values.
const DENSE: f64 = 400.0;
/// Longest names of columns that stand upright, and of rows.
const LONGEST_NAME: f64 = 100.0;
const LINE: f64 = TICK * text::LEADING;

/// Sizes of a heatmap's cells, the same in all panels.
pub(super) struct Layout {
    pub columns: usize,
    pub rows: usize,
    pub cell_width: f64,
    pub cell_height: f64,
    /// Whether cells are large enough for their values.
    pub printed: bool,
    /// Whether cells print their number of seeds, because it differs.
    pub counts: bool,
}

impl Layout {
    pub fn of(heatmap: &Heatmap) -> Self {
        let (columns, rows) = (heatmap.x.ticks.len(), heatmap.y.ticks.len());
        let printed = columns <= MOST_PRINTED.0 && rows <= MOST_PRINTED.1;
        let counts = printed && seeds(heatmap).is_some_and(|(fewest, most)| fewest != most);
        let mut layout = Self { columns, rows, cell_width: 0.0, cell_height: 0.0, printed, counts };
        let (width, height) = if printed { layout.room_of_values(heatmap) } else { (0.5, 0.5) };
        layout.cell_width = side(columns, if printed { WIDTH } else { DENSE }, width, 48.0);
        layout.cell_height = side(rows, if printed { HEIGHT } else { DENSE }, height, 28.0);
        layout
    }

    /// Width and height that the largest content of a cell needs.
    fn room_of_values(&self, heatmap: &Heatmap) -> (f64, f64) {
        let mut need = (14.0_f64, 14.0_f64);
        for panel in &heatmap.panels {
            for measured in panel.cells.iter().filter_map(measured) {
                let lines = self.content(panel, measured);
                let width = lines.iter().map(|(line, size)| text::width(line, *size)).fold(0.0, f64::max);
                let height: f64 = lines.iter().map(|(_, size)| size * text::LEADING).sum();
                need = (need.0.max(width + 5.0), need.1.max(height + 5.0));
            }
        }
        need
    }

    /// The lines of a cell with their font sizes.
    pub fn content(&self, panel: &HeatmapPanel, measured: &Measured) -> Vec<(String, f64)> {
        let dagger = if measured.disputed { "†" } else { "" };
        let mut lines = vec![(format!("{}{dagger}", number::value(measured.value, panel.decimals)), TICK)];
        if let Some(spread) = measured.spread {
            lines.push((format!("±{}", number::value(spread, panel.decimals)), SMALL));
        }
        if self.counts {
            lines.push((format!("n={}", measured.n), SMALL));
        }
        lines
    }

    pub fn is_empty(&self) -> bool {
        self.columns == 0 || self.rows == 0
    }

    pub fn width(&self) -> f64 {
        if self.columns == 0 { WIDTH } else { count(self.columns) * self.cell_width }
    }

    pub fn height(&self) -> f64 {
        if self.rows == 0 { HEIGHT / 2.0 } else { count(self.rows) * self.cell_height }
    }

    /// The box of `run` cells from this column on.
    pub fn area(&self, row: usize, column: usize, run: usize) -> Rect {
        Rect::new(
            count(column) * self.cell_width,
            count(row) * self.cell_height,
            count(run) * self.cell_width,
            self.cell_height,
        )
    }

    /// Names below the columns: level where they fit, upright otherwise.
    pub fn column_names(&self, drawing: &mut Drawing, axis: &Axis) {
        let foot = self.height();
        let level = axis.ticks.iter().all(|name| text::width(&text::clean(name), TICK) <= self.cell_width - 2.0);
        for (column, name) in axis.ticks.iter().enumerate() {
            let x = (count(column) + 0.5) * self.cell_width;
            if !level && !column.is_multiple_of(self.every_column()) {
                continue;
            }
            drawing.line(at(x, foot), at(x, foot + 2.5), 0.6, Rgb::INK);
            if level {
                drawing.text(Text::new(at(x, foot + 4.0 + text::CAPITAL * TICK), name, TICK, Anchor::Middle));
            } else {
                let place = at(x + text::CAPITAL * TICK / 2.0, foot + 4.0);
                let name = text::fit(name, TICK, LONGEST_NAME);
                drawing.text(Text::new(place, &name, TICK, Anchor::End).upward());
            }
        }
    }

    /// Ticks beside the rows, with names when asked for.
    pub fn row_names(&self, drawing: &mut Drawing, axis: &Axis, named: bool) {
        for (row, name) in axis.ticks.iter().enumerate().step_by(self.every_row()) {
            let y = (count(row) + 0.5) * self.cell_height;
            drawing.line(at(-2.5, y), at(0.0, y), 0.6, Rgb::INK);
            if named {
                let name = text::fit(name, TICK, LONGEST_NAME);
                drawing.text(Text::new(at(-4.0, y + text::CAPITAL * TICK / 2.0), &name, TICK, Anchor::End));
            }
        }
    }

    /// Upright names need a line each.
    fn every_column(&self) -> usize {
        thinning(self.cell_width)
    }

    fn every_row(&self) -> usize {
        thinning(self.cell_height)
    }

    /// What a reader has to know about this layout.
    pub fn notes(&self, heatmap: &Heatmap) -> Vec<String> {
        let mut notes = Vec::new();
        if heatmap.panels.iter().any(|panel| panel.direction.is_some()) {
            notes.push("Darker is better, whichever way the metric points.".to_owned());
        }
        let spread =
            heatmap.panels.iter().flat_map(|panel| &panel.cells).filter_map(measured).any(|m| m.spread.is_some());
        if let Some((fewest, most)) = seeds(heatmap)
            && spread
        {
            let seeds = if fewest == most { format!("{most} seeds") } else { format!("n = {fewest} to {most} seeds") };
            notes.push(format!("± is the half width of the interval over {seeds}."));
        }
        if !self.printed {
            notes.push(format!("{} × {} cells are too many to print their values.", self.columns, self.rows));
        }
        notes
    }
}

pub(super) fn measured(cell: &CellValue) -> Option<&Measured> {
    match cell {
        CellValue::Value(measured) | CellValue::Partial(measured) => Some(measured),
        CellValue::Missing | CellValue::Failed | CellValue::NotApplicable => None,
    }
}

/// Fewest and most seeds of a cell.
fn seeds(heatmap: &Heatmap) -> Option<(u64, u64)> {
    let counts = heatmap.panels.iter().flat_map(|panel| &panel.cells).filter_map(measured).map(|m| m.n);
    counts.fold(None, |range, n| Some(range.map_or((n, n), |(low, high): (u64, u64)| (low.min(n), high.max(n)))))
}

/// The side of a cell of `cells` on a plot of about `wanted` points: at least `need`, at most `most` unless it needs more.
fn side(cells: usize, wanted: f64, need: f64, most: f64) -> f64 {
    (wanted / count(cells.max(1))).min(most).max(need)
}

/// Every how many names one has room.
fn thinning(room: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "cells are at least half a point")]
    let every = (LINE / room.max(0.1)).ceil() as usize;
    every.max(1)
}

#[expect(clippy::cast_precision_loss, reason = "a figure has few cells")]
fn count(cells: usize) -> f64 {
    cells as f64
}
