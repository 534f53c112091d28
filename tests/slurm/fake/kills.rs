//! `sweep submit` killed between any two steps: what it did not finish, the next one does, once.
//!
//! Every phase is met many times, at the very point or, inside `sbatch` and `scontrol`, while these are at work.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::site::Site;

/// Kills in each phase, and how many of them go on at the same time.
const KILLS: usize = 20;
const AT_ONCE: usize = 4;
const TASKS: usize = 3;

/// Two arrays: one of two elements, one of one.
const PROFILE: &str = "[profile.test]\nsettle = \"1s\"\npatience = \"20s\"\nlargest_array = 2\n";
pub const SWEEP: &str = "name = \"one\"\ncommand = [\"./train\", \"{x}\"]\n[vary]\nx = [1, 2, 3]\n";
pub const SUBMIT: [&str; 4] = ["submit", "grid.toml", "--to", "test"];

/// Submit again until there is nothing to say against it; then every task was started and counted once.
#[track_caller]
pub fn ends_well(site: &Site) {
    site.wait_for(|| site.submit().code == Some(0));
    site.wait_until(|site| site.succeeded() == TASKS);
    assert_eq!((site.count("done"), site.starts(), site.attempts().len()), (TASKS as u64, TASKS, TASKS));
}

/// Kill many times by `kill`, which says whether it hit the phase.
fn kill_many(phase: &str, kill: impl Fn(&Site) -> bool + Sync) {
    let (left, hits) = (AtomicUsize::new(KILLS), AtomicUsize::new(0));
    let again = || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
    let one = || {
        let site = Site::fake(SWEEP);
        site.write("sweep.toml", PROFILE);
        site.script("train", "echo '{\"value\": 1}' > scores.json");
        hits.fetch_add(usize::from(kill(&site)), Ordering::Relaxed);
        site.trouble("");
        ends_well(&site);
    };
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while again() {
                    one();
                }
            });
        }
    });
    let hits = hits.into_inner();
    println!("{hits} kills {phase}");
    assert!(hits >= KILLS, "{hits} of {KILLS} kills came {phase}");
}

/// Kill at a point that `sweep` itself passes.
fn at(phase: &str, point: &str) {
    kill_many(phase, |site| site.sweep_until(point, &SUBMIT));
}

/// Kill once a program of Slurm has met its trouble, which holds it up.
fn during(phase: &str, trouble: &str, reached: impl Fn(&Site) -> bool + Sync) {
    kill_many(phase, |site| {
        site.trouble(trouble);
        let mut submission = site.start(&SUBMIT);
        while !reached(site) && submission.try_wait().unwrap().is_none() {
            thread::sleep(Duration::from_millis(5));
        }
        submission.kill().unwrap();
        submission.wait().unwrap().code().is_none()
    });
}

#[test]
fn a_submission_killed_before_its_intent_is_made_once() {
    at("before the intent", "before-intent");
}

#[test]
fn a_submission_killed_between_its_intent_and_sbatch_is_made_once() {
    at("between intent and sbatch", "before-sbatch");
}

#[test]
fn a_submission_killed_during_sbatch_before_it_is_accepted_is_made_once() {
    during("during sbatch, before acceptance", "sbatch slow:600\n", |site| site.read("fake/calls").contains("sbatch"));
}

#[test]
fn a_submission_killed_during_sbatch_after_it_was_accepted_is_made_once() {
    let accepted = |site: &Site| site.read("fake/state.json").contains("\"job\"");
    during("during sbatch, after acceptance", "sbatch accept-then-slow:600\n", accepted);
}

#[test]
fn a_submission_killed_between_its_number_and_the_commit_is_made_once() {
    at("between number and commit", "before-commit");
}

#[test]
fn a_submission_killed_between_two_arrays_is_made_once() {
    at("between two arrays", "between-arrays");
}

#[test]
fn a_submission_killed_before_its_release_is_made_once() {
    at("before the release", "before-release");
}

#[test]
fn a_submission_killed_during_its_release_is_made_once() {
    let released = |site: &Site| site.read("fake/calls").contains("scontrol release");
    during("during the release", "scontrol slow:0\nscontrol accept-then-slow:600\n", released);
}

#[test]
fn a_submission_killed_after_its_release_is_made_once() {
    at("after the release", "after-release");
}
