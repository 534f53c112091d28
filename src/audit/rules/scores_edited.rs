//! Scores that the database and `scores.json` give differently.

use hashbrown::HashMap;
use runfile::Score;

use super::super::case::Case;
use super::super::facts::{Attempt, OnDisk};
use super::super::finding::{Finding, Severity};
use super::Rule;
use crate::id::TaskId;
use crate::metric::Observation;

pub const RULE: Rule = Rule {
    name: "scores-edited",
    what: "the database gives a score otherwise than the file that it was read from",
    find,
};

fn find(case: &Case<'_>) -> Vec<Finding> {
    let Some(disk) = &case.facts.disk else { return journal(case) };
    let stored = case.observations_by_task();
    let findings = disk.attempts.iter().filter_map(|on_disk| {
        let attempt = case.facts.attempts.get(on_disk.attempt).filter(|attempt| attempt.succeeded)?;
        edited(case, attempt, on_disk, stored)
    });
    findings.chain(journal(case)).collect()
}

/// Imported numbers come from the journal, not from a file of a task.
fn journal(case: &Case<'_>) -> Vec<Finding> {
    if case.facts.journal.is_empty() {
        return Vec::new();
    }
    vec![Finding {
        rule: RULE.name,
        severity: Severity::Error,
        subject: "imported numbers".to_owned(),
        message: "the database gives them otherwise than the journal that they were recorded in".to_owned(),
        evidence: case.facts.journal.clone(),
        advice: "`sweep db rebuild` makes the database again from the journal and keeps the present one beside it"
            .to_owned(),
        place: None,
    }]
}

fn edited(
    case: &Case<'_>,
    attempt: &Attempt,
    on_disk: &OnDisk,
    stored: &HashMap<TaskId, Vec<&Observation>>,
) -> Option<Finding> {
    let scores = on_disk.contents.as_ref()?.scores.as_ref()?;
    let stored = stored.get(&attempt.task).map_or(&[][..], Vec::as_slice);
    let evidence = differences(stored, scores);
    if evidence.is_empty() {
        return None;
    }
    let file_changed = on_disk.files.iter().any(|(path, _)| path == runfile::scores::FILE);
    Some(Finding {
        rule: RULE.name,
        severity: Severity::Error,
        subject: case.task_name(&attempt.task),
        message: if file_changed {
            "the scores in the database are not those of `scores.json`, which was changed after the attempt had ended"
        } else {
            "the scores in the database are not those of `scores.json`, which is as it was when the attempt ended"
        }
        .to_owned(),
        evidence,
        advice: if file_changed {
            "put the file back; what was collected before the change stands in the database"
        } else {
            "`sweep db rebuild` makes the database again from the task folders and keeps the present one beside it"
        }
        .to_owned(),
        place: None,
    })
}

/// What a score is called, apart from its value.
type Key<'a> = (&'a str, &'a str, &'a str, Option<u64>);

fn differences(stored: &[&Observation], scores: &[Score]) -> Vec<String> {
    let key = |score: &'_ Score| -> (String, String, String, Option<u64>) {
        (score.metric.clone(), score.benchmark.clone(), score.split.clone(), score.step)
    };
    let mut in_file: HashMap<(String, String, String, Option<u64>), &Score> = HashMap::with_capacity(scores.len());
    for score in scores {
        // The first of two stands, as when it was collected.
        in_file.entry(key(score)).or_insert(score);
    }
    let mut lines = Vec::new();
    for observation in stored {
        let kind = &observation.kind;
        let key = (kind.metric.clone(), kind.benchmark.clone(), kind.split.clone(), observation.step);
        let name = name((&kind.metric, &kind.benchmark, &kind.split, observation.step));
        match in_file.remove(&key) {
            None => lines.push(format!("{name}: {} in the database, nothing in the file", observation.value)),
            Some(score) if !same(observation.value, score.value) => {
                lines.push(format!("{name}: {} in the database, {} in the file", observation.value, score.value));
            }
            Some(score) if observation.n != score.n => {
                lines.push(format!(
                    "{name}: n is {} in the database, {} in the file",
                    count(observation.n),
                    count(score.n)
                ));
            }
            Some(_) => {}
        }
    }
    let mut rest: Vec<&Score> = in_file.into_values().collect();
    rest.sort_by(|left, right| (&left.metric, &left.benchmark).cmp(&(&right.metric, &right.benchmark)));
    lines.extend(rest.into_iter().map(|score| {
        let name = name((&score.metric, &score.benchmark, &score.split, score.step));
        format!("{name}: nothing in the database, {} in the file", score.value)
    }));
    lines
}

/// SQLite has one zero and one NaN.
fn same(left: f64, right: f64) -> bool {
    left == right || left.is_nan() && right.is_nan()
}

fn count(n: Option<u64>) -> String {
    n.map_or_else(|| "unknown".to_owned(), |n| n.to_string())
}

fn name((metric, benchmark, split, step): Key<'_>) -> String {
    let details = [benchmark, split].into_iter().filter(|text| !text.is_empty()).map(|text| format!(" of {text}"));
    let step = step.map_or_else(String::new, |step| format!(" at step {step}"));
    format!("{metric}{}{step}", details.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::super::super::facts::FileState;
    use super::super::super::scene::Scene;
    use super::*;

    #[test]
    fn an_edited_database_is_told_from_an_edited_file() {
        let mut scene = Scene::complete();
        scene.scores_file(1, "evaluate", r#"{"accuracy": 0.25}"#);
        let [finding] = &scene.find(&RULE)[..] else { panic!("one finding") };
        assert_eq!(finding.evidence, ["accuracy: 0.51 in the database, 0.25 in the file"]);
        assert!(finding.message.ends_with("which is as it was when the attempt ended"));
        scene.on_disk(1, "evaluate").files.push(("scores.json".to_owned(), FileState::Size(1)));
        assert!(scene.find(&RULE)[0].message.ends_with("which was changed after the attempt had ended"));
    }

    #[test]
    fn a_score_that_only_one_side_has_is_found() {
        let mut scene = Scene::complete();
        scene.scores_file(1, "evaluate", r#"{"accuracy": 0.51, "f1": 0.5}"#);
        assert_eq!(scene.find(&RULE)[0].evidence, ["f1: nothing in the database, 0.5 in the file"]);
        scene.scores_file(1, "evaluate", "{}");
        assert_eq!(scene.find(&RULE)[0].evidence, ["accuracy: 0.51 in the database, nothing in the file"]);
    }

    #[test]
    fn the_zeros_and_nans_of_a_file_are_those_of_the_database() {
        let mut scene = Scene::complete();
        for (stored, file) in [(0.0, "-0.0"), (f64::NAN, "NaN")] {
            scene.world.observations[1].value = stored;
            scene.scores_file(1, "evaluate", &format!("{{\"accuracy\": {file}}}"));
            assert_eq!(scene.find(&RULE), [], "{file}");
        }
    }

    #[test]
    fn equal_scores_are_no_finding() {
        let mut scene = Scene::complete();
        scene.scores_file(1, "evaluate", r#"{"accuracy": 0.51}"#);
        assert_eq!(scene.find(&RULE), []);
        scene.facts.journal.push("one line".to_owned());
        assert_eq!(scene.find(&RULE).len(), 1, "the journal has its own say");
    }
}
