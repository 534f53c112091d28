//! What every figure has around its panels: title, stamp, legend and notes.

use super::colour::Rgb;
use super::scene::{Anchor, Drawing, Rect, Text, at};
use super::text;

/// Width in points of the text of a page (6.5 inches): figures keep to it wherever their content allows.
pub const PAGE_WIDTH: f64 = 468.0;

/// Font sizes in points.
pub(super) const TITLE: f64 = 10.0;
pub(super) const HEADING: f64 = 9.0;
pub(super) const LABEL: f64 = 8.0;
pub(super) const TICK: f64 = 7.5;
/// The smallest that is printed.
pub(super) const SMALL: f64 = 7.0;

const GAP: f64 = 6.0;
/// Narrow figures still give their title and notes this much room.
const NARROWEST: f64 = 180.0;

/// The words around a figure.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Caption {
    /// Printed above; empty for none. Wrapped, and shortened after three lines.
    pub title: String,
    /// Stamped on the figure when it does not show everything, such as `partial: 14 of 18 runs`.
    pub partial: Option<String>,
    /// Printed below in small print, each on lines of its own.
    pub notes: Vec<String>,
}

/// Stacks the parts of a figure; `own_notes` are what the drawing itself has to say, before those of the caller.
pub(super) fn assemble(caption: &Caption, body: Drawing, legend: Drawing, own_notes: &[String]) -> Drawing {
    let bounds = body.bounds();
    let (left, right) = (bounds.left, bounds.right.max(bounds.left + NARROWEST));
    let mut page = Drawing { title: caption.title.clone(), ..Drawing::default() };
    let mut y = heading(&mut page, caption, left, right);
    if !body.shapes.is_empty() {
        page.put(body, at(0.0, y - bounds.top));
        y += bounds.height() + GAP;
    }
    if !legend.shapes.is_empty() {
        let size = legend.bounds();
        let x = f64::midpoint(left, right) - f64::midpoint(size.left, size.right);
        page.put(legend, at(x.max(left - size.left), y - size.top));
        y += size.height() + GAP;
    }
    for note in own_notes.iter().chain(&caption.notes) {
        let lines = text::wrap(note, SMALL, right - left, 12);
        for line in lines {
            page.text(Text::new(at(left, y + text::ASCENT * SMALL), &line, SMALL, Anchor::Start).coloured(Rgb::QUIET));
            y += text::LEADING * SMALL;
        }
    }
    page
}

/// The title in the middle and the stamp at the right, above the title where both have no room; gives the place below.
fn heading(page: &mut Drawing, caption: &Caption, left: f64, right: f64) -> f64 {
    let lines = text::wrap(&caption.title, TITLE, right - left, 3);
    let widest = lines.iter().map(|line| text::width(line, TITLE)).fold(0.0, f64::max);
    let mut y = 0.0;
    if let Some(partial) = &caption.partial {
        let stamp = stamp(page, partial, left, right);
        let middle = f64::midpoint(left, right);
        let clear = middle + widest / 2.0 + GAP <= stamp.left;
        y = if clear && !lines.is_empty() { 3.0 } else { stamp.bottom + GAP };
    }
    if lines.is_empty() {
        return y;
    }
    page.lines(&lines, at(f64::midpoint(left, right), y), TITLE, Anchor::Middle) + GAP
}

/// Draws the stamp in the upper right corner.
fn stamp(page: &mut Drawing, partial: &str, left: f64, right: f64) -> Rect {
    let (pad, size) = (3.0, LABEL);
    let words = text::fit(partial, size, right - left - 2.0 * pad);
    let width = text::width(&words, size);
    let area = Rect::new(right - width - 2.0 * pad, 0.0, width + 2.0 * pad, size + 2.0 * pad);
    page.frame(area, 0.8, Rgb::ALARM);
    let baseline = area.centre().y + text::CAPITAL * size / 2.0;
    page.text(Text::new(at(area.centre().x, baseline), &words, size, Anchor::Middle).coloured(Rgb::ALARM));
    area
}

/// What to say about points that no axis can show.
pub(super) fn absent_points(count: usize) -> Option<String> {
    match count {
        0 => None,
        1 => Some("1 point has no place on these axes and is not drawn.".to_owned()),
        many => Some(format!("{many} points have no place on these axes and are not drawn.")),
    }
}
