//! The cells of one panel: colours, values, holes, and the bar that explains the colours.

use super::super::colour::{Hue, Rgb};
use super::super::hatch;
use super::super::legend::{self, Entry};
use super::super::page::TICK;
use super::super::scale::{Room, Scale};
use super::super::scene::{Anchor, Drawing, Rect, Shape, Text, at};
use super::super::text;
use super::layout::{Layout, measured};
use super::{CellValue, Heatmap, HeatmapPanel, Measured};
use crate::metric::Direction;

/// Steps of colour: more are not seen, and equal neighbours become one box where values are not printed.
const STEPS: f64 = 64.0;
const NOT_FINITE: Rgb = Rgb(225, 225, 225);
const SEPARATOR: f64 = 0.6;
const BAR_WIDTH: f64 = 7.0;
const BAR_GAP: f64 = 5.0;

/// What a cell looks like, its value aside.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Look {
    Shade(Rgb),
    NotFinite,
    Missing,
    Failed,
    NotApplicable,
}

pub(super) struct Cells<'a> {
    panel: &'a HeatmapPanel,
    layout: &'a Layout,
    /// Smallest and largest finite value.
    range: Option<(f64, f64)>,
}

impl<'a> Cells<'a> {
    pub fn of(panel: &'a HeatmapPanel, layout: &'a Layout) -> Self {
        let finite = panel.cells.iter().filter_map(measured).map(|m| m.value).filter(|value| value.is_finite());
        let range = finite.fold(None, |range, value| match range {
            None => Some((value, value)),
            Some((low, high)) => Some((value.min(low), value.max(high))),
        });
        Self { panel, layout, range }
    }

    /// All cells with a frame around them.
    pub fn draw(&self, drawing: &mut Drawing) {
        if self.layout.is_empty() {
            return;
        }
        for row in 0..self.layout.rows {
            let mut column = 0;
            while column < self.layout.columns {
                column += self.run(drawing, row, column);
            }
        }
        if self.layout.printed {
            self.separate(drawing);
        }
        drawing.frame(Rect::new(0.0, 0.0, self.layout.width(), self.layout.height()), 0.6, Rgb::INK);
    }

    /// White lines between the cells.
    fn separate(&self, drawing: &mut Drawing) {
        for column in 1..self.layout.columns {
            let x = self.layout.area(0, column, 1).left;
            drawing.line(at(x, 0.0), at(x, self.layout.height()), SEPARATOR, Rgb::WHITE);
        }
        for row in 1..self.layout.rows {
            let y = self.layout.area(row, 0, 1).top;
            drawing.line(at(0.0, y), at(self.layout.width(), y), SEPARATOR, Rgb::WHITE);
        }
    }

    /// Draws the cell, where values are not printed together with neighbours that look alike; gives the number of cells drawn.
    fn run(&self, drawing: &mut Drawing, row: usize, column: usize) -> usize {
        let cell = self.cell(row, column);
        let look = self.look(&cell);
        let alike = |offset: &usize| self.look(&self.cell(row, column + offset)) == look;
        let most = if self.layout.printed { 1 } else { self.layout.columns - column };
        let run = 1 + (1..most).take_while(alike).count();
        let area = self.layout.area(row, column, run);
        paint(drawing, area, look);
        if self.layout.printed
            && let Some(measured) = measured(&cell)
        {
            self.print(drawing, area, measured, look);
        }
        if matches!(cell, CellValue::Partial(_)) && self.layout.printed {
            corner(drawing, area, ground(look).readable());
        }
        run
    }

    fn cell(&self, row: usize, column: usize) -> CellValue {
        self.panel.cells.get(row * self.layout.columns + column).copied().unwrap_or(CellValue::Missing)
    }

    fn look(&self, cell: &CellValue) -> Look {
        match cell {
            CellValue::Value(measured) | CellValue::Partial(measured) => {
                self.share(measured.value).map_or(Look::NotFinite, |share| Look::Shade(self.panel.hue.shade(share)))
            }
            CellValue::Missing => Look::Missing,
            CellValue::Failed => Look::Failed,
            CellValue::NotApplicable => Look::NotApplicable,
        }
    }

    /// Darkness of a value, 0 to 1: 1 is the best. All alike are in the middle.
    fn share(&self, value: f64) -> Option<f64> {
        let (low, high) = self.range.filter(|_| value.is_finite())?;
        // Halves, so that the distance of two huge values does not overflow.
        let span = high / 2.0 - low / 2.0;
        let share = if span > 0.0 { (value / 2.0 - low / 2.0) / span } else { 0.5 };
        let share = if self.panel.direction == Some(Direction::Minimize) { 1.0 - share } else { share };
        Some((share * STEPS).round() / STEPS)
    }

    fn print(&self, drawing: &mut Drawing, area: Rect, measured: &Measured, look: Look) {
        let colour = ground(look).readable();
        let lines = self.layout.content(self.panel, measured);
        let heights: f64 = lines.iter().map(|(_, size)| size * text::LEADING).sum();
        let centre = area.centre();
        let mut top = centre.y - heights / 2.0;
        for (line, size) in lines {
            let baseline = top + size * (text::LEADING + text::CAPITAL) / 2.0;
            drawing.text(Text::new(at(centre.x, baseline), &line, size, Anchor::Middle).coloured(colour));
            top += size * text::LEADING;
        }
    }

    /// The values of the colours, largest at the top.
    pub fn colour_bar(&self, drawing: &mut Drawing) {
        let Some((low, high)) = self.range else { return };
        let height = self.layout.height();
        let area = Rect::new(self.layout.width() + BAR_GAP, 0.0, BAR_WIDTH, height);
        let worst_on_top = self.panel.direction == Some(Direction::Minimize);
        gradient(drawing, area, self.panel.hue, worst_on_top, low == high);
        drawing.frame(area, 0.5, Rgb::INK);
        let scale = Scale::tight(low, high, Room { length: height, size: TICK * 1.5, upright: true });
        for tick in &scale.ticks {
            let y = height * (1.0 - tick.position);
            drawing.line(at(area.right, y), at(area.right + 2.0, y), 0.6, Rgb::INK);
            let place = at(area.right + 3.5, y + text::CAPITAL * TICK / 2.0);
            drawing.text(Text::new(place, &tick.label, TICK, Anchor::Start));
        }
    }
}

fn gradient(drawing: &mut Drawing, area: Rect, hue: Hue, worst_on_top: bool, single: bool) {
    const SLICES: u8 = 48;
    let slice = area.height() / f64::from(SLICES);
    for index in 0..SLICES {
        let from_top = (f64::from(index) + 0.5) / f64::from(SLICES);
        let share = if worst_on_top { from_top } else { 1.0 - from_top };
        // A hair of overlap keeps the ground from shining through.
        let overlap = if index + 1 < SLICES { 0.2 } else { 0.0 };
        let band = Rect::new(area.left, area.top + f64::from(index) * slice, area.width(), slice + overlap);
        drawing.rect(band, hue.shade(if single { 0.5 } else { share }));
    }
}

fn ground(look: Look) -> Rgb {
    match look {
        Look::Shade(colour) => colour,
        Look::NotFinite => NOT_FINITE,
        Look::Missing | Look::Failed | Look::NotApplicable => Rgb::WHITE,
    }
}

fn paint(drawing: &mut Drawing, area: Rect, look: Look) {
    drawing.rect(area, ground(look));
    match look {
        Look::Shade(_) | Look::NotFinite => {}
        Look::Missing => hatch::hatch(drawing, area, 4.0, Rgb::ABSENT),
        Look::Failed => hatch::cross(drawing, area, Rgb::ALARM),
        Look::NotApplicable => hatch::dash(drawing, area, Rgb::ABSENT),
    }
}

/// A triangle in the upper right corner.
fn corner(drawing: &mut Drawing, area: Rect, fill: Rgb) {
    let Rect { right, top, .. } = area;
    let points = vec![at(right - 5.0, top), at(right, top), at(right, top + 5.0)];
    drawing.push(Shape::Polygon { points, fill, opacity: 1.0 });
}

/// Explains the kinds of cells that are there, and no others.
pub(super) fn legend(heatmap: &Heatmap, layout: &Layout, room: f64) -> Drawing {
    let cells = || {
        heatmap.panels.iter().flat_map(move |panel| (0..layout.columns * layout.rows).map(move |i| panel.cells.get(i)))
    };
    let any = |test: &dyn Fn(CellValue) -> bool| cells().any(|cell| test(cell.copied().unwrap_or(CellValue::Missing)));
    let value_is = |test: fn(&Measured) -> bool| move |cell: CellValue| measured(&cell).is_some_and(test);
    let mut entries = Vec::new();
    for (look, kind, meaning) in [
        (Look::Missing, CellValue::Missing, "not run yet"),
        (Look::Failed, CellValue::Failed, "failed"),
        (Look::NotApplicable, CellValue::NotApplicable, "not applicable"),
    ] {
        if any(&|cell| cell == kind) {
            entries.push(Entry { key: sample(look), meaning: meaning.to_owned() });
        }
    }
    if any(&value_is(|m| !m.value.is_finite())) {
        entries.push(Entry { key: sample(Look::NotFinite), meaning: "not a finite number".to_owned() });
    }
    if any(&|cell| matches!(cell, CellValue::Partial(_))) {
        let mut key = sample(Look::NotApplicable);
        key.shapes.truncate(1);
        corner(&mut key, SAMPLE, Rgb::INK);
        key.frame(SAMPLE, 0.5, Rgb::INK);
        entries.push(Entry { key, meaning: "some seeds are missing".to_owned() });
    }
    if any(&value_is(|m| m.disputed)) {
        let mut key = Drawing::default();
        key.text(Text::new(at(0.0, 3.0), "†", TICK + 1.5, Anchor::Middle));
        entries.push(Entry { key, meaning: "sources give different values".to_owned() });
    }
    legend::legend("", entries, room)
}

const SAMPLE: Rect = Rect { left: -7.0, top: -5.0, right: 7.0, bottom: 5.0 };

fn sample(look: Look) -> Drawing {
    let mut drawing = Drawing::default();
    paint(&mut drawing, SAMPLE, look);
    drawing.frame(SAMPLE, 0.5, Rgb::INK);
    drawing
}
