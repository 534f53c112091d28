//! `sweep score` through the command line.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail as the test does")]

use std::path::Path;

use assert_cmd::Command;

/// Exit code, standard output and standard error of `sweep score mmvp p.jsonl` with `rest`.
fn score(folder: &Path, rest: &[&str]) -> (i32, String, String) {
    let mut command = Command::cargo_bin("sweep").unwrap();
    let output =
        command.current_dir(folder).env_clear().args(["score", "mmvp", "p.jsonl"]).args(rest).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Question 1 is answered wrong, the others right.
fn predictions(folder: &Path, count: u32) {
    let said = |id| if id == 1 { "(b)" } else { "(a)" };
    let row = |id| format!(r#"{{"id": {id}, "prediction": "{}", "gold": "A", "options": ["cat", "dog"]}}"#, said(id));
    let rows: Vec<String> = (1..=count).map(row).collect();
    std::fs::write(folder.join("p.jsonl"), rows.join("\n")).unwrap();
}

#[test]
fn a_score_has_its_protocol_its_error_and_its_n() {
    let folder = tempfile::tempdir().unwrap();
    predictions(folder.path(), 300);
    let (code, out, err) = score(folder.path(), &["--protocol", "official"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(
        out,
        "MMVP (pairs), protocol official version 1 (lmms-eval 0.7.3), 300 predictions\n\
         accuracy            99.33 % ± 0.66  n 150\n\
         question_accuracy   99.67 % ± 0.33  n 300\n"
    );
    let (_, out, _) = score(folder.path(), &["--protocol", "cambrian", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&json["protocol"]["name"], &json["complete"]), (&"cambrian".into(), &true.into()));
    assert_eq!((&json["scores"][0]["unit"], &json["scores"][0]["n"]), (&"%".into(), &150.into()));
}

#[test]
fn fewer_predictions_than_questions_are_no_score_unless_asked_for_and_then_say_so() {
    let folder = tempfile::tempdir().unwrap();
    predictions(folder.path(), 3);
    let (code, out, err) = score(folder.path(), &["--protocol", "official"]);
    assert_eq!((code, out.as_str()), (5, ""));
    assert!(err.starts_with("error: cannot score `p.jsonl`: mmvp has 300 rows, there are 3"), "{err}");
    assert!(err.contains("hint: the benchmark is MMVP/MMVP") && err.contains("--partial`"), "{err}");
    let (code, out, _) = score(folder.path(), &["--protocol", "official", "--partial"]);
    assert_eq!(code, 0);
    assert!(out.contains("3 predictions, a part of the benchmark\n1 prediction left out of `accuracy`"), "{out}");
}

#[test]
fn broken_predictions_and_unknown_names_are_the_users_mistakes() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(score(folder.path(), &["--protocol", "official"]).0, 1);
    std::fs::write(folder.path().join("p.jsonl"), r#"{"id": "\u001b[31m", "prediction": "a"}"#).unwrap();
    let (code, _, err) = score(folder.path(), &["--protocol", "official"]);
    assert_eq!(code, 2);
    assert!(err.contains("it has no right answer") && err.contains("hint: each line needs `gold`"), "{err}");
    assert!(!err.contains('\u{1b}'), "{err:?}");
    let (code, _, err) = score(folder.path(), &["--protocol", "lmms"]);
    assert_eq!(code, 2);
    assert!(err.contains("there are `cambrian` and `official`"), "{err}");
}

#[test]
fn verdicts_are_written_and_a_doctored_one_is_found() {
    let folder = tempfile::tempdir().unwrap();
    predictions(folder.path(), 300);
    assert_eq!(score(folder.path(), &["--protocol", "official", "--out", "p.jsonl"]).0, 0);
    let path = folder.path().join("p.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with(r#"{"id":"1","prediction":"(b)","gold":"A","options":["cat","dog"],"extracted":"B","verdict":0.0,"protocol":"official/1"}"#), "{text}");
    std::fs::write(&path, text.replacen("\"verdict\":0.0", "\"verdict\":1.0", 1)).unwrap();
    let (code, _, err) = score(folder.path(), &["--protocol", "official"]);
    assert_eq!(code, 0);
    assert_eq!(err, "1 stored verdict of this protocol and version differ from what is found now, first of `1`\n");
}

/// Predictions of a benchmark, all but the first `wrong` of them right.
fn all_of(folder: &Path, name: &str, count: u32, wrong: u32) {
    let said = |id| if id <= wrong { "B" } else { "A" };
    let row = |id| format!(r#"{{"id": {id}, "prediction": "{}", "gold": "A", "options": ["cat", "dog"]}}"#, said(id));
    let rows: Vec<String> = (1..=count).map(row).collect();
    std::fs::write(folder.join(format!("{name}.jsonl")), rows.join("\n")).unwrap();
}

fn average(folder: &Path, rest: &[&str]) -> (i32, String, String) {
    let mut command = Command::cargo_bin("sweep").unwrap();
    let output = command.current_dir(folder).env_clear().args(["average", ".", "--protocol", "cambrian"]).args(rest);
    let output = output.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_group_has_a_mean_when_all_its_benchmarks_are_there() {
    let folder = tempfile::tempdir().unwrap();
    all_of(folder.path(), "mmvp", 300, 0);
    all_of(folder.path(), "realworldqa", 765, 765);
    let (code, out, err) = average(folder.path(), &[]);
    assert_eq!((code, err.as_str()), (5, ""), "{out}");
    assert!(out.contains("Vision-Centric    50.00 % ± 0.00  n 915  of mmvp, realworldqa\n"), "{out}");
    assert!(out.contains("High-Resolution    –      without vstar\n"), "{out}");
    let (_, out, _) = average(folder.path(), &["--json"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let means = json["means"].as_array().unwrap();
    assert_eq!((means.len(), &means[5]["name"], &means[5]["score"]), (6, &"Average".into(), &serde_json::Value::Null));
    assert_eq!(means[5]["missing"].as_array().unwrap().len(), 7);
}

#[test]
fn the_mean_of_a_part_is_refused_and_an_empty_folder_too() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, err) = average(folder.path(), &[]);
    assert_eq!(code, 2);
    assert!(err.contains("has no predictions") && err.contains("`mmvp.jsonl`"), "{err}");
    all_of(folder.path(), "mmvp", 298, 0);
    let (code, out, err) = average(folder.path(), &[]);
    assert_eq!((code, out.as_str()), (5, ""));
    assert!(err.contains("mmvp has 300 rows, there are 298"), "{err}");
}
