//! Metrics: what is measured, and which way is better.

use super::read::{Fields, MOST_DECIMALS, number, wrong_kind};
use super::source::Problem;
use super::tree::{Kind, Node};
use crate::metric::{Direction, Metric};

const KEYS: [&str; 13] = [
    "label",
    "direction",
    "unit",
    "score",
    "benchmark",
    "group",
    "mean_of",
    "decimals",
    "version",
    "range",
    "tolerance",
    "items",
    "credit_steps",
];

/// Finer credit and larger benchmarks than there are.
const MOST_STEPS: u32 = 1_000_000;
const MOST_ITEMS: u64 = 1_000_000_000;

const DIRECTIONS: [(&str, Direction); 2] = [("maximize", Direction::Maximize), ("minimize", Direction::Minimize)];

/// Read `[metrics.<name>]` of the whole file.
pub fn read(root: &Fields<'_>) -> Vec<Metric> {
    let tables = root.named("metrics");
    let names: Vec<&str> = tables.iter().map(|(entry, _)| entry.key.as_str()).collect();
    let mut metrics = Vec::new();
    for (entry, table) in &tables {
        let what = format!("metric `{}`", entry.key);
        let fields = Fields::new(&what, entry.key_span, table, root.diagnostics).only(&KEYS);
        metrics.push(read_metric(&entry.key, &fields, &names));
    }
    check_means(root, &metrics);
    metrics
}

fn read_metric(name: &str, fields: &Fields<'_>, names: &[&str]) -> Metric {
    if fields.entry("direction").is_none() {
        let hint = "write `direction = \"maximize\"` or `direction = \"minimize\"`: accuracy and FID point in opposite directions, so there is no default";
        fields.missing("direction", hint);
    }
    let mean_of =
        if fields.entry("mean_of").is_some() { fields.texts("mean_of").unwrap_or_default() } else { Vec::new() };
    for part in mean_of.iter().filter(|part| !names.contains(&part.value.as_str())) {
        let problem = Problem::new(part.span, format!("there is no metric `{}`", part.value));
        fields.diagnostics.report(problem.nearest(&part.value, names.iter().copied()));
    }
    let or_name = |text: String| if text.is_empty() { name.to_owned() } else { text };
    Metric {
        name: name.to_owned(),
        label: or_name(fields.string("label")),
        // Without a direction the file is refused; the metric stays known, so that nothing else is blamed for it.
        direction: fields.word("direction", &DIRECTIONS).unwrap_or(Direction::Maximize),
        unit: fields.string("unit"),
        score: or_name(fields.string("score")),
        benchmark: fields.text("benchmark").map(|text| text.value),
        group: fields.text("group").map(|text| text.value),
        mean_of: mean_of.into_iter().map(|part| part.value).collect(),
        decimals: fields.whole("decimals", 0..=MOST_DECIMALS).unwrap_or(2) as usize,
        version: fields.whole("version", 1..=u32::MAX).unwrap_or(1),
        range: read_range(fields),
        tolerance: read_tolerance(fields),
        items: read_items(fields),
        credit_steps: fields.whole("credit_steps", 1..=MOST_STEPS).unwrap_or(1).into(),
    }
}

fn read_range(fields: &Fields<'_>) -> Option<(f64, f64)> {
    let entry = fields.entry("range")?;
    let ends: Vec<f64> = match &entry.value.kind {
        Kind::List(items) => items.iter().filter_map(number).collect(),
        _ => Vec::new(),
    };
    match ends[..] {
        [low, high] if low < high => Some((low, high)),
        _ => {
            let what = format!("`range` of {}", fields.what);
            wrong_kind(fields.diagnostics, &entry.value, &what, "two numbers, the smaller first, like `[0, 100]`");
            None
        }
    }
}

fn read_tolerance(fields: &Fields<'_>) -> Option<f64> {
    let entry = fields.entry("tolerance")?;
    let tolerance = number(&entry.value).filter(|tolerance| tolerance.is_finite() && *tolerance >= 0.0);
    if tolerance.is_none() {
        let what = format!("`tolerance` of {}", fields.what);
        wrong_kind(fields.diagnostics, &entry.value, &what, "a number that is not negative, in the metric's unit");
    }
    tolerance
}

/// One number of items, or several that the benchmark may have. What all of them are worth is the end of the range.
fn read_items(fields: &Fields<'_>) -> Vec<u64> {
    let Some(entry) = fields.entry("items") else { return Vec::new() };
    let one = |node: &Node| match node.kind {
        Kind::Int(value) => u64::try_from(value).ok().filter(|value| (1..=MOST_ITEMS).contains(value)),
        _ => None,
    };
    let items: Option<Vec<u64>> = match &entry.value.kind {
        Kind::List(items) => items.iter().map(one).collect(),
        _ => one(&entry.value).map(|items| vec![items]),
    };
    let Some(items) = items.filter(|items| !items.is_empty()) else {
        let what = format!("`items` of {}", fields.what);
        wrong_kind(fields.diagnostics, &entry.value, &what, "a number of items, or a list of such");
        return Vec::new();
    };
    if fields.entry("range").is_none() {
        fields.missing("range", "with `items`, write `range = [0, 100]`: its end is the value of all items right");
    }
    items
}

/// A mean of means would hide how many benchmarks weigh how much, and could go round in a circle.
fn check_means(root: &Fields<'_>, metrics: &[Metric]) {
    let is_mean = |name: &str| metrics.iter().any(|metric| metric.name == name && !metric.mean_of.is_empty());
    for (entry, _) in root.named("metrics") {
        let Some(metric) = metrics.iter().find(|metric| metric.name == entry.key) else { continue };
        if let Some(part) = metric.mean_of.iter().find(|part| is_mean(part)) {
            let message = format!("metric `{}` is a mean of `{part}`, which is a mean itself", metric.name);
            root.diagnostics.report(Problem::new(entry.key_span, message).hint("list the benchmarks themselves"));
        }
    }
}
