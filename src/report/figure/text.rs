//! Text as the figures' font sets it: measured, cleaned, wrapped and shortened.

use std::sync::LazyLock;

use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider};

/// The font that travels with the program; `font/README.md` says how it was made.
pub(super) const FONT: &[u8] = include_bytes!("font/SweepSans-Regular.ttf");
/// The font's own name, then fonts of the same widths for viewers that lack it.
pub(super) const FAMILY: &str = "Sweep Sans, Liberation Sans, Arimo, Arial, Helvetica, sans-serif";
/// Highest letter above the baseline, in font sizes.
pub(super) const ASCENT: f64 = 0.74;
/// Lowest letter below the baseline, in font sizes.
pub(super) const DESCENT: f64 = 0.22;
/// Distance of two baselines, in font sizes.
pub(super) const LEADING: f64 = 1.2;
/// Capital letters above the baseline, in font sizes.
pub(super) const CAPITAL: f64 = 0.69;

const ELLIPSIS: char = '…';
/// No text of a figure is longer: beyond it nobody reads, and measuring would cost.
const LONGEST: usize = 2000;

/// Widths of the font's characters below U+3000, in font sizes; characters that it lacks count as wide ones.
static ADVANCES: LazyLock<Vec<f32>> = LazyLock::new(|| {
    let Ok(font) = FontRef::new(FONT) else { return Vec::new() };
    let map = font.charmap();
    let metrics = font.glyph_metrics(Size::new(1.0), LocationRef::default());
    (0..0x3000_u32).map(|code| map.map(code).and_then(|glyph| metrics.advance_width(glyph)).unwrap_or(1.0)).collect()
});

fn advance(character: char) -> f64 {
    ADVANCES.get(character as usize).copied().map_or(1.0, f64::from)
}

/// Width in points of one line at a font size in points, without kerning: an upper bound but for a few rare pairs.
pub(super) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(advance).sum::<f64>() * size
}

/// Text that XML allows and that cannot reorder or hide what stands beside it: white space becomes blanks; control characters, direction
/// overrides and characters outside of XML become `�`.
pub(super) fn clean(text: &str) -> String {
    text.chars().take(LONGEST).map(clean_character).collect::<String>().trim().to_owned()
}

fn clean_character(character: char) -> char {
    match character {
        '\t' | '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => ' ',
        '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{feff}'
        | '\u{fffe}'
        | '\u{ffff}' => '\u{fffd}',
        control if control.is_control() => '\u{fffd}',
        other => other,
    }
}

/// The text, or as much of its start and end as fits into `room` points with an ellipsis between: names of levels differ at either end.
pub(super) fn fit(text: &str, size: f64, room: f64) -> String {
    let text = clean(text);
    if width(&text, size) <= room {
        return text;
    }
    let characters: Vec<char> = text.chars().collect();
    let keep = |kept: usize| -> String {
        let (head, tail) = (kept.div_ceil(2), kept / 2);
        let start = characters.iter().take(head).collect::<String>();
        let end = characters.iter().skip(characters.len() - tail).collect::<String>();
        format!("{}{ELLIPSIS}{}", start.trim_end(), end.trim_start())
    };
    let (mut fits, mut exceeds) = (0, characters.len());
    while exceeds - fits > 1 {
        let middle = usize::midpoint(fits, exceeds);
        if width(&keep(middle), size) <= room { fits = middle } else { exceeds = middle }
    }
    keep(fits)
}

/// The text on at most `most` lines of `room` points, broken at blanks, or else after `-`, `/` and `_`; what does not fit is shortened with an ellipsis.
pub(super) fn wrap(text: &str, size: f64, room: f64, most: usize) -> Vec<String> {
    let text = clean(text);
    let mut lines: Vec<String> = Vec::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        if lines.len() + 1 >= most {
            lines.push(fit(rest, size, room));
            break;
        }
        let (line, after) = first_line(rest, size, room);
        lines.push(fit(line, size, room));
        rest = after;
    }
    lines
}

/// As many words as fit, at least one, and the rest; parts of words where not even one fits.
fn first_line(text: &str, size: f64, room: f64) -> (&str, &str) {
    let mut used = 0.0;
    let (mut blank, mut joint) = (None, None);
    for (start, character) in text.char_indices() {
        if character == ' ' {
            blank = Some(start);
        }
        used += advance(character) * size;
        if used > room && character != ' ' {
            let end = blank.or(joint).or_else(|| text.find(' ')).unwrap_or(text.len());
            let (line, rest) = text.split_at(end);
            return (line.trim_end(), rest.trim_start());
        }
        if matches!(character, '-' | '/' | '_') {
            joint = Some(start + character.len_utf8());
        }
    }
    (text, "")
}
