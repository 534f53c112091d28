//! Lines in strokes: solid, dashed, dotted.

use super::colour::Rgb;
use super::scene::{Drawing, Point, Shape, at};

/// Lengths of strokes and gaps in points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Stroke {
    Solid,
    Broken { on: f64, off: f64 },
}

pub(super) const DASHED: Stroke = Stroke::Broken { on: 3.2, off: 2.0 };
const STROKES: [Stroke; 4] =
    [Stroke::Solid, DASHED, Stroke::Broken { on: 1.0, off: 1.6 }, Stroke::Broken { on: 7.0, off: 2.0 }];

pub(super) fn nth(index: usize) -> Stroke {
    STROKES.get(index % STROKES.len()).copied().unwrap_or(Stroke::Solid)
}

impl Stroke {
    /// Draws a line through the points.
    pub fn draw(self, drawing: &mut Drawing, points: &[Point], width: f64, colour: Rgb) {
        let pieces = match self {
            Self::Solid => vec![points.to_vec()],
            Self::Broken { on, off } => broken(points, on, off),
        };
        for points in pieces.into_iter().filter(|piece| piece.len() > 1) {
            drawing.push(Shape::Path { points, width, colour });
        }
    }
}

/// Walks along the points and lifts the pen by turns.
fn broken(points: &[Point], on: f64, off: f64) -> Vec<Vec<Point>> {
    let Some(&first) = points.first() else { return Vec::new() };
    let mut pieces = vec![vec![first]];
    let (mut down, mut left) = (true, on);
    let mut pen = first;
    for &target in &points[1..] {
        let mut distance = (target.x - pen.x).hypot(target.y - pen.y);
        while distance > left {
            let share = left / distance;
            pen = at(pen.x + (target.x - pen.x) * share, pen.y + (target.y - pen.y) * share);
            distance -= left;
            if down {
                pieces.last_mut().into_iter().for_each(|piece| piece.push(pen));
            } else {
                pieces.push(vec![pen]);
            }
            down = !down;
            left = if down { on } else { off };
        }
        left -= distance;
        pen = target;
        if down {
            pieces.last_mut().into_iter().for_each(|piece| piece.push(pen));
        }
    }
    pieces
}
