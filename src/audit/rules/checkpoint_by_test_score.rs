//! A final score that is the best of many on the same test data.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::super::case::Case;
use super::super::finding::{Finding, Severity};
use super::Rule;
use crate::metric::{Direction, Kind, Observation};
use crate::text::plural;

pub const RULE: Rule = Rule {
    name: "checkpoint-by-test-score",
    what: "a final score is the best of several checkpoints on the data that it is reported on",
    find,
};

/// With fewer checkpoints the last is the best one too often to mean anything.
const FEWEST: usize = 3;

fn find(case: &Case<'_>) -> Vec<Finding> {
    let stages: HashMap<_, usize> = case.plan.tasks.iter().map(|task| (task.id, usize::from(task.stage))).collect();
    // By stage and metric: tasks whose final score is the best and not the last, and those with enough checkpoints.
    let mut chosen: BTreeMap<(usize, usize), (usize, usize, Option<String>)> = BTreeMap::new();
    for (task, observations) in case.observations_by_task() {
        let Some(&stage) = stages.get(task) else { continue };
        for (kind, trace) in traces(observations) {
            let Some((metric, definition)) = case.metrics_of(&kind.metric, &kind.benchmark).next() else { continue };
            let Some(is_chosen) = trace.is_chosen(definition.direction) else { continue };
            let (count, all, example) = chosen.entry((stage, metric)).or_default();
            *all += 1;
            if is_chosen {
                *count += 1;
                let line = trace.describe(&case.task_name(task));
                *example = Some(example.take().map_or(line.clone(), |known| known.min(line)));
            }
        }
    }
    let found = chosen.into_iter().filter(|(_, (count, ..))| *count > 0);
    found.map(|((stage, metric), (count, all, example))| {
        let label = case.sweep.metrics.get(metric).map_or("", |metric| &metric.label);
        Finding {
            rule: RULE.name,
            severity: Severity::Warning,
            subject: format!("{label}, stage `{}`", case.stage_name(stage)),
            message: format!("in {count} of {} the final score is that of the best checkpoint on the same data, and not of the last one", plural(all, "task")),
            evidence: example.into_iter().collect(),
            advice: "choose checkpoints by a validation split of their own, or report the last one: the best of many on the \
                     test data is too good"
                .to_owned(),
            place: None,
        }
    }).collect()
}

/// The scores of one kind on the way, and at the end.
#[derive(Default)]
struct Trace {
    /// (step, value), by step.
    steps: Vec<(u64, f64)>,
    last: Option<f64>,
}

/// By kind of score: everything on the same metric, benchmark and split.
fn traces<'a>(observations: &[&'a Observation]) -> Vec<(&'a Kind, Trace)> {
    let mut traces: Vec<(&'a Kind, Trace)> = Vec::new();
    for observation in observations {
        let place = traces.iter().position(|(kind, _)| **kind == *observation.kind).unwrap_or_else(|| {
            traces.push((&observation.kind, Trace::default()));
            traces.len() - 1
        });
        match observation.step {
            None => traces[place].1.last = Some(observation.value),
            Some(step) => traces[place].1.steps.push((step, observation.value)),
        }
    }
    traces.iter_mut().for_each(|(_, trace)| trace.steps.sort_by_key(|&(step, _)| step));
    traces
}

impl Trace {
    /// Whether the final score is the best on the way and not the last; `None` where that cannot be told.
    fn is_chosen(&self, direction: Direction) -> Option<bool> {
        let (last_step, final_score) = (self.steps.last()?.1, self.last?);
        if self.steps.len() < FEWEST || self.steps.iter().any(|(_, value)| !value.is_finite()) {
            return None;
        }
        let values = self.steps.iter().map(|&(_, value)| value);
        let best = match direction {
            Direction::Maximize => values.fold(f64::NEG_INFINITY, f64::max),
            Direction::Minimize => values.fold(f64::INFINITY, f64::min),
        };
        Some(final_score == best && final_score != last_step)
    }

    fn describe(&self, task: &str) -> String {
        let best = self.steps.iter().find(|&&(_, value)| Some(value) == self.last).map_or(0, |&(step, _)| step);
        let (last_step, last_value) = self.steps.last().copied().unwrap_or_default();
        let value = self.last.unwrap_or(f64::NAN);
        format!(
            "{task}: {value}, as at step {best} of {}; at step {last_step} it was {last_value}",
            plural(self.steps.len(), "checkpoint")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::scene::Scene;
    use super::*;

    fn with(final_score: f64, split: &str) -> Vec<Finding> {
        let mut scene = Scene::new();
        for (step, value) in [(100, 0.5), (200, 0.7), (300, 0.6)] {
            scene.world.measure(0, "evaluate", "accuracy", value);
            let observation = scene.world.observations.last_mut().unwrap();
            observation.step = Some(step);
            observation.kind = std::sync::Arc::new(Kind { split: split.to_owned(), ..(*observation.kind).clone() });
        }
        scene.world.measure(0, "evaluate", "accuracy", final_score);
        scene.find(&RULE)
    }

    #[test]
    fn the_best_of_the_test_scores_is_found() {
        let [finding] = &with(0.7, "")[..] else { panic!("one finding") };
        assert_eq!(finding.subject, "accuracy, stage `evaluate`");
        assert!(
            finding.evidence[0].ends_with("0.7, as at step 200 of 3 checkpoints; at step 300 it was 0.6"),
            "{}",
            finding.evidence[0]
        );
    }

    #[test]
    fn the_last_one_or_another_split_is_no_finding() {
        assert_eq!(with(0.6, ""), []);
        assert_eq!(with(0.7, "validation"), [], "chosen by other data than it is reported on");
    }
}
