//! Averages that do not follow from their parts.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::super::case::{Case, ImportedColumn};
use super::super::finding::{Finding, Place, Severity};
use super::super::printed::PrintedNumber;
use super::Rule;
use crate::id::RunId;
use crate::metric::{Metric, Observation};
use crate::report::table::fixed;
use crate::text::plural;

pub const RULE: Rule =
    Rule { name: "average-off", what: "an average does not follow from the parts that stand beside it", find };

/// Unrounded averages are equal up to the order in which they were added.
const NOISE: f64 = 1e-9;

fn find(case: &Case<'_>) -> Vec<Finding> {
    let means = case.sweep.metrics.iter().enumerate().filter(|(_, metric)| !metric.mean_of.is_empty());
    let columns = case.columns();
    let stored = case.observations_by_task();
    means
        .flat_map(|(position, mean)| {
            imported(case, &columns, position, mean).into_iter().chain(measured(case, stored, mean))
        })
        .collect()
}

/// Every imported average whose parts the same source gives for the same run.
fn imported(case: &Case<'_>, columns: &[ImportedColumn<'_>], position: usize, mean: &Metric) -> Vec<Finding> {
    let runs = case.runs_by_id();
    let mut findings = Vec::new();
    for average in columns.iter().filter(|column| column.metric == Some(position)) {
        let part = |name: &String| {
            let same = |column: &&ImportedColumn<'_>| {
                column
                    .metric
                    .and_then(|metric| case.sweep.metrics.get(metric))
                    .is_some_and(|metric| metric.name == *name)
                    && column.column.source == average.column.source
                    && column.column.import == average.column.import
            };
            columns.iter().find(same)
        };
        let Some(parts) = mean.mean_of.iter().map(part).collect::<Option<Vec<_>>>() else { continue };
        let by_run: Vec<HashMap<RunId, PrintedNumber>> = parts.iter().map(|part| values(part)).collect();
        for value in &average.values {
            let Some(printed) = by_run.iter().map(|part| part.get(&value.run).copied()).collect::<Option<Vec<_>>>()
            else {
                continue;
            };
            let own = PrintedNumber { value: value.value, decimals: average.decimals };
            let Some(line) = off(own, &printed) else { continue };
            let cell = runs.get(&value.run).map_or_else(|| value.run.short(8), |&run| case.run_name(run));
            findings.push(Finding {
                rule: RULE.name,
                severity: Severity::Warning,
                subject: format!("{}, {}, {cell}", average.column.source, mean.label),
                message: format!("the printed average is not that of its {}", plural(parts.len(), "printed part")),
                evidence: vec![line],
                advice: "a slip in one of the numbers, another weighting, or parts of another run would explain it"
                    .to_owned(),
                place: Some(Place { file: average.column.file.clone(), line: Some(value.line) }),
            });
        }
    }
    findings
}

fn values(column: &ImportedColumn<'_>) -> HashMap<RunId, PrintedNumber> {
    let printed = |value| PrintedNumber { value, decimals: column.decimals };
    column.values.iter().map(|imported| (imported.run, printed(imported.value))).collect()
}

/// How a printed average and its printed parts differ; `None` where some common rounding of each explains it.
fn off(average: PrintedNumber, parts: &[PrintedNumber]) -> Option<String> {
    let count = parts.len() as f64;
    let mean = parts.iter().map(|part| part.value).sum::<f64>() / count;
    let (mut low, mut high) = (0.0, 0.0);
    for (part_low, part_high) in parts.iter().map(|part| part.range()) {
        (low, high) = (low + part_low / count, high + part_high / count);
    }
    let (own_low, own_high) = average.range();
    let meet = own_low <= high + NOISE && low <= own_high + NOISE;
    let decimals = average.decimals as usize;
    (!meet).then(|| {
        format!(
            "printed {}, computed {} (rounding of the parts allows {} to {})",
            fixed(average.value, decimals),
            fixed(mean, decimals + 2),
            fixed(low, decimals + 2),
            fixed(high, decimals + 2)
        )
    })
}

/// Every task that measured an average and its parts: exact, with equal weights or with those of the numbers of items.
fn measured(case: &Case<'_>, stored: &HashMap<crate::id::TaskId, Vec<&Observation>>, mean: &Metric) -> Vec<Finding> {
    // In order of identity, so that the first is the same every time.
    let mut wrong: BTreeMap<crate::id::TaskId, String> = BTreeMap::new();
    let mut compared = 0;
    for (task, scores) in stored {
        let score = |name: &str| {
            let metric = case.sweep.metrics.iter().find(|metric| metric.name == name)?;
            let own = |score: &&&Observation| {
                score.step.is_none()
                    && score.kind.metric == metric.score
                    && metric.benchmark.as_deref() == Some(&score.kind.benchmark)
            };
            let mut found = scores.iter().filter(own);
            found.next().filter(|_| found.next().is_none()).copied()
        };
        let (Some(own), Some(parts)) =
            (score(&mean.name), mean.mean_of.iter().map(|part| score(part)).collect::<Option<Vec<_>>>())
        else {
            continue;
        };
        compared += 1;
        let equal = parts.iter().map(|part| part.value).sum::<f64>() / parts.len() as f64;
        let items: Option<Vec<f64>> = parts.iter().map(|part| part.n.map(|n| n as f64)).collect();
        let weighted = items.map(|items| {
            parts.iter().zip(&items).map(|(part, n)| part.value * n).sum::<f64>() / items.iter().sum::<f64>()
        });
        let close = |value: f64| (value - own.value).abs() <= NOISE * value.abs().max(1.0);
        if own.value.is_finite() && !close(equal) && !weighted.is_some_and(close) {
            wrong.insert(*task, format!("{}: {}, the mean of its parts is {equal}", case.task_name(task), own.value));
        }
    }
    let Some(first) = wrong.values().next().cloned() else { return Vec::new() };
    vec![Finding {
        rule: RULE.name,
        severity: Severity::Error,
        subject: format!("{}, measured", mean.label),
        message: format!("in {} of {} the average is not that of its parts", wrong.len(), plural(compared, "task")),
        evidence: vec![first],
        advice: "see how the program computes it; `mean_of` says which parts it is the mean of".to_owned(),
        place: None,
    }]
}

#[cfg(test)]
mod tests {
    use super::super::super::scene::Scene;
    use super::*;

    fn printed(value: f64) -> PrintedNumber {
        PrintedNumber { value, decimals: 1 }
    }

    #[test]
    fn rounding_explains_what_it_can() {
        let parts = [printed(10.0), printed(20.1)];
        assert_eq!(off(printed(15.1), &parts), None, "15.05 rounds up");
        assert_eq!(off(printed(15.0), &parts), None, "and down");
        assert!(off(printed(15.4), &parts).is_some());
        assert!(off(printed(14.8), &parts).unwrap().starts_with("printed 14.8, computed 15.050"));
    }

    #[test]
    fn an_imported_average_is_held_against_its_parts() {
        let mut scene = Scene::new();
        for (cell, average) in [(0, 50.5), (1, 52.9)] {
            scene.import(cell, "average", average, "Table 1");
            scene.import(cell, "reading", 40.1, "Table 1");
            scene.import(cell, "counting", 60.9, "Table 1");
        }
        let [finding] = &scene.find(&RULE)[..] else { panic!("one finding") };
        assert_eq!(finding.subject, "Table 1, average, main: data=1k loss=l1");
        assert_eq!(finding.place.as_ref().unwrap().line, Some(3));
    }

    #[test]
    fn a_measured_average_is_exact() {
        let mut scene = Scene::new();
        for (score, value) in [("average/both", 0.5), ("reading/r", 0.25), ("counting/c", 0.75)] {
            scene.world.measure(0, "evaluate", score, value);
        }
        assert_eq!(scene.find(&RULE), []);
        scene.world.observations[0].value = 0.501;
        assert_eq!(scene.find(&RULE)[0].severity, Severity::Error);
    }
}
