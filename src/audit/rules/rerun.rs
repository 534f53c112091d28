//! Runs that were done again.

use super::super::case::Case;
use super::super::finding::{Finding, Severity};
use super::Rule;
use crate::rerun::{Agreement, Judged, judge};
use crate::text::plural;

pub const RULE: Rule =
    Rule { name: "rerun", what: "a run gave the same or something else when it was done again", find };

fn find(case: &Case<'_>) -> Vec<Finding> {
    let (same, other): (Vec<Judged>, Vec<Judged>) =
        judge(case.evidence, &case.facts.repeats).into_iter().partition(|judged| judged.agreement == Agreement::Bits);
    let other = other.iter().map(|judged| Finding {
        rule: RULE.name,
        severity: severity(judged),
        subject: case.run_name(judged.run),
        message: judged.headline(),
        evidence: judged.evidence(),
        advice: judged.advice().to_owned(),
        place: None,
    });
    other.chain(agreeing(case, &same)).collect()
}

/// What a sceptic may stop asking about, in one finding however many runs it is.
fn agreeing(case: &Case<'_>, same: &[Judged]) -> Option<Finding> {
    let (tasks, scores) = same.iter().fold((0, 0), |(tasks, scores), one| (tasks + one.tasks, scores + one.scores));
    (!same.is_empty()).then(|| Finding {
        rule: RULE.name,
        severity: Severity::Note,
        subject: plural(same.len(), "run"),
        message: format!(
            "the same to the bit when done again: every file of {}, {}",
            plural(tasks, "task"),
            plural(scores, "score")
        ),
        evidence: same.iter().map(|judged| case.run_name(judged.run)).collect(),
        advice: "nothing to do".to_owned(),
        place: None,
    })
}

fn severity(judged: &Judged) -> Severity {
    match judged.agreement {
        Agreement::Bits | Agreement::Scores | Agreement::Tolerance => Severity::Note,
        Agreement::Noise => Severity::Warning,
        // Another machine or program may explain it: nothing contradicts itself yet.
        Agreement::Drift if !judged.changes.is_empty() => Severity::Warning,
        Agreement::Drift | Agreement::Failed => Severity::Error,
    }
}
