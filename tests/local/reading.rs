//! What only reads works at any time, and speaks to machines.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::project::{Project, wait_until};

/// One task ends at once, the other when it is told to.
fn half_done() -> (Project, std::process::Child) {
    let project = Project::new(
        "name = \"one\"\ncommand = [\"./train\", \"{x}\"]\n[vary]\nx = [1, 2]\n[metrics.a]\ndirection = \"maximize\"\n",
    );
    project.script("train", "echo '{\"a\": 0.5}' > scores.json; [ $1 = 1 ] || { touch ready; sleep 1000; }");
    let submit = project.start(&["submit", "grid.toml", "--jobs", "2"]);
    wait_until(|| project.glob("runs/*/tasks/*/*/attempts/1/out/ready").len() == 1);
    wait_until(|| project.glob("results.db").len() == 1 && project.sweep(&["status", "--json"]).code == Some(0));
    wait_until(|| project.count("done") == 1);
    (project, submit)
}

#[test]
fn whoever_only_reads_does_not_wait_for_a_submission() {
    let (project, mut submit) = half_done();
    assert_eq!((project.count("done"), project.count("running")), (1, 1));
    let report = project.sweep(&["report", "--table", "--json"]).with(0);
    let report: Value = serde_json::from_str(&report.out).unwrap();
    assert_eq!(report["reports"][0]["runs"], serde_json::json!({ "have": 1, "of": 2, "failed_cells": 0 }));
    for verb in [&["explain", "x=1"][..], &["gc"], &["db", "check"], &["db", "dump"], &["submit", "--dry-run"]] {
        let _ = project.sweep(verb).with(0);
    }
    kill_process(Pid::from_raw(submit.id().cast_signed()).unwrap(), Signal::INT).unwrap();
    assert_eq!(submit.wait().unwrap().code(), Some(130));
}

#[test]
fn every_verb_that_reads_prints_json_with_its_version() {
    let project = Project::new("name = \"one\"\ncommand = [\"./train\", \"{x}\"]\n[vary]\nx = [1, 2]\n");
    project.script("train", "echo '{\"a\": 0.5}' > scores.json");
    let _ = project.run().with(0);
    let verbs: [(&[&str], &str); 7] = [
        (&["plan", "grid.toml", "--json"], "stages"),
        (&["explain", "x=1", "--json"], "runs"),
        (&["status", "--json"], "stages"),
        (&["collect", "--json"], "problems"),
        (&["report", "--json"], "reports"),
        (&["gc", "--json"], "garbage"),
        (&["db", "check", "--json"], "problems"),
    ];
    for (verb, key) in verbs {
        let value: Value = serde_json::from_str(&project.sweep(verb).with(0).out).unwrap();
        assert_eq!(value["schema_version"], 1, "{verb:?}");
        assert!(value[key].is_array(), "{verb:?}: {value}");
    }
    assert_eq!(serde_json::from_str::<Value>(&project.sweep(&["db", "check", "--json"]).out).unwrap()["whole"], true);
}
