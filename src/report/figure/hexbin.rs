//! Many points as hexagons that say how many lie where: a picture of 100,000 points in a few hundred shapes.

use std::collections::HashMap;

use super::colour::Rgb;
use super::scene::{Drawing, Point, Shape, at};

/// Above this number, the points of a panel are counted instead of drawn.
pub(super) const MOST_POINTS: usize = 2_000;
/// From a hexagon's centre to its corners, in points.
const RADIUS: f64 = 2.2;

/// Draws the points' hexagons in shades of the colour, darker for more, by the logarithm; gives the largest count.
pub(super) fn draw(drawing: &mut Drawing, points: &[Point], colour: Rgb) -> usize {
    let mut counts: HashMap<(i32, i32), usize> = HashMap::new();
    for &point in points {
        *counts.entry(hexagon(point)).or_default() += 1;
    }
    let mut counts: Vec<((i32, i32), usize)> = counts.into_iter().collect();
    counts.sort_unstable();
    let most = counts.iter().map(|(_, count)| *count).max().unwrap_or(0);
    for ((column, row), count) in counts {
        let share = 0.2 + 0.8 * logarithm(count) / logarithm(most).max(f64::MIN_POSITIVE);
        let fill = Rgb::WHITE.mix(colour.mix(Rgb::INK, 0.3), share.min(1.0));
        drawing.push(Shape::Polygon { points: corners(centre(column, row)), fill, opacity: 1.0 });
    }
    most
}

/// What to say below a figure with hexagons.
pub(super) fn note(most: usize) -> String {
    format!(
        "Panels of more than {} points count them in hexagons: darker is more, on a logarithmic scale; the fullest holds {}.",
        grouped(MOST_POINTS),
        grouped(most)
    )
}

/// Digits in groups of three.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[expect(clippy::cast_precision_loss, reason = "a shade needs few digits")]
fn logarithm(count: usize) -> f64 {
    (count as f64).ln_1p()
}

fn width() -> f64 {
    RADIUS * 3.0_f64.sqrt()
}

/// Rows are one and a half radii apart; every other row is half a hexagon to the right.
fn centre(column: i32, row: i32) -> Point {
    let indent = if row.rem_euclid(2) == 1 { 0.5 } else { 0.0 };
    at((f64::from(column) + indent) * width(), f64::from(row) * RADIUS * 1.5)
}

/// The hexagon of the nearest centre, which is in one of the two rows around the point.
fn hexagon(point: Point) -> (i32, i32) {
    #[expect(clippy::cast_possible_truncation, reason = "a place on a page")]
    let above = (point.y / (RADIUS * 1.5)).floor() as i32;
    let candidate = |row: i32| {
        let indent = if row.rem_euclid(2) == 1 { 0.5 } else { 0.0 };
        #[expect(clippy::cast_possible_truncation, reason = "a place on a page")]
        let column = (point.x / width() - indent).round() as i32;
        let middle = centre(column, row);
        ((middle.x - point.x).powi(2) + (middle.y - point.y).powi(2), (column, row))
    };
    let (upper, lower) = (candidate(above), candidate(above + 1));
    if upper.0 <= lower.0 { upper.1 } else { lower.1 }
}

fn corners(centre: Point) -> Vec<Point> {
    // A hair larger than the hexagon, so that the ground does not shine through.
    let (half, reach) = (width() / 2.0 + 0.03, RADIUS + 0.03);
    [
        (0.0, -reach),
        (half, -reach / 2.0),
        (half, reach / 2.0),
        (0.0, reach),
        (-half, reach / 2.0),
        (-half, -reach / 2.0),
    ]
    .map(|(x, y)| at(centre.x + x, centre.y + y))
    .to_vec()
}
