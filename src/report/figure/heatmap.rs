//! Heatmaps over two factors, one panel and one colour a metric: the paper's Figure 7, with its values and its holes.

mod cells;
mod layout;

use super::chart::{self, Panel, Row};
use super::colour::Hue;
use super::page::{self, Caption, PAGE_WIDTH};
use super::scene::{Drawing, Rect};
use crate::metric::Direction;
use cells::Cells;
use layout::Layout;

/// Panels of one grid of cells; darker is better in each, whatever the metric's direction.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Heatmap {
    pub caption: Caption,
    pub x: Axis,
    /// From the top downwards, as in the paper.
    pub y: Axis,
    pub panels: Vec<HeatmapPanel>,
}

/// The levels of a factor.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Axis {
    pub label: String,
    /// One a column or row.
    pub ticks: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct HeatmapPanel {
    /// The metric's label; the arrow is added.
    pub title: String,
    /// Empty for none.
    pub unit: String,
    /// `None`: darker is larger.
    pub direction: Option<Direction>,
    pub hue: Hue,
    /// Number of decimals of the values in the cells.
    pub decimals: usize,
    /// Row by row from the top, each with a cell a column; cells beyond the end are missing.
    pub cells: Vec<CellValue>,
}

/// What a cell shows; the kinds are drawn apart and explained when present.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CellValue {
    /// All of the cell's runs are measured.
    Value(Measured),
    /// Some of the cell's runs are measured, others are to come: a value with a corner.
    Partial(Measured),
    /// Not run yet: hatched.
    Missing,
    /// Crossed.
    Failed,
    /// The grid has no such cell: a dash.
    NotApplicable,
}

/// A value to print; one that is not finite is printed on grey and has no part in the colours.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Measured {
    pub value: f64,
    /// Two sources give different values: marked with a dagger.
    pub disputed: bool,
    /// Half width of the interval over seeds; `None` for a single seed.
    pub spread: Option<f64>,
    /// Seeds behind the value; printed in the cells when they differ, below the figure when all are alike.
    pub n: u64,
}

impl Measured {
    /// One value of one seed.
    #[must_use]
    pub fn single(value: f64) -> Self {
        Self { value, disputed: false, spread: None, n: 1 }
    }
}

impl HeatmapPanel {
    fn heading(&self) -> String {
        let unit = if self.unit.is_empty() { String::new() } else { format!(", {}", self.unit) };
        let arrow = self.direction.map_or(String::new(), |direction| format!(" ({})", direction.arrow()));
        format!("{}{unit}{arrow}", self.title)
    }
}

impl Heatmap {
    /// The figure: as many panels side by side as fit a page.
    #[must_use]
    pub fn draw(&self) -> Drawing {
        let layout = Layout::of(self);
        let mut rows: Vec<Row> = Vec::new();
        let mut used = 0.0;
        for panel in &self.panels {
            if let Some(row) = rows.last_mut() {
                let follower = self.panel(panel, &layout, false);
                let width = follower.extent().width() + chart::GUTTER;
                if used + width <= PAGE_WIDTH {
                    used += width;
                    row.panels.push(follower);
                    continue;
                }
            }
            let first = self.panel(panel, &layout, true);
            used = first.extent().width();
            rows.push(Row { panels: vec![first], ..Row::default() });
        }
        let body = chart::grid(rows);
        let room = body.bounds().width().max(PAGE_WIDTH / 2.0);
        page::assemble(&self.caption, body, cells::legend(self, &layout, room), &layout.notes(self))
    }

    /// One metric; only the first of a row carries the names of the rows.
    fn panel(&self, panel: &HeatmapPanel, layout: &Layout, first: bool) -> Panel {
        let (width, height) = (layout.width(), layout.height());
        let mut drawing = Drawing::default();
        if layout.is_empty() {
            chart::note_absence(&mut drawing, Rect::new(0.0, 0.0, width, height), "no cells");
        }
        let cells = Cells::of(panel, layout);
        cells.draw(&mut drawing);
        layout.column_names(&mut drawing, &self.x);
        layout.row_names(&mut drawing, &self.y, first);
        chart::label_below(&mut drawing, width, &self.x.label);
        if first {
            chart::label_left(&mut drawing, height, &self.y.label);
        }
        cells.colour_bar(&mut drawing);
        chart::heading_above(&mut drawing, width, &chart::title(&panel.heading(), width));
        Panel { drawing, width, height }
    }
}
