//! The correlations of Figure 8 as `sweep report` prints them, beside what scipy and pandas compute from the same table
//! (`tests/golden/stats/generate.py`).

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail as the test does")]

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

/// Columns of the published Table 6, and what the report calls them.
const NAMES: [(&str, &str); 11] = [
    ("MMBench_EN", "MMBench-EN"),
    ("SEED", "SEED"),
    ("RealworldQA", "RealWorldQA"),
    ("MMVP", "MMVP"),
    ("SQA", "ScienceQA"),
    ("MMMU", "MMMU"),
    ("VStar", "V\\*"),
    ("ChartQA", "ChartQA"),
    ("TextVQA", "TextVQA"),
    ("CLIP", "CLIP score"),
    ("FID", "FID"),
];

#[test]
fn the_printed_correlations_agree_with_scipy_and_pandas_in_every_digit() {
    let printed = correlations_of_figure_8();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/stats/figure_8.json");
    let golden: Vec<Value> = serde_json::from_str(&fs::read_to_string(golden).unwrap()).unwrap();
    assert_eq!((printed.len(), golden.len()), (18, 18));
    for expected in &golden {
        let [benchmark, image] = ["benchmark", "metric"].map(|key| name(expected[key].as_str().unwrap()));
        let row = printed.iter().find(|row| row[0] == benchmark && row[1] == image).unwrap();
        let within = &expected["within_vqa"];
        assert_eq!(row[2], expected["n"].to_string());
        assert_eq!(row[3], decimals(&expected["rho"], 4), "{benchmark}, {image}");
        assert_eq!(row[3], decimals(&expected["pandas_rho"], 4), "{benchmark}, {image}");
        assert_eq!(row[4], interval(expected), "{benchmark}, {image}");
        assert_eq!(row[6], decimals(&within["rho"], 4), "{benchmark}, {image}, within");
        assert_eq!(row[7], interval(within), "{benchmark}, {image}, within");
    }
}

/// The cells of each row of the table that the report prints below the figure.
fn correlations_of_figure_8() -> Vec<Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("sweeps/metamorph.toml");
    run(folder.path(), &["import", &file.to_string_lossy()]);
    run(folder.path(), &["report", "--name", "figure-8", "--out", "report"]);
    let table = fs::read_to_string(folder.path().join("report/figure-8.md")).unwrap();
    let cells = |line: &str| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
    table.lines().skip(2).map(cells).collect()
}

fn run(folder: &Path, args: &[&str]) {
    let output = Command::cargo_bin("sweep").unwrap().current_dir(folder).env_clear().args(args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn name(column: &str) -> &'static str {
    NAMES.iter().find(|(known, _)| *known == column).unwrap().1
}

fn interval(of: &Value) -> String {
    format!("{} to {}", decimals(&of["low"], 3), decimals(&of["high"], 3))
}

/// As the report writes it, with a minus sign instead of a hyphen.
fn decimals(number: &Value, count: usize) -> String {
    format!("{:.count$}", number.as_f64().unwrap()).replace('-', "−")
}
