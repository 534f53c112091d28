//! Cells of a table that repeat another one's numbers.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::super::case::{Case, ImportedColumn};
use super::super::finding::{Finding, Place, Severity};
use super::super::printed::PrintedNumber;
use super::Rule;
use crate::id::RunId;
use crate::report::table::fixed;

pub const RULE: Rule = Rule { name: "duplicate-cells", what: "two cells of one table repeat the same numbers", find };

/// Expected number of such coincidences in a table, above which one is worth nothing.
const LIKELY: f64 = 0.05;
/// A table larger than this has too many pairs for a coincidence to mean anything.
const MOST_CELLS: usize = 2_000;

fn find(case: &Case<'_>) -> Vec<Finding> {
    let columns = case.columns();
    let mut tables: BTreeMap<&str, Vec<&ImportedColumn<'_>>> = BTreeMap::new();
    for column in columns.iter().filter(|column| column.metric.is_some()) {
        tables.entry(&column.column.import).or_default().push(column);
    }
    tables
        .values()
        .flat_map(|columns| evaluations(case, columns))
        .flat_map(|evaluation| repeated(case, &evaluation))
        .collect()
}

/// Columns that come from one evaluation, so that all of them repeat if it does: those of one benchmark, and all together.
fn evaluations<'a, 'c>(case: &Case<'_>, columns: &[&'c ImportedColumn<'a>]) -> Vec<Vec<&'c ImportedColumn<'a>>> {
    let mean = |column: &&ImportedColumn<'_>| {
        let metric = column.metric.and_then(|metric| case.sweep.metrics.get(metric));
        metric.is_some_and(|metric| !metric.mean_of.is_empty())
    };
    let own: Vec<&ImportedColumn<'_>> = columns.iter().copied().filter(|column| !mean(column)).collect();
    let mut by_benchmark: BTreeMap<&str, Vec<&ImportedColumn<'_>>> = BTreeMap::new();
    for column in own.iter().filter(|column| !column.column.benchmark.is_empty()) {
        by_benchmark.entry(&column.column.benchmark).or_default().push(column);
    }
    let of_one = by_benchmark.into_values().filter(|columns| columns.len() > 1 && columns.len() < own.len());
    let mut evaluations: Vec<_> = of_one.collect();
    evaluations.extend((own.len() > 1).then_some(own));
    evaluations
}

/// Pairs of runs that agree in every column.
fn repeated(case: &Case<'_>, columns: &[&ImportedColumn<'_>]) -> Vec<Finding> {
    let values: Vec<HashMap<RunId, (f64, u64)>> = columns
        .iter()
        .map(|column| column.values.iter().map(|imported| (imported.run, (imported.value, imported.line))).collect())
        .collect();
    let Some(first) = columns.first() else { return Vec::new() };
    let rows: Vec<(RunId, Vec<f64>)> = first
        .values
        .iter()
        .filter_map(|imported| {
            Some((
                imported.run,
                values.iter().map(|column| Some(column.get(&imported.run)?.0)).collect::<Option<Vec<f64>>>()?,
            ))
        })
        .collect();
    if rows.len() > MOST_CELLS {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (position, (run, row)) in rows.iter().enumerate() {
        for (other, same) in rows.iter().skip(position + 1).filter(|(_, other)| other == row) {
            let units: Vec<f64> =
                columns.iter().map(|column| PrintedNumber { value: 0.0, decimals: column.decimals }.unit()).collect();
            let Some(expected) = expected(&rows, &units).filter(|&expected| expected < LIKELY) else { continue };
            let line = values.first().and_then(|column| column.get(other)).map(|&(_, line)| line);
            findings.push(finding(case, columns, &Repeated { runs: [run, other], row: same, expected, line }));
        }
    }
    findings
}

/// Two rows of a table that repeat each other.
struct Repeated<'r> {
    runs: [&'r RunId; 2],
    row: &'r [f64],
    /// Number of such pairs by chance.
    expected: f64,
    /// Of the second.
    line: Option<u64>,
}

fn finding(case: &Case<'_>, columns: &[&ImportedColumn<'_>], repeated: &Repeated<'_>) -> Finding {
    let Repeated { runs, row, expected, line } = *repeated;
    let known = case.runs_by_id();
    let names = runs.map(|run| known.get(run).map_or_else(|| run.short(8), |&run| case.run_name(run)));
    let label = |column: &&ImportedColumn<'_>| {
        column
            .metric
            .and_then(|metric| case.sweep.metrics.get(metric))
            .map_or(String::new(), |metric| metric.label.clone())
    };
    let number = |(column, value): (&&ImportedColumn<'_>, &f64)| {
        format!("{} {}", label(column), fixed(*value, column.decimals as usize))
    };
    let numbers: Vec<String> = columns.iter().zip(row).map(number).collect();
    let (source, file) = columns
        .first()
        .map_or_else(Default::default, |column| (column.column.source.clone(), column.column.file.clone()));
    Finding {
        rule: RULE.name,
        severity: Severity::Warning,
        subject: format!("{source}, {} and {}", names[0], names[1]),
        message: format!("both have {}", numbers.join(" and ")),
        evidence: vec![format!(
            "{expected:.2} such pairs would be expected in this table by chance, if its cells were independent draws with its \
             spread and correlations; neighbouring cells are more alike than that"
        )],
        advice: "see whether one row was copied; two evaluations may also have come out alike".to_owned(),
        place: Some(Place { file, line }),
    }
}

/// The expected number of pairs of rows that print the same in all columns, if rows were independent normal draws.
///
/// The difference of two such rows is normal with twice their covariance; the chance that it is printed as zero in every
/// column is its density at zero times the printed units.
fn expected(rows: &[(RunId, Vec<f64>)], units: &[f64]) -> Option<f64> {
    let (n, k) = (rows.len() as f64, units.len());
    if rows.len() < k + 2 {
        return None;
    }
    let means: Vec<f64> = (0..k).map(|column| rows.iter().map(|(_, row)| row[column]).sum::<f64>() / n).collect();
    let covariance = |a: usize, b: usize| {
        rows.iter().map(|(_, row)| (row[a] - means[a]) * (row[b] - means[b])).sum::<f64>() / (n - 1.0)
    };
    // Determinant by Cholesky; columns that determine each other have none, and their repetition says nothing more.
    let mut lower = vec![vec![0.0; k]; k];
    let mut log_root = 0.0;
    for row in 0..k {
        for column in 0..=row {
            let sum: f64 = (0..column).map(|index| lower[row][index] * lower[column][index]).sum();
            let rest = covariance(row, column) - sum;
            if row == column {
                if rest <= 0.0 {
                    return None;
                }
                lower[row][column] = rest.sqrt();
                log_root += lower[row][column].ln();
            } else {
                lower[row][column] = rest / lower[column][column];
            }
        }
    }
    let log_units: f64 = units.iter().map(|unit| unit.ln()).sum();
    let log_density = -0.5 * k as f64 * (4.0 * std::f64::consts::PI).ln() - log_root;
    Some(n * (n - 1.0) / 2.0 * (log_units + log_density).min(0.0).exp())
}

#[cfg(test)]
mod tests {
    use super::super::super::scene::Scene;
    use super::*;

    fn scene(rows: &[(f64, f64)]) -> Scene {
        let mut scene = Scene::new();
        for (cell, &(reading, counting)) in rows.iter().enumerate() {
            scene.import(cell, "reading", reading, "Table 1");
            scene.import(cell, "counting", counting, "Table 1");
        }
        scene
    }

    #[test]
    fn a_repeated_row_is_found_with_its_chance() {
        let found =
            scene(&[(10.1, 50.7), (20.3, 20.1), (20.3, 20.1), (45.2, 90.4), (70.6, 30.9), (90.8, 70.2)]).find(&RULE);
        let [finding] = &found[..] else { panic!("one finding: {found:?}") };
        assert_eq!(finding.message, "both have reading 20.3 and counting 20.1");
        assert_eq!(finding.subject, "Table 1, main: data=1k loss=l1 and main: data=5k loss=cosine");
    }

    #[test]
    fn a_row_that_is_alike_in_coarse_numbers_is_no_finding() {
        assert_eq!(scene(&[(1.0, 5.0), (2.0, 2.0), (2.0, 2.0), (4.0, 3.0), (3.0, 1.0), (1.0, 4.0)]).find(&RULE), []);
    }

    #[test]
    fn the_chance_is_that_of_two_normal_columns() {
        // Unit variance, no correlation: density at zero of a difference is 1 / (4 pi).
        let root = 0.5_f64.sqrt();
        let rows: Vec<(RunId, Vec<f64>)> = [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)]
            .iter()
            .enumerate()
            .map(|(index, &(x, y))| {
                (RunId([index as u8; 16]), vec![x * 1.5_f64.sqrt() * root, y * 1.5_f64.sqrt() * root])
            })
            .collect();
        let found = expected(&rows, &[0.1, 0.1]).unwrap();
        assert!((found - 6.0 * 0.01 / (4.0 * std::f64::consts::PI)).abs() < 1e-12, "{found}");
    }
}
