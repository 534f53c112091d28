//! `sweep audit` on a sweep that ran for real, and on what somebody does to its results afterwards.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::project::Project;

const SWEEP: &str = r#"
name = "small"
defaults = { rate = 1, seed = 1 }
[grids.main]
vary = { rate = [1, 2] }
seeds = [1, 2]
[stages.train]
kind = "train"
uses = ["rate", "seed"]
command = ["./train", "{rate}", "{seed}"]
outputs = ["model.bin"]
[metrics.accuracy]
direction = "maximize"
range = [0, 1]
items = 100
"#;

/// Four runs, each with a model and a score of its own.
fn complete() -> Project {
    let project = Project::new(SWEEP);
    let model = "i=0; while [ $i -lt 64 ]; do echo \"weight $1 $2 $i\"; i=$((i+1)); done > model.bin; ";
    let score = r#"echo "{\"scores\": [{\"metric\": \"accuracy\", \"value\": 0.$1$2, \"n\": 100}]}" > scores.json"#;
    project.script("train", &format!("{model}{score}"));
    let _ = project.run().with(0);
    project
}

fn findings(project: &Project, arguments: &[&str], code: i32) -> Vec<Value> {
    let out = project.sweep(&[&["audit", "--json"], arguments].concat()).with(code).out;
    let value: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(value["schema_version"], 1);
    value["findings"].as_array().unwrap().clone()
}

fn rules(findings: &[Value]) -> Vec<&str> {
    findings.iter().map(|finding| finding["rule"].as_str().unwrap()).collect()
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

/// Do something to the database that `sweep` never would.
fn tamper(project: &Project, sql: &str) {
    let database = rusqlite::Connection::open(project.path().join("results.db")).unwrap();
    assert_eq!(database.execute(sql, []).unwrap(), 1);
}

#[test]
fn an_untouched_sweep_has_nothing_to_report_however_hard_one_looks() {
    let project = complete();
    assert_eq!(findings(&project, &["--verify", "all", "--fail-on", "note"], 0), [] as [Value; 0]);
    let out = project.sweep(&["audit", "--verify", "all"]).with(0).out;
    assert!(out.contains("Looked at 4 runs, 4 attempts and 4 scores of 1 grid.\n"), "{out}");
    assert!(out.contains("8 of 8 files digested anew") && out.ends_with("nothing to report\n"), "{out}");
}

#[test]
fn an_edited_file_of_scores_is_an_error_with_both_values() {
    let project = complete();
    let file = &project.glob("runs/*/tasks/*/*/attempts/1/out/scores.json")[0];
    let before = text(file);
    fs::write(file, before.replace("0.", "0.9")).unwrap();
    let found = findings(&project, &[], 6);
    assert_eq!(rules(&found), ["files-changed", "scores-edited"]);
    assert!(found[0]["evidence"][0].as_str().unwrap().starts_with("`scores.json` has "), "{found:#?}");
    assert!(found[1]["evidence"][0].as_str().unwrap().contains("in the database, 0.9"), "{found:#?}");
    fs::write(file, before).unwrap();
    assert_eq!(findings(&project, &[], 0), [] as [Value; 0], "put back, it is as it was, whatever its time");
}

#[test]
fn a_flipped_byte_of_a_large_file_with_its_old_time_takes_a_digest_to_see() {
    let project = complete();
    let file = &project.glob("runs/*/tasks/*/*/attempts/1/out/model.bin")[0];
    let modified = fs::metadata(file).unwrap().modified().unwrap();
    fs::write(file, text(file).replacen("weight", "wEight", 1)).unwrap();
    fs::File::options().write(true).open(file).unwrap().set_modified(modified).unwrap();
    assert_eq!(findings(&project, &[], 0), [] as [Value; 0], "by size and time it is the same");
    let found = findings(&project, &["--verify", "all"], 6);
    assert_eq!(rules(&found), ["files-changed"]);
    assert!(found[0]["evidence"][0].as_str().unwrap().starts_with("`model.bin` has the digest "), "{found:#?}");
}

#[test]
fn an_edited_database_is_an_error() {
    let project = complete();
    tamper(&project, "UPDATE observation SET value = 0.99 WHERE id = 2");
    let found = findings(&project, &[], 6);
    assert_eq!(rules(&found), ["scores-edited"]);
    assert!(found[0]["evidence"][0].as_str().unwrap().starts_with("accuracy: 0.99 in the database, 0."), "{found:#?}");
    assert!(found[0]["advice"].as_str().unwrap().starts_with("`sweep db rebuild`"));
    let _ = project.sweep(&["db", "rebuild"]).with(0);
    assert_eq!(findings(&project, &[], 0), [] as [Value; 0]);
}

#[test]
fn lost_folders_and_lost_results_are_told_apart() {
    let project = complete();
    fs::remove_dir_all(&project.tasks()[0]).unwrap();
    let found = findings(&project, &[], 0);
    assert_eq!(rules(&found), ["folders-disagree"]);
    tamper(&project, "DELETE FROM observation WHERE id = 1");
    fs::remove_dir_all(project.path().join("runs")).unwrap();
    let out = project.sweep(&["audit", "--fail-on", "warning"]).with(6).out;
    assert!(out.contains("The task folders are not here: no file was looked at."), "{out}");
    assert!(out.contains("grid `main`: 1 of 2 values that its reports show are missing"), "{out}");
}

#[test]
fn accepted_findings_stay_accepted_until_their_evidence_changes() {
    let project = complete();
    tamper(&project, "DELETE FROM observation WHERE id = 1");
    tamper(&project, "DELETE FROM attempt WHERE id = 1");
    let arguments = ["--rule", "incomplete-grid", "--fail-on", "warning"];
    let found = findings(&project, &arguments, 6);
    let fingerprint = found[0]["fingerprint"].as_str().unwrap();
    let accept = ["audit", "--accept", fingerprint, "--reason", "the disk was full"];
    let _ = project.sweep(&[&accept[..], &arguments].concat()).with(0);
    let again = findings(&project, &arguments, 0);
    assert_eq!((again.len(), &again[0]["accepted"]), (1, &Value::from("the disk was full")));
    assert!(project.read("audit-baseline.toml").contains("the disk was full"));
    tamper(&project, "DELETE FROM observation WHERE id = 2");
    assert_eq!(findings(&project, &arguments, 6).len(), 1, "another hole is another finding");
    let told = project.sweep(&[&["audit"], &arguments[..]].concat()).with(6).err;
    assert!(told.contains("accepted and not found any more: grid `main`"), "{told}");
    let unknown = project.sweep(&["audit", "--accept", "0123", "--reason", "x"]).with(2).err;
    assert!(unknown.contains("no open finding has the fingerprint `0123`"), "{unknown}");
}

#[test]
fn files_for_people_and_code_hosts_are_written_beside_what_is_printed() {
    let project = complete();
    tamper(&project, "UPDATE observation SET value = 0.99 WHERE id = 2");
    let _ = project.sweep(&["audit", "--out", "audit.md", "--out", "audit.sarif", "--out", "audit.json"]).with(6);
    assert!(project.read("audit.md").starts_with("    sweep audit\n    sweep "), "{}", project.read("audit.md"));
    let log: Value = serde_json::from_str(&project.read("audit.sarif")).unwrap();
    let result = &log["runs"][0]["results"][0];
    assert_eq!((&result["ruleId"], &result["level"]), (&Value::from("scores-edited"), &Value::from("error")));
    assert_eq!(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "grid.toml");
    let told = project.sweep(&["audit", "--out", "audit.txt"]).with(2).err;
    assert!(told.contains("let it end in `.md`, `.json` or `.sarif`"), "{told}");
    let told = project.sweep(&["audit", "--rule", "no-such-rule"]).with(2).err;
    assert!(told.contains("the rules are files-changed, "), "{told}");
}

#[test]
fn another_store_of_the_same_sweep_is_compared_score_by_score() {
    let (project, other) = (complete(), complete());
    let database = other.path().join("results.db");
    let against = ["--against", database.to_str().unwrap(), "--fail-on", "warning"];
    let found = findings(&project, &against, 0);
    assert_eq!(found[0]["message"], "4 of 4 scores that both stores have are equal to the bit");
    tamper(&other, "UPDATE observation SET value = 0.99 WHERE id = 2");
    let found = findings(&project, &against, 6);
    assert_eq!(found[0]["message"], "1 of 4 scores that both stores have differ beyond the declared tolerance");
    let told = project.sweep(&["audit", "--against", "nowhere.db"]).with(2).err;
    assert!(told.contains("there is no database `nowhere.db`"), "{told}");
}

#[test]
fn an_interrupted_verification_goes_on_and_a_finished_one_begins_anew() {
    let project = complete();
    let share = ["audit", "--verify", "sample:50%", "--verify-seed", "7"];
    let out = project.sweep(&share).with(0).out;
    assert!(out.contains(" of 8 files digested anew"), "{out}");
    assert!(!project.path().join(".sweep/audit-verified").exists(), "nothing is left of an audit that came to its end");
    project.write(".sweep/audit-verified", "another selection\nrubbish");
    let _ = project.sweep(&share).with(0);
    let told = project.sweep(&["audit", "--verify", "half"]).with(2).err;
    assert!(told.contains("like `sample:1%`"), "{told}");
}
