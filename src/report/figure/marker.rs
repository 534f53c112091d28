//! Marks for points: told apart by shape as well as by colour.

use std::f64::consts::TAU;

use super::colour::Rgb;
use super::scene::{Drawing, Point, Shape, at};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    Disc,
    /// A regular polygon with so many corners, standing on an edge.
    Regular(u32),
    /// A square on its tip.
    Diamond,
    /// A triangle on its tip.
    Wedge,
    /// A star with so many points.
    Star(u32),
}

/// Marks for levels and series, most different first.
const SERIES: [Marker; 8] = [
    Marker::Disc,
    Marker::Regular(4),
    Marker::Regular(3),
    Marker::Diamond,
    Marker::Star(5),
    Marker::Wedge,
    Marker::Regular(6),
    Marker::Star(4),
];

/// Stars for groups of benchmarks, as the paper draws them; the number of points differs.
const STARS: [Marker; 6] =
    [Marker::Star(5), Marker::Star(4), Marker::Star(6), Marker::Star(3), Marker::Star(8), Marker::Star(12)];

pub(super) fn series(index: usize) -> Marker {
    SERIES.get(index % SERIES.len()).copied().unwrap_or(Marker::Disc)
}

pub(super) fn star(index: usize) -> Marker {
    STARS.get(index % STARS.len()).copied().unwrap_or(Marker::Star(5))
}

/// How a mark is filled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ink {
    pub colour: Rgb,
    /// Below 1, marks that overlap show each other.
    pub opacity: f64,
}

impl Marker {
    /// Draws the mark with an outline, darker than its filling, within `radius` points of `centre`.
    pub fn draw(self, drawing: &mut Drawing, centre: Point, radius: f64, ink: Ink) {
        let edge = ink.colour.mix(Rgb::INK, 0.35);
        let Ink { colour: fill, opacity } = ink;
        let Some(points) = self.corners(centre, radius) else {
            drawing.push(Shape::Disc { centre, radius: radius * 0.9, fill, opacity });
            drawing.push(Shape::Ring { centre, radius: radius * 0.9, width: EDGE, colour: edge });
            return;
        };
        let outline = points.iter().chain(points.first()).copied().collect();
        drawing.push(Shape::Polygon { points, fill, opacity });
        drawing.push(Shape::Path { points: outline, width: EDGE, colour: edge });
    }

    /// `None` for the disc.
    fn corners(self, centre: Point, radius: f64) -> Option<Vec<Point>> {
        match self {
            Self::Disc => None,
            Self::Regular(4) => Some(polygon(centre, radius * 1.1, 4, 0.5)),
            Self::Regular(corners) => Some(polygon(centre, radius * 1.1, corners, 0.0)),
            Self::Diamond => Some(polygon(centre, radius * 1.15, 4, 0.0)),
            Self::Wedge => Some(polygon(centre, radius * 1.1, 3, 1.5)),
            Self::Star(tips) => Some(star_corners(centre, radius * 1.2, tips)),
        }
    }
}

const EDGE: f64 = 0.5;

/// Corners on a circle, the first at the top, turned by `turn` sides.
fn polygon(centre: Point, radius: f64, corners: u32, turn: f64) -> Vec<Point> {
    (0..corners).map(|corner| around(centre, radius, (f64::from(corner) + turn) / f64::from(corners))).collect()
}

fn star_corners(centre: Point, radius: f64, tips: u32) -> Vec<Point> {
    let inner = if tips < 5 { 0.36 } else { 0.45 + 0.02 * f64::from(tips.min(12) - 5) };
    (0..2 * tips)
        .map(|corner| {
            let reach = if corner % 2 == 0 { radius } else { radius * inner };
            around(centre, reach, f64::from(corner) / f64::from(2 * tips))
        })
        .collect()
}

/// The place `share` of a turn clockwise from the top.
fn around(centre: Point, radius: f64, share: f64) -> Point {
    let angle = TAU * share;
    at(centre.x + radius * angle.sin(), centre.y - radius * angle.cos())
}
