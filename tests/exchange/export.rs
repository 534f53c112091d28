//! `sweep export`.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::project::Project;
use crate::{finished, python};

/// Every format, under names that the programs know.
fn exported() -> Project {
    let project = finished();
    for (format, path) in [
        ("jsonl", "scores.jsonl"),
        ("csv", "scores.csv"),
        ("json", "scores.json"),
        ("parquet", "scores.parquet"),
        ("mlflow", "mlruns"),
        ("tensorboard", "tb"),
    ] {
        let ended = project.sweep(&["export", "--to", format, "--out", path]).with(0);
        assert_eq!(ended.err, format!("{path}: 12 scores of 4 runs\n"));
    }
    project
}

#[test]
fn other_programs_read_what_is_exported() {
    let project = exported();
    for (program, said) in
        [("duckdb_reads.py", "12 scores\n"), ("mlflow_reads.py", "4 runs\n"), ("tensorboard_reads.py", "12 scores\n")]
    {
        assert!(python::run(&project, program).is_none_or(|out| out == said), "{program}");
    }
}

#[test]
fn the_same_results_give_the_same_bytes_and_no_folder_is_written_into_twice() {
    let project = exported();
    for (format, path) in [("csv", "scores.csv"), ("parquet", "scores.parquet"), ("json", "scores.json")] {
        let before = fs::read(project.path().join(path)).unwrap();
        let _ = project.sweep(&["export", "--to", format, "--out", path]).with(0);
        assert!(before == fs::read(project.path().join(path)).unwrap(), "{format}");
    }
    for (format, path) in [("mlflow", "mlruns"), ("tensorboard", "tb")] {
        let ended = project.sweep(&["export", "--to", format, "--out", path]).with(2);
        assert!(ended.err.contains(&format!("`{path}` is there already and not empty")), "{}", ended.err);
        let again = format!("{path}-again");
        let _ = project.sweep(&["export", "--to", format, "--out", &again]).with(0);
        let files = |folder: &str| {
            let below = project.glob(&format!("{folder}/**/*"));
            let files = below.iter().filter(|path| path.is_file());
            let root = project.path().join(folder);
            files
                .map(|path| (path.strip_prefix(&root).unwrap().to_owned(), fs::read(path).unwrap()))
                .collect::<Vec<_>>()
        };
        assert!(files(path) == files(&again), "{format}");
    }
}

#[test]
fn text_goes_to_standard_output_and_a_spreadsheet_finds_no_formula() {
    let project = finished();
    let csv = project.sweep(&["export", "--to", "csv", "--where", "lr == 0.1 && seed == 1"]).with(0).out;
    assert_eq!(csv.lines().count(), 4);
    assert!(csv.contains(",'=1+1,"), "{csv}");
    let json: Value = serde_json::from_str(&project.sweep(&["export", "--to", "json"]).with(0).out).unwrap();
    assert_eq!((&json["schema_version"], json["runs"].as_array().unwrap().len()), (&1.into(), 4));
    assert_eq!(json["runs"][0]["scores"][2]["value"], 7.5);
    let ended = project.sweep(&["export", "--to", "parquet"]).with(2);
    assert!(ended.err.contains("hint: say where it goes by `--out`"), "{}", ended.err);
}

#[test]
fn nothing_measured_is_nothing_to_export() {
    let project = Project::new("name = \"one\"\ncommand = [\"./train\", \"{x}\"]\n[vary]\nx = [1, 2]\n");
    let _ = project.sweep(&["plan", "grid.toml"]).with(0);
    let ended = project.sweep(&["export", "--to", "csv", "--out", "x.csv"]).with(5);
    assert!(ended.err.contains("nothing to export"), "{}", ended.err);
    assert!(!Path::new(&project.path().join("x.csv")).exists());
}
