//! Values that cannot be a count over the items of their benchmark (Brown and Heathers 2017, the GRIM test).

use std::collections::BTreeMap;

use super::super::case::{Case, ImportedColumn};
use super::super::finding::{Finding, Place, Severity};
use super::super::printed::PrintedNumber;
use super::Rule;
use crate::metric::Metric;
use crate::report::table::fixed;
use crate::text::plural;

pub const RULE: Rule = Rule {
    name: "impossible-count",
    what: "a value cannot be a count over the number of items of its benchmark",
    find,
};

/// Denominators that are named.
const MOST_FITS: usize = 6;
/// Multiples of the declared number that are tried first: a benchmark counted by question instead of by pair, or a mean of
/// runs.
const MULTIPLES: std::ops::RangeInclusive<u64> = 2..=10;
/// Expected number of fitting candidates by chance, above which one that fits says nothing.
const LIKELY: f64 = 0.01;
/// Units of the last place that a printed number may stand for, by all roundings together.
const STANDS_FOR: f64 = 1.5;
/// An unrounded share of n items lies this close to a whole count.
const NOISE: f64 = 1e-6;

fn find(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut powerless: BTreeMap<(String, u32), Vec<String>> = BTreeMap::new();
    for column in case.columns() {
        let Some(metric) = column.metric.and_then(|metric| case.sweep.metrics.get(metric)) else { continue };
        let Some(counts) = Counts::of(metric) else { continue };
        let power = counts.power(column.decimals);
        if power == 0.0 {
            let key = (column.column.source.clone(), column.decimals);
            powerless.entry(key).or_default().push(format!("{} ({})", metric.label, counts.words()));
            continue;
        }
        findings.extend(misfits(case, &column, metric, &counts, power));
    }
    findings.extend(measured(case));
    findings.extend((!powerless.is_empty()).then(|| no_power(powerless)));
    findings
}

/// One line an import.
fn no_power(columns: BTreeMap<(String, u32), Vec<String>>) -> Finding {
    let count: usize = columns.values().map(Vec::len).sum();
    let line = |((source, decimals), metrics): ((String, u32), Vec<String>)| {
        format!("{source}, {}: {}", plural(decimals as usize, "decimal"), metrics.join(", "))
    };
    Finding {
        rule: RULE.name,
        severity: Severity::Note,
        subject: "imported numbers".to_owned(),
        message: format!(
            "the check has no power in {}: with so few decimals, every number is a share of so many items",
            plural(count, "column")
        ),
        evidence: columns.into_iter().map(line).collect(),
        advice: "nothing; numbers with one decimal more could be checked".to_owned(),
        place: None,
    }
}

/// What a metric counts.
struct Counts<'a> {
    /// Numbers of items that the benchmark may have.
    items: &'a [u64],
    /// Steps of the credit of one item.
    steps: u64,
    /// The value of all items right.
    whole: f64,
}

impl<'a> Counts<'a> {
    fn of(metric: &'a Metric) -> Option<Self> {
        let whole = metric.range.map_or(1.0, |(_, high)| high);
        (!metric.items.is_empty()).then_some(Self { items: &metric.items, steps: metric.credit_steps, whole })
    }

    fn step(&self, items: u64) -> f64 {
        self.whole / (items * self.steps) as f64
    }

    fn fits(&self, number: PrintedNumber) -> bool {
        self.items.iter().any(|&items| number.may_be_a_multiple(self.step(items)))
    }

    /// The share of numbers with these decimals that no count gives: how likely a wrong digit is noticed.
    fn power(&self, decimals: u32) -> f64 {
        let unit = PrintedNumber { value: 0.0, decimals }.unit();
        if self.items.iter().any(|&items| self.step(items) <= unit) {
            return 0.0;
        }
        let all = (self.whole / unit).round();
        let numbers = (0..=all as u64).map(|number| PrintedNumber { value: number as f64 * unit, decimals });
        numbers.filter(|number| !self.fits(*number)).count() as f64 / (all + 1.0)
    }

    fn words(&self) -> String {
        let items: Vec<String> = self.items.iter().map(|&items| crate::text::grouped(items as usize)).collect();
        let steps = if self.steps == 1 { String::new() } else { format!(" in steps of 1/{}", self.steps) };
        format!("{} items{steps}", items.join(" or "))
    }
}

/// The values of a column that are no count.
fn misfits(
    case: &Case<'_>,
    column: &ImportedColumn<'_>,
    metric: &Metric,
    counts: &Counts<'_>,
    power: f64,
) -> Option<Finding> {
    let printed = |value: f64| PrintedNumber { value, decimals: column.decimals };
    let wrong: Vec<_> = column.values.iter().filter(|imported| !counts.fits(printed(imported.value))).collect();
    let first = wrong.first()?;
    let runs = case.runs_by_id();
    let mut evidence: Vec<String> = wrong
        .iter()
        .map(|imported| {
            let cell = runs.get(&imported.run).map_or_else(|| imported.run.short(8), |&run| case.run_name(run));
            format!(
                "{cell}: {} {}",
                fixed(imported.value, column.decimals as usize),
                between(printed(imported.value), counts)
            )
        })
        .collect();
    let values: Vec<PrintedNumber> = column.values.iter().map(|imported| printed(imported.value)).collect();
    evidence.push(fits(&values, counts));
    evidence.push(format!(
        "of all numbers with {}, {:.0}% are no such count",
        plural(column.decimals as usize, "decimal"),
        100.0 * power
    ));
    Some(Finding {
        rule: RULE.name,
        severity: Severity::Warning,
        subject: format!("{}, {}", column.column.source, metric.label),
        message: format!("{} of {} cannot be a share of {} by any common rounding", wrong.len(), plural(values.len(), "value"), counts.words()),
        evidence,
        advice: "another number of items, another way of counting, or a mean over runs or categories would explain it; a slip \
                 of the pen as well"
            .to_owned(),
        place: Some(Place { file: column.column.file.clone(), line: Some(first.line) }),
    })
}

/// The counts on both sides of a number.
fn between(number: PrintedNumber, counts: &Counts<'_>) -> String {
    let Some(&items) = counts.items.first() else { return String::new() };
    let step = counts.step(items);
    let (below, above) = number.neighbours(step);
    let decimals = number.decimals as usize + 2;
    let total = items * counts.steps;
    format!(
        "lies between {below}/{total} = {} and {above}/{total} = {}",
        fixed(below * step, decimals),
        fixed(above * step, decimals)
    )
}

/// Which numbers of items would fit all values, where that is no coincidence.
///
/// A number with steps wider than what a printed value may stand for fits one value with a chance of their ratio, and all
/// by its power; as many are tried as there are candidates.
fn fits(values: &[PrintedNumber], counts: &Counts<'_>) -> String {
    let fit = |items: &u64| values.iter().all(|value| value.may_be_a_multiple(counts.step(*items)));
    let unit = values.first().map_or(1.0, |value| value.unit());
    let largest = (counts.whole / unit / counts.steps as f64) as u64;
    let count = i32::try_from(values.len()).unwrap_or(i32::MAX);
    let is_telling = |items: u64, candidates: f64| {
        candidates * (STANDS_FOR * unit / counts.step(items)).min(1.0).powi(count) < LIKELY
    };
    let multiples: Vec<u64> = counts.items.iter().flat_map(|items| MULTIPLES.map(move |times| items * times)).collect();
    let multiple = multiples.iter().copied().filter(|&items| is_telling(items, multiples.len() as f64)).find(fit);
    let others = (1..largest).filter(|&items| is_telling(items, largest as f64) && Some(items) != multiple).filter(fit);
    let fitting: Vec<String> =
        multiple.into_iter().chain(others).take(MOST_FITS).map(|items| items.to_string()).collect();
    if fitting.is_empty() {
        return "no other number of items stands out as one that fits".to_owned();
    }
    format!("{} items would fit all {}, by more than chance", fitting.join(" or "), plural(values.len(), "value"))
}

/// Measured shares are not rounded: times n they are whole.
fn measured(case: &Case<'_>) -> Vec<Finding> {
    let mut found: BTreeMap<usize, (usize, usize, String)> = BTreeMap::new();
    // Observations share few kinds: which metric one is of is asked once for each.
    let mut metrics: hashbrown::HashMap<*const crate::metric::Kind, Option<(usize, &Metric)>> =
        hashbrown::HashMap::new();
    for observation in case.evidence.observations {
        let (crate::metric::Subject::Task(task), Some(n)) = (observation.subject, observation.n) else { continue };
        let kind = &observation.kind;
        let of_kind = || case.metrics_of(&kind.metric, &kind.benchmark).find(|(_, metric)| !metric.items.is_empty());
        let Some((position, metric)) = *metrics.entry(std::sync::Arc::as_ptr(kind)).or_insert_with(of_kind) else {
            continue;
        };
        let whole = metric.range.map_or(1.0, |(_, high)| high);
        let count = observation.value / whole * n as f64 * metric.credit_steps as f64;
        let (wrong, all, first) = found.entry(position).or_default();
        *all += 1;
        let odd_n = !metric.items.contains(&n);
        if observation.value.is_finite() && (odd_n || (count - count.round()).abs() > NOISE * count.abs().max(1.0)) {
            *wrong += 1;
            if first.is_empty() {
                *first = format!("{}: {} of {n} items", case.task_name(&task), observation.value);
            }
        }
    }
    let wrong = found.into_iter().filter(|(_, (wrong, ..))| *wrong > 0);
    wrong.filter_map(|(position, (wrong, all, first))| {
        let metric = case.sweep.metrics.get(position)?;
        let counts = Counts::of(metric)?;
        Some(Finding {
            rule: RULE.name,
            severity: Severity::Error,
            subject: format!("{}, measured", metric.label),
            message: format!("{wrong} of {} are no share of {}", plural(all, "value"), counts.words()),
            evidence: vec![first],
            advice: "a part of the benchmark was scored, or credit is given otherwise than `items` and `credit_steps` of the \
                     metric say"
                .to_owned(),
            place: None,
        })
    }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::scene::Scene;
    use super::*;

    #[test]
    fn half_a_pair_is_found_with_what_would_fit() {
        let mut scene = Scene::new();
        scene.world.sweep.metrics[0].items = vec![150];
        scene.world.sweep.metrics[0].range = Some((0.0, 100.0));
        for (cell, value) in [(0, 24.0), (1, 24.33), (2, 33.0)] {
            scene.import(cell, "accuracy", value, "Table 6");
        }
        let [finding] = &scene.find(&RULE)[..] else { panic!("one finding") };
        assert_eq!(finding.subject, "Table 6, accuracy");
        assert_eq!(finding.message, "2 of 3 values cannot be a share of 150 items by any common rounding");
        assert_eq!(
            finding.evidence[0],
            "main: data=1k loss=l1: 24.33 lies between 36/150 = 24.0000 and 37/150 = 24.6667"
        );
        assert_eq!(finding.evidence[2], "300 items would fit all 3 values, by more than chance");
        assert_eq!(finding.place.as_ref().unwrap().line, Some(3));
    }

    #[test]
    fn too_many_items_leave_no_power_and_no_verdict() {
        let mut scene = Scene::new();
        scene.world.sweep.metrics[0].items = vec![5000];
        scene.world.sweep.metrics[0].range = Some((0.0, 100.0));
        scene.import(0, "accuracy", 24.3, "Table 6");
        let [finding] = &scene.find(&RULE)[..] else { panic!("one note") };
        assert_eq!(
            (finding.severity, finding.evidence[0].as_str()),
            (Severity::Note, "Table 6, 1 decimal: accuracy (5,000 items)")
        );
    }

    #[test]
    fn partial_credit_has_smaller_steps() {
        let mut scene = Scene::new();
        let metric = &mut scene.world.sweep.metrics[0];
        (metric.items, metric.range, metric.credit_steps) = (vec![150], Some((0.0, 100.0)), 2);
        scene.import(0, "accuracy", 24.3, "Table 6");
        assert_eq!(scene.find(&RULE), [], "72 and a half credits of 150");
    }

    #[test]
    fn a_measured_share_is_whole_to_the_last_digit() {
        let mut scene = Scene::new();
        scene.world.sweep.metrics[0].items = vec![300];
        scene.world.measure(0, "evaluate", "accuracy", 0.13666666666666666);
        scene.world.observations[0].n = Some(300);
        assert_eq!(scene.find(&RULE), []);
        scene.world.observations[0].value = 0.1367;
        assert_eq!(scene.find(&RULE)[0].severity, Severity::Error);
        (scene.world.observations[0].value, scene.world.observations[0].n) = (0.5, Some(150));
        assert_eq!(scene.find(&RULE).len(), 1, "a part of the benchmark");
    }
}
