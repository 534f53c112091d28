//! `sweep audit --rerun`: what was done is done again, beside what was, and compared.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::project::Project;

/// Two stages, three seeds. `train` is the body of a script that finds its seed in `$1`.
fn project(train: &str) -> Project {
    let project = Project::new(
        "name = \"one\"\n[defaults]\nlr = 1\nseed = 1\n[grids.main]\nvary = { lr = [1, 2] }\n\
         seeds = { values = [1, 2, 3], redraw = [\"train.init\"] }\n\
         [stages.train]\nkind = \"train\"\nuses = [\"lr\", \"seed\"]\ncommand = [\"./train\", \"{seed}\", \"{lr}\"]\n\
         outputs = [\"model\"]\n\
         [stages.evaluate]\nkind = \"measure\"\nneeds = [\"train\"]\ncommand = [\"./evaluate\", \"{input.train}\"]\n\
         [metrics.a]\ndirection = \"maximize\"\n",
    );
    project.script("train", train);
    project.script("evaluate", "echo \"{\\\"a\\\": $(cat \"$1/model\")}\" > scores.json");
    let _ = project.run().with(0);
    project
}

const STEADY: &str = "mkdir log; echo hello > log/note; echo 0.$1$2 > model";

/// Every line of the store about what was measured.
fn measured(project: &Project) -> Vec<String> {
    let dump = project.sweep(&["db", "dump"]).with(0).out;
    let of_a_rerun = ["rerun ", "file again ", "score again ", "store "];
    dump.lines().filter(|line| !of_a_rerun.iter().any(|start| line.starts_with(start))).map(str::to_owned).collect()
}

fn contents(files: &[std::path::PathBuf]) -> Vec<Vec<u8>> {
    files.iter().filter(|path| path.is_file()).map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn a_rerun_agrees_to_the_bit_and_touches_nothing_that_was_there() {
    let project = project(STEADY);
    let files = project.glob("runs/*/tasks/**/*");
    let (before, bytes) = (measured(&project), contents(&files));
    let ended = project.sweep(&["audit", "--rerun", "2"]).with(0);
    assert!(ended.err.contains("2 of 6 runs that have succeeded whole, drawn by seed 1"), "{}", ended.err);
    assert!(ended.err.contains("4 tasks done again, 0 failed"), "{}", ended.err);
    assert!(
        ended.out.contains("the same to the bit when done again: every file of 4 tasks, 2 scores"),
        "{}",
        ended.out
    );
    assert_eq!((measured(&project), project.glob("runs/*/tasks/**/*")), (before, files.clone()));
    assert_eq!(contents(&files), bytes);
    assert_eq!(project.glob("runs/*/reruns/1/tasks/*/*/outcome.json").len(), 4);
    assert_eq!(project.glob("runs/*/reruns/**/model"), [] as [&Path; 0], "what agrees is not kept twice");
    assert_eq!(project.glob("runs/*/reruns/**/log"), [] as [&Path; 0], "nor are the folders that held it");
}

#[test]
fn the_same_command_again_goes_on_and_then_does_nothing_new() {
    let project = project(STEADY);
    let _ = project.sweep(&["audit", "--rerun", "1"]).with(0);
    let ended = project.sweep(&["audit", "--rerun", "50%"]).with(0);
    assert!(ended.err.contains("1 run had been done again in this environment before"), "{}", ended.err);
    assert!(ended.err.contains("4 tasks done again"), "{}", ended.err);
    let ended = project.sweep(&["audit", "--rerun", "50%"]).with(0);
    assert!(!ended.err.contains("tasks done again"), "{}", ended.err);
    let ended = project.sweep(&["audit", "--rerun", "all", "--again", "--where", "lr == 1"]).with(0);
    assert!(ended.err.contains("3 of 3 runs"), "{}", ended.err);
    assert!(ended.err.contains("6 tasks done again"), "{}", ended.err);
}

#[test]
fn reruns_survive_a_rebuild() {
    let project = project(STEADY);
    let _ = project.sweep(&["audit", "--rerun", "2"]).with(0);
    let dump = project.sweep(&["db", "dump"]).with(0).out;
    assert_eq!(dump.lines().filter(|line| line.starts_with("rerun ")).count(), 4);
    let shown = project.sweep(&["audit"]).out;
    fs::remove_dir_all(&project.glob("runs/*/reruns")[0]).unwrap();
    let _ = project.sweep(&["db", "rebuild"]).with(0);
    assert_eq!(project.sweep(&["db", "dump"]).with(0).out, dump, "the folder of a rerun is not needed");
    assert_eq!(project.sweep(&["audit"]).out, shown);
    let ended = project.sweep(&["audit", "--rerun", "all", "--again"]).with(0);
    assert!(ended.err.contains("12 tasks done again, 0 failed"), "a deleted folder frees no name: {}", ended.err);
}

#[test]
fn what_is_run_is_the_stored_program_and_not_the_one_of_today() {
    let project = project(STEADY);
    project.script("train", "echo 9 > model");
    fs::remove_file(project.path().join("evaluate")).unwrap();
    let ended = project.sweep(&["audit", "--rerun", "1"]).with(0);
    assert!(ended.out.contains("the same to the bit"), "{}", ended.out);
}

#[test]
fn the_folder_of_a_rerun_is_listed_as_garbage_and_deleted_on_demand() {
    let project = project("case $PWD in */reruns/*) echo 0.9;; *) echo 0.1$1;; esac > model");
    assert!(!project.sweep(&["gc"]).with(0).out.contains("reruns"));
    let _ = project.sweep(&["audit", "--rerun", "1"]).with(6);
    let listed = project.sweep(&["gc"]).with(0);
    assert!(listed.out.contains("1 folder of reruns, with what differed from before"), "{}", listed.out);
    let findings = project.sweep(&["audit"]).with(6).out;
    let _ = project.sweep(&["gc", "--delete"]).with(0);
    assert_eq!(project.glob("runs/*/reruns/*"), [] as [&Path; 0]);
    assert_eq!(project.sweep(&["audit"]).with(6).out, findings, "what came of it is in the journal");
}

#[test]
fn a_project_may_be_moved() {
    let project = project(STEADY);
    let moved = tempfile::tempdir().unwrap();
    let to = moved.path().join("elsewhere");
    fs::create_dir(&to).unwrap();
    for name in [".sweep", "results.db", "runs"] {
        fs::rename(project.path().join(name), to.join(name)).unwrap();
    }
    let ended = project.sweep_in(&to, &["audit", "--rerun", "1"]).with(0);
    assert!(ended.out.contains("the same to the bit"), "{}", ended.out);
}

#[test]
fn a_drift_is_found_and_what_differs_is_kept() {
    // Seeds lie 0.01 apart, far less than what comes out when it is done again.
    let project = project("case $PWD in */reruns/*) echo 0.9;; *) echo 0.1$1;; esac > model");
    let ended = project.sweep(&["audit", "--rerun", "all", "--where", "seed != 1"]);
    assert_eq!(ended.code, Some(6), "{}\n{}", ended.out, ended.err);
    assert!(ended.out.contains("train: `model` differs"), "{}", ended.out);
    assert!(!ended.out.contains(" seed=1"), "{}", ended.out);
    assert_eq!(project.glob("runs/*/reruns/1/tasks/*/*/attempts/1/out/model").len(), 4);
}

#[test]
fn a_changed_program_is_told_from_a_drift() {
    let project = project(STEADY);
    let kept = &project.glob("runs/*/content/*/*/code/train")[0];
    let mut permissions = fs::metadata(kept).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
    fs::set_permissions(kept, permissions).unwrap();
    fs::write(kept, "#!/bin/sh\necho 7.5 > model\n").unwrap();
    let ended = project.sweep(&["audit", "--rerun", "1", "--rule", "rerun", "--fail-on", "warning"]).with(6);
    assert!(ended.out.contains("in a changed environment"), "{}", ended.out);
    assert!(ended.out.contains("stored program: "), "{}", ended.out);
}

#[test]
fn a_program_that_fails_when_done_again_is_a_finding() {
    let project = project("echo 1 > model; [ ! -e \"$HOME/gone\" ]");
    project.write("gone", "");
    let ended = project.sweep(&["audit", "--rerun", "1"]);
    assert_eq!(ended.code, Some(6), "{}\n{}", ended.out, ended.err);
    assert!(ended.out.contains("train: exit-code: exited with code 1"), "{}", ended.out);
    assert_eq!(project.sweep(&["status", "--json"]).with(0).out.matches("\"failed\": 0").count(), 2, "no task failed");
}

#[test]
fn code_that_is_gone_is_named_before_anything_is_started() {
    let project = project(STEADY);
    fs::remove_dir_all(&project.glob("runs/*/content")[0]).unwrap();
    let ended = project.sweep(&["audit", "--rerun", "1"]).with(1);
    assert!(ended.err.contains("error: cannot run stage `train` as it ran then"), "{}", ended.err);
    assert_eq!(project.glob("runs/*/reruns"), [] as [&Path; 0]);
}

#[test]
fn where_nothing_has_succeeded_there_is_nothing_to_do_again() {
    let project = Project::new("name = \"one\"\ncommand = [\"./train\", \"{x}\"]\n[vary]\nx = [1, 2]\n");
    project.script("train", "exit 1");
    let _ = project.run().with(4);
    let ended = project.sweep(&["audit", "--rerun", "5%"]).with(2);
    assert!(ended.err.contains("no run of the selection has succeeded whole"), "{}", ended.err);
    for share in ["0", "101%", "half"] {
        let ended = project.sweep(&["audit", "--rerun", share]).with(2);
        assert!(ended.err.contains("a number of runs like `3`"), "{}", ended.err);
    }
}

#[test]
fn machines_read_reruns_as_json() {
    let project = project(STEADY);
    let ended = project.sweep(&["audit", "--rerun", "1", "--json"]).with(0);
    let value: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(value["schema_version"], 1, "{value}");
    assert!(value.to_string().contains("the same to the bit"), "{value}");
}
