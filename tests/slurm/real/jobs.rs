//! Arrays, limits and code, as a real Slurm has them.

use runfile::FailureReason;

use crate::site::Site;

#[test]
fn an_array_of_two_hundred_tasks_is_one_submission_and_keeps_to_its_throttle() {
    const THROTTLE: usize = 3;
    let levels: Vec<String> = (0..200).map(|level| level.to_string()).collect();
    let sweep = format!("name = \"wide\"\ncommand = [\"./train\", \"{{x}}\"]\n[vary]\nx = [{}]\n", levels.join(", "));
    let Some(site) = Site::real(&sweep) else { return };
    site.profile(&format!("throttle = {THROTTLE}\n"));
    let running = site.path().join("running");
    let body = "mkdir -p R/$1; ls R | wc -l >> R.counts; sleep 0.05; rmdir R/$1; echo '{\"value\": 1}' > scores.json";
    site.script("train", &body.replace('R', &running.to_string_lossy()));
    let _ = site.submit().with(0);
    site.wait_until(|site| site.succeeded() == 200);
    let counts: Vec<usize> = site.read("running.counts").lines().map(|line| line.trim().parse().unwrap()).collect();
    assert_eq!((counts.len(), site.starts(), site.count("done")), (200, 200, 200));
    assert!(counts.iter().all(|&count| count <= THROTTLE), "{counts:?}");
    assert_eq!(site.submissions().len(), 1, "one sbatch makes the whole array");
}

#[test]
fn a_task_over_its_time_and_one_over_its_memory_are_told_apart() {
    const SWEEP: &str = r#"
name = "limits"
command = ["./train", "{x}"]
[resources]
time = "6s"
memory = "100MB"
[vary]
x = ["time", "memory", "neither"]
"#;
    let Some(site) = Site::real(SWEEP) else { return };
    site.script(
        "train",
        "case $1 in time) sleep 1000;; memory) x=$(head -c 300000000 /dev/zero | tr '\\0' x); sleep 1000;; esac\n\
         echo '{\"value\": 1}' > scores.json",
    );
    let _ = site.submit().with(0);
    site.wait_for(|| {
        let _ = site.sweep(&["collect"]).with(0);
        site.count("failed") == 2
    });
    let reasons: Vec<_> = site.attempts().iter().filter_map(|outcome| outcome.reason).collect();
    assert!(
        reasons.contains(&FailureReason::TimeLimit) && reasons.contains(&FailureReason::OutOfMemory),
        "{reasons:?}"
    );
    assert_eq!((site.count("done"), site.starts()), (1, 3));
}

#[test]
fn a_script_that_is_edited_while_its_task_waits_runs_as_it_was() {
    let Some(site) = Site::real("name = \"one\"\ncommand = [\"./train\", \"{x}\"]\n[vary]\nx = [1, 2]\n") else {
        return;
    };
    site.script("train", "echo '{\"value\": 1}' > scores.json");
    site.profile_with("", Some("--begin=now+1hour"));
    let _ = site.submit().with(0);
    site.script("train", "echo '{\"value\": 2}' > scores.json");
    let _ = site.slurm("scontrol", &["update", &format!("JobId={}", site.job()), "StartTime=now"]).with(0);
    site.wait_until(|site| site.succeeded() == 2);
    let scores = site.scores();
    assert!(scores.len() == 2 && scores.values().all(|text| text.contains("\"value\": 1")), "{scores:?}");
}
