//! An audit as text, Markdown, JSON and SARIF. All of them say the same.

mod json;
mod markdown;
mod sarif;
mod text;

pub use json::json;
pub use markdown::markdown;
pub use sarif::sarif;
pub use text::text;

use super::baseline::Judged;
use super::finding::Severity;
use crate::claim::Conclusion;
use crate::text::plural;

/// What is rendered.
#[derive(Debug, Clone, Copy)]
pub struct Audit<'a> {
    /// Name of the sweep.
    pub sweep: &'a str,
    /// The sweep's file, as others find it.
    pub file: &'a str,
    /// The command that makes the same audit.
    pub command: &'a str,
    /// What made it and from what, one line each.
    pub versions: &'a [String],
    /// What was looked at, one line each.
    pub coverage: &'a [String],
    /// What became of the sweep's claims; none where single rules are asked for.
    pub conclusions: &'a [Conclusion],
    pub judged: &'a Judged,
}

impl Audit<'_> {
    /// `2 errors, 1 warning, 4 notes; 3 accepted`.
    #[must_use]
    pub fn summary(&self) -> String {
        let count = |severity: Severity| self.judged.open.iter().filter(|finding| finding.severity == severity).count();
        let counts =
            [Severity::Error, Severity::Warning, Severity::Note].map(|severity| (count(severity), severity.word()));
        let told: Vec<String> =
            counts.iter().filter(|(count, _)| *count > 0).map(|&(count, word)| plural(count, word)).collect();
        let told = if told.is_empty() { "nothing to report".to_owned() } else { told.join(", ") };
        match self.judged.accepted.len() {
            0 => told,
            accepted => format!("{told}; {accepted} accepted"),
        }
    }
}

#[cfg(test)]
mod tests;
