//! Keys with their meaning, in rows as wide as the page.

use super::page::LABEL;
use super::scene::{Anchor, Drawing, Point, Text, at};
use super::text;

const KEY: f64 = 16.0;
const GAP: f64 = 4.0;
const BETWEEN: f64 = 14.0;
const ROW: f64 = 13.0;

/// One key: a picture around the origin, at most 16 points wide and 10 high, and what it means.
pub(super) struct Entry {
    pub key: Drawing,
    pub meaning: String,
}

/// The entries side by side, in as many rows as they need, under an optional heading.
pub(super) fn legend(heading: &str, entries: Vec<Entry>, room: f64) -> Drawing {
    let mut drawing = Drawing::default();
    let mut y = 0.0;
    if !heading.is_empty() && !entries.is_empty() {
        y = drawing.lines(&text::wrap(heading, LABEL, room, 2), at(room / 2.0, 0.0), LABEL, Anchor::Middle) + GAP;
    }
    let longest = room - KEY - GAP;
    let entries: Vec<(Entry, f64)> = entries
        .into_iter()
        .map(|entry| {
            let meaning = text::fit(&entry.meaning, LABEL, longest);
            let width = KEY + GAP + text::width(&meaning, LABEL);
            (Entry { meaning, ..entry }, width)
        })
        .collect();
    for (row, width) in balanced(entries, room) {
        let mut x = (room - width) / 2.0;
        for (entry, width) in row {
            put(&mut drawing, entry, at(x, y + ROW / 2.0));
            x += width + BETWEEN;
        }
        y += ROW;
    }
    drawing
}

fn put(drawing: &mut Drawing, entry: Entry, place: Point) {
    drawing.put(entry.key, at(place.x + KEY / 2.0, place.y));
    let baseline = place.y + text::CAPITAL * LABEL / 2.0;
    drawing.text(Text::new(at(place.x + KEY + GAP, baseline), &entry.meaning, LABEL, Anchor::Start));
}

type Rows = Vec<(Vec<(Entry, f64)>, f64)>;

/// As few rows as the room allows, with about as many entries in each.
fn balanced(entries: Vec<(Entry, f64)>, room: f64) -> Rows {
    let all = entries.len();
    let rows = rows(entries, room, all);
    let longest = all.div_ceil(rows.len().max(1));
    self::rows(rows.into_iter().flat_map(|(row, _)| row).collect(), room, longest)
}

/// Breaks the entries into rows of at most `longest`, each with its width.
fn rows(entries: Vec<(Entry, f64)>, room: f64, longest: usize) -> Rows {
    let mut rows = Rows::new();
    for (entry, width) in entries {
        match rows.last_mut() {
            Some((row, used)) if row.len() < longest && *used + BETWEEN + width <= room => {
                *used += BETWEEN + width;
                row.push((entry, width));
            }
            _ => rows.push((vec![(entry, width)], width)),
        }
    }
    rows
}
