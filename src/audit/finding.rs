//! What a rule found.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How much a finding matters. The levels and their names are SARIF's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing; nothing may be wrong.
    Note,
    /// A reader would want an explanation.
    Warning,
    /// Two things that should be equal are not: a number here cannot be trusted until it is explained.
    Error,
}

impl Severity {
    /// As it is written everywhere.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Where in a file a finding is visible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub file: PathBuf,
    /// From 1.
    pub line: Option<u64>,
}

/// What a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Name of the rule.
    pub rule: &'static str,
    pub severity: Severity,
    /// What it is about: a grid, a cell, a task, an import.
    pub subject: String,
    /// What was found, in one sentence without the subject.
    pub message: String,
    /// The facts behind it, one line each.
    pub evidence: Vec<String>,
    /// What to do, or how it may be explained.
    pub advice: String,
    pub place: Option<Place>,
}

/// Hexadecimal digits of a fingerprint: among a million findings two are alike with a chance of 1 in 40 million.
const DIGITS: usize = 16;

impl Finding {
    /// What a baseline knows it by: everything that was found, and nothing of how it is explained. A finding whose
    /// evidence changes is another one.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        let texts =
            [self.rule, &self.subject, &self.message].into_iter().chain(self.evidence.iter().map(String::as_str));
        for text in texts {
            // With their lengths, so that no text runs into the next.
            hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        }
        let mut digits = hasher.finalize().to_hex().to_string();
        digits.truncate(DIGITS);
        digits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding() -> Finding {
        Finding {
            rule: "dirty-tree",
            severity: Severity::Warning,
            subject: "stage `train`".to_owned(),
            message: "ran from changed files".to_owned(),
            evidence: vec!["3 attempts".to_owned()],
            advice: "commit".to_owned(),
            place: None,
        }
    }

    #[test]
    fn a_fingerprint_is_of_what_was_found() {
        let known = finding().fingerprint();
        assert_eq!(known.len(), DIGITS);
        assert_eq!(Finding { advice: "commit first".to_owned(), ..finding() }.fingerprint(), known);
        assert_ne!(Finding { evidence: vec!["4 attempts".to_owned()], ..finding() }.fingerprint(), known);
        let moved =
            Finding { subject: "stage `train`r".to_owned(), message: "an from changed files".to_owned(), ..finding() };
        assert_ne!(moved.fingerprint(), known);
    }
}
