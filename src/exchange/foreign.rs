//! Other programs' results as a table: one record a run, a column a parameter or metric. What `sweep import` then maps
//! to cells and metrics as it maps the columns of a CSV file.

use std::collections::{BTreeMap, BTreeSet};

use runfile::number::{Number, quote_literals};
use serde::Deserialize;
use serde_json::Value;

use super::tensorboard::Events;

/// Text by column.
pub type Record = BTreeMap<String, String>;

/// Records from JSON lines: an object a line, nested ones as `config.lr`. What is null or an empty line is nothing.
///
/// # Errors
/// The line, from 1, and what is wrong with it.
pub fn from_json_lines(text: &[u8]) -> Result<Vec<Record>, (usize, String)> {
    let lines = (1..).zip(text.split(|&byte| byte == b'\n'));
    // A record keeps the number of its line: an empty line is an empty record.
    let mut records: Vec<Record> = Vec::new();
    for (number, line) in lines {
        let mut record = Record::new();
        if !line.trim_ascii().is_empty() {
            let value = serde_json::from_slice(&quote_literals(line)).map_err(|error| (number, error.to_string()))?;
            let Value::Object(_) = value else { return Err((number, "it is no object".to_owned())) };
            flatten("", &value, &mut record);
        }
        records.push(record);
    }
    while records.last().is_some_and(BTreeMap::is_empty) {
        records.pop();
    }
    Ok(records)
}

pub(super) fn flatten(name: &str, value: &Value, record: &mut Record) {
    let text = match value {
        Value::Null => return,
        Value::Object(fields) => {
            for (key, value) in fields {
                flatten(&if name.is_empty() { key.clone() } else { format!("{name}.{key}") }, value, record);
            }
            return;
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    record.insert(name.to_owned(), text);
}

/// A record of what TensorBoard has of a run: the last value of every scalar, and `hparams.lr`.
#[must_use]
pub fn from_events(run: &str, events: &[Events]) -> Record {
    let mut last: BTreeMap<&str, (u64, f64)> = BTreeMap::new();
    for scalar in events.iter().flat_map(|events| &events.scalars) {
        let known = last.entry(&scalar.tag).or_insert((scalar.step, scalar.value));
        if scalar.step >= known.0 {
            *known = (scalar.step, scalar.value);
        }
    }
    let mut record: Record = last.into_iter().map(|(tag, (_, value))| (tag.to_owned(), value.to_string())).collect();
    for (name, value) in events.iter().flat_map(|events| &events.parameters) {
        flatten(&format!("hparams.{name}"), &whole(value), &mut record);
    }
    record.insert("run".to_owned(), run.to_owned());
    record
}

/// Hyper-parameters are doubles there: `2000.0` was 2000.
fn whole(value: &Value) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
    match value.as_f64() {
        Some(number) if number.fract() == 0.0 && number.abs() < 9e15 => (number as i64).into(),
        _ => value.clone(),
    }
}

/// A record of a run of MLflow's file store, from the files of its folder by their paths in it: `params.lr`,
/// `metrics.fid` (the last value), `tags.mlflow.runName`, as MLflow's own exports call them.
#[must_use]
pub fn from_mlflow(run: &str, files: &BTreeMap<String, String>) -> Record {
    let mut record = Record::from([("run_id".to_owned(), run.to_owned())]);
    for (path, text) in files {
        let Some((kind, name)) = path.split_once('/') else { continue };
        let value = match kind {
            "params" | "tags" => text.trim_end_matches('\n'),
            // Milliseconds, value, step.
            "metrics" => text.lines().last().and_then(|line| line.split(' ').nth(1)).unwrap_or_default(),
            _ => continue,
        };
        record.insert(format!("{kind}.{name}"), value.to_owned());
    }
    record
}

/// The records as CSV, one a line below the header: every column that any of them has, by name.
#[must_use]
pub fn csv(records: &[Record]) -> Vec<u8> {
    let columns: BTreeSet<&str> = records.iter().flat_map(|record| record.keys().map(String::as_str)).collect();
    let field = |text: &str| format!("\"{}\"", text.replace('"', "\"\"").replace(['\n', '\r'], " "));
    let line = |fields: Vec<String>| fields.join(",") + "\n";
    let mut out = line(columns.iter().map(|column| field(column)).collect());
    for record in records {
        let value = |column: &&str| field(record.get(*column).map_or("", String::as_str));
        out.push_str(&line(columns.iter().map(value).collect()));
    }
    out.into_bytes()
}

/// One line of what `sweep export --to jsonl` and `sweep bundle` write; other keys are for people.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ScoreLine {
    /// The run's identity.
    pub run: String,
    pub metric: String,
    #[serde(default)]
    pub benchmark: String,
    #[serde(default)]
    pub split: String,
    #[serde(default)]
    pub step: Option<u64>,
    value: Number,
    #[serde(default)]
    pub n: Option<u64>,
    #[serde(default)]
    pub stderr: Option<f64>,
    pub source: String,
}

impl ScoreLine {
    /// May be NaN or infinite.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.value.0
    }
}

/// Read the scores that another project wrote.
///
/// # Errors
/// The line, from 1, and what is wrong with it.
pub fn scores(text: &[u8]) -> Result<Vec<ScoreLine>, (usize, String)> {
    let lines = (1..).zip(text.split(|&byte| byte == b'\n')).filter(|(_, line)| !line.trim_ascii().is_empty());
    lines.map(|(number, line)| serde_json::from_slice(line).map_err(|error| (number, error.to_string()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::tensorboard::Scalar;

    #[test]
    fn nested_objects_become_columns() {
        let text =
            b"{\"config\": {\"lr\": 0.1, \"tags\": [1]}, \"fid\": NaN}\n\n{\"name\": \"a,\\\"b\\nc\", \"x\": null}\n";
        let records = from_json_lines(text).unwrap();
        let csv = String::from_utf8(csv(&records)).unwrap();
        let expected = "\"config.lr\",\"config.tags\",\"fid\",\"name\"\n\"0.1\",\"[1]\",\"NaN\",\"\"\n\
                        \"\",\"\",\"\",\"\"\n\"\",\"\",\"\",\"a,\"\"b c\"\n";
        assert_eq!(csv, expected);
        assert_eq!(from_json_lines(b"{}\n[1]\n").unwrap_err().0, 2);
        assert_eq!(from_json_lines(b"{\"a\": }").unwrap_err().0, 1);
    }

    #[test]
    fn the_last_step_of_a_scalar_counts() {
        let scalar = |step, value| Scalar { tag: "fid".to_owned(), step, time: 0.0, value };
        let parameters = BTreeMap::from([("vqa".to_owned(), Value::from(2000.0)), ("lr".to_owned(), Value::from(0.5))]);
        let events = Events { scalars: vec![scalar(2, 0.25), scalar(1, 9.0)], parameters, torn: false };
        let record = from_events("a", &[events]);
        let pairs: Vec<(&str, &str)> = record.iter().map(|(name, text)| (&**name, &**text)).collect();
        assert_eq!(pairs, [("fid", "0.25"), ("hparams.lr", "0.5"), ("hparams.vqa", "2000"), ("run", "a")]);
    }

    #[test]
    fn files_of_mlflow_become_the_columns_of_its_exports() {
        let files = [("params/lr", "0.1"), ("metrics/a/b", "5 1.5 0\n6 2.5 1\n"), ("meta.yaml", "x")];
        let files = files.map(|(path, text)| (path.to_owned(), text.to_owned())).into();
        let record = from_mlflow("id", &files);
        let pairs: Vec<(&str, &str)> = record.iter().map(|(name, text)| (&**name, &**text)).collect();
        assert_eq!(pairs, [("metrics.a/b", "2.5"), ("params.lr", "0.1"), ("run_id", "id")]);
    }
}
