//! Lines over an amount, often on a logarithmic axis: the paper's Figure 2.

use super::chart::{self, Panel, Plot, Row};
use super::colour::{self, Rgb};
use super::legend::{self, Entry};
use super::marker::{self, Ink};
use super::page::{self, Caption, PAGE_WIDTH, TICK};
use super::reference::{self, Reference};
use super::scale::{Quantity, Room, Scale, shows};
use super::scene::{Drawing, Point, Shape, at};
use super::stroke;

/// Series over one amount.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scaling {
    pub caption: Caption,
    pub x: Quantity,
    pub y: Quantity,
    pub series: Vec<Series>,
    /// Lines across the plot; those that would squeeze the curves are left to the notes.
    pub references: Vec<Reference>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series {
    /// Printed in the legend.
    pub label: String,
    /// Joined in the order of x.
    pub points: Vec<ScalingPoint>,
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ScalingPoint {
    pub x: f64,
    pub y: f64,
    /// Half length of the error bar; `None` for a single seed.
    pub spread: Option<f64>,
    /// Ringed, as the paper does with the amounts that it discusses.
    pub ringed: bool,
}

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 140.0;
const MARK: f64 = 3.4;
const LINE: f64 = 1.4;
/// More points than this are a curve: no marks, no error bars.
const MOST_MARKS: usize = 80;
/// A curve is drawn by its extremes in columns of this width, in points: finer is not seen.
const COLUMN: f64 = 0.5;

impl Scaling {
    /// The figure, with a legend below.
    #[must_use]
    pub fn draw(&self) -> Drawing {
        let shown: Vec<Vec<ScalingPoint>> = self.series.iter().map(|series| self.shown(series)).collect();
        let points = || shown.iter().flatten();
        let x_room = Room { length: WIDTH, size: TICK, upright: false };
        let y_room = Room { length: HEIGHT, size: TICK, upright: true };
        let extents = || points().flat_map(ScalingPoint::extent).filter(|value| shows(self.y.scale, *value));
        let extent = extents().fold(None, |range, value| match range {
            None => Some((value, value)),
            Some((low, high)) => Some((value.min(low), value.max(high))),
        });
        let references = reference::within_reach(&self.references, self.y.scale, extent);
        let ends = references.iter().flat_map(|reference| [reference.low, reference.high]);
        let plot = Plot {
            x: Scale::around(points().map(|point| point.x), self.x.scale, x_room),
            y: Scale::around(extents().chain(ends), self.y.scale, y_room),
            width: WIDTH,
            height: HEIGHT,
        };
        let mut drawing = Drawing::default();
        plot.axes(&mut drawing);
        reference::draw(&mut drawing, &plot, &references);
        if points().next().is_none() {
            chart::note_absence(&mut drawing, plot.area(), "no values");
        }
        chart::label_below(&mut drawing, WIDTH, &self.x.label);
        chart::label_left(&mut drawing, HEIGHT, &self.y.label);
        for (index, points) in shown.iter().enumerate() {
            draw_series(&mut drawing, &plot, points, index);
        }
        let absent = self.series.iter().map(|series| series.points.len()).sum::<usize>() - points().count();
        let body = chart::grid(vec![Row {
            panels: vec![Panel { drawing, width: WIDTH, height: HEIGHT }],
            below: String::new(),
        }]);
        let notes: Vec<String> = page::absent_points(absent).into_iter().collect();
        page::assemble(&self.caption, body, self.legend(), &notes)
    }

    /// The points that the axes can show, in the order of x.
    fn shown(&self, series: &Series) -> Vec<ScalingPoint> {
        let mut points: Vec<ScalingPoint> = series
            .points
            .iter()
            .copied()
            .filter(|point| shows(self.x.scale, point.x) && shows(self.y.scale, point.y))
            .collect();
        points.sort_by(|a, b| a.x.total_cmp(&b.x));
        points
    }

    fn legend(&self) -> Drawing {
        let entries = self.series.iter().enumerate().map(|(index, series)| {
            let mut key = Drawing::default();
            stroke::nth(index).draw(&mut key, &[at(-8.0, 0.0), at(8.0, 0.0)], LINE, colour::group(index));
            mark(&mut key, at(0.0, 0.0), index);
            Entry { key, meaning: series.label.clone() }
        });
        legend::legend("", entries.collect(), PAGE_WIDTH * 0.8)
    }
}

impl ScalingPoint {
    /// Lower end, value and upper end.
    fn extent(&self) -> [f64; 3] {
        let spread = self.spread.filter(|spread| spread.is_finite()).unwrap_or(0.0);
        [self.y - spread, self.y, self.y + spread].map(|end| end.clamp(f64::MIN, f64::MAX))
    }
}

fn draw_series(drawing: &mut Drawing, plot: &Plot, points: &[ScalingPoint], index: usize) {
    let places: Vec<Point> = points.iter().filter_map(|point| plot.place(point.x, point.y)).collect();
    stroke::nth(index).draw(drawing, &thinned(&places), LINE, colour::group(index));
    if points.len() > MOST_MARKS {
        return;
    }
    for point in points {
        let Some(place) = plot.place(point.x, point.y) else { continue };
        error_bar(drawing, plot, point, place);
        mark(drawing, place, index);
        if point.ringed {
            drawing.push(Shape::Ring {
                centre: place,
                radius: MARK + 2.4,
                width: 1.0,
                colour: colour::group(index).mix(Rgb::INK, 0.35),
            });
        }
    }
}

fn mark(drawing: &mut Drawing, place: Point, index: usize) {
    marker::series(index).draw(drawing, place, MARK, Ink { colour: colour::group(index), opacity: 1.0 });
}

fn error_bar(drawing: &mut Drawing, plot: &Plot, point: &ScalingPoint, place: Point) {
    let Some(spread) = point.spread.filter(|spread| spread.is_finite()) else { return };
    let end = |y: f64| plot.place(point.x, y).map(|place| place.y.clamp(0.0, plot.height));
    let high = end(point.y + spread).unwrap_or(place.y);
    // On a logarithmic axis the lower end may have no place: the bar then runs into the axis.
    let low = end(point.y - spread).unwrap_or(plot.height);
    drawing.line(at(place.x, high), at(place.x, low), 0.8, Rgb::INK);
    for y in [high, low] {
        drawing.line(at(place.x - 2.0, y), at(place.x + 2.0, y), 0.8, Rgb::INK);
    }
}

/// First, lowest, highest and last place of each column: the same picture from far fewer points.
fn thinned(places: &[Point]) -> Vec<Point> {
    if places.len() <= MOST_MARKS {
        return places.to_vec();
    }
    let column = |place: &Point| (place.x / COLUMN).floor();
    places.chunk_by(|a, b| column(a) == column(b)).flat_map(extremes).collect()
}

fn extremes(chunk: &[Point]) -> Vec<Point> {
    let by_height = |a: &&Point, b: &&Point| a.y.total_cmp(&b.y);
    let picked = [chunk.first(), chunk.iter().min_by(by_height), chunk.iter().max_by(by_height), chunk.last()];
    let mut picked: Vec<Point> = picked.into_iter().flatten().copied().collect();
    picked.dedup();
    picked
}
