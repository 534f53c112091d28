//! `sweep plan` and `sweep explain`, through the command line.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use tempfile::TempDir;

const FIRST: &str = r#"
name = "first"
command = ["python3", "train.py", "--lr", "{lr}", "--width", "{width}"]
exclude = "lr == 0.001 && width == 128"

[vary]
lr = [0.1, 0.01, 0.001]
width = [64, 128]
"#;

/// A folder with a sweep file and nothing else.
fn folder(text: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("first.toml"), text).unwrap();
    folder
}

/// Run `sweep` there with an empty environment.
fn sweep(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::cargo_bin("sweep").unwrap();
    let output = command.current_dir(folder).env_clear().args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_dry_run_writes_nothing() {
    let folder = folder(FIRST);
    let (code, out, _) = sweep(folder.path(), &["plan", "first.toml", "--dry-run"]);
    assert_eq!(code, 0);
    assert!(out.contains("5 runs, 5 tasks; 5 to start"), "{out}");
    assert_eq!(names(folder.path()), ["first.toml"]);
}

#[test]
fn a_plan_is_recorded_once_in_the_folder_where_it_runs() {
    let folder = folder(FIRST);
    let (code, out, err) = sweep(folder.path(), &["plan", "first.toml"]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("made a project in"), "{err}");
    assert_eq!(names(folder.path()), [".sweep", "first.toml", "results.db"]);
    let (_, again, err) = sweep(folder.path(), &["plan", "first.toml"]);
    assert_eq!((again, err), (out, String::new()));
}

#[test]
fn the_exit_code_says_on_request_whether_there_is_work() {
    let folder = folder(FIRST);
    assert_eq!(sweep(folder.path(), &["plan", "first.toml", "-n", "--detailed-exitcode"]).0, 3);
    assert_eq!(sweep(folder.path(), &["plan", "first.toml", "-n"]).0, 0);
}

#[test]
fn json_is_one_value_with_a_version() {
    let folder = folder(FIRST);
    let (_, out, _) = sweep(folder.path(), &["plan", "first.toml", "-n", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(value["schema_version"], 1);
    assert_eq!((&value["runs"], &value["grids"][0]["cells"]), (&5.into(), &5.into()));
    assert_eq!(value["stages"][0]["new"], 5);
}

#[test]
fn a_selection_shows_its_cells_and_records_the_whole() {
    let folder = folder(FIRST);
    let (_, out, _) = sweep(folder.path(), &["plan", "first.toml", "--where", "width == 64"]);
    assert!(out.contains("3 runs, 3 tasks"), "{out}");
    let (code, _, err) = sweep(folder.path(), &["plan", "first.toml", "--where", "width > 64 && lr > 1"]);
    assert_eq!(code, 2);
    assert!(err.contains("no cell satisfies `width > 64 && lr > 1`"), "{err}");
    let (_, _, err) = sweep(folder.path(), &["plan", "first.toml", "--where", "widht > 64"]);
    assert!(err.contains("did you mean `width`?"), "{err}");
}

#[test]
fn overrides_change_defaults_and_keys() {
    let folder = folder(FIRST);
    let (_, out, _) = sweep(folder.path(), &["plan", "first.toml", "-n", "--set", "vary.lr=[0.5]"]);
    assert!(out.contains("2 runs, 2 tasks"), "{out}");
    let (code, _, err) = sweep(folder.path(), &["plan", "first.toml", "-n", "--set", "lrr=1"]);
    assert_eq!(code, 2);
    assert!(err.contains("there is no factor `lrr`"), "{err}");
}

#[test]
fn mistakes_are_shown_where_they_are() {
    let folder = folder(&FIRST.replace("width = [", "widht = ["));
    let (code, out, err) = sweep(folder.path(), &["plan", "first.toml"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("first.toml:3:"), "{err}");
    assert!(err.contains("stands for nothing"), "{err}");
    assert_eq!(names(folder.path()), ["first.toml"]);
}

#[test]
fn explain_says_why_a_cell_is_absent() {
    let folder = folder(FIRST);
    let explain = |words: &[&str]| sweep(folder.path(), &[&["explain", "first.toml"], words].concat());
    assert!(explain(&["lr=0.001", "width=128"]).1.contains("`exclude` takes it out: lr == 0.001 && width == 128"));
    assert!(explain(&["lr=0.5"]).1.contains("its axis `lr` has no level `0.5`; it has 0.1, 0.01, 0.001"));
    let (code, _, err) = explain(&["depth=3"]);
    assert_eq!(code, 2);
    assert!(err.contains("no grid varies depth"), "{err}");
}

#[test]
fn explain_finds_a_run_by_the_first_digits_of_its_identity() {
    let folder = folder(FIRST);
    let (_, by_cell, _) = sweep(folder.path(), &["explain", "first.toml", "lr=0.1", "width=64"]);
    let id = by_cell.lines().next().unwrap().strip_prefix("run ").unwrap();
    let (_, by_id, _) = sweep(folder.path(), &["explain", "first.toml", &id[..8]]);
    assert_eq!(by_id, by_cell);
    assert!(by_cell.contains("main: lr=0.1 width=64"), "{by_cell}");
    assert!(by_cell.contains("not trained yet"), "{by_cell}");
}

#[test]
fn explain_without_a_file_is_about_what_was_planned_last() {
    let folder = folder(FIRST);
    let (code, _, err) = sweep(folder.path(), &["explain", "lr=0.1"]);
    assert_eq!(code, 2);
    assert!(err.contains("no project"), "{err}");
    sweep(folder.path(), &["plan", "first.toml"]);
    fs::remove_file(folder.path().join("first.toml")).unwrap();
    let (code, out, err) = sweep(folder.path(), &["explain", "lr=0.1", "width=64"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("main: lr=0.1 width=64"), "{out}");
}

#[test]
fn hostile_levels_are_shown_escaped() {
    let folder =
        folder("name = \"odd\"\ncommand = [\"echo\", \"{word}\"]\n[vary]\nword = [\"a\\nb\", \"\\u001b[31mred\"]\n");
    let (code, out, err) = sweep(folder.path(), &["explain", "first.toml", "main"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("word=a\\nb"), "{out}");
    assert!(!out.contains('\u{1b}'), "{out:?}");
}

/// The bad grids that every user writes one day, each told where it is, why, and what to do.
#[test]
fn a_bad_grid_is_one_error_with_its_place_and_a_hint() {
    let good = "name = \"one\"\n[defaults]\nx = 1\ny = 1\nvqa = \"200k\"\n\
        [grids.main]\nvary = { x = [1, 2], vqa = [\"200k\", \"7M\"] }\n\
        [stages.train]\nkind = \"train\"\ncommand = [\"true\"]\nuses = [\"x\", \"y\", \"vqa\"]\n\
        [stages.measure]\nkind = \"measure\"\nneeds = [\"train\"]\ncommand = [\"true\"]\nuses = [\"y\"]\n\
        [metrics.a]\ndirection = \"maximize\"\n";
    let cases = [
        ("vary", "varry", "7:1: unknown key `varry` in grid `main`", "did you mean `vary`?"),
        (
            "\"7M\"",
            "\"7X\"",
            "7:37: this level of factor `vqa` is `7X`, not an amount",
            "an amount is digits and k, M or G",
        ),
        ("uses = [\"x\", ", "uses = [", "3:1: no stage uses the factor `x`", "add `x` to `uses` of a stage"),
        (
            "uses = [\"x\"",
            "needs = [\"train\"]\nuses = [\"x\"",
            "11:10: stages need each other in a circle",
            "take one of",
        ),
        ("direction = \"maximize\"\n", "", "17:10: metric `a` has no `direction`", "there is no default"),
    ];
    for (old, new, message, hint) in cases {
        assert!(good.contains(old), "{old}");
        let folder = folder(&good.replacen(old, new, 1));
        let (code, out, err) = sweep(folder.path(), &["plan", "first.toml"]);
        assert_eq!((code, out.as_str()), (2, ""), "{new}: {err}");
        assert!(err.starts_with(&format!("error: first.toml:{message}")), "{new}: {err}");
        assert!(err.lines().last().unwrap().starts_with("hint: ") && err.contains(hint), "{new}: {err}");
        assert_eq!(names(folder.path()), ["first.toml"], "{new}: nothing is written");
    }
}

#[test]
fn two_runs_with_one_id_are_named_with_what_tells_them_apart() {
    let folder = folder(
        "name = \"one\"\n[defaults]\nx = 1\ny = 1\n[grids.main]\nvary = { x = [1, 2], y = [1, 2] }\n\
         [stages.train]\nkind = \"train\"\ncommand = [\"true\"]\nuses = [\"x\"]\n\
         [stages.measure]\nkind = \"measure\"\ncommand = [\"true\"]\nuses = [\"y\"]\n",
    );
    let (code, _, err) = sweep(folder.path(), &["plan", "first.toml"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.starts_with("error: first.toml:4:1: two runs have one id, "), "{err}");
    let cells = "`x=1 y=1` of grid `main` and `x=1 y=2` of grid `main` differ in `y`, which no train stage uses";
    assert!(err.contains(cells) && err.contains("\n4 | y = 1\n") && err.contains("hint: vary what"), "{err}");

    let text = fs::read_to_string(folder.path().join("first.toml")).unwrap();
    let twice = text.replace("[\"x\"]", "[\"x\", \"y\"]").replace("[1, 2] }", "[1, 2] }\ninclude = [{ x = 2, y = 1 }]");
    fs::write(folder.path().join("first.toml"), twice).unwrap();
    let (code, _, err) = sweep(folder.path(), &["plan", "first.toml"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.starts_with("error: first.toml:5:8: grid `main` has one run twice: the cells `x=2 y=1` and"), "{err}");
}

#[test]
fn a_file_that_is_not_there_is_a_mistake_on_the_command_line() {
    let folder = folder(FIRST);
    let (code, _, err) = sweep(folder.path(), &["plan", "frist.toml"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("cannot read `frist.toml`: No such file") && err.contains("hint: "), "{err}");
}

#[test]
fn explain_tells_machines_what_it_tells_people() {
    let folder = folder(FIRST);
    let explain = |words: &[&str]| -> serde_json::Value {
        let (code, out, err) = sweep(folder.path(), &[&["explain", "--json", "first.toml"], words].concat());
        assert_eq!(code, 0, "{err}");
        serde_json::from_str(&out).unwrap()
    };
    let all = explain(&["main"]);
    assert_eq!(all["schema_version"], 1);
    assert_eq!(all["runs"].as_array().unwrap().len(), 5);
    let one = explain(&["lr=0.01", "width=64"]);
    let run = &one["runs"][0];
    assert_eq!(
        run["cells"][0],
        serde_json::json!({ "grid": "main", "levels": { "lr": "0.01", "width": "64" }, "seed": null })
    );
    assert_eq!((&run["differs"], &run["trained"]), (&serde_json::json!({ "lr": "0.01" }), &false.into()));
    assert_eq!((&run["tasks"][0]["stage"], &run["tasks"][0]["standing"]), (&"train".into(), &"new".into()));
    let task = run["tasks"][0]["task"].as_str().unwrap();
    assert_eq!(explain(&[task])["task"]["stage"], "train");
    let gone = explain(&["lr=0.001", "width=128"]);
    assert_eq!(gone["absent"][0]["reason"], "`exclude` takes it out: lr == 0.001 && width == 128");
    assert_eq!(gone["runs"], serde_json::json!([]));
}

#[test]
fn hostile_words_on_the_command_line_come_back_escaped() {
    let folder = folder("name = \"odd\"\ncommand = [\"echo\", \"{word}\"]\n[vary]\nword = [\"a\", \"\\u001b[31m\"]\n");
    for word in ["word=\u{1b}[31", "\u{1b}[31m", "\u{1b}=3"] {
        let (_, out, err) = sweep(folder.path(), &["explain", "first.toml", word]);
        assert!(!out.contains('\u{1b}') && !err.contains('\u{1b}'), "{word:?}: {out:?} {err:?}");
    }
}
