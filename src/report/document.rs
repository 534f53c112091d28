//! The document of a report: its `README.md`.

use std::fmt::Write;

use super::conclusions;
use super::item::Item;
use super::selection::{Format, Selection};
use super::table::{escape_markdown, markdown};
use crate::claim::Conclusion;
use crate::grid::Sweep;

/// Longer tables are files of their own.
const MOST_ROWS: usize = 100;

/// How the command and the versions are set off: a line of a code block needs no escaping but for its fence.
pub(super) fn document(sweep: &Sweep, selection: &Selection, conclusions: &[Conclusion], items: &[Item]) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "    {}", line(&selection.command));
    for version in &selection.versions {
        let _ = writeln!(out, "    {}", line(version));
    }
    let title = if sweep.title.is_empty() { &sweep.name } else { &sweep.title };
    let _ = writeln!(out, "\n# {}\n", escape_markdown(title));
    conclusions::section(&mut out, conclusions);
    for item in items {
        section(&mut out, selection, item);
    }
    out
}

fn section(out: &mut String, selection: &Selection, item: &Item) {
    let _ = writeln!(out, "## {}: {}\n", escape_markdown(&item.name), escape_markdown(&item.title));
    if let Some(stamp) = item.coverage.stamp() {
        let _ = writeln!(out, "**{}**\n", escape_markdown(&stamp));
    }
    let extension = if selection.wants(Format::Svg) { "svg" } else { "png" };
    for (suffix, _) in item.drawings.iter().filter(|_| selection.wants(Format::Svg) || selection.wants(Format::Png)) {
        let file = format!("{}{suffix}.{extension}", item.name);
        let _ = writeln!(out, "![{}]({})\n", escape_markdown(&item.title), link(&file));
    }
    for paragraph in &item.caption {
        let _ = writeln!(out, "{}\n", escape_markdown(paragraph));
    }
    for (suffix, table) in &item.tables {
        let file = format!("{}{suffix}.md", item.name);
        let text = if table.rows.len() > MOST_ROWS {
            format!("[{} rows]({})\n", table.rows.len(), link(&file))
        } else {
            markdown(table)
        };
        let heading =
            if table.title == item.title { String::new() } else { format!("{}:\n\n", escape_markdown(&table.title)) };
        let _ = writeln!(out, "{heading}{text}");
    }
}

/// One line, whatever is in it.
fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A file name as the target of a link.
fn link(file: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    file.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
