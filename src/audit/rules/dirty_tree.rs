//! Results of code that no commit holds.

use std::collections::BTreeMap;

use super::super::case::Case;
use super::super::finding::{Finding, Severity};
use super::Rule;
use crate::text::plural;

pub const RULE: Rule = Rule { name: "dirty-tree", what: "results come from files that no commit holds", find };

fn find(case: &Case<'_>) -> Vec<Finding> {
    let mut trees: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let dirty =
        case.facts.attempts.iter().filter(|attempt| attempt.succeeded && attempt.provenance.dirty == Some(true));
    for attempt in dirty {
        let tree = (
            attempt.provenance.commit.as_deref().unwrap_or("unknown"),
            attempt.provenance.diff.as_deref().unwrap_or("unknown"),
        );
        *trees.entry(tree).or_default() += 1;
    }
    let finding = |((commit, diff), tasks): ((&str, &str), usize)| Finding {
        rule: RULE.name,
        severity: Severity::Warning,
        subject: format!("commit {}", commit.get(..10).unwrap_or(commit)),
        message: format!("{} ran from files that differ from it", plural(tasks, "task")),
        evidence: vec![format!("digest of the difference: {}", diff.get(..10).unwrap_or(diff))],
        advice: "commit before submitting; the program that ran is kept by content, so that it can be run again"
            .to_owned(),
        place: None,
    };
    trees.into_iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::scene::Scene;
    use super::*;

    #[test]
    fn results_of_changed_files_are_told_by_commit_and_difference() {
        let mut scene = Scene::complete();
        for cell in [0, 1] {
            let provenance = &mut scene.attempt(cell, "train").provenance;
            (provenance.dirty, provenance.diff) = (Some(true), Some("e".repeat(64)));
        }
        let [finding] = &scene.find(&RULE)[..] else { panic!("one finding") };
        assert_eq!(
            (finding.subject.as_str(), finding.message.as_str()),
            ("commit cccccccccc", "2 tasks ran from files that differ from it")
        );
    }

    #[test]
    fn clean_trees_are_no_finding() {
        assert_eq!(Scene::complete().find(&RULE), []);
    }
}
