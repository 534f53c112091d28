//! What happens while tasks run: dependencies, retries, time limits, signals, code that changes under way.

use std::fs;
use std::process::Child;

use runfile::{FailureReason, Verdict};
use rustix::process::{Pid, Signal, kill_process};

use crate::project::{Project, wait_until};

/// Two stages over three values; `train` runs `./train x`.
const CHAIN: &str = r#"
name = "chain"
[defaults]
x = 1
[grids.main]
vary = { x = [1, 2, 3] }
[stages.train]
kind = "train"
uses = ["x"]
command = ["./train", "{x}"]
retry = 1
[stages.measure]
kind = "measure"
needs = ["train"]
command = ["./measure", "{input.train}"]
"#;

fn one_stage(extra: &str) -> String {
    format!("name = \"one\"\ncommand = [\"./train\", \"{{x}}\"]\n{extra}\n[vary]\nx = [1, 2]\n")
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_raw(child.id().cast_signed()).unwrap(), signal).unwrap();
}

#[test]
fn a_failed_task_stops_its_own_descendants_only() {
    let project = Project::new(CHAIN);
    project.script("train", "echo \"oh no\" >&2; [ $1 != 2 ] || exit 3; echo $1 > value");
    project.script("measure", "echo \"{\\\"value\\\": $(cat $1/value)}\" > scores.json");
    let ended = project.run().with(4);
    assert!(ended.out.starts_with("6 tasks: 4 succeeded, 1 failed, 1 blocked by those\n"), "{}", ended.out);
    assert!(ended.out.contains("failed (exit-code): train x=2\n  exited with code 3: oh no\n"), "{}", ended.out);
    let rows = project.status();
    assert_eq!(
        (&rows[0]["done"], &rows[0]["failed"], &rows[0]["reasons"]["exit-code"]),
        (&2.into(), &1.into(), &1.into())
    );
    assert_eq!((&rows[1]["done"], &rows[1]["blocked"]), (&2.into(), &1.into()));

    let again = project.run().with(4).out;
    assert!(again.contains("1 had failed before") && again.contains("--retry-failed"), "{again}");
    project.script("train", "echo $1 > value");
    let retried = project.sweep(&["submit", "grid.toml", "--retry-failed"]).with(0).out;
    assert_eq!(retried, "6 tasks: 2 succeeded, 4 had succeeded before\n");
}

#[test]
fn a_task_gets_only_what_its_stage_uses() {
    let project = Project::new(CHAIN);
    project.script("train", "cp \"$SWEEP_CONFIG\" config.json");
    project.script("measure", "cp \"$SWEEP_CONFIG\" config.json");
    let _ = project.run().with(0);
    for config in project.glob("runs/*/tasks/*/*/attempts/1/out/config.json") {
        let config = runfile::TaskConfig::read(&config).unwrap();
        let keys: Vec<_> = config.params.keys().map(String::as_str).collect();
        match config.stage.as_str() {
            "train" => assert_eq!((keys, config.inputs.len()), (vec!["x"], 0)),
            _ => assert!(keys.is_empty() && config.inputs["train"].join("config.json").is_file()),
        }
    }
}

#[test]
fn a_retry_is_another_attempt_and_the_first_one_is_kept() {
    let project = Project::new(&one_stage("retry = 3"));
    project.script(
        "train",
        "[ $SWEEP_ATTEMPT = 3 ] || { mkdir checkpoint; exit 1; }; echo ${SWEEP_RESUME##*attempts/} > resumed",
    );
    let out = project.run().with(0).out;
    assert_eq!(out, "2 tasks: 2 succeeded (4 attempts more)\n");
    assert_eq!(project.outcomes().len(), 6);
    for resumed in project.glob("runs/*/tasks/*/*/attempts/3/out/resumed") {
        assert_eq!(fs::read_to_string(resumed).unwrap(), "2/out/checkpoint\n");
    }
}

#[test]
fn a_failure_that_would_repeat_is_not_tried_again() {
    let project = Project::new(&one_stage("retry = 3"));
    project.script("train", "exit 86");
    let _ = project.run().with(4);
    let reasons: Vec<_> = project.outcomes().iter().map(|outcome| outcome.reason).collect();
    assert_eq!(reasons, [Some(FailureReason::Diverged); 2]);
}

#[test]
fn a_task_that_uses_up_its_time_is_ended() {
    let project = Project::new(&one_stage("[resources]\ntime = \"1s\""));
    project.script("train", "sleep 1000");
    let _ = project.run().with(4);
    assert!(project.outcomes().iter().all(|outcome| outcome.reason == Some(FailureReason::TimeLimit)));
}

#[test]
fn an_edit_after_the_start_changes_nothing() {
    let project = Project::new(&one_stage(""));
    // Whichever runs first ruins the script for the other one, or so it thinks.
    let ruin = format!("echo 'exit 9' > {}/train; echo good > mark", project.path().display());
    project.script("train", &ruin);
    let out = project.sweep(&["submit", "grid.toml", "--jobs", "1"]).with(0).out;
    assert_eq!(out, "2 tasks: 2 succeeded\n");
    assert_eq!(project.read("train"), "exit 9\n");
    assert_eq!(project.glob("runs/*/tasks/*/*/attempts/1/out/mark").len(), 2);
}

#[test]
fn ctrl_c_asks_the_jobs_to_end_and_the_same_command_goes_on() {
    let project = Project::new(&one_stage(""));
    let flag = project.path().join("go");
    project.script(
        "train",
        &format!(
            "[ -e {} ] && exit 0; trap 'touch asked; exit 0' TERM; touch ready; while :; do sleep 0.01; done",
            flag.display()
        ),
    );
    let mut submit = project.start(&["submit", "grid.toml", "--jobs", "2"]);
    wait_until(|| project.glob("runs/*/tasks/*/*/attempts/1/out/ready").len() == 2);
    assert_eq!(project.count("running"), 2);
    signal(&submit, Signal::INT);
    assert_eq!(submit.wait().unwrap().code(), Some(130));
    assert_eq!(project.glob("runs/*/tasks/*/*/attempts/1/out/asked").len(), 2);
    assert!(project.outcomes().iter().all(|outcome| outcome.verdict == Verdict::Cancelled));
    assert_eq!((project.count("running"), project.count("pending")), (0, 2));

    fs::write(flag, "").unwrap();
    assert_eq!(project.run().with(0).out, "2 tasks: 2 succeeded\n");
    assert_eq!(project.outcomes().len(), 4);
}

#[test]
fn a_second_ctrl_c_does_not_wait_for_the_grace() {
    let project = Project::new(&one_stage(""));
    project.script("train", "trap '' TERM; touch ready; while :; do sleep 0.01; done");
    let mut submit = project.start(&["submit", "grid.toml", "--jobs", "2", "--grace", "100000"]);
    wait_until(|| project.glob("runs/*/tasks/*/*/attempts/1/out/ready").len() == 2);
    wait_until(|| {
        signal(&submit, Signal::INT);
        project.outcomes().len() == 2
    });
    assert_eq!(submit.wait().unwrap().code(), Some(130));
}

#[test]
fn a_second_submission_says_who_is_at_work() {
    let project = Project::new(&one_stage(""));
    project.script("train", "touch ready; while :; do sleep 0.01; done");
    let mut submit = project.start(&["submit", "grid.toml", "--jobs", "2"]);
    wait_until(|| project.glob("runs/*/tasks/*/*/attempts/1/out/ready").len() == 2);
    let refused = project.sweep(&["submit"]).with(7);
    assert!(refused.err.contains(&submit.id().to_string()), "{}", refused.err);
    signal(&submit, Signal::TERM);
    assert_eq!(submit.wait().unwrap().code(), Some(143));
}

#[test]
fn secrets_reach_the_job_and_no_file_of_ours() {
    let project = Project::new(&one_stage(""));
    project.script("train", "[ \"$WANDB_API_KEY\" = hunter2-7c9e ]");
    let _ = project.sweep_with(&["submit", "grid.toml"], &[("WANDB_API_KEY", "hunter2-7c9e")]).with(0);
    for file in project.glob("**/*").into_iter().chain(project.glob(".sweep/**/*")) {
        if file.is_file() && !file.ends_with("train") {
            let bytes = fs::read(&file).unwrap();
            assert!(!bytes.windows(12).any(|window| window == b"hunter2-7c9e"), "{}", file.display());
        }
    }
}

#[test]
fn two_tasks_run_with_one_thread_each() {
    let project = Project::new(&one_stage(""));
    // Each waits for the other: it ends only if both run at once.
    let folder = project.path().display().to_string();
    project.script("train", &format!("echo $OMP_NUM_THREADS $SWEEP_THREADS > threads; touch {folder}/here-$1; while [ ! -e {folder}/here-$((3 - $1)) ]; do sleep 0.01; done"));
    let _ = project.run().with(0);
    for threads in project.glob("runs/*/tasks/*/*/attempts/1/out/threads") {
        assert_eq!(fs::read_to_string(threads).unwrap(), "1 1\n");
    }
}

#[test]
fn a_worker_runs_one_task_of_a_manifest_and_counts_it_once() {
    let project = Project::new(&one_stage(""));
    project.script("train", "echo $1 > value");
    let stage = serde_json::json!({
        "name": "train", "command": [project.path().join("train"), "{x}"], "environment": [], "threads": 1,
        "outputs": ["value"], "keep_checkpoint": false, "provenance": {"commit": "abc"},
    });
    let task = serde_json::json!({
        "task": "0123456789abcdef0123456789abcdef", "folder": project.path().join("task"), "stage": 0,
        "params": {"x": 7}, "needs": [], "gpus": null, "time_seconds": null,
    });
    let manifest = serde_json::json!({
        "protocol": 1, "sweep": "one", "holders": project.path().join("holders"), "stages": [stage], "tasks": [task],
    });
    project.write("manifest.json", &manifest.to_string());
    for _ in 0..2 {
        let _ = project.sweep(&["worker", "manifest.json", "0"]).with(0);
    }
    assert_eq!(project.read("task/attempts/1/out/value"), "7\n");
    assert!(!project.path().join("task/attempts/2").exists());
    assert_eq!(project.read("task/outcome.json"), project.read("task/attempts/1/outcome.json"));
    let _ = project.sweep(&["worker", "manifest.json", "1"]).with(2);
}
