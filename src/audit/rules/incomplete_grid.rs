//! Values that reports show and the store lacks.

use std::collections::BTreeMap;

use super::super::case::Case;
use super::super::finding::{Finding, Severity};
use super::Rule;
use crate::grid::{Report, ReportKind};
use crate::report::frame::Frame;

pub const RULE: Rule = Rule { name: "incomplete-grid", what: "values that reports show are missing", find };

/// Places that are named of one metric.
const MOST: usize = 3;

fn find(case: &Case<'_>) -> Vec<Finding> {
    let found = case.grids().filter_map(|(_, grid, frame)| {
        let reports: Vec<&Report> = case.sweep.reports.iter().filter(|report| report.grid == grid.name).collect();
        let wanted = Wanted::of(case, frame, &reports);
        let measures = frame.measures().len();
        let holes: Vec<(usize, usize)> =
            wanted.places(measures).filter(|&(cell, measure)| is_hole(frame, cell, measure)).collect();
        if holes.is_empty() {
            return None;
        }
        let all = wanted.places(measures).count();
        let nothing = wanted.places(measures).all(|(cell, measure)| frame.score(cell, measure).readings.is_empty());
        Some(Finding {
            rule: RULE.name,
            severity: if nothing { Severity::Note } else { Severity::Warning },
            subject: format!("grid `{}`", grid.name),
            message: if nothing {
                "nothing has been measured or imported yet".to_owned()
            } else {
                format!("{} of {all} values that its reports show are missing", holes.len())
            },
            evidence: if nothing { Vec::new() } else { evidence(frame, &holes) },
            advice:
                "run what is missing (`sweep status` says why it is), or leave those cells out of the grid and say so"
                    .to_owned(),
            place: None,
        })
    });
    found.collect()
}

fn is_hole(frame: &Frame<'_>, cell: usize, measure: usize) -> bool {
    frame.score(cell, measure).state.is_hole()
}

/// Which values the reports of a grid show.
struct Wanted(Vec<bool>);

impl Wanted {
    /// Without reports: whatever the grid has any value of.
    fn of(case: &Case<'_>, frame: &Frame<'_>, reports: &[&Report]) -> Self {
        let measures = frame.measures().len();
        let mut wanted = Self(vec![false; frame.cells.len() * measures]);
        let found: Vec<usize> = (0..measures).filter(|&measure| frame.has(measure)).collect();
        if reports.is_empty() {
            wanted.add(measures, 0..frame.cells.len(), &found);
        }
        for report in reports {
            let holds = |cell: &usize| {
                let run = frame.cells[*cell].replicates.first().map(|&(_, run)| run);
                report.filter.as_ref().zip(run).is_none_or(|(filter, run)| filter.condition.holds(case.plan.row(run)))
            };
            let cells: Vec<usize> = (0..frame.cells.len()).filter(holds).collect();
            let shown = if report.metrics.is_empty() { found.clone() } else { shown(frame, report) };
            wanted.add(measures, cells.into_iter(), &shown);
        }
        wanted
    }

    fn add(&mut self, measures: usize, cells: impl Iterator<Item = usize>, shown: &[usize]) {
        for cell in cells {
            shown.iter().for_each(|measure| self.0[cell * measures + measure] = true);
        }
    }

    /// (cell, measure) of each.
    fn places(&self, measures: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        let wanted = self.0.iter().enumerate().filter(|(_, wanted)| **wanted);
        wanted.map(move |(position, _)| (position / measures.max(1), position % measures.max(1)))
    }
}

/// The measures that a report names.
fn shown(frame: &Frame<'_>, report: &Report) -> Vec<usize> {
    let x_is_metric = matches!(report.kind, ReportKind::Correlation | ReportKind::Scatter);
    let names = report.metrics.iter().chain(report.x.iter().filter(|_| x_is_metric));
    names.filter_map(|name| frame.measure(name)).collect()
}

/// One line a measure: how many are missing, why, and where.
fn evidence(frame: &Frame<'_>, holes: &[(usize, usize)]) -> Vec<String> {
    let mut by_measure: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    holes.iter().for_each(|&(cell, measure)| by_measure.entry(measure).or_default().push(cell));
    let line = |(measure, cells): (usize, Vec<usize>)| {
        let label = frame.measures().get(measure).map_or("", |measure| &measure.label);
        let named = cells
            .iter()
            .take(MOST)
            .map(|&cell| format!("{} ({})", frame.cell_label(cell), frame.score(cell, measure).state));
        let named: Vec<String> = named.collect();
        let rest = cells.len().saturating_sub(MOST);
        let more = if rest > 0 { format!("; and {rest} more") } else { String::new() };
        format!("{label}: {} missing: {}{more}", cells.len(), named.join("; "))
    };
    by_measure.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::scene::Scene;
    use super::*;

    #[test]
    fn a_hole_is_told_with_its_place_and_reason() {
        let mut scene = Scene::new();
        scene.world.measure(0, "evaluate", "accuracy", 0.5);
        let [finding] = &scene.find(&RULE)[..] else { panic!("one finding") };
        assert_eq!(finding.severity, Severity::Warning);
        assert_eq!(finding.message, "5 of 6 values that its reports show are missing");
        assert_eq!(
            finding.evidence,
            ["accuracy: 5 missing: data 1k, loss l1 (not run yet); data 5k, loss cosine (not run yet); \
              data 5k, loss l1 (not run yet); and 2 more"]
        );
    }

    #[test]
    fn a_whole_grid_is_no_finding_and_an_untouched_one_a_note() {
        let mut scene = Scene::new();
        assert!(scene.find(&RULE).iter().all(|finding| finding.severity == Severity::Note));
        (0..6).for_each(|cell| scene.world.measure(cell, "evaluate", "accuracy", 0.5));
        assert_eq!(scene.find(&RULE), []);
    }
}
