//! LaTeX with the booktabs package.

use std::fmt::Write;

use super::{Align, Entry, Table, mark_name, marks, one_line};

/// A `table` environment; `label` is what `\ref` names.
#[must_use]
pub fn latex(table: &Table, label: &str) -> String {
    let columns: String = table.columns.iter().map(|column| letter(column.align)).collect();
    let head: Vec<String> = table.columns.iter().map(|column| escape(&column.text)).collect();
    let mut out = String::from("% Needs \\usepackage{booktabs}.\n\\begin{table}\n\\centering\n");
    let _ = writeln!(out, "\\caption{{{}}}\n\\label{{tab:{}}}", escape(&table.title), label_of(label));
    let _ = writeln!(out, "\\begin{{tabular}}{{{columns}}}\n\\toprule\n{} \\\\\n\\midrule", head.join(" & "));
    let row = |row: &Vec<Entry>| format!("{} \\\\\n", row.iter().map(entry).collect::<Vec<_>>().join(" & "));
    out.extend(table.rows.iter().map(row));
    if !table.footer.is_empty() {
        out.push_str("\\midrule\n");
        out.extend(table.footer.iter().map(row));
    }
    out.push_str("\\bottomrule\n\\end{tabular}\n");
    let notes = table.notes.iter().enumerate();
    let notes = notes.map(|(mark, note)| format!("$^{{{}}}$ {}", mark_name(mark), escape(note)));
    for line in notes.chain(table.remarks.iter().map(|remark| escape(remark))) {
        let _ = writeln!(out, "\\par\\footnotesize {line}");
    }
    out.push_str("\\end{table}\n");
    out
}

fn letter(align: Align) -> char {
    match align {
        Align::Left => 'l',
        Align::Right => 'r',
    }
}

fn entry(entry: &Entry) -> String {
    let mut text = escape(&entry.text);
    if entry.best {
        text = format!("\\textbf{{{text}}}");
    }
    if let Some(spread) = &entry.spread {
        let _ = write!(text, " $\\pm$ {}", escape(spread));
    }
    if !entry.marks.is_empty() {
        let _ = write!(text, "$^{{{}}}$", marks(entry));
    }
    text
}

/// Labels are letters, digits, `-` and `:` alone, which need no escaping.
fn label_of(label: &str) -> String {
    label.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | ':') { c } else { '-' }).collect()
}

/// Text that LaTeX prints as it is.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in one_line(text).chars() {
        match c {
            '\\' => out.push_str("\\textbackslash{}"),
            '~' => out.push_str("\\textasciitilde{}"),
            '^' => out.push_str("\\textasciicircum{}"),
            '{' | '}' | '$' | '&' | '#' | '_' | '%' => {
                out.push('\\');
                out.push(c);
            }
            // Without braces `[` after a line break would be read as its optional argument.
            '[' => out.push_str("{[}"),
            ']' => out.push_str("{]}"),
            '<' => out.push_str("$<$"),
            '>' => out.push_str("$>$"),
            '|' => out.push_str("$|$"),
            '"' => out.push_str("\\textquotedbl{}"),
            '↑' => out.push_str("$\\uparrow$"),
            '↓' => out.push_str("$\\downarrow$"),
            '±' => out.push_str("$\\pm$"),
            'ρ' => out.push_str("$\\rho$"),
            '–' => out.push_str("--"),
            '−' => out.push_str("$-$"),
            _ => out.push(c),
        }
    }
    out
}
