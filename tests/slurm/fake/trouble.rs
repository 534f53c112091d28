//! What holds when Slurm's answers are lost, late or wrong.

use crate::site::Site;

const COUNT: usize = 3;

fn site() -> Site {
    let site = Site::fake("name = \"one\"\ncommand = [\"./train\", \"{x}\"]\n[vary]\nx = [1, 2, 3]\n");
    site.script("train", "echo '{\"value\": 1}' > scores.json");
    site
}

/// Submit again and again, as a person would, until all is done; then every task was started and counted once.
#[track_caller]
fn ends_well(site: &Site) {
    while site.succeeded() < COUNT {
        let _ = site.submit();
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    let _ = site.sweep(&["collect"]).with(0);
    assert_eq!((site.count("done"), site.starts()), (COUNT as u64, COUNT), "{}", site.read("fake/calls"));
}

#[test]
fn a_submission_whose_answer_is_lost_is_found_again() {
    for trouble in ["accept-then-timeout", "accept-then-empty", "noisy", "accept-twice"] {
        let site = site();
        site.trouble(&format!("sbatch {trouble}\n"));
        ends_well(&site);
    }
}

#[test]
fn a_submission_that_hangs_after_it_was_accepted_is_found_again() {
    let site = site();
    site.profile("");
    site.write("sweep.toml", "[profile.test]\nsettle = \"2s\"\npatience = \"2s\"\n");
    site.trouble("sbatch accept-then-hang\n");
    ends_well(&site);
}

#[test]
fn a_submission_that_was_not_accepted_is_made_once_in_the_end() {
    for trouble in ["sbatch timeout\n", "sbatch timeout 3\n", "sbatch limit 2\n"] {
        let site = site();
        site.trouble(trouble);
        ends_well(&site);
    }
}

#[test]
fn silence_of_the_queue_or_of_accounting_makes_nothing_fail() {
    for trouble in ["squeue down 3\nsacct down 3\n", "sacct off always\n", "sacct empty always\n", "sacct old always\n"]
    {
        let site = site();
        site.trouble(trouble);
        ends_well(&site);
        assert_eq!(site.count("failed"), 0);
    }
}
