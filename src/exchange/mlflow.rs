//! MLflow's file store: a folder of runs, each with its parameters, metrics and tags as small files.
//!
//! The layout is that of `mlflow.store.tracking.file_store`; `meta.yaml` is written as JSON, which YAML contains.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::json;

use super::rows::{Curve, Row, Run};
use crate::value::Value;

/// A file below the store's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    pub path: PathBuf,
    pub bytes: Vec<u8>,
}

/// First and last second of a run, since the epoch, UTC.
pub type Times = (f64, f64);

/// The source of what tasks measure.
const MEASURED: &str = "measured";
/// As MLflow numbers them.
const FINISHED: u32 = 3;
const LOCAL: u32 = 4;

/// The store with `runs` as runs of one experiment, called as the sweep. `times` are by run.
#[must_use]
pub fn files(sweep: &str, runs: &[Run<'_>], rows: &[Row<'_>], curves: &[Curve], times: &[Times]) -> Vec<File> {
    let experiment = experiment_id(sweep);
    let latest = times.iter().map(|times| times.1).fold(0.0, f64::max);
    let meta = json!({
        "artifact_location": experiment, "creation_time": milliseconds(latest), "experiment_id": experiment,
        "last_update_time": milliseconds(latest), "lifecycle_stage": "active", "name": sweep,
    });
    let mut files = vec![File { path: PathBuf::from(&experiment).join("meta.yaml"), bytes: lines(&meta.to_string()) }];
    let mut metrics = vec![Metrics::default(); runs.len()];
    for row in rows {
        if let (Some(metrics), Some(times)) = (metrics.get_mut(row.run), times.get(row.run)) {
            let step = row.observation.step.unwrap_or(0);
            metrics.add(name_of(row).map(str::to_owned).to_vec(), times.1, row.observation.value, step);
        }
    }
    for curve in curves {
        if let (Some(metrics), Some(times)) = (metrics.get_mut(curve.run), times.get(curve.run)) {
            for &(step, value) in &curve.points {
                metrics.add([&curve.stage, &curve.name].map(String::clone).to_vec(), times.1, value, step);
            }
        }
    }
    for ((run, metrics), times) in runs.iter().zip(metrics).zip(times) {
        files.extend(run_files(&experiment, run, metrics, *times));
    }
    files
}

fn run_files(experiment: &str, run: &Run<'_>, metrics: Metrics, times: Times) -> Vec<File> {
    let id = run.id.to_string();
    let folder = PathBuf::from(experiment).join(&id);
    let meta = json!({
        "artifact_uri": format!("{experiment}/{id}/artifacts"), "end_time": milliseconds(times.1),
        "entry_point_name": "", "experiment_id": experiment, "lifecycle_stage": "active", "run_id": id,
        "run_name": run.name, "run_uuid": id, "source_name": "", "source_type": LOCAL, "source_version": "",
        "start_time": milliseconds(times.0), "status": FINISHED, "tags": [], "user_id": "",
    });
    let file = |path: PathBuf, bytes: Vec<u8>| File { path: folder.join(path), bytes };
    let mut files = vec![file("meta.yaml".into(), lines(&meta.to_string()))];
    // A run without such a folder is none, and an empty folder does not survive being copied by every program.
    files.push(file("artifacts/README.md".into(), lines("`sweep bundle` has the files of this run.")));
    files.push(file("tags/mlflow.runName".into(), run.name.clone().into_bytes()));
    for (stage, task) in &run.tasks {
        files.push(file(PathBuf::from("tags").join(path_of(&["sweep.task", stage])), task.to_string().into_bytes()));
    }
    for (name, value) in &run.parameters {
        let text = match value {
            Value::Text(text) => text.to_string(),
            other => other.to_json().to_string(),
        };
        files.push(file(PathBuf::from("params").join(path_of(&[name])), text.into_bytes()));
    }
    files.extend(metrics.files().map(|(name, bytes)| file(PathBuf::from("metrics").join(name), bytes)));
    files
}

fn lines(text: &str) -> Vec<u8> {
    format!("{text}\n").into_bytes()
}

/// What stands in the files of a run's metrics, by the parts of their names.
#[derive(Debug, Clone, Default)]
struct Metrics(BTreeMap<Vec<String>, String>);

impl Metrics {
    /// One line a value: milliseconds, value, step.
    fn add(&mut self, name: Vec<String>, time: f64, value: f64, step: u64) {
        let lines = self.0.entry(name).or_default();
        lines.push_str(&format!("{} {value} {step}\n", milliseconds(time)));
    }

    /// Each under a path of its own. `accuracy` cannot be a file where `accuracy/digits` needs it for a folder.
    fn files(self) -> impl Iterator<Item = (String, Vec<u8>)> {
        let paths: Vec<String> =
            self.0.keys().map(|parts| path_of(&parts.iter().map(String::as_str).collect::<Vec<_>>())).collect();
        let mut taken = BTreeSet::new();
        self.0.into_values().zip(paths.clone()).map(move |(lines, path)| {
            let is_folder =
                paths.iter().any(|other| other.strip_prefix(&path).is_some_and(|rest| rest.starts_with('/')));
            let path = if is_folder { format!("{path}/value") } else { path };
            let free = (1..).map(|number| if number == 1 { path.clone() } else { format!("{path} {number}") });
            let path = free.into_iter().find(|path| taken.insert(path.clone())).unwrap_or(path);
            (path, lines.into_bytes())
        })
    }
}

/// Metric, benchmark and split; another source than our own tasks comes last.
#[must_use]
pub fn name_of<'a>(row: &Row<'a>) -> [&'a str; 4] {
    let kind = &row.observation.kind;
    let source = if kind.source == MEASURED { "" } else { &kind.source };
    [&kind.metric, &kind.benchmark, &kind.split, source]
}

/// Names joined by slashes, of the characters that MLflow allows. No part is empty, starts with a dot or leads upwards.
#[must_use]
pub fn path_of(parts: &[&str]) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "_-.:= ".contains(c) { c } else { '_' };
    let parts = parts.iter().flat_map(|part| part.split('/')).filter(|part| !part.is_empty());
    let clean = parts.map(|part| {
        let part: String = part.chars().map(allowed).collect();
        if part.starts_with('.') { format!("_{part}") } else { part }
    });
    let path = clean.collect::<Vec<_>>().join("/");
    if path.is_empty() { "_".to_owned() } else { path }
}

/// A number of 18 digits by the sweep's name: the store's own are numbers as well.
fn experiment_id(sweep: &str) -> String {
    let hash = blake3::hash(sweep.as_bytes());
    let number = hash.as_bytes().iter().take(8).fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
    format!("{}", 100_000_000_000_000_000 + number % 900_000_000_000_000_000)
}

#[expect(clippy::cast_possible_truncation, reason = "times are far from the ends of the range")]
fn milliseconds(seconds: f64) -> i64 {
    (seconds * 1000.0).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leaves_the_folder() {
        for (parts, path) in [
            (&["fid"][..], "fid"),
            (&["accuracy", "", "digits/general"], "accuracy/digits/general"),
            (&["../../etc/passwd"], "_../_../etc/passwd"),
            (&["/etc"], "etc"),
            (&["a\0b\n", "."], "a_b_/_."),
            (&["", ""], "_"),
        ] {
            assert_eq!(path_of(parts), path);
        }
    }

    #[test]
    fn an_experiment_keeps_its_number() {
        assert_eq!(experiment_id("digits"), experiment_id("digits"));
        assert_eq!(experiment_id("digits").len(), 18);
    }
}
