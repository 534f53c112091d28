//! References that are not the same for everything that is compared with them.

use hashbrown::HashMap;

use super::super::case::Case;
use super::super::finding::{Finding, Severity};
use super::Rule;
use crate::grid::{AnchorValue, Sweep};
use crate::plan::TaskIx;
use crate::report::table::fixed;

pub const RULE: Rule =
    Rule { name: "moved-baseline", what: "a reference moved between results that are compared with it", find };

/// Values that are named.
const MOST: usize = 4;

fn find(case: &Case<'_>) -> Vec<Finding> {
    moved_anchors(case).into_iter().chain(moved_defaults(case)).collect()
}

/// Anchors that were measured several times for the cells of one grid, with different results.
fn moved_anchors(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let stored = case.observations_by_task();
    for (position, grid, _) in case.grids() {
        for anchor in &case.sweep.anchors {
            for (name, value) in &anchor.of {
                let metric = case.sweep.metrics.iter().find(|metric| metric.name == *name);
                let (Some(metric), AnchorValue::Benchmark(benchmark)) = (metric, value) else { continue };
                let tasks = (0..case.sweep.stages.len()).flat_map(|stage| case.tasks_of(position, stage));
                let mut values: Vec<f64> = tasks
                    .filter_map(|TaskIx(task)| stored.get(&case.plan.tasks.get(task as usize)?.id))
                    .flatten()
                    .filter(|score| {
                        score.step.is_none() && score.kind.metric == metric.score && score.kind.benchmark == *benchmark
                    })
                    .map(|score| score.value)
                    .collect();
                values.sort_by(f64::total_cmp);
                values.dedup();
                if values.len() > 1 {
                    findings.push(anchor_finding(&grid.name, &anchor.label, &metric.label, &values, metric.decimals));
                }
            }
        }
    }
    findings
}

fn anchor_finding(grid: &str, anchor: &str, metric: &str, values: &[f64], decimals: usize) -> Finding {
    let mut shown: Vec<String> = values.iter().take(MOST).map(|value| fixed(*value, decimals + 1)).collect();
    let rest = values.len().saturating_sub(MOST);
    shown.extend((rest > 0).then(|| format!("and {rest} more")));
    Finding {
        rule: RULE.name,
        severity: Severity::Note,
        subject: format!("grid `{grid}`, anchor `{anchor}`, {metric}"),
        message: format!("it has {} values among the cells that are compared with it", values.len()),
        evidence: vec![shown.join(", ")],
        advice: "compare each cell with its own, or measure the anchor once for all of them".to_owned(),
        place: None,
    }
}

/// Defaults that an earlier text of the sweep had otherwise, while results of both exist.
fn moved_defaults(case: &Case<'_>) -> Vec<Finding> {
    let nothing = case.evidence.observations.is_empty();
    let Some(earlier) = case.facts.earlier.first().filter(|_| !nothing) else { return Vec::new() };
    let (now, before) = (defaults(case.sweep), defaults(earlier));
    let mut lines: Vec<String> = now
        .iter()
        .filter_map(|(name, value)| {
            let earlier = before.get(name).filter(|earlier| *earlier != value)?;
            Some(format!("{name}: {earlier} in the plan before, {value} now"))
        })
        .collect();
    lines.sort_unstable();
    if lines.is_empty() {
        return Vec::new();
    }
    vec![Finding {
        rule: RULE.name,
        severity: Severity::Warning,
        subject: "reference configuration".to_owned(),
        message: "its defaults are not those of the plan before".to_owned(),
        evidence: lines,
        advice: "what was compared with the old reference is to be compared again; `sweep plan` lists the runs that are stale"
            .to_owned(),
        place: None,
    }]
}

fn defaults(sweep: &Sweep) -> HashMap<&str, String> {
    let value =
        |factor: &'_ crate::grid::Factor| factor.levels.get(usize::from(factor.default)).map(ToString::to_string);
    sweep.factors.iter().filter_map(|factor| Some((factor.name.as_str(), value(factor)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::scene::{SWEEP, Scene};
    use super::*;

    #[test]
    fn an_anchor_with_several_values_in_one_grid_is_a_note() {
        let mut scene = Scene::new();
        (0..6).for_each(|cell| scene.world.measure(cell, "evaluate", "reading/chance/r", 0.25));
        assert_eq!(scene.find(&RULE), []);
        scene.world.observations[3].value = 0.3;
        let [finding] = &scene.find(&RULE)[..] else { panic!("one finding") };
        assert_eq!((finding.severity, finding.evidence[0].as_str()), (Severity::Note, "0.250, 0.300"));
    }

    #[test]
    fn a_default_that_changed_is_found() {
        let mut scene = Scene::new();
        scene.world.measure(0, "evaluate", "accuracy", 0.5);
        scene.facts.earlier.push(crate::grid::parse("grid.toml".as_ref(), SWEEP).unwrap());
        assert_eq!(scene.find(&RULE), []);
        let other = SWEEP.replace("rate = 0.5", "rate = 0.25");
        scene.facts.earlier = vec![crate::grid::parse("grid.toml".as_ref(), &other).unwrap()];
        assert_eq!(scene.find(&RULE)[0].evidence, ["rate: 0.25 in the plan before, 0.5 now"]);
    }
}
