//! Ask every rule.

use std::cmp::Reverse;

use rayon::prelude::*;

use super::case::Case;
use super::facts::Facts;
use super::finding::Finding;
use super::rules::{RULES, Rule};
use crate::evidence::Evidence;
use crate::report::frame::Index;
use crate::text::plural;

/// Findings of one rule that are told one by one: nobody reads a thousand, and one cause is often behind all.
const MOST: usize = 50;

/// What all rules find, the gravest first, then in the rules' order.
#[must_use]
pub fn examine(evidence: &Evidence<'_>, facts: &Facts) -> Vec<Finding> {
    let index = Index::of(evidence);
    let case = Case::new(evidence, facts, &index);
    let mut findings: Vec<Finding> = RULES.par_iter().flat_map_iter(|rule| told(rule, (rule.find)(&case))).collect();
    findings.sort_by_key(|finding| Reverse(finding.severity));
    findings
}

/// The gravest findings of a rule, and how many more there are.
fn told(rule: &Rule, mut findings: Vec<Finding>) -> Vec<Finding> {
    let Some(rest) = findings.len().checked_sub(MOST).filter(|&rest| rest > 0) else { return findings };
    findings.sort_by_key(|finding| Reverse(finding.severity));
    let gravest = findings[MOST].severity;
    findings.truncate(MOST);
    findings.push(Finding {
        rule: rule.name,
        severity: gravest,
        subject: "all of the sweep".to_owned(),
        message: format!("{} more of this kind", plural(rest, "finding")),
        evidence: Vec::new(),
        advice: "look at the first ones; `--grid` and `--where` narrow down what is audited".to_owned(),
        place: None,
    });
    findings
}
