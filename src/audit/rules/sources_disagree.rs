//! Two sources that give one run different values of one metric.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::super::case::Case;
use super::super::finding::{Finding, Severity};
use super::super::printed::PrintedNumber;
use super::Rule;
use crate::metric::{Observation, Subject};
use crate::plan::{RunIx, TaskIx};
use crate::report::table::fixed;
use crate::text::plural;

pub const RULE: Rule =
    Rule { name: "sources-disagree", what: "two sources give different values for the same run", find };

/// The source of what tasks measure: all its digits are there.
const MEASURED: &str = "measured";
/// Values that are named of one pair of sources.
const MOST: usize = 10;

/// One value of one metric of one run.
struct Value<'a> {
    source: &'a str,
    value: f64,
    decimals: Option<u32>,
}

fn find(case: &Case<'_>) -> Vec<Finding> {
    if case.facts.imported.is_empty() {
        return Vec::new();
    }
    // By the two sources: lines, and how many values they share.
    let mut pairs: BTreeMap<(&str, &str), (Vec<String>, usize)> = BTreeMap::new();
    let mut found: Vec<((RunIx, usize), Vec<Value<'_>>)> =
        values(case).into_iter().filter(|(_, values)| values.len() > 1).collect();
    found.sort_unstable_by_key(|&(place, _)| place);
    for ((run, metric), values) in found {
        for (position, one) in values.iter().enumerate() {
            for other in values.iter().skip(position + 1).filter(|other| other.source != one.source) {
                let (first, second) = if one.source < other.source { (one, other) } else { (other, one) };
                let (lines, shared) = pairs.entry((first.source, second.source)).or_default();
                *shared += 1;
                lines.extend(difference(case, (run, metric), first, second));
            }
        }
    }
    let differing = pairs.into_iter().filter(|(_, (lines, _))| !lines.is_empty());
    differing
        .map(|((first, second), (mut lines, shared))| {
            let (count, rest) = (lines.len(), lines.len().saturating_sub(MOST));
            lines.truncate(MOST);
            lines.extend((rest > 0).then(|| format!("and {rest} more")));
            Finding {
                rule: RULE.name,
                severity: Severity::Warning,
                subject: format!("{first}; {second}"),
                message: format!("they differ in {count} of {} that both give", plural(shared, "value")),
                evidence: lines,
                advice: "say which one is meant and why: another run, another evaluation or a slip would explain it"
                    .to_owned(),
                place: None,
            }
        })
        .collect()
}

/// Everything imported, and what was measured for the same runs.
fn values<'a>(case: &Case<'a>) -> HashMap<(RunIx, usize), Vec<Value<'a>>> {
    let runs = case.runs_by_id();
    let mut values: HashMap<(RunIx, usize), Vec<Value<'a>>> = HashMap::new();
    for column in case.columns() {
        let Some(metric) = column.metric else { continue };
        for imported in &column.values {
            let Some(&run) = runs.get(&imported.run) else { continue };
            let value = Value { source: &column.column.source, value: imported.value, decimals: Some(column.decimals) };
            values.entry((run, metric)).or_default().push(value);
        }
    }
    let stored = case.observations_by_task();
    let places: Vec<RunIx> = values.keys().map(|&(run, _)| run).collect();
    for run in places {
        for stage in 0..case.sweep.stages.len() {
            let task = case.plan.task_of(run, stage).and_then(|TaskIx(task)| case.plan.tasks.get(task as usize));
            for observation in task.and_then(|task| stored.get(&task.id)).into_iter().flatten() {
                add_measured(case, run, observation, &mut values);
            }
        }
    }
    values
}

fn add_measured<'a>(
    case: &Case<'a>,
    run: RunIx,
    observation: &'a Observation,
    values: &mut HashMap<(RunIx, usize), Vec<Value<'a>>>,
) {
    let Subject::Task(_) = observation.subject else { return };
    if observation.step.is_some() || observation.kind.source != MEASURED {
        return;
    }
    let metric = case.metrics_of(&observation.kind.metric, &observation.kind.benchmark).next();
    let Some(known) = metric.and_then(|(metric, _)| values.get_mut(&(run, metric))) else { return };
    if known.iter().all(|value| value.source != MEASURED) {
        known.push(Value { source: MEASURED, value: observation.value, decimals: None });
    }
}

/// How two values of one score differ; `None` where rounding or the declared tolerance explains it.
fn difference(case: &Case<'_>, (run, metric): (RunIx, usize), first: &Value<'_>, second: &Value<'_>) -> Option<String> {
    let metric = case.sweep.metrics.get(metric)?;
    let range = |value: &Value<'_>| match value.decimals {
        Some(decimals) => PrintedNumber { value: value.value, decimals }.nearest(),
        None => (value.value, value.value),
    };
    let ((first_low, first_high), (second_low, second_high)) = (range(first), range(second));
    let tolerance = metric.tolerance.unwrap_or(0.0);
    // The more coarsely printed one decides: 44 and 44.3 may be one number.
    let meet = first_low <= second_high + tolerance && second_low <= first_high + tolerance;
    let same = first.decimals == second.decimals && first.value == second.value;
    let apart = first.decimals.is_some()
        && first.decimals == second.decimals
        && first.value != second.value
        && tolerance == 0.0;
    let shown = |value: &Value<'_>| match value.decimals {
        Some(decimals) => fixed(value.value, decimals as usize),
        None => value.value.to_string(),
    };
    let text = || format!("{}, {}: {} and {}", metric.label, case.run_name(run), shown(first), shown(second));
    (!same && (!meet || apart)).then(text)
}

#[cfg(test)]
mod tests {
    use super::super::super::scene::Scene;
    use super::*;

    #[test]
    fn two_tables_with_two_values_are_found_in_one_finding() {
        let mut scene = Scene::new();
        for (cell, table_1, table_2) in [(0, 18.2, 18.9), (1, 17.0, 17.0), (2, 16.1, 16.2)] {
            scene.import(cell, "fid", table_1, "Table 1");
            scene.import(cell, "fid", table_2, "Table 2");
        }
        let [finding] = &scene.find(&RULE)[..] else { panic!("one finding") };
        assert_eq!(
            (finding.subject.as_str(), finding.message.as_str()),
            ("Table 1; Table 2", "they differ in 2 of 3 values that both give")
        );
        assert_eq!(finding.evidence[0], "fid, main: data=1k loss=cosine: 18.2 and 18.9");
    }

    #[test]
    fn rounding_is_no_difference() {
        let mut scene = Scene::new();
        scene.import(0, "fid", 44.0, "Table 1");
        scene.import(0, "fid", 44.3, "Table 2");
        assert_eq!(scene.find(&RULE), [], "44 may be 44.3 printed coarsely");
        let mut scene = Scene::new();
        scene.import(0, "accuracy", 0.5, "Table 1");
        scene.world.measure(0, "evaluate", "accuracy", 0.512_345);
        assert_eq!(scene.find(&RULE), [], "0.512345 prints as 0.5");
        scene.world.observations.last_mut().unwrap().value = 0.562;
        assert_eq!(scene.find(&RULE).len(), 1);
    }
}
