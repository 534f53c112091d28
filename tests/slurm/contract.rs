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
    let levels: Vec<String> = (0..count).map(|level| level.to_string()).collect();
    let sweep = format!("name = \"one\"\ncommand = [\"./train\", \"{{x}}\"]\n[vary]\nx = [{}]\n", levels.join(", "));
    let site = Site::new(&sweep);
    site.script("train", command);
    site
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
