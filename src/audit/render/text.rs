//! For people, on a terminal.

use super::super::finding::{Finding, Severity};
use super::Audit;
use crate::claim::{Conclusion, Decision};
use crate::report::conclusions::{most_telling, part_line};
use crate::text::{plural, visible};

/// Parts of a claim that are printed; documents have more.
const MOST_PARTS: usize = 3;

/// What became of each claim, every open finding, the gravest first, then what was looked at.
#[must_use]
pub fn text(audit: &Audit<'_>) -> String {
    let mut out = String::new();
    for conclusion in audit.conclusions {
        out.push_str(&claim(conclusion));
        out.push('\n');
    }
    for finding in &audit.judged.open {
        out.push_str(&one(finding));
        out.push('\n');
    }
    for line in audit.coverage {
        out.push_str(&format!("{}\n", visible(line)));
    }
    out.push_str(&format!("{}\n", audit.summary()));
    out
}

/// The verdict on a claim with its most telling estimates.
fn claim(conclusion: &Conclusion) -> String {
    let line = |text: &str| visible(&text.replace('\n', " "));
    let Conclusion { claim, text, decision, reason, parts, .. } = conclusion;
    let word = match decision {
        Decision::Holds | Decision::Agrees => format!("\u{1b}[1;32m{}\u{1b}[0m", decision.words()),
        Decision::Fails | Decision::Disagrees => format!("\u{1b}[1;33m{}\u{1b}[0m", decision.words()),
        Decision::Undecided => format!("\u{1b}[1m{}\u{1b}[0m", decision.words()),
    };
    let runs = plural(conclusion.runs.len(), "run");
    let mut out = format!("claim `{}`: {}\n    {word}: {} ({runs})\n", line(claim), line(text), line(reason));
    let shown = most_telling(parts, MOST_PARTS);
    shown.iter().for_each(|part| out.push_str(&format!("    {}\n", line(&part_line(part)))));
    if shown.len() < parts.len() {
        out.push_str(&format!("    and {} more (`--json`, `--out audit.md`)\n", parts.len() - shown.len()));
    }
    out
}

fn one(finding: &Finding) -> String {
    let line = |text: &str| visible(&text.replace('\n', " "));
    let word = match finding.severity {
        Severity::Error => "\u{1b}[1;31merror\u{1b}[0m",
        Severity::Warning => "\u{1b}[1;33mwarning\u{1b}[0m",
        Severity::Note => "\u{1b}[1mnote\u{1b}[0m",
    };
    let mut out = format!("{word}: {}: {}\n", line(&finding.subject), line(&finding.message));
    for evidence in &finding.evidence {
        out.push_str(&format!("    {}\n", line(evidence)));
    }
    out.push_str(&format!("    advice: {}\n", line(&finding.advice)));
    let place = finding.place.as_ref().map(|place| {
        let number = place.line.map_or_else(String::new, |line| format!(":{line}"));
        format!(", {}{number}", visible(&place.file.display().to_string()))
    });
    out.push_str(&format!("    [{} {}{}]\n", finding.rule, finding.fingerprint(), place.unwrap_or_default()));
    out
}
