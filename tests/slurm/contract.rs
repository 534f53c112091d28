//! What holds on every Slurm.

use crate::site::Site;

/// Four cells in three stages, one script a stage.
const CHAIN: &str = r#"
name = "chain"
[defaults]
x = 1
[grids.main]
vary = { x = [1, 2, 3, 4] }
[stages.train]
kind = "train"
uses = ["x"]
command = ["./train", "{x}"]
outputs = ["value"]
[stages.refine]
kind = "train"
needs = ["train"]
command = ["./refine", "{input.train}"]
outputs = ["value"]
[stages.measure]
kind = "measure"
needs = ["refine"]
command = ["./measure", "{input.refine}"]
outputs = ["scores.json"]
"#;

fn chain(train: &str) -> Site {
    let site = Site::new(CHAIN);
    site.script("train", train);
    site.script("refine", "cp $1/value value");
    site.script("measure", "echo \"{\\\"value\\\": $(cat $1/value)}\" > scores.json");
    site
}

fn one_stage(count: usize, command: &str) -> Site {
    let site = Site::new(&levels(count));
    site.script("train", command);
    site
}

/// A sweep of one stage, which tries each task once.
fn levels(count: usize) -> String {
    let levels: Vec<String> = (0..count).map(|level| level.to_string()).collect();
    let head = "name = \"one\"\nprofile = \"test\"\nretry = 1\ncommand = [\"./train\", \"{x}\"]";
    format!("{head}\n[vary]\nx = [{}]\n", levels.join(", "))
}

/// Wait until so many tasks have failed for good.
fn wait_for_failures(site: &Site, count: u64) {
    site.wait_for(|| {
        let _ = site.sweep(&["collect"]).with(0);
        site.count("failed") == count
    });
}

const SCORE: &str = "echo '{\"value\": 1}' > scores.json";

#[test]
fn every_task_of_an_array_is_counted_once() {
    let site = one_stage(12, SCORE);
    let _ = site.submit().with(0);
    site.wait_until(|site| site.succeeded() == 12);
    assert_eq!((site.count("tasks"), site.count("done"), site.starts()), (12, 12, 12));
    let _ = site.submit().with(0);
    assert_eq!(site.starts(), 12);
}

#[test]
fn a_chain_of_stages_runs_to_its_end_with_nobody_logged_in() {
    let site = chain("echo $1 > value");
    let _ = site.submit().with(0);
    site.wait_until(|site| site.succeeded() == 12);
    assert_eq!((site.count("done"), site.starts()), (12, 12));
    let scripts = glob::glob(site.path().join("runs/*/submissions/*/script.sh").to_str().unwrap()).unwrap();
    let waits = |script: String| script.contains("--dependency=aftercorr:");
    let chained = scripts.map(|path| waits(std::fs::read_to_string(path.unwrap()).unwrap()));
    assert_eq!(chained.filter(|waits| *waits).count(), 2, "one array a stage, each element behind its own");
}

#[test]
fn a_failure_holds_back_its_own_descendants_alone() {
    let site = chain("[ $1 != 2 ] || exit 3; echo $1 > value");
    let _ = site.submit().with(0);
    site.wait_until(|site| site.succeeded() == 9);
    site.wait_until(|site| {
        let _ = site.sweep(&["collect"]).with(0);
        site.count("failed") == 1
    });
    assert_eq!((site.count("done"), site.count("blocked")), (9, 2));
}

#[test]
fn a_second_submission_while_the_first_one_waits_adds_nothing() {
    let site = one_stage(4, &format!("sleep 2; {SCORE}"));
    let _ = site.submit().with(0);
    let _ = site.submit().with(0);
    site.wait_until(|site| site.succeeded() == 4);
    assert_eq!((site.count("done"), site.starts()), (4, 4));
}

#[test]
fn a_partition_that_is_not_there_is_one_clear_error() {
    let site = one_stage(2, SCORE);
    site.profile("partition = \"nowhere\"\n");
    let ended = site.submit();
    assert_ne!(ended.code, Some(0));
    assert!(ended.err.contains("nvalid partition") && ended.err.contains("hint: "), "{}", ended.err);
    site.profile("");
    let _ = site.submit().with(0);
    site.wait_until(|site| site.succeeded() == 2);
    assert_eq!(site.starts(), 2);
}

#[test]
fn cancelled_tasks_end_and_are_not_started_again() {
    let site = one_stage(3, "sleep 1000");
    let _ = site.submit().with(0);
    site.wait_until(|site| site.starts() == 3);
    let _ = site.sweep(&["cancel", "--yes"]).with(0);
    let _ = site.submit();
    assert_eq!((site.starts(), site.succeeded()), (3, 0));
}

#[test]
fn a_sweep_file_may_name_its_profile() {
    let site = one_stage(1, SCORE);
    let submitted = site.sweep(&["submit", "grid.toml"]).with(0);
    assert!(submitted.out.starts_with("job "), "{}", submitted.out);
    site.wait_until(|site| site.succeeded() == 1);
}

const CANARY: [&str; 5] = ["submit", "grid.toml", "--to", "test", "--canary"];

#[test]
fn a_canary_goes_first_and_the_rest_when_it_has_left_its_scores() {
    let site = chain("echo $1 > value");
    let _ = site.sweep(&CANARY).with(0);
    site.wait_until(|site| site.succeeded() == 3);
    assert_eq!(site.starts(), 3);
    let _ = site.sweep(&CANARY).with(0);
    site.wait_until(|site| site.succeeded() == 12);
    assert_eq!((site.count("done"), site.starts()), (12, 12));
}

#[test]
fn nothing_follows_a_canary_that_fell() {
    let site = chain("exit 3");
    let _ = site.sweep(&CANARY).with(0);
    wait_for_failures(&site, 1);
    let starts = site.starts();
    let refused = site.sweep(&CANARY);
    assert!(refused.code != Some(0) && refused.err.contains("the canary did not succeed"), "{}", refused.err);
    assert_eq!((site.starts(), site.submissions().len()), (starts, 3));
}

#[test]
fn a_stage_that_keeps_failing_is_started_no_more_until_somebody_says_so() {
    let site = one_stage(5, "exit 3");
    let _ = site.submit().with(0);
    wait_for_failures(&site, 5);
    site.write("grid.toml", &levels(7));
    let refused = site.submit();
    assert!(refused.code != Some(0) && refused.err.contains("5 of the 5 tasks of `train`"), "{}", refused.err);
    assert_eq!(site.starts(), 5);
    site.script("train", SCORE);
    let _ = site.sweep(&["retry", "grid.toml", "--to", "test"]).with(0);
    site.wait_until(|site| site.succeeded() == 7);
    assert_eq!((site.count("done"), site.starts()), (7, 12));
}

#[test]
fn what_left_the_grid_is_shown_and_cancelled_only_when_asked() {
    let site = one_stage(3, "sleep 1000");
    let _ = site.submit().with(0);
    site.wait_for(|| site.starts() == 3);
    site.write("grid.toml", &levels(1));
    let _ = site.submit().with(0);
    let shown = || site.sweep(&["status"]).with(0).out;
    assert!(shown().contains("2 tasks at Slurm that no plan has any more"), "{}", shown());
    let _ = site.sweep(&["cancel", "--orphans"]).with(0);
    site.wait_for(|| !shown().contains("no plan has any more"));
    assert_eq!((site.count("running"), site.count("cancelled")), (1, 0));
    let _ = site.sweep(&["cancel"]).with(0);
}

#[test]
fn a_person_learns_why_a_run_is_not_done() {
    let site = one_stage(1, "sleep 1000");
    let explained = || site.sweep(&["explain", "grid.toml", "x=0"]).with(0).out;
    assert!(explained().contains("new: `sweep submit` starts it"), "{}", explained());
    let _ = site.submit().with(0);
    site.wait_for(|| site.starts() == 1);
    assert!(explained().contains("element 0: running"), "{}", explained());
    let _ = site.sweep(&["cancel"]).with(0);
    assert!(explained().contains("cancelled; `sweep retry` takes that back"), "{}", explained());
}

#[test]
fn scripts_and_logs_of_what_is_over_are_garbage() {
    let site = one_stage(2, SCORE);
    let _ = site.submit().with(0);
    assert!(!site.sweep(&["gc"]).with(0).out.contains("submissions that are over"));
    site.wait_until(|site| site.succeeded() == 2);
    site.wait_for(|| {
        let _ = site.sweep(&["collect"]).with(0);
        site.sweep(&["gc"]).with(0).out.contains("1 folder with scripts and logs of submissions that are over")
    });
    let _ = site.sweep(&["gc", "--delete"]).with(0);
    assert!(site.submissions().is_empty());
    assert_eq!(site.count("done"), 2);
}

#[test]
fn a_rerun_through_slurm_agrees_and_touches_nothing_that_was_there() {
    let site = chain("echo $1 > value");
    let _ = site.submit().with(0);
    site.wait_until(|site| site.succeeded() == 12);
    let (outcomes, starts) = (site.outcomes(), site.starts());
    let ended = site.sweep(&["audit", "--rerun", "2", "--to", "test"]).with(0);
    assert!(ended.err.contains("6 tasks done again, 0 failed, 0 blocked"), "{}", ended.err);
    assert!(
        ended.out.contains("the same to the bit when done again: every file of 6 tasks, 2 scores"),
        "{}",
        ended.out
    );
    assert_eq!((site.outcomes(), site.starts()), (outcomes, starts + 6));
    let again = site.sweep(&["audit", "--rerun", "2", "--to", "test"]).with(0);
    assert!(again.err.contains("2 runs had been done again"), "{}", again.err);
    assert_eq!(site.starts(), starts + 6);
}

#[test]
fn what_fails_when_slurm_does_it_again_is_an_error_with_its_reason() {
    let site = chain("case $PWD in */reruns/*) exit 3;; *) echo $1 > value;; esac");
    let _ = site.submit().with(0);
    site.wait_until(|site| site.succeeded() == 12);
    let ended = site.sweep(&["audit", "--rerun", "1", "--to", "test"]).with(6);
    assert!(ended.err.contains("failed when done again (exit-code): train"), "{}", ended.err);
    assert!(ended.err.contains("1 failed, 2 blocked by those"), "{}", ended.err);
    assert!(ended.out.contains("error"), "{}", ended.out);
}
