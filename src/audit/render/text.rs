//! For people, on a terminal.

use super::super::finding::{Finding, Severity};
use super::Audit;
use crate::text::visible;

/// Every open finding, the gravest first, then what was looked at.
#[must_use]
pub fn text(audit: &Audit<'_>) -> String {
    let mut out = String::new();
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
