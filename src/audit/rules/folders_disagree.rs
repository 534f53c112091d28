//! Task folders that say something else than the database.

use runfile::{Outcome, Verdict};

use super::super::case::Case;
use super::super::facts::{Attempt, OnDisk};
use super::super::finding::{Finding, Severity};
use super::Rule;
use crate::text::plural;

pub const RULE: Rule =
    Rule { name: "folders-disagree", what: "task folders and the database do not hold the same attempts", find };

fn find(case: &Case<'_>) -> Vec<Finding> {
    let Some(disk) = &case.facts.disk else { return Vec::new() };
    let mut findings: Vec<Finding> = disk.attempts.iter().filter_map(|on_disk| other_outcome(case, on_disk)).collect();
    let gone: Vec<&Attempt> = disk
        .attempts
        .iter()
        .filter(|on_disk| on_disk.gone)
        .filter_map(|on_disk| case.facts.attempts.get(on_disk.attempt))
        .collect();
    findings.extend(gone.first().map(|first| folders_gone(case, first, gone.len())));
    findings.extend(disk.uncollected.first().map(|first| Finding {
        rule: RULE.name,
        severity: Severity::Note,
        subject: "task folders".to_owned(),
        message: format!("{} succeeded and are not in the database yet", plural(disk.uncollected.len(), "task")),
        evidence: vec![format!("the first: {}", case.task_name(first))],
        advice: "`sweep collect` brings them in".to_owned(),
        place: None,
    }));
    findings
}

fn folders_gone(case: &Case<'_>, first: &Attempt, count: usize) -> Finding {
    Finding {
        rule: RULE.name,
        severity: Severity::Warning,
        subject: "task folders".to_owned(),
        message: format!("the folders of {} that the database holds are gone", plural(count, "attempt")),
        evidence: vec![format!("the first: attempt {} of {}", first.number, case.task_name(&first.task))],
        advice: "put them back from a copy: a rebuild of the database would lose these results".to_owned(),
        place: None,
    }
}

fn other_outcome(case: &Case<'_>, on_disk: &OnDisk) -> Option<Finding> {
    let attempt = case.facts.attempts.get(on_disk.attempt)?;
    let evidence = match &on_disk.contents.as_ref()?.outcome {
        Err(reason) => vec![reason.clone()],
        Ok(outcome) => differences(attempt, outcome),
    };
    (!evidence.is_empty()).then(|| Finding {
        rule: RULE.name,
        severity: if attempt.succeeded { Severity::Error } else { Severity::Warning },
        subject: format!("{}, attempt {}", case.task_name(&attempt.task), attempt.number),
        message: "its `outcome.json` is not what the database was made from".to_owned(),
        evidence,
        advice:
            "`sweep db rebuild` makes the database again from the task folders and keeps the present one beside it; \
                 an outcome is never changed by `sweep` once it is published"
                .to_owned(),
        place: None,
    })
}

fn differences(attempt: &Attempt, outcome: &Outcome) -> Vec<String> {
    let mut lines = Vec::new();
    if (outcome.verdict == Verdict::Succeeded) != attempt.succeeded {
        lines.push(format!(
            "it says {:?}, the database that the attempt {}",
            outcome.verdict,
            if attempt.succeeded { "succeeded" } else { "did not succeed" }
        ));
    }
    if outcome.task != attempt.task.to_string() || outcome.attempt != attempt.number {
        lines.push(format!(
            "it is of attempt {} of the task {}",
            outcome.attempt,
            outcome.task.get(..8).unwrap_or_default()
        ));
    }
    for artifact in &outcome.artifacts {
        let path = artifact.path.to_string_lossy();
        match attempt.artifacts.iter().find(|stored| stored.path == path) {
            None => lines.push(format!("it lists `{path}`, the database does not")),
            Some(stored) if stored.digest.to_hex().as_str() != artifact.blake3 || stored.bytes != artifact.bytes => {
                lines.push(format!("it gives another size or digest of `{path}`"));
            }
            Some(_) => {}
        }
    }
    let listed = |path: &str| outcome.artifacts.iter().any(|artifact| artifact.path.to_string_lossy() == path);
    let extra = attempt.artifacts.iter().filter(|stored| !listed(&stored.path));
    lines.extend(extra.map(|stored| format!("the database lists `{}`, it does not", stored.path)));
    lines
}

#[cfg(test)]
mod tests {
    use super::super::super::scene::Scene;
    use super::*;

    #[test]
    fn an_outcome_that_says_something_else_is_an_error() {
        let mut scene = Scene::complete();
        let mut outcome = scene.outcome(1, "train");
        outcome.artifacts[0].bytes = 7;
        scene.put_outcome(1, "train", Ok(Box::new(outcome.clone())));
        let [finding] = &scene.find(&RULE)[..] else { panic!("one finding") };
        assert_eq!(finding.severity, Severity::Error);
        assert_eq!(finding.evidence, ["it gives another size or digest of `model.bin`"]);
        outcome.artifacts.clear();
        outcome.verdict = Verdict::Failed;
        scene.put_outcome(1, "train", Ok(Box::new(outcome)));
        assert_eq!(scene.find(&RULE)[0].evidence.len(), 2, "verdict and artifact");
        scene.put_outcome(1, "train", Err("it is torn".to_owned()));
        assert_eq!(scene.find(&RULE)[0].evidence, ["it is torn"]);
    }

    #[test]
    fn folders_that_are_gone_or_not_collected_are_counted() {
        let mut scene = Scene::complete();
        scene.on_disk(1, "train").gone = true;
        let task = scene.world.task(0, "train");
        scene.disk().uncollected.push(task);
        let severities: Vec<Severity> = scene.find(&RULE).iter().map(|finding| finding.severity).collect();
        assert_eq!(severities, [Severity::Warning, Severity::Note]);
    }

    #[test]
    fn an_equal_outcome_is_no_finding() {
        let mut scene = Scene::complete();
        let outcome = scene.outcome(1, "train");
        scene.put_outcome(1, "train", Ok(Box::new(outcome)));
        assert_eq!(scene.find(&RULE), []);
    }
}
