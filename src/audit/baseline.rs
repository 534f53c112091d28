//! Findings that somebody has looked at and accepted.

use std::path::Path;

use hashbrown::{HashMap, HashSet};
use serde::{Deserialize, Serialize};

use super::finding::Finding;
use crate::error::Context;
use crate::{Error, Result};

/// What a baseline file begins with.
const HEAD: &str = "\
# Findings of `sweep audit` that somebody has looked at and accepted. They are counted and change no exit code.
# A finding whose evidence changes has another fingerprint, and comes back.
";

/// A file of accepted findings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    #[serde(default)]
    pub accepted: Vec<Accepted>,
}

/// One accepted finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    pub fingerprint: String,
    pub rule: String,
    pub subject: String,
    /// Why it was accepted.
    pub reason: String,
}

/// Findings beside a baseline.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judged {
    /// What nobody has accepted.
    pub open: Vec<Finding>,
    /// What somebody has, with the reason.
    pub accepted: Vec<(Finding, String)>,
    /// What was accepted and is not found any more.
    pub stale: Vec<Accepted>,
}

impl Baseline {
    /// Read the text of the file at `path`.
    ///
    /// # Errors
    /// It is no baseline, or has one fingerprint twice.
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        let about = || format!("cannot read the baseline `{}`", path.display());
        let baseline: Self = toml::from_str(text).context(about)?;
        let mut seen = HashSet::new();
        let twice = baseline.accepted.iter().find(|accepted| !seen.insert(accepted.fingerprint.as_str()));
        if let Some(twice) = twice {
            let message = format!("the fingerprint `{}` is there twice", twice.fingerprint.escape_debug());
            return Err(Error::usage(message).context(about()));
        }
        drop(seen);
        Ok(baseline)
    }

    /// Tell accepted findings from others.
    #[must_use]
    pub fn judge(&self, findings: Vec<Finding>) -> Judged {
        let mut reasons: HashMap<&str, &Accepted> =
            self.accepted.iter().map(|accepted| (accepted.fingerprint.as_str(), accepted)).collect();
        let mut judged = Judged::default();
        for finding in findings {
            match reasons.remove(finding.fingerprint().as_str()) {
                Some(accepted) => judged.accepted.push((finding, accepted.reason.clone())),
                None => judged.open.push(finding),
            }
        }
        let left = self.accepted.iter().filter(|accepted| reasons.contains_key(accepted.fingerprint.as_str()));
        judged.stale.extend(left.cloned());
        judged
    }

    /// The baseline with `findings` accepted for `reason` as well, and without what is `stale`.
    #[must_use]
    pub fn with<'a>(&self, findings: impl IntoIterator<Item = &'a Finding>, reason: &str, stale: &[Accepted]) -> Self {
        let mut accepted: Vec<Accepted> =
            self.accepted.iter().filter(|accepted| !stale.contains(accepted)).cloned().collect();
        accepted.extend(findings.into_iter().map(|finding| Accepted {
            fingerprint: finding.fingerprint(),
            rule: finding.rule.to_owned(),
            subject: finding.subject.clone(),
            reason: reason.to_owned(),
        }));
        Self { accepted }
    }

    /// As a file.
    ///
    /// # Errors
    /// Never, as far as is known: texts can be written as TOML.
    pub fn to_text(&self) -> Result<String> {
        let body = toml::to_string(self).context(|| "cannot write the baseline as TOML".to_owned())?;
        Ok(format!("{HEAD}\n{body}"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Severity;
    use super::*;

    fn finding(subject: &str) -> Finding {
        Finding {
            rule: "doubts",
            severity: Severity::Note,
            subject: subject.to_owned(),
            message: "a doubt \"in\" quotes".to_owned(),
            evidence: Vec::new(),
            advice: String::new(),
            place: None,
        }
    }

    #[test]
    fn accepted_findings_read_back_and_others_stay_open() {
        let baseline = Baseline::default().with(&[finding("Table 1")], "printed so", &[]);
        let text = baseline.to_text().unwrap();
        assert!(text.starts_with("# Findings"), "{text}");
        assert_eq!(Baseline::parse(Path::new("accepted.toml"), &text).unwrap(), baseline);
        let judged = baseline.judge(vec![finding("Table 1"), finding("Table 2")]);
        assert_eq!(judged.accepted, [(finding("Table 1"), "printed so".to_owned())]);
        assert_eq!(judged.open, [finding("Table 2")]);
        assert_eq!(judged.stale, []);
    }

    #[test]
    fn what_is_gone_is_stale_and_leaves_with_the_next_acceptance() {
        let baseline = Baseline::default().with(&[finding("Table 1")], "printed so", &[]);
        let judged = baseline.judge(vec![finding("Table 2")]);
        assert_eq!(judged.stale, baseline.accepted);
        let next = baseline.with(&judged.open, "seen", &judged.stale);
        assert_eq!(next.accepted.iter().map(|accepted| accepted.subject.as_str()).collect::<Vec<_>>(), ["Table 2"]);
    }

    #[test]
    fn a_broken_baseline_is_an_error_with_its_place() {
        let error = Baseline::parse(Path::new("accepted.toml"), "[[accepted]]\nfinger = 1\n").unwrap_err();
        assert!(error.to_string().contains("`accepted.toml`"), "{error}");
        let twice = Baseline::default().with(&[finding("a"), finding("a")], "x", &[]).to_text().unwrap();
        assert!(Baseline::parse(Path::new("accepted.toml"), &twice).unwrap_err().to_string().contains("twice"));
    }
}
