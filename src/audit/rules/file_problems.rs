//! Files that did not follow the job protocol when they were collected.

use std::collections::BTreeMap;

use super::super::case::Case;
use super::super::finding::{Finding, Severity};
use super::Rule;
use crate::text::plural;

pub const RULE: Rule = Rule {
    name: "file-problems",
    what: "files of results were not as the job protocol says when they were collected",
    find,
};

/// Problems that are shown of one stage.
const MOST: usize = 5;

fn find(case: &Case<'_>) -> Vec<Finding> {
    let stages: BTreeMap<_, usize> = case.plan.tasks.iter().map(|task| (task.id, usize::from(task.stage))).collect();
    let mut by_stage: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    let counting = case.facts.attempts.iter().filter(|attempt| attempt.succeeded && !attempt.problems.is_empty());
    for attempt in counting {
        let Some(&stage) = stages.get(&attempt.task) else { continue };
        let lines = attempt.problems.iter().map(|problem| format!("task {}: {problem}", attempt.task.short(8)));
        by_stage.entry(stage).or_default().extend(lines);
    }
    let finding = |(stage, mut evidence): (usize, Vec<String>)| {
        let (count, rest) = (evidence.len(), evidence.len().saturating_sub(MOST));
        evidence.truncate(MOST);
        evidence.extend((rest > 0).then(|| format!("and {rest} more")));
        Finding {
            rule: RULE.name,
            severity: Severity::Warning,
            subject: format!("stage `{}`", case.stage_name(stage)),
            message: format!(
                "{} in files of attempts that count; what was wrong was left out",
                plural(count, "problem")
            ),
            evidence,
            advice: "mend the program that writes them; `docs/job-protocol.md` says what is read".to_owned(),
            place: None,
        }
    };
    by_stage.into_iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::scene::Scene;
    use super::*;

    #[test]
    fn problems_are_told_by_stage() {
        let mut scene = Scene::complete();
        scene.attempt(3, "evaluate").problems = (0..7).map(|line| format!("metrics.jsonl:{line}: no point")).collect();
        let [finding] = &scene.find(&RULE)[..] else { panic!("one finding") };
        assert_eq!(finding.subject, "stage `evaluate`");
        assert_eq!((finding.evidence.len(), finding.evidence[5].as_str()), (6, "and 2 more"));
    }

    #[test]
    fn an_attempt_that_does_not_count_is_no_finding() {
        let mut scene = Scene::complete();
        assert_eq!(scene.find(&RULE), []);
        let attempt = scene.attempt(3, "evaluate");
        (attempt.succeeded, attempt.problems) = (false, vec!["torn".to_owned()]);
        assert_eq!(scene.find(&RULE), []);
    }
}
