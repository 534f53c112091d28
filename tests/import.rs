//! `sweep import` through the command line, on the paper's own tables.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail as the test does")]

use std::path::{Path, PathBuf};

use assert_cmd::Command;

fn sweeps() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sweeps")
}

fn sweep(folder: &Path) -> Command {
    let mut command = Command::cargo_bin("sweep").unwrap();
    command.current_dir(folder).env_clear();
    command
}

fn stderr(command: &mut Command, code: i32) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{text}");
    text
}

#[test]
fn the_papers_tables_come_in_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = sweeps().join("metamorph.toml");
    let first = stderr(sweep(folder.path()).arg("import").arg(&file), 0);
    assert!(first.contains("made a project in"), "{first}");
    for line in ["table-6: 216 scores in 18 rows", "table-5: 12 scores in 6 rows", "table-4: 18 scores in 18 rows"] {
        assert!(first.contains(line), "{first}");
    }
    let again = stderr(sweep(folder.path()).arg("import").arg(&file), 0);
    assert!(!again.contains("made a project"), "{again}");
    assert_eq!(again.lines().filter(|line| line.ends_with("; all known")).count(), again.lines().count(), "{again}");
}

#[test]
fn one_csv_file_comes_in_with_a_mapping_on_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine.csv"), "vqa,gen,score\n7M,200k,17.5\n").unwrap();
    let grid = sweeps().join("metamorph.toml");
    let arguments = ["import", "mine.csv", "--grid", "data", "--factor", "vqa=vqa", "--factor", "generation=gen"];
    let rest = ["--metric", "fid=score", "--source", "Ours"];
    let text = stderr(sweep(folder.path()).args(arguments).args(rest).arg("--sweep").arg(&grid), 0);
    assert!(text.ends_with("mine: 1 score in 1 row of mine.csv\n"), "{text}");
    let other = "vqa,gen,score\n7M,200k,17.6\n";
    std::fs::write(folder.path().join("mine.csv"), other).unwrap();
    let text = stderr(sweep(folder.path()).args(arguments).args(rest), 2);
    let expected = "`Ours` gives `fid/pytorch-fid of coco-30k` twice for one run: 17.6 here, 17.5 in mine.csv:2";
    assert!(text.contains(expected), "{text}");
    stderr(sweep(folder.path()).args(arguments).args(rest).arg("--replace"), 0);
}

#[test]
fn a_dry_run_makes_no_project() {
    let folder = tempfile::tempdir().unwrap();
    let text = stderr(sweep(folder.path()).args(["import", "-n"]).arg(sweeps().join("metamorph.toml")), 0);
    assert!(text.contains("nothing was written"), "{text}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_bad_row_is_one_error_with_its_place_and_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let grid =
        "name = \"one\"\ncommand = [\"true\", \"{x}\"]\n[vary]\nx = [1, 2]\n[metrics.a]\ndirection = \"maximize\"\n";
    std::fs::write(folder.path().join("grid.toml"), grid).unwrap();
    let cases = [
        ("x,a\n1,NaN\n", "mine.csv:2:3: `NaN` is not a finite number", "leave the field empty"),
        ("x,a\n1,high\n", "mine.csv:2:3: `high` is not a number", "an empty field or `-`"),
        ("x,a\n7,0.5\n", "mine.csv:2:1: `7` is not a level of axis `x`", "did you mean `1`?"),
        ("x,a\n1,0.5\n2", "mine.csv:3: 1 field, while the header has 2", "double quotes"),
        ("x,a\n1,0.5\n1,0.6\n", "mine.csv:3: the source `me` gives `a` twice for one run", "another `source`"),
        ("x,b\n1,0.5\n", "mine.csv", "hint: "),
    ];
    for (rows, message, hint) in cases {
        std::fs::write(folder.path().join("mine.csv"), rows).unwrap();
        let arguments = ["import", "mine.csv", "--sweep", "grid.toml", "--grid", "main", "--factor", "x=x"];
        let text = stderr(sweep(folder.path()).args(arguments).args(["--metric", "a=a", "--source", "me"]), 2);
        let error = text.split_once("error: ").unwrap().1;
        assert!(error.contains(message), "{rows:?}: {text}");
        assert!(text.contains("\nhint: ") && text.contains(hint), "{rows:?}: {text}");
    }
}
