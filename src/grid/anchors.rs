//! Anchors: what metrics are compared with, such as chance, or the score of real images.

use super::read::{Fields, check_number};
use super::source::{At, Problem};
use super::sweep::{Anchor, AnchorValue};
use crate::metric::Metric;

const KEYS: [&str; 4] = ["label", "metrics", "benchmark", "value"];

/// In an anchor's `benchmark`: the benchmark of the metric itself.
const OWN_BENCHMARK: &str = "{benchmark}";

/// Read `[anchors.<name>]` of the whole file.
pub fn read(root: &Fields<'_>, metrics: &[Metric]) -> Vec<Anchor> {
    root.named("anchors")
        .into_iter()
        .map(|(entry, table)| {
            let what = format!("anchor `{}`", entry.key);
            let fields = Fields::new(&what, entry.key_span, table, root.diagnostics).only(&KEYS);
            read_anchor(&entry.key, &fields, metrics)
        })
        .collect()
}

fn read_anchor(name: &str, fields: &Fields<'_>, metrics: &[Metric]) -> Anchor {
    if fields.entry("metrics").is_none() {
        fields.missing("metrics", "name the metrics that are compared with it");
    }
    let value = match (fields.entry("benchmark"), fields.entry("value")) {
        (Some(_), None) => fields.text("benchmark").map(Origin::Benchmark),
        (None, Some(entry)) => check_number(fields, "value", &entry.value).map(Origin::Known),
        (None, None) => {
            fields.missing("benchmark", "write the benchmark that it is scored on, or its `value` where that is known");
            None
        }
        (Some(entry), Some(_)) => {
            let problem = Problem::new(entry.key_span, format!("{} has a `benchmark` and a `value`", fields.what));
            fields.diagnostics.report(problem.hint("keep the one that it is from"));
            None
        }
    };
    let of = fields.one_or_more("metrics").into_iter().filter_map(|named| {
        let metric = find(fields, metrics, &named)?;
        Some((metric.name.clone(), of_metric(fields, metric, value.as_ref()?)?))
    });
    let of = of.collect();
    let label = fields.text("label").map_or_else(|| name.to_owned(), |label| label.value);
    Anchor { name: name.to_owned(), label, of }
}

/// Where an anchor's value is from, for all its metrics.
enum Origin {
    Benchmark(At<String>),
    Known(f64),
}

fn find<'a>(fields: &Fields<'_>, metrics: &'a [Metric], named: &At<String>) -> Option<&'a Metric> {
    let found = metrics.iter().find(|metric| metric.name == named.value);
    if found.is_none() {
        let problem = Problem::new(named.span, format!("there is no metric `{}`", named.value));
        fields.diagnostics.report(problem.nearest(&named.value, metrics.iter().map(|metric| metric.name.as_str())));
    }
    found
}

fn of_metric(fields: &Fields<'_>, metric: &Metric, value: &Origin) -> Option<AnchorValue> {
    let benchmark = match value {
        Origin::Known(value) => return Some(AnchorValue::Known(*value)),
        Origin::Benchmark(benchmark) => benchmark,
    };
    let Some(own) = &metric.benchmark else {
        let message = format!("metric `{}` takes any benchmark, so the anchor's scores would be its own", metric.name);
        let hint = format!("write `benchmark = \"...\"` under `[metrics.{}]`", metric.name);
        fields.diagnostics.report(Problem::new(benchmark.span, message).hint(hint));
        return None;
    };
    let name = benchmark.value.replace(OWN_BENCHMARK, own);
    if name == *own {
        let message = format!("`{}` is the benchmark of metric `{}` itself", name.escape_debug(), metric.name);
        let hint = format!("an anchor is the same score of another benchmark, like `chance/{OWN_BENCHMARK}`");
        fields.diagnostics.report(Problem::new(benchmark.span, message).hint(hint));
        return None;
    }
    Some(AnchorValue::Benchmark(name))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::grid::{Sweep, parse};

    const GOOD: &str = r#"
name = "anchored"
command = ["train", "{x}"]
[vary]
x = [1, 2]
[metrics.general]
direction = "maximize"
score = "accuracy"
benchmark = "general"
[metrics.any]
direction = "maximize"
[anchors.text_only]
label = "text only"
metrics = ["general"]
benchmark = "text_only/{benchmark}"
[anchors.chance]
metrics = ["general", "any"]
value = 0.25
"#;

    fn read(text: &str) -> crate::Result<Sweep> {
        parse(Path::new("test.toml"), text)
    }

    #[test]
    fn anchors_are_measured_or_known() {
        let sweep = read(GOOD).unwrap();
        let [text_only, chance] = &sweep.anchors[..] else { panic!("{:?}", sweep.anchors) };
        assert_eq!((text_only.label.as_str(), chance.label.as_str()), ("text only", "chance"));
        let measured = AnchorValue::Benchmark("text_only/general".to_owned());
        assert_eq!(text_only.of, [("general".to_owned(), measured)]);
        assert_eq!(chance.of[1], ("any".to_owned(), AnchorValue::Known(0.25)));
    }

    #[test]
    fn mistakes_in_anchors_have_their_place_and_a_hint() {
        let cases = [
            ("value = 0.25", "value = \"low\"", "18:9", "`value` of anchor `chance` is `low`, not a number", ""),
            ("value = 0.25", "valeu = 0.25", "18:1", "unknown key `valeu`", "did you mean `value`?"),
            ("value = 0.25", "value = 1\nbenchmark = \"a\"", "19:1", "a `benchmark` and a `value`", "keep the one"),
            ("value = 0.25", "", "16:10", "anchor `chance` has no `benchmark`", "where that is known"),
            ("value = 0.25", "benchmark = \"chance\"", "18:13", "metric `any` takes any benchmark", "[metrics.any]"),
            (
                "metrics = [\"general\"]",
                "metrics = \"genral\"",
                "14:11",
                "no metric `genral`",
                "did you mean `general`?",
            ),
            ("metrics = [\"general\"]", "", "12:10", "anchor `text_only` has no `metrics`", "compared with it"),
            ("text_only/{benchmark}", "{benchmark}", "15:13", "is the benchmark of metric `general` itself", "another"),
        ];
        for (old, new, place, message, hint) in cases {
            let error = read(&GOOD.replacen(old, new, 1)).unwrap_err();
            let shown = format!("{}\n{}\n{}", error.message(), error.shown_excerpt(), error.hints().join("\n"));
            for wanted in [message, hint, &format!("test.toml:{place}:")] {
                assert!(shown.contains(wanted), "{new}: wanted {wanted:?}, got {shown}");
            }
        }
    }
}
