//! Panels with axes, and panels side by side with their plots aligned.

use super::colour::Rgb;
use super::page::{HEADING, LABEL, SMALL, TICK};
use super::scale::Scale;
use super::scene::{Anchor, Drawing, Point, Rect, Text, at};
use super::text;

/// A plot with what stands around it; the plot's upper left corner is the drawing's origin.
#[derive(Debug, Clone, Default)]
pub(super) struct Panel {
    pub drawing: Drawing,
    pub width: f64,
    pub height: f64,
}

impl Panel {
    /// The plot and everything around it.
    pub fn extent(&self) -> Rect {
        self.drawing.bounds().union(Rect::new(0.0, 0.0, self.width, self.height))
    }
}

/// Free space between panels, in points.
pub(super) const GUTTER: f64 = 14.0;

/// Panels side by side, with words in the middle below them; empty for none.
#[derive(Debug, Clone, Default)]
pub(super) struct Row {
    pub panels: Vec<Panel>,
    pub below: String,
}

/// Panels in rows; the plots of a column begin at one place, those of a row at one height, and nothing overlaps.
pub(super) fn grid(rows: Vec<Row>) -> Drawing {
    let columns = rows.iter().map(|row| row.panels.len()).max().unwrap_or(0);
    let mut starts = Vec::new();
    let mut x = 0.0;
    for column in 0..columns {
        let extents: Vec<Rect> = rows.iter().filter_map(|row| row.panels.get(column)).map(Panel::extent).collect();
        let left = extents.iter().map(|e| e.left).fold(0.0, f64::min);
        let right = extents.iter().map(|e| e.right).fold(0.0, f64::max);
        starts.push(x - left);
        x += right - left + GUTTER;
    }
    let mut drawing = Drawing::default();
    let mut y = 0.0;
    for row in rows {
        y = put_row(&mut drawing, row, &starts, y) + GUTTER;
    }
    drawing
}

/// Puts a row with its top at `y`; gives its bottom.
fn put_row(drawing: &mut Drawing, row: Row, starts: &[f64], y: f64) -> f64 {
    let extents: Vec<Rect> = row.panels.iter().map(Panel::extent).collect();
    let top = extents.iter().map(|e| e.top).fold(0.0, f64::min);
    let bottom = y - top + extents.iter().map(|e| e.bottom).fold(0.0, f64::max);
    let mut placed: Option<Rect> = None;
    for ((panel, &start), extent) in row.panels.into_iter().zip(starts).zip(extents) {
        let extent = Rect { left: start + extent.left, right: start + extent.right, top: y, bottom };
        placed = Some(placed.map_or(extent, |all| all.union(extent)));
        drawing.put(panel.drawing, at(start, y - top));
    }
    let Some(placed) = placed else { return y };
    let words = text::wrap(&row.below, LABEL, placed.width(), 3);
    drawing.lines(&words, at(placed.centre().x, bottom + 2.0), LABEL, Anchor::Middle).max(bottom)
}

/// Room of a plot for values: two scales and a size in points.
pub(super) struct Plot {
    pub x: Scale,
    pub y: Scale,
    pub width: f64,
    pub height: f64,
}

const TICK_LENGTH: f64 = 2.5;
const AXIS: f64 = 0.7;
/// From a plot's top to the baseline above it: half of a tick's label may stand between.
const ABOVE: f64 = 6.0;

impl Plot {
    pub fn area(&self) -> Rect {
        Rect::new(0.0, 0.0, self.width, self.height)
    }

    /// Where a point lies; `None` when an axis cannot show it.
    pub fn place(&self, x: f64, y: f64) -> Option<Point> {
        Some(at(self.x.position(x)? * self.width, self.place_y(y)?))
    }

    /// How far below the plot's top a value lies.
    pub fn place_y(&self, y: f64) -> Option<f64> {
        Some(self.height - self.y.position(y)? * self.height)
    }

    /// Grid, axes at the left and below, and ticks with labels.
    pub fn axes(&self, drawing: &mut Drawing) {
        for tick in &self.x.ticks {
            let x = tick.position * self.width;
            drawing.line(at(x, 0.0), at(x, self.height), 0.4, Rgb::GRID);
        }
        for tick in &self.y.ticks {
            let y = self.height * (1.0 - tick.position);
            drawing.line(at(0.0, y), at(self.width, y), 0.4, Rgb::GRID);
        }
        drawing.line(at(0.0, 0.0), at(0.0, self.height), AXIS, Rgb::INK);
        drawing.line(at(0.0, self.height), at(self.width, self.height), AXIS, Rgb::INK);
        self.x_ticks(drawing);
        self.y_ticks(drawing);
    }

    fn x_ticks(&self, drawing: &mut Drawing) {
        let foot = self.height;
        for tick in &self.x.ticks {
            let x = tick.position * self.width;
            drawing.line(at(x, foot), at(x, foot + TICK_LENGTH), AXIS, Rgb::INK);
            let baseline = foot + TICK_LENGTH + 2.3 + text::CAPITAL * TICK;
            drawing.text(Text::new(at(x, baseline), &tick.label, TICK, Anchor::Middle));
        }
        for position in &self.x.minor {
            let x = position * self.width;
            drawing.line(at(x, foot), at(x, foot + TICK_LENGTH * 0.6), AXIS * 0.7, Rgb::INK);
        }
    }

    fn y_ticks(&self, drawing: &mut Drawing) {
        for tick in &self.y.ticks {
            let y = self.height * (1.0 - tick.position);
            drawing.line(at(-TICK_LENGTH, y), at(0.0, y), AXIS, Rgb::INK);
            let place = at(-TICK_LENGTH - 1.5, y + text::CAPITAL * TICK / 2.0);
            drawing.text(Text::new(place, &tick.label, TICK, Anchor::End));
        }
        for position in &self.y.minor {
            let y = self.height * (1.0 - position);
            drawing.line(at(-TICK_LENGTH * 0.6, y), at(0.0, y), AXIS * 0.7, Rgb::INK);
        }
    }
}

/// A label in the middle below everything drawn so far.
pub(super) fn label_below(drawing: &mut Drawing, width: f64, label: &str) {
    let top = drawing.bounds().bottom + 2.0;
    drawing.lines(&text::wrap(label, LABEL, width.max(72.0), 3), at(width / 2.0, top), LABEL, Anchor::Middle);
}

/// A label that reads upwards, left of everything drawn so far.
pub(super) fn label_left(drawing: &mut Drawing, height: f64, label: &str) {
    let lines = text::wrap(label, LABEL, height.max(72.0), 2);
    let mut x = drawing.bounds().left - 3.0;
    for line in lines.iter().rev() {
        let place = at(x - text::DESCENT * LABEL, height / 2.0);
        drawing.text(Text::new(place, line, LABEL, Anchor::Middle).upward());
        x -= text::LEADING * LABEL;
    }
}

pub(super) fn note_absence(drawing: &mut Drawing, area: Rect, words: &str) {
    let centre = area.centre();
    let words = text::fit(words, SMALL, area.width().max(40.0));
    drawing.text(
        Text::new(at(centre.x, centre.y + text::CAPITAL * SMALL / 2.0), &words, SMALL, Anchor::Middle)
            .coloured(Rgb::QUIET),
    );
}

/// Lines with their font sizes in the middle above the plot; one that is wider reaches over the axis at the left.
pub(super) fn heading_above(drawing: &mut Drawing, width: f64, lines: &[(String, f64)]) {
    // A long label beside a low plot rises above it.
    let mut baseline = (drawing.bounds().top - 3.0).min(-ABOVE);
    for (line, size) in lines.iter().rev() {
        let middle = (width / 2.0).min(width - text::width(&text::clean(line), *size) / 2.0);
        drawing.text(Text::new(at(middle, baseline), line, *size, Anchor::Middle));
        baseline -= text::LEADING * size;
    }
}

/// A panel's title, wrapped to about the plot's width.
pub(super) fn title(words: &str, width: f64) -> Vec<(String, f64)> {
    text::wrap(words, HEADING, width + 24.0, 3).into_iter().map(|line| (line, HEADING)).collect()
}
