//! Scores as CSV, JSON, JSON lines and Parquet.

use polars::prelude::*;
use serde_json::{Map, Value as Json, json};

use super::rows::{Row, Run};
use crate::metric::Observation;
use crate::parquet::{self, Misshapen, Values};
use crate::report::table;
use crate::value::Value;

/// As CSV, for spreadsheets: texts that one would take for formulas are made plain.
///
/// # Errors
/// Polars fails at it.
pub fn csv(runs: &[Run<'_>], rows: &[Row<'_>]) -> PolarsResult<Vec<u8>> {
    let columns = columns(runs, rows).into_iter().map(|column| {
        let name = column.name.into();
        match column.values {
            Values::Floats(values) => Column::new(name, values),
            Values::Integers(values) => Column::new(name, values),
            Values::Texts(values) => Column::new(name, values),
        }
    });
    table::csv(&DataFrame::new(rows.len(), columns.collect())?)
}

/// As a Parquet file.
///
/// # Errors
/// A text is too large for the format.
pub fn parquet(runs: &[Run<'_>], rows: &[Row<'_>]) -> std::result::Result<Vec<u8>, Misshapen> {
    parquet::write(&columns(runs, rows))
}

/// One object a line: what `sweep import` reads back without loss.
#[must_use]
pub fn json_lines(runs: &[Run<'_>], rows: &[Row<'_>]) -> String {
    rows.iter().filter_map(|row| Some(format!("{}\n", object(runs.get(row.run)?, row)))).collect()
}

/// One value: the sweep, its runs with their scores.
#[must_use]
pub fn json(sweep: &str, runs: &[Run<'_>], rows: &[Row<'_>]) -> String {
    let mut scores: Vec<Vec<Json>> = vec![Vec::new(); runs.len()];
    for row in rows {
        if let Some(scores) = scores.get_mut(row.run) {
            scores.push(Json::Object(score(row)));
        }
    }
    let runs: Vec<Json> = runs
        .iter()
        .zip(scores)
        .map(|(run, scores)| {
            json!({"run": run.id.to_string(), "cell": run.name, "parameters": parameters(run), "scores": scores})
        })
        .collect();
    format!("{:#}\n", json!({"schema_version": 1, "sweep": sweep, "runs": runs}))
}

fn object(run: &Run<'_>, row: &Row<'_>) -> Json {
    let mut object = Map::new();
    object.insert("run".to_owned(), run.id.to_string().into());
    object.insert("cell".to_owned(), run.name.clone().into());
    object.insert("parameters".to_owned(), parameters(run));
    object.extend(score(row));
    Json::Object(object)
}

fn parameters(run: &Run<'_>) -> Json {
    run.parameters.iter().map(|(name, value)| ((*name).to_owned(), value.to_json())).collect::<Map<_, _>>().into()
}

/// A score without its run; what is empty or unknown is left out.
fn score(row: &Row<'_>) -> Map<String, Json> {
    let Observation { kind, step, value, n, stderr, .. } = row.observation;
    let mut score = Map::new();
    let mut add = |name: &str, value: Json| drop(score.insert(name.to_owned(), value));
    if let Some((stage, task)) = row.measured {
        add("stage", stage.into());
        add("task", task.to_string().into());
    }
    add("metric", kind.metric.clone().into());
    for (name, text) in [("benchmark", &kind.benchmark), ("split", &kind.split)] {
        if !text.is_empty() {
            add(name, text.clone().into());
        }
    }
    step.iter().for_each(|step| add("step", (*step).into()));
    // JSON has no NaN; the text that names it reads back as it.
    add("value", if value.is_finite() { (*value).into() } else { value.to_string().into() });
    n.iter().for_each(|n| add("n", (*n).into()));
    stderr.iter().for_each(|stderr| add("stderr", (*stderr).into()));
    add("source", kind.source.clone().into());
    score
}

/// The rows as columns, those of the factors after the run's.
fn columns(runs: &[Run<'_>], rows: &[Row<'_>]) -> Vec<parquet::Column> {
    let texts = |name: &str, text: &dyn Fn(&Row<'_>) -> Option<String>| parquet::Column {
        name: name.to_owned(),
        values: Values::Texts(rows.iter().map(text).collect()),
    };
    let counts = |name: &str, count: &dyn Fn(&Observation) -> Option<u64>| parquet::Column {
        name: name.to_owned(),
        values: Values::Integers(rows.iter().map(|row| count(row.observation)?.try_into().ok()).collect()),
    };
    let floats = |name: &str, float: &dyn Fn(&Observation) -> Option<f64>| parquet::Column {
        name: name.to_owned(),
        values: Values::Floats(rows.iter().map(|row| float(row.observation)).collect()),
    };
    let mut columns = vec![
        texts("run", &|row| Some(runs.get(row.run)?.id.to_string())),
        texts("cell", &|row| Some(runs.get(row.run)?.name.clone())),
    ];
    let factors: Vec<&str> = runs.first().map_or_else(Vec::new, |run| run.parameters.keys().copied().collect());
    columns.extend(factors.into_iter().map(|factor| parquet::Column {
        name: format!("parameter.{factor}"),
        values: factor_values(runs, rows, factor),
    }));
    columns.extend([
        texts("stage", &|row| row.measured.map(|(stage, _)| stage.to_owned())),
        texts("task", &|row| row.measured.map(|(_, task)| task.to_string())),
        texts("metric", &|row| Some(row.observation.kind.metric.clone())),
        texts("benchmark", &|row| Some(row.observation.kind.benchmark.clone())),
        texts("split", &|row| Some(row.observation.kind.split.clone())),
        counts("step", &|observation| observation.step),
        floats("value", &|observation| Some(observation.value)),
        counts("n", &|observation| observation.n),
        floats("stderr", &|observation| observation.stderr),
        texts("source", &|row| Some(row.observation.kind.source.clone())),
    ]);
    columns
}

/// Numbers where every level of the factor is one, texts otherwise.
fn factor_values(runs: &[Run<'_>], rows: &[Row<'_>], factor: &str) -> Values {
    let of = |row: &Row<'_>| runs.get(row.run).and_then(|run| run.parameters.get(factor).copied());
    let every =
        |is: fn(&Value) -> bool| runs.iter().filter_map(|run| run.parameters.get(factor)).all(|value| is(value));
    if every(|value| matches!(value, Value::Int(_))) {
        return Values::Integers(rows.iter().map(|row| of(row)?.to_json().as_i64()).collect());
    }
    if every(|value| matches!(value, Value::Int(_) | Value::Float(_))) {
        return Values::Floats(rows.iter().map(|row| of(row)?.to_json().as_f64()).collect());
    }
    let text = |value: &Value| match value {
        Value::Text(text) => text.to_string(),
        other => other.to_json().to_string(),
    };
    Values::Texts(rows.iter().map(|row| of(row).map(text)).collect())
}
