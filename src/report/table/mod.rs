//! Tables: a frame as rows of text, and that text as Markdown, LaTeX and CSV.
//!
//! A [`Table`] holds plain text and what is special about each entry; the writers escape it for their format, so that
//! nothing from a grid, a label or a file name is interpreted by Markdown, HTML, LaTeX or a spreadsheet.

mod csv;
mod latex;
mod markdown;
mod number;
mod parquet;
mod scores;

#[cfg(test)]
mod tests;

pub use csv::csv;
pub(super) use latex::escape as escape_latex;
pub use latex::latex;
pub use markdown::{escape as escape_markdown, markdown};
pub use number::{decimals_to_tell_apart, fixed, p_value};
pub use parquet::parquet;
pub use scores::{differing, scores, sources};

/// A table of plain text.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    pub title: String,
    pub columns: Vec<Heading>,
    pub rows: Vec<Vec<Entry>>,
    /// Rows below the others, set off from them: what they are compared with.
    pub footer: Vec<Vec<Entry>>,
    /// Footnotes; an entry's marks are indices into them.
    pub notes: Vec<String>,
    /// What holds for the whole table.
    pub remarks: Vec<String>,
}

/// The head of a column.
#[derive(Debug, Clone, PartialEq)]
pub struct Heading {
    pub text: String,
    pub align: Align,
}

/// Words to the left, numbers to the right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
}

/// One entry of a table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Entry {
    pub text: String,
    /// Printed after `±`.
    pub spread: Option<String>,
    /// The best of its column.
    pub best: bool,
    /// Footnotes, by index.
    pub marks: Vec<usize>,
}

impl Entry {
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

impl Heading {
    #[must_use]
    pub fn left(text: impl Into<String>) -> Self {
        Self { text: text.into(), align: Align::Left }
    }

    #[must_use]
    pub fn right(text: impl Into<String>) -> Self {
        Self { text: text.into(), align: Align::Right }
    }
}

impl Table {
    /// The index of a footnote; equal ones are one.
    pub(super) fn note(&mut self, note: String) -> usize {
        self.notes.iter().position(|known| *known == note).unwrap_or_else(|| {
            self.notes.push(note);
            self.notes.len() - 1
        })
    }
}

/// The name of a footnote: a, b, ..., z, aa, ab, ...
fn mark_name(mark: usize) -> String {
    let letter = char::from(b'a' + u8::try_from(mark % 26).unwrap_or_default());
    match mark / 26 {
        0 => letter.to_string(),
        rest => format!("{}{letter}", mark_name(rest - 1)),
    }
}

/// The footnote marks of an entry: `a,b`.
fn marks(entry: &Entry) -> String {
    entry.marks.iter().map(|&mark| mark_name(mark)).collect::<Vec<_>>().join(",")
}

/// One line without control characters: what every format can hold.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).filter(|c| !is_invisible(*c)).collect()
}

/// Characters that change the direction of text or have no width: in a table they can only deceive.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}
