//! Scores against scores with fitted lines and coefficients: the paper's Figure 8.

use super::chart::{self, Panel, Plot, Row};
use super::colour;
use super::hexbin;
use super::legend::{self, Entry};
use super::marker::{self, Ink};
use super::page::{self, Caption, HEADING, LABEL, PAGE_WIDTH, SMALL, TICK};
use super::scale::{Room, Scale, ScaleKind};
use super::scene::{Drawing, Point, at};
use super::stroke;
use super::text;

/// Panels in rows and columns, such as nine benchmarks by CLIP score and FID.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Correlation {
    pub caption: Caption,
    /// Rows of one length; panels below each other share their title, which is printed once.
    pub rows: Vec<CorrelationRow>,
    /// Names of the groups that [`CorrelationPanel::group`] counts.
    pub groups: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct CorrelationRow {
    /// Printed once below the row, such as `CLIP Score (↑)`.
    pub x_label: String,
    pub panels: Vec<CorrelationPanel>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct CorrelationPanel {
    /// The benchmark.
    pub title: String,
    /// Index into [`Correlation::groups`]: colour and number of the stars' points.
    pub group: usize,
    /// x and y; points that are not finite are counted in a note. Beyond 2,000, hexagons show how many lie where.
    pub points: Vec<(f64, f64)>,
    /// The fitted line, dashed.
    pub line: Option<Line>,
    /// The coefficient as printed under the title, then lines of small print: interval, n and p, within levels.
    pub rho: Vec<String>,
}

/// y = intercept + slope x.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    pub slope: f64,
    pub intercept: f64,
}

/// What the drawing has to tell below the figure.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    /// Points that are not finite.
    absent: usize,
    /// Points in the fullest hexagon; 0 without hexagons.
    fullest: usize,
}

/// Axis labels and the free space beside a plot, in points.
const BESIDE: f64 = 20.0;
const SMALLEST_PLOT: f64 = 34.0;
const LARGEST_PLOT: f64 = 150.0;
const STAR: f64 = 3.0;
const STAR_OPACITY: f64 = 0.55;

impl Correlation {
    /// The figure; columns that do not fit a page continue below.
    #[must_use]
    pub fn draw(&self) -> Drawing {
        let columns = self.rows.iter().map(|row| row.panels.len()).max().unwrap_or(0);
        let (across, width) = self.columns_across(columns);
        let mut tally = Tally::default();
        let mut rows = Vec::new();
        for start in (0..columns).step_by(across) {
            for (index, row) in self.rows.iter().enumerate() {
                let panels = row.panels.iter().enumerate().skip(start).take(across);
                let panels = panels
                    .map(|(column, panel)| self.panel(panel, self.is_titled(index, column), width, &mut tally))
                    .collect();
                rows.push(Row { panels, below: row.x_label.clone() });
            }
        }
        let body = chart::grid(rows);
        let room = body.bounds().width().max(PAGE_WIDTH / 2.0);
        page::assemble(&self.caption, body, self.legend(room), &tally.notes())
    }

    /// How many columns stand side by side, and the width of their plots.
    fn columns_across(&self, columns: usize) -> (usize, f64) {
        let need = self
            .rows
            .iter()
            .flat_map(|row| &row.panels)
            .map(room_of_words)
            .fold(SMALLEST_PLOT, f64::max)
            .min(PAGE_WIDTH);
        #[expect(clippy::cast_precision_loss, reason = "a figure has few columns")]
        let plot = |across: usize| (PAGE_WIDTH + chart::GUTTER) / across as f64 - chart::GUTTER - BESIDE;
        let most = (1..=columns).rev().find(|&across| plot(across) >= need).unwrap_or(1);
        let blocks = columns.div_ceil(most).max(1);
        let across = columns.div_ceil(blocks).max(1);
        (across, plot(across).min(LARGEST_PLOT).max(need))
    }

    /// A title is not repeated below itself.
    fn is_titled(&self, row: usize, column: usize) -> bool {
        let title = |row: usize| self.rows.get(row).and_then(|row| row.panels.get(column)).map(|panel| &panel.title);
        row == 0 || title(row - 1) != title(row)
    }

    fn panel(&self, panel: &CorrelationPanel, titled: bool, width: f64, tally: &mut Tally) -> Panel {
        let height = (width * 0.8).clamp(40.0, 110.0);
        let shown: Vec<(f64, f64)> =
            panel.points.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
        tally.absent += panel.points.len() - shown.len();
        let axis = |values: &mut dyn Iterator<Item = f64>, length, upright| {
            Scale::around(values, ScaleKind::Linear, Room { length, size: TICK, upright })
        };
        let x = axis(&mut shown.iter().map(|point| point.0), width, false);
        let y = axis(&mut shown.iter().map(|point| point.1), height, true);
        let plot = Plot { x, y, width, height };
        let mut drawing = Drawing::default();
        plot.axes(&mut drawing);
        let places: Vec<Point> = shown.iter().filter_map(|&(x, y)| plot.place(x, y)).collect();
        if places.is_empty() {
            chart::note_absence(&mut drawing, plot.area(), "no values");
        }
        tally.fullest = tally.fullest.max(draw_points(&mut drawing, &places, panel.group));
        if let Some(line) = panel.line {
            draw_line(&mut drawing, &plot, &shown, line, panel.group);
        }
        chart::heading_above(&mut drawing, width, &headings(panel, titled, width));
        Panel { drawing, width, height }
    }

    fn legend(&self, room: f64) -> Drawing {
        let entries = self.groups.iter().enumerate().map(|(group, name)| {
            let mut key = Drawing::default();
            let ink = Ink { colour: colour::group(group), opacity: 1.0 };
            marker::star(group).draw(&mut key, at(0.0, 0.0), STAR + 0.8, ink);
            Entry { key, meaning: name.clone() }
        });
        legend::legend("", entries.collect(), room)
    }
}

impl Tally {
    fn notes(self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.fullest > 0 {
            notes.push(hexbin::note(self.fullest));
        }
        notes.extend(page::absent_points(self.absent));
        notes
    }
}

/// Title and coefficient, with the small print in between shortened to the plot and what stands beside it.
fn headings(panel: &CorrelationPanel, titled: bool, width: f64) -> Vec<(String, f64)> {
    let title = if titled { chart::title(&panel.title, width) } else { Vec::new() };
    let rho = panel.rho.iter().enumerate().map(|(index, line)| {
        let size = if index == 0 { LABEL } else { SMALL };
        (text::fit(line, size, width + BESIDE), size)
    });
    title.into_iter().chain(rho).collect()
}

/// Width that a panel's words need; titles may take two lines.
fn room_of_words(panel: &CorrelationPanel) -> f64 {
    let words = panel.title.split_whitespace().map(|word| text::width(word, HEADING));
    let rho =
        panel.rho.iter().enumerate().map(|(index, line)| text::width(line, if index == 0 { LABEL } else { SMALL }));
    words.chain(rho).fold(0.0, f64::max).min(LARGEST_PLOT) - BESIDE
}

/// Stars, or hexagons when there are too many; gives the count of the fullest hexagon.
fn draw_points(drawing: &mut Drawing, places: &[Point], group: usize) -> usize {
    let colour = colour::group(group);
    if places.len() > hexbin::MOST_POINTS {
        return hexbin::draw(drawing, places, colour);
    }
    for &place in places {
        marker::star(group).draw(drawing, place, STAR, Ink { colour, opacity: STAR_OPACITY });
    }
    0
}

/// The fitted line from the leftmost to the rightmost point, cut where it leaves the plot.
fn draw_line(drawing: &mut Drawing, plot: &Plot, points: &[(f64, f64)], line: Line, group: usize) {
    let low = points.iter().map(|point| point.0).fold(f64::INFINITY, f64::min);
    let high = points.iter().map(|point| point.0).fold(f64::NEG_INFINITY, f64::max);
    let end = |x: f64| plot.place(x, line.intercept + line.slope * x);
    let (Some(from), Some(to)) = (end(low), end(high)) else { return };
    if let Some((from, to)) = cut(from, to, plot.height) {
        stroke::DASHED.draw(drawing, &[from, to], 1.0, colour::group(group).mix(super::colour::Rgb::INK, 0.35));
    }
}

/// The part of a line between the heights 0 and `height`.
fn cut(from: Point, to: Point, height: f64) -> Option<(Point, Point)> {
    let rise = to.y - from.y;
    let share = |y: f64| if rise == 0.0 { f64::INFINITY } else { (y - from.y) / rise };
    let inside = |y: f64| (0.0..=height).contains(&y);
    if rise == 0.0 {
        return inside(from.y).then_some((from, to));
    }
    let (enter, leave) = (share(0.0).min(share(height)).max(0.0), share(0.0).max(share(height)).min(1.0));
    let place = |share: f64| at(from.x + (to.x - from.x) * share, from.y + rise * share);
    (enter < leave).then(|| (place(enter), place(leave)))
}
