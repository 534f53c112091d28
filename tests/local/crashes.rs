//! `sweep submit` killed at any point: the next one counts every task once and leaves no orphan.

use std::fs;
use std::path::Path;

use runfile::{Outcome, Verdict};
use rustix::process::{Pid, test_kill_process};

use crate::project::{Project, wait_until};

/// Twelve tasks in two stages.
const SWEEP: &str = r#"
name = "crash"
[defaults]
x = 1
[grids.main]
vary = { x = [1, 2, 3, 4, 5, 6] }
[stages.train]
kind = "train"
uses = ["x"]
command = ["./train", "{x}"]
outputs = ["value"]
[stages.measure]
kind = "measure"
needs = ["train"]
command = ["./measure", "{input.train}"]
outputs = ["scores.json"]
"#;

fn project() -> Project {
    let project = Project::new(SWEEP);
    project.script("train", "echo $1 > value");
    project.script("measure", "echo \"{\\\"value\\\": $(cat $1/value)}\" > scores.json");
    project
}

/// Every task has succeeded once, whoever was killed meanwhile, and the store says the same.
fn assert_counted_once(project: &Project) {
    let rows = project.status();
    assert!(rows.iter().all(|row| row["done"] == 6), "{rows:?}");
    assert_eq!(project.tasks().len(), 12);
    for task in project.tasks() {
        let counted = read_outcome(&task.join("outcome.json"));
        assert_eq!(counted.verdict, Verdict::Succeeded);
        for attempt in fs::read_dir(task.join("attempts")).unwrap() {
            let path = attempt.unwrap().path().join("outcome.json");
            // One that was killed in the middle has none, also when only the second of its two names was missing.
            if path.exists() && read_outcome(&path).verdict == Verdict::Succeeded {
                assert_eq!(read_outcome(&path), counted, "{}", task.display());
            }
        }
    }
    assert!(project.sweep(&["collect"]).with(0).out.starts_with("0 new attempts"));
}

fn read_outcome(path: &Path) -> Outcome {
    Outcome::parse(path, &fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_submission_killed_after_any_number_of_outcomes_goes_on() {
    for killed_after in [0, 1, 5, 11] {
        let project = project();
        let mut submit = project.start(&["submit", "grid.toml", "--jobs", "2"]);
        let mut ended = false;
        wait_until(|| project.glob("runs/*/tasks/*/*/attempts/*/outcome.json").len() >= killed_after);
        while !ended && project.glob("runs/*/tasks/*/*/attempts/*/claim").is_empty() {
            ended = submit.try_wait().unwrap().is_some();
        }
        // It may have ended by itself in this moment.
        let _ = submit.kill();
        submit.wait().unwrap();
        let _ = project.run().with(0);
        assert_counted_once(&project);
    }
}

#[test]
fn a_killed_submission_leaves_no_orphan() {
    let project = Project::new("name = \"one\"\ncommand = [\"./train\", \"{x}\"]\n[vary]\nx = [1, 2]\n");
    let flag = project.path().join("go");
    // One child more in a session of its own: neither the process group nor the parent finds it.
    project.script(
        "train",
        &format!("[ -e {} ] && exit 0; setsid sleep 1000 & echo $! > child; echo $$ > pid; sleep 1000", flag.display()),
    );
    let mut submit = project.start(&["submit", "grid.toml", "--jobs", "2"]);
    let pids = || -> Vec<i32> {
        let files = project
            .glob("runs/*/tasks/*/*/attempts/1/out/pid")
            .into_iter()
            .chain(project.glob("runs/*/tasks/*/*/attempts/1/out/child"));
        files.filter_map(|file| fs::read_to_string(file).unwrap().trim().parse().ok()).collect()
    };
    wait_until(|| pids().len() == 4);
    submit.kill().unwrap();
    submit.wait().unwrap();
    wait_until(|| pids().iter().all(|&pid| is_gone(pid)));
    fs::write(flag, "").unwrap();
    assert_eq!(project.run().with(0).out, "2 tasks: 2 succeeded\n");
}

/// Whether the process is gone, or a zombie that nobody has reaped yet.
fn is_gone(pid: i32) -> bool {
    let zombie = fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "));
    zombie || test_kill_process(Pid::from_raw(pid).unwrap()).is_err()
}

/// Kill at the n-th call that changes the file system, for n = 1, 2, ... until none is left to be killed at.
#[test]
#[ignore = "needs strace and minutes: run by `cargo xtask test --full`"]
fn a_submission_killed_at_any_system_call_goes_on() {
    const CALLS: [&str; 7] = ["link", "linkat", "rename", "mkdir", "unlink", "syncfs", "fdatasync"];
    let mut points = 0;
    for call in CALLS {
        for number in 1.. {
            let project = project();
            let inject = format!("inject={call}:signal=KILL:when={number}");
            let sweep = assert_cmd::cargo::cargo_bin("sweep");
            let ended = duct::cmd("strace", ["-f", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject])
                .before_spawn(move |command| {
                    command.arg(&sweep).args(["submit", "grid.toml", "--jobs", "2"]);
                    Ok(())
                })
                .dir(project.path())
                .stdout_null()
                .stderr_null()
                .unchecked()
                .run()
                .unwrap();
            let _ = project.run().with(0);
            assert_counted_once(&project);
            if ended.status.success() {
                break;
            }
            points += 1;
        }
    }
    // Twelve tasks make at least a claim, an outcome and three folders each.
    assert!(points > 60, "{points}");
    println!("killed at {points} points");
}
