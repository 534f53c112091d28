//! A replicate that lies far from the others of its cell.

use super::super::case::Case;
use super::super::finding::{Finding, Severity};
use super::Rule;
use crate::report::frame::Frame;
use crate::report::table::fixed;
use crate::stats::two_sided_p;

pub const RULE: Rule = Rule {
    name: "seed-outlier",
    what: "a replicate lies far from others of its cell that agree with each other",
    find,
};

/// Chance of any finding in a measure of a grid where there is none (Bonferroni over its replicates).
const LEVEL: f64 = 0.01;
/// Replicates of a cell, and degrees of freedom, below which nothing can be told.
const FEWEST: usize = 3;
const FEWEST_FREE: usize = 8;
/// The gap to its nearest neighbour, of the range of its cell: below, the cell is spread as a whole and none stands out
/// (Dixon 1950, his Q).
const LONELY: f64 = 0.9;

fn find(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (_, grid, frame) in
        case.grids().filter(|(_, grid, _)| grid.seeds.as_ref().is_some_and(|seeds| seeds.values.len() >= FEWEST))
    {
        for (measure, spec) in frame.measures().iter().enumerate() {
            let cells = cells(case, frame, measure);
            for outlier in outliers(&cells, spec.direction.is_some() && is_bounded(case, &spec.name)) {
                let Some((cell, values)) = cells.get(outlier.cell) else { continue };
                let decimals = frame.decimals(measure) + 1;
                let texts: Vec<String> = values
                    .iter()
                    .map(|&(seed, value)| format!("seed {}: {}", seed.unwrap_or_default(), fixed(value, decimals)))
                    .collect();
                let seed = values.get(outlier.replicate).and_then(|&(seed, _)| seed).unwrap_or_default();
                findings.push(Finding {
                    rule: RULE.name,
                    severity: Severity::Note,
                    subject: format!("grid `{}`, {}, {}, seed {seed}", grid.name, spec.label, frame.cell_label(*cell)),
                    message: "it lies far from the other seeds of its cell, which agree with each other".to_owned(),
                    evidence: vec![
                        texts.join(", "),
                        format!(
                            "t = {:.1} with {} degrees of freedom, against the spread within all cells; p = {:.1e} times {} replicates",
                            outlier.t, outlier.free, outlier.p, outlier.tests
                        ),
                    ],
                    advice: "look at its training curve and log; report it with the others unless a reason that is not the score \
                             takes it out"
                        .to_owned(),
                    place: None,
                });
            }
        }
    }
    findings
}

/// Values of one cell, by seed.
type Values = Vec<(Option<i64>, f64)>;

/// The measured values of each cell with enough replicates.
fn cells(case: &Case<'_>, frame: &Frame<'_>, measure: usize) -> Vec<(usize, Values)> {
    let values = |cell: usize| -> Option<(usize, Values)> {
        let replicates = &frame.cells.get(cell)?.replicates;
        let value = |&(seed, run)| {
            let mut own = case
                .index
                .values_of(run)
                .into_iter()
                .filter(|value| value.measure == measure && value.value.is_finite());
            // With two stages or sources it is open which one is meant.
            own.next().filter(|_| own.next().is_none()).map(|value| (seed, value.value))
        };
        let values: Values = replicates.iter().filter_map(value).collect();
        (values.len() >= FEWEST).then_some((cell, values))
    };
    (0..frame.cells.len()).filter_map(values).collect()
}

/// Whether a metric has a smallest and a largest value: its spread then does not grow with it.
fn is_bounded(case: &Case<'_>, name: &str) -> bool {
    case.sweep.metrics.iter().any(|metric| metric.name == name && metric.range.is_some())
}

struct Outlier {
    cell: usize,
    replicate: usize,
    t: f64,
    free: usize,
    p: f64,
    tests: usize,
}

/// Externally studentised residuals of a one-way layout, beyond the Bonferroni bound.
///
/// The spread of what has no bound often grows with the value (FID does): its residuals are divided by the mean of their
/// cell where all values are positive. Source: Cook and Weisberg 1982, "Residuals and influence in regression", section 2.2.
fn outliers(cells: &[(usize, Values)], bounded: bool) -> Vec<Outlier> {
    let positive = !bounded && cells.iter().flat_map(|(_, values)| values).all(|&(_, value)| value > 0.0);
    let scaled: Vec<Vec<f64>> = cells
        .iter()
        .map(|(_, values)| {
            let mean = values.iter().map(|&(_, value)| value).sum::<f64>() / values.len() as f64;
            let scale = if positive { mean } else { 1.0 };
            values.iter().map(|&(_, value)| (value - mean) / scale).collect()
        })
        .collect();
    let tests: usize = scaled.iter().map(Vec::len).sum();
    let Some(free) = tests.checked_sub(scaled.len() + 1).filter(|&free| free >= FEWEST_FREE) else { return Vec::new() };
    let squares: f64 = scaled.iter().flatten().map(|residual| residual * residual).sum();
    let mut found = Vec::new();
    for (cell, residuals) in scaled.iter().enumerate() {
        let leverage = 1.0 / residuals.len() as f64;
        for (replicate, residual) in residuals.iter().enumerate() {
            let without = (squares - residual * residual / (1.0 - leverage)) / free as f64;
            if without <= 0.0 {
                continue;
            }
            let t = residual / (without * (1.0 - leverage)).sqrt();
            let p = two_sided_p(t, free as f64);
            if p * (tests as f64) < LEVEL && is_lonely(residuals, replicate) {
                found.push(Outlier { cell, replicate, t, free, p, tests });
            }
        }
    }
    found
}

/// Whether the others of its cell lie close together beside the gap to it.
fn is_lonely(values: &[f64], replicate: usize) -> bool {
    let Some(own) = values.get(replicate) else { return false };
    let others = values.iter().enumerate().filter(|(position, _)| *position != replicate).map(|(_, value)| value);
    let gap = others.map(|other| (other - own).abs()).fold(f64::INFINITY, f64::min);
    let (low, high) = values.iter().fold((*own, *own), |(low, high), &value| (low.min(value), high.max(value)));
    gap >= LONELY * (high - low)
}

#[cfg(test)]
mod tests {
    use super::super::super::scene::Scene;
    use super::*;

    fn cells(last: f64) -> Vec<(usize, Values)> {
        let spread = [[0.0, 0.4, -0.4], [0.1, -0.5, 0.4], [0.3, -0.1, -0.2], [0.2, 0.2, -0.4], [-0.1, 0.5, last]];
        let values =
            |row: &[f64; 3]| row.iter().enumerate().map(|(seed, value)| (Some(seed as i64), 50.0 + value)).collect();
        spread.iter().enumerate().map(|(cell, row)| (cell, values(row))).collect()
    }

    #[test]
    fn one_seed_far_off_is_found_and_only_it() {
        let [outlier] = &outliers(&cells(12.0), true)[..] else { panic!("one outlier") };
        assert_eq!((outlier.cell, outlier.replicate, outlier.free), (4, 2, 9));
        assert!(outlier.t > 10.0);
    }

    #[test]
    fn seeds_as_spread_as_the_others_are_no_finding() {
        assert!(outliers(&cells(-0.4), true).is_empty());
        assert!(outliers(&cells(0.0)[..1], true).is_empty(), "one cell tells nothing");
    }

    #[test]
    fn a_spread_that_grows_with_the_value_is_no_outlier() {
        let cells: Vec<(usize, Values)> = [10.0, 12.0, 11.0, 13.0, 1000.0]
            .iter()
            .enumerate()
            .map(|(cell, mean)| (cell, [0.97, 1.0, 1.03].iter().map(|part| (Some(1), part * mean)).collect()))
            .collect();
        assert!(outliers(&cells, false).is_empty());
        assert!(!is_lonely(&[0.87, 0.81, 0.65], 2), "a cell that is spread as a whole has none");
    }

    #[test]
    fn a_grid_with_a_stray_seed_is_told_by_cell_and_seed() {
        let mut scene = Scene::seeded();
        let values = [50.0, 50.3, 49.8, 61.0, 50.1, 50.2];
        for (cell, value) in values.into_iter().enumerate() {
            scene.world.measure(cell, "evaluate", "accuracy", value);
        }
        assert_eq!(scene.find(&RULE), [], "six values leave three degrees of freedom");
    }
}
