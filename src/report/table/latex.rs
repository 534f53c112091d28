//! LaTeX with the booktabs package.

use std::fmt::Write;

use super::{Align, Entry, Table, mark_name, marks, one_line};

/// A `table` environment; `label` is what `\ref` names.
#[must_use]
pub fn latex(table: &Table, label: &str) -> String {
    let columns: String = (0..table.columns.len()).map(|column| specifier(table, column)).collect();
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

/// Longer texts, in characters, are broken into lines of a third of the page's width: no page is as wide as a sentence.
const WIDEST: usize = 40;

fn specifier(table: &Table, column: usize) -> &'static str {
    let texts = || table.rows.iter().chain(&table.footer).filter_map(|row| Some(row.get(column)?.text.chars().count()));
    match table.columns.get(column).map(|heading| heading.align) {
        Some(Align::Left) if texts().any(|length| length > WIDEST) => "p{0.33\\linewidth}",
        Some(Align::Left) | None => "l",
        Some(Align::Right) => "r",
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

/// Greek letters, which LaTeX has in formulas alone.
fn greek(c: char) -> Option<&'static str> {
    Some(match c {
        'α' => "$\\alpha$",
        'β' => "$\\beta$",
        'γ' => "$\\gamma$",
        'Δ' => "$\\Delta$",
        'δ' => "$\\delta$",
        'ε' => "$\\varepsilon$",
        'η' => "$\\eta$",
        'κ' => "$\\kappa$",
        'λ' => "$\\lambda$",
        'μ' | 'µ' => "$\\mu$",
        'π' => "$\\pi$",
        'ρ' => "$\\rho$",
        'Σ' => "$\\Sigma$",
        'σ' => "$\\sigma$",
        'τ' => "$\\tau$",
        'φ' => "$\\varphi$",
        'χ' => "$\\chi$",
        'ω' => "$\\omega$",
        _ => return None,
    })
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
            // The straight one has a name in some encodings of fonts alone.
            '"' => out.push_str("{\\char34}"),
            '`' => out.push_str("\\textasciigrave{}"),
            '↑' => out.push_str("$\\uparrow$"),
            '↓' => out.push_str("$\\downarrow$"),
            '±' => out.push_str("$\\pm$"),
            '≥' => out.push_str("$\\ge$"),
            '≤' => out.push_str("$\\le$"),
            '≠' => out.push_str("$\\ne$"),
            '≈' => out.push_str("$\\approx$"),
            '×' => out.push_str("$\\times$"),
            '→' => out.push_str("$\\to$"),
            c if greek(c).is_some() => out.extend(greek(c)),
            '–' => out.push_str("--"),
            '−' => out.push_str("$-$"),
            _ => out.push(c),
        }
    }
    out
}
