//! As a document beside a report.

use std::fmt::Write;

use super::super::finding::{Finding, Severity};
use super::Audit;
use crate::claim::Conclusion;
use crate::report::conclusions::{most_telling, overview, part_line};
use crate::report::table::{self, escape_markdown as escape};

/// The whole audit. What was accepted stands at its end, with the reason.
#[must_use]
pub fn markdown(audit: &Audit<'_>) -> String {
    let mut out = String::new();
    for line in std::iter::once(audit.command).chain(audit.versions.iter().map(String::as_str)) {
        let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let _ = writeln!(out, "    {line}");
    }
    let _ = writeln!(out, "\n# Audit of {}\n\n**{}**\n", escape(audit.sweep), escape(&audit.summary()));
    for line in audit.coverage {
        let _ = writeln!(out, "{}\n", escape(line));
    }
    claims(&mut out, audit.conclusions);
    for (severity, title) in [(Severity::Error, "Errors"), (Severity::Warning, "Warnings"), (Severity::Note, "Notes")] {
        let mut of_level = audit.judged.open.iter().filter(|finding| finding.severity == severity).peekable();
        if of_level.peek().is_some() {
            let _ = writeln!(out, "## {title}\n");
            of_level.for_each(|finding| section(&mut out, finding));
        }
    }
    if !audit.judged.accepted.is_empty() {
        let _ = writeln!(out, "## Accepted\n");
        for (finding, reason) in &audit.judged.accepted {
            let _ = writeln!(
                out,
                "- {}: {} ({}). Accepted: {}",
                escape(&finding.subject),
                escape(&finding.message),
                escape(finding.rule),
                escape(reason)
            );
        }
    }
    out
}

/// Parts of a claim that a document lists; the report has all.
const MOST_PARTS: usize = 12;

/// What became of each claim.
fn claims(out: &mut String, conclusions: &[Conclusion]) {
    if conclusions.is_empty() {
        return;
    }
    let _ = writeln!(out, "## Claims\n\n{}", table::markdown(&overview(conclusions)));
    for Conclusion { claim, text, decision, parts, .. } in conclusions {
        let _ = writeln!(out, "### {}: {}\n\n**{}**\n", escape(claim), escape(text), decision.words());
        let shown = most_telling(parts, MOST_PARTS);
        for part in &shown {
            let _ = writeln!(out, "- {}", escape(&part_line(part)));
        }
        if shown.len() < parts.len() {
            let _ = writeln!(out, "- and {} more", parts.len() - shown.len());
        }
        out.push('\n');
    }
}

fn section(out: &mut String, finding: &Finding) {
    let _ = writeln!(
        out,
        "### {}\n\n{} ({}).\n",
        escape(&finding.subject),
        escape(&sentence(&finding.message)),
        escape(finding.rule)
    );
    for evidence in &finding.evidence {
        let _ = writeln!(out, "- {}", escape(evidence));
    }
    if !finding.evidence.is_empty() {
        out.push('\n');
    }
    let _ = writeln!(out, "*Advice*: {}.\n", escape(&finding.advice));
}

/// With a capital letter.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
