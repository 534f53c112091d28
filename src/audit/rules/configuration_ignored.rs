//! Programs that took another configuration than they were given.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::super::case::Case;
use super::super::finding::{Finding, Severity};
use super::Rule;
use crate::plan::TaskIx;
use crate::text::plural;

pub const RULE: Rule = Rule {
    name: "configuration-ignored",
    what: "a program reports another value of a parameter than the sweep asked for",
    find,
};

fn find(case: &Case<'_>) -> Vec<Finding> {
    let Some(disk) = &case.facts.disk else { return Vec::new() };
    let places: hashbrown::HashMap<_, TaskIx> =
        (0_u32..).zip(&case.plan.tasks).map(|(position, task)| (task.id, TaskIx(position))).collect();
    // By stage and parameter: number of tasks, and the first.
    let mut ignored: BTreeMap<(usize, String), (usize, String)> = BTreeMap::new();
    for on_disk in &disk.attempts {
        let Some(attempt) = case.facts.attempts.get(on_disk.attempt).filter(|attempt| attempt.succeeded) else {
            continue;
        };
        let effective = on_disk.contents.as_ref().and_then(|contents| contents.effective.as_ref());
        let (Some(&task), Some(effective)) = (places.get(&attempt.task), effective) else { continue };
        let stage = case.plan.tasks.get(task.0 as usize).map_or(0, |task| usize::from(task.stage));
        for (name, asked, taken) in differing(case, task, stage, effective) {
            let line = format!("{}: {asked} was asked for, {taken} taken", case.task_name(&attempt.task));
            ignored.entry((stage, name)).and_modify(|(count, _)| *count += 1).or_insert((1, line));
        }
    }
    let finding = |((stage, name), (count, line)): ((usize, String), (usize, String))| {
        Finding {
        rule: RULE.name,
        severity: Severity::Error,
        subject: format!("stage `{}`, parameter `{name}`", case.stage_name(stage)),
        message: format!("{} took another value than the sweep asked for", plural(count, "task")),
        evidence: vec![line],
        advice: "mend the program, or what it writes into `effective.json`: as it stands the cells are not what they are called"
            .to_owned(),
        place: None,
    }
    };
    ignored.into_iter().map(finding).collect()
}

/// Factors that the stage uses and that took effect with another value: name, asked, taken.
fn differing(
    case: &Case<'_>,
    task: TaskIx,
    stage: usize,
    effective: &Map<String, Value>,
) -> Vec<(String, String, String)> {
    let Some(parameters) = effective.get("parameters").and_then(Value::as_object) else { return Vec::new() };
    let uses = case.sweep.stages.get(stage).map_or(0, |stage| stage.uses.len());
    let asked = case.plan.params(case.sweep, task).take(uses);
    let differs = |(name, asked): (&str, &crate::value::Value)| {
        let (asked, taken) = (asked.to_json(), parameters.get(name)?);
        // What was left open (null) or rewritten as text is for the program to say.
        let comparable = matches!(
            (&asked, taken),
            (Value::Number(_), Value::Number(_))
                | (Value::Bool(_), Value::Bool(_))
                | (Value::String(_), Value::String(_))
        );
        (comparable && !same(&asked, taken)).then(|| (name.to_owned(), asked.to_string(), taken.to_string()))
    };
    asked.filter_map(differs).collect()
}

fn same(left: &Value, right: &Value) -> bool {
    match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => left == right,
        _ => left == right,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::scene::Scene;
    use super::*;

    #[test]
    fn another_value_than_asked_is_an_error() {
        let mut scene = Scene::complete();
        scene.effective(1, "train", r#"{"parameters": {"loss": "cosine", "data": 1000, "rate": 0.5}}"#);
        let [finding] = &scene.find(&RULE)[..] else { panic!("one finding") };
        assert_eq!(finding.subject, "stage `train`, parameter `loss`");
        assert!(finding.evidence[0].ends_with(r#""l1" was asked for, "cosine" taken"#), "{}", finding.evidence[0]);
    }

    #[test]
    fn the_same_value_in_another_spelling_is_no_finding() {
        let mut scene = Scene::complete();
        scene.effective(1, "train", r#"{"parameters": {"loss": "l1", "data": 1000.0}}"#);
        assert_eq!(scene.find(&RULE), []);
    }
}
