//! One configuration with several results.

use hashbrown::HashMap;

use super::super::case::Case;
use super::super::finding::{Finding, Severity};
use super::Rule;
use crate::id::TaskId;
use crate::metric::{Kind, Observation};
use crate::plan::TaskIx;

pub const RULE: Rule = Rule {
    name: "nondeterminism",
    what: "the same configuration gave different scores, beyond the declared tolerance",
    find,
};

fn find(case: &Case<'_>) -> Vec<Finding> {
    let stored = case.observations_by_task();
    attempts_of_one_task(case, stored).into_iter().chain(tasks_of_one_configuration(case, stored)).collect()
}

/// A task that was tried twice and left scores both times.
fn attempts_of_one_task(case: &Case<'_>, stored: &HashMap<TaskId, Vec<&Observation>>) -> Vec<Finding> {
    let tried = case.facts.attempts.iter().filter(|attempt| !attempt.scores.is_empty());
    let found = tried.filter_map(|attempt| {
        let counting = stored.get(&attempt.task)?;
        let same = |late: &&super::super::facts::LateScore| {
            counting.iter().find(|own| *own.kind == *late.kind && own.step == late.step)
        };
        let lines: Vec<String> =
            attempt.scores.iter().filter_map(|late| line(case, &late.kind, same(&late)?.value, late.value)).collect();
        (!lines.is_empty()).then(|| {
            finding(
                case.task_name(&attempt.task),
                format!("attempt {} gave other scores than the one that counts", attempt.number),
                lines,
            )
        })
    });
    found.collect()
}

/// Tasks with one effective configuration and the same inputs, under different names.
fn tasks_of_one_configuration(case: &Case<'_>, stored: &HashMap<TaskId, Vec<&Observation>>) -> Vec<Finding> {
    let mut groups: HashMap<(&str, &str, Vec<TaskIx>), Vec<TaskIx>> = HashMap::new();
    let mut order = Vec::new();
    for (position, task) in (0_u32..).map(TaskIx).zip(&case.plan.tasks) {
        let Some(effective) = case.success(position).and_then(|attempt| attempt.provenance.effective.as_deref()) else {
            continue;
        };
        let mut needs: Vec<TaskIx> = case.plan.needs(case.sweep, position).map(|(_, need)| need).collect();
        needs.sort_unstable();
        let Some(stage) = case.sweep.stages.get(usize::from(task.stage)) else { continue };
        let key = (stage.name.as_str(), effective, needs);
        groups
            .entry(key.clone())
            .or_insert_with(|| {
                order.push(key);
                Vec::new()
            })
            .push(position);
    }
    let several = order.iter().filter_map(|key| groups.get(key).filter(|tasks| tasks.len() > 1));
    several.filter_map(|tasks| differing(case, tasks, stored)).collect()
}

fn differing(case: &Case<'_>, tasks: &[TaskIx], stored: &HashMap<TaskId, Vec<&Observation>>) -> Option<Finding> {
    let ids: Vec<TaskId> = tasks.iter().filter_map(|task| Some(case.plan.tasks.get(task.0 as usize)?.id)).collect();
    let (first, rest) = ids.split_first()?;
    let reference = stored.get(first)?;
    let lines: Vec<String> = rest
        .iter()
        .flat_map(|other| {
            let others = stored.get(other).map_or(&[][..], Vec::as_slice);
            let pairs = reference.iter().filter_map(move |own| {
                let same = others.iter().find(|other| other.kind == own.kind && other.step == own.step)?;
                line(case, &own.kind, own.value, same.value)
            });
            pairs.map(|line| format!("{line} in task {}", other.short(8))).collect::<Vec<_>>()
        })
        .collect();
    let message = "another task reports the same effective configuration and inputs, and other scores".to_owned();
    (!lines.is_empty()).then(|| finding(case.task_name(first), message, lines))
}

/// What two values of one score differ in; `None` within tolerance.
fn line(case: &Case<'_>, kind: &Kind, here: f64, there: f64) -> Option<String> {
    let tolerance =
        case.metrics_of(&kind.metric, &kind.benchmark).find_map(|(_, metric)| metric.tolerance).unwrap_or(0.0);
    let equal =
        (here - there).abs() <= tolerance || here.to_bits() == there.to_bits() || here.is_nan() && there.is_nan();
    let benchmark = if kind.benchmark.is_empty() { String::new() } else { format!(" of {}", kind.benchmark) };
    (!equal).then(|| format!("{}{benchmark}: {here} and {there}", kind.metric))
}

fn finding(subject: String, message: String, evidence: Vec<String>) -> Finding {
    Finding {
        rule: RULE.name,
        severity: Severity::Warning,
        subject,
        message,
        evidence,
        advice:
            "fix what is drawn without a seed, or declare how far executions may lie apart: `tolerance` of the metric"
                .to_owned(),
        place: None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::facts::LateScore;
    use super::super::super::scene::Scene;
    use super::*;

    #[test]
    fn another_attempt_with_other_scores_is_found() {
        let mut scene = Scene::complete();
        let kind = scene.world.observations[0].kind.clone();
        let mut second = scene.attempt(0, "evaluate").clone();
        (second.number, second.succeeded) = (2, false);
        second.scores = vec![LateScore { kind, step: None, value: 0.625 }];
        scene.facts.attempts.push(second);
        let [finding] = &scene.find(&RULE)[..] else { panic!("one finding") };
        assert_eq!(finding.evidence, ["accuracy: 0.5 and 0.625"]);
        scene.world.sweep.metrics[0].tolerance = Some(0.125);
        assert_eq!(scene.find(&RULE), [], "within the declared tolerance");
    }

    #[test]
    fn two_tasks_that_did_the_same_are_compared() {
        let mut scene = Scene::complete();
        for cell in [0, 1] {
            scene.attempt(cell, "train").provenance.effective = Some("1".repeat(64));
        }
        assert_eq!(scene.find(&RULE), [], "they have no scores");
        scene.world.measure(0, "train", "loss", 1.5);
        scene.world.measure(1, "train", "loss", 1.5);
        assert_eq!(scene.find(&RULE), [], "the same scores");
        scene.world.observations.last_mut().unwrap().value = 1.75;
        assert!(scene.find(&RULE)[0].evidence[0].starts_with("loss: 1.5 and 1.75 in task "));
    }
}
