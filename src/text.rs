//! Text for people: aligned tables, numbers with their nouns and units.

use std::fmt::Write as _;

/// Which side of a column its texts keep to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Left,
    Right,
}

/// A table of texts, aligned by column.
#[derive(Debug, Clone)]
pub struct Table {
    header: Vec<(&'static str, Side)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    #[must_use]
    pub fn new(header: &[(&'static str, Side)]) -> Self {
        Self { header: header.to_vec(), rows: Vec::new() }
    }

    /// Add a row; a shorter one leaves its last columns empty.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The table with its header in bold, two spaces between columns, no line longer than `width` characters. The last
    /// column gives way.
    #[must_use]
    pub fn render(&self, width: usize) -> String {
        let kept: Vec<usize> = (0..self.header.len()).filter(|&column| self.is_used(column)).collect();
        let widths: Vec<usize> = kept.iter().map(|&column| self.width(column)).collect();
        let header: Vec<&str> = kept.iter().map(|&column| self.header[column].0).collect();
        let mut out = String::new();
        let line = self.line(&kept, &widths, &header, width);
        // Writing to a `String` cannot fail.
        let _ = writeln!(out, "\u{1b}[1m{line}\u{1b}[0m");
        for row in &self.rows {
            let cells: Vec<&str> = kept.iter().map(|&column| row.get(column).map_or("", String::as_str)).collect();
            out.push_str(&self.line(&kept, &widths, &cells, width));
            out.push('\n');
        }
        out
    }

    /// A column that says nothing in any row is left out.
    fn is_used(&self, column: usize) -> bool {
        self.rows.iter().any(|row| row.get(column).is_some_and(|cell| !cell.is_empty()))
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([self.header[column].0.chars().count()]).max().unwrap_or(0)
    }

    fn line(&self, columns: &[usize], widths: &[usize], cells: &[&str], width: usize) -> String {
        let mut line = String::new();
        for ((cell, &column), pad) in cells.iter().zip(columns).zip(widths) {
            if !line.is_empty() {
                line.push_str("  ");
            }
            let _ = match self.header[column].1 {
                Side::Left => write!(line, "{cell:<pad$}"),
                Side::Right => write!(line, "{cell:>pad$}"),
            };
        }
        cut(line.trim_end(), width)
    }
}

/// At most `width` characters of `text`, with an ellipsis where something is missing.
#[must_use]
pub fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// `text` with control characters written out: no file that is shown moves the cursor or colours the terminal.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() && character != '\n' {
            out.extend(character.escape_debug());
        } else {
            out.push(character);
        }
    }
    out
}

/// `1 run`, `2 runs`, `12,345 runs`.
#[must_use]
pub fn plural(count: usize, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// `1,234,567`.
#[must_use]
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The number, or nothing for zero: empty places read faster than noughts.
#[must_use]
pub fn or_blank(number: usize) -> String {
    if number == 0 { String::new() } else { grouped(number) }
}

/// `112 GB`, `1.4 TB`: decimal units, as disks are sold.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let decimals = usize::from(unit > 0 && value < 99.95) + usize::from(unit > 0 && value < 9.995);
    let text = format!("{value:.decimals$}");
    let text = if decimals > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text} {}", UNITS[unit])
}

/// `0.05`, `3.2`, `1,234`: hours with as many digits as matter.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "hours are positive and few")]
pub fn hours(hours: f64) -> String {
    match hours {
        hours if hours <= 0.0 => "0".to_owned(),
        hours if hours < 0.01 => "< 0.01".to_owned(),
        hours if hours < 10.0 => format!("{hours:.2}").trim_end_matches('0').trim_end_matches('.').to_owned(),
        hours => grouped(hours.round() as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_empty_ones_left_out() {
        let mut table = Table::new(&[("name", Side::Left), ("failed", Side::Right), ("n", Side::Right)]);
        table.row(vec!["a".to_owned(), String::new(), "1,000".to_owned()]);
        table.row(vec!["long name".to_owned(), String::new(), "2".to_owned()]);
        let expected = "\u{1b}[1mname           n\u{1b}[0m\na          1,000\nlong name      2\n";
        assert_eq!(table.render(80), expected);
        assert!(table.render(8).lines().skip(1).all(|line| line.chars().count() <= 8));
    }

    #[test]
    fn control_characters_are_written_out() {
        assert_eq!(visible("a\u{1b}[31mb\r\tc\n"), "a\\u{1b}[31mb\\r\\tc\n");
    }

    #[test]
    fn numbers_are_grouped_and_have_their_noun() {
        assert_eq!(plural(1, "run"), "1 run");
        assert_eq!(plural(0, "run"), "0 runs");
        assert_eq!(plural(1_234_567, "run"), "1,234,567 runs");
    }

    #[test]
    fn sizes_have_three_digits() {
        for (value, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1 kB"),
            (112_000_000_000, "112 GB"),
            (999_600_000_000, "1 TB"),
            (1_440_000_000_000, "1.44 TB"),
            (17_250_000_000_000, "17.2 TB"),
        ] {
            assert_eq!(bytes(value), text);
        }
    }

    #[test]
    fn hours_have_the_digits_that_matter() {
        for (value, text) in [(0.0, "0"), (0.001, "< 0.01"), (0.5, "0.5"), (9.876, "9.88"), (1234.4, "1,234")] {
            assert_eq!(hours(value), text);
        }
    }
}
