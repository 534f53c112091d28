//! GitHub's Markdown.

use std::fmt::Write;

use super::{Align, Entry, Table, mark_name, marks, one_line};

/// The table with its footnotes and remarks.
#[must_use]
pub fn markdown(table: &Table) -> String {
    let mut out = String::new();
    let head: Vec<String> = table.columns.iter().map(|column| escape(&column.text)).collect();
    let rule: Vec<&str> = table.columns.iter().map(|column| rule(column.align)).collect();
    let _ = writeln!(out, "| {} |\n| {} |", head.join(" | "), rule.join(" | "));
    for row in table.rows.iter().chain(&table.footer) {
        let _ = writeln!(out, "| {} |", row.iter().map(entry).collect::<Vec<_>>().join(" | "));
    }
    for (mark, note) in table.notes.iter().enumerate() {
        let _ = write!(out, "\n<sup>{}</sup> {}\n", mark_name(mark), escape(note));
    }
    for remark in &table.remarks {
        let _ = write!(out, "\n{}\n", escape(remark));
    }
    out
}

fn rule(align: Align) -> &'static str {
    match align {
        Align::Left => ":---",
        Align::Right => "---:",
    }
}

fn entry(entry: &Entry) -> String {
    let mut text = escape(&entry.text);
    if entry.best {
        text = format!("**{text}**");
    }
    if let Some(spread) = &entry.spread {
        let _ = write!(text, " ± {}", escape(spread));
    }
    if !entry.marks.is_empty() {
        let _ = write!(text, " <sup>{}</sup>", marks(entry));
    }
    text
}

/// Text that Markdown and HTML show as it is.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in one_line(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '|' | '*' | '_' | '`' | '[' | ']' | '#' | '~' | '$' | '!' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}
