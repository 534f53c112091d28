//! Fillings that are told apart without colour: hatch, cross, dash.

use super::colour::Rgb;
use super::scene::{Drawing, Point, Rect, at};

/// Parallel lines rising to the right, `gap` points apart, cut at the area's edge.
pub(super) fn hatch(drawing: &mut Drawing, area: Rect, gap: f64, colour: Rgb) {
    diagonals(drawing, area, gap, colour, false);
}

/// Parallel lines falling to the right.
pub(super) fn back_hatch(drawing: &mut Drawing, area: Rect, gap: f64, colour: Rgb) {
    diagonals(drawing, area, gap, colour, true);
}

fn diagonals(drawing: &mut Drawing, area: Rect, gap: f64, colour: Rgb, falling: bool) {
    let (width, height) = (area.width(), area.height());
    // Along x + y = offset, from the corner at the origin; anchored to the corner so that equal cells look equal.
    let mut offset = gap / 2.0;
    while offset < width + height {
        let from = at(offset.min(width), (offset - width).max(0.0));
        let to = at((offset - height).max(0.0), offset.min(height));
        let place = |p: Point| at(area.left + p.x, if falling { area.bottom - p.y } else { area.top + p.y });
        drawing.line(place(from), place(to), 0.5, colour);
        offset += gap;
    }
}

/// Both diagonals of the square in the area's middle.
pub(super) fn cross(drawing: &mut Drawing, area: Rect, colour: Rgb) {
    let reach = (area.width().min(area.height()) * 0.28).min(6.0);
    let Point { x, y } = area.centre();
    drawing.line(at(x - reach, y - reach), at(x + reach, y + reach), 1.0, colour);
    drawing.line(at(x - reach, y + reach), at(x + reach, y - reach), 1.0, colour);
}

/// A short line in the area's middle.
pub(super) fn dash(drawing: &mut Drawing, area: Rect, colour: Rgb) {
    let reach = (area.width() * 0.2).min(3.0);
    let Point { x, y } = area.centre();
    drawing.line(at(x - reach, y), at(x + reach, y), 0.8, colour);
}
