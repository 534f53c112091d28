//! What `sweep report` concludes from the paper's tables, beside what statsmodels and pandas make of the same files
//! (`tests/golden/stats/conclusions.py`).

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail as the test does")]

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

#[test]
fn conclusions_about_the_papers_tables_agree_with_statsmodels() {
    let (golden, conclusions) = (golden(), conclusions());
    for expected in golden["effects"].as_array().unwrap() {
        let metric = expected["metric"].as_str().unwrap();
        for per in ["per doubling", "per million samples", "smallest to largest amount"] {
            let part = part(&conclusions, "finding-3", &format!("{metric}: improvement by VQA data less"), per);
            let [vqa, generation] = ["VQA data", "Generation data"].map(|axis| number(&expected[axis][per]));
            close(&part["estimate"], vqa - generation);
            close(&part["asides"][0]["value"], vqa);
            close(&part["asides"][1]["value"], generation);
            close(&part["asides"][2]["value"], vqa / generation);
        }
        let analyses = claim(&conclusions, "finding-3")["analyses"].as_array().unwrap().clone();
        let analysis = analyses.iter().find(|analysis| analysis["metric"] == metric).unwrap();
        for (source, share) in ["first", "second", "residual"].iter().zip(expected["shares"].as_array().unwrap()) {
            close(&analysis["by_levels"][source]["share"], number(share));
        }
    }
    let share = &part(&conclusions, "joint-5k", "FID", "whole")["asides"][0]["value"];
    close(share, number(&golden["share_at_5k"]));
    let gains = claim(&conclusions, "finding-1")["parts"].as_array().unwrap().clone();
    let expected = golden["joint_gains"].as_array().unwrap();
    assert_eq!(gains.len(), expected.len());
    gains.iter().zip(expected).for_each(|(part, gain)| close(&part["estimate"], number(gain)));
}

/// The tables have one run a cell: whatever they look like, nothing of them holds or fails.
#[test]
fn one_run_a_cell_is_described_and_never_decided() {
    let conclusions = conclusions();
    for conclusion in conclusions.as_array().unwrap() {
        assert!(["agrees", "disagrees"].contains(&conclusion["decision"].as_str().unwrap()), "{conclusion}");
        assert!(conclusion["parts"].as_array().unwrap().iter().all(|part| part["interval"].is_null()));
    }
    assert_eq!(claim(&conclusions, "finding-4")["as_claimed"], 11);
}

fn conclusions() -> Value {
    let folder = tempfile::tempdir().unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("sweeps/metamorph.toml");
    run(folder.path(), &["import", &file.to_string_lossy()]);
    let said = run(folder.path(), &["report", "--format", "csv", "--json", "--out", "report"]);
    serde_json::from_str::<Value>(&said).unwrap()["conclusions"].clone()
}

fn golden() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/stats/conclusions.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn claim<'a>(conclusions: &'a Value, name: &str) -> &'a Value {
    conclusions.as_array().unwrap().iter().find(|conclusion| conclusion["claim"] == name).unwrap()
}

fn part<'a>(conclusions: &'a Value, name: &str, start: &str, end: &str) -> &'a Value {
    let parts = claim(conclusions, name)["parts"].as_array().unwrap();
    let says = |part: &&Value| part["says"].as_str().is_some_and(|says| says.starts_with(start) && says.ends_with(end));
    parts.iter().find(says).unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

/// statsmodels keeps seven digits of slopes on amounts in the millions.
#[track_caller]
fn close(ours: &Value, expected: f64) {
    let ours = number(ours);
    assert!((ours - expected).abs() <= 1e-7 * expected.abs().max(1e-3), "{ours} is not {expected}");
}

fn run(folder: &Path, args: &[&str]) -> String {
    let output = Command::cargo_bin("sweep").unwrap().current_dir(folder).env_clear().args(args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
