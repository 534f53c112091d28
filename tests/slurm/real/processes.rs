//! Tasks of several processes, which `srun` starts: one claim and one outcome, however many there are.

use std::fs;

use runfile::{FailureReason, Verdict};
use serde_json::Value;

use crate::site::Site;

/// Two processes on each of two nodes.
fn four(command: &str, resources: &str) -> Option<Site> {
    let sweep = format!(
        "name = \"four\"\nretry = 1\ncommand = [\"./train\", \"{{x}}\"]\n[vary]\nx = [1]\n\
         [resources]\nnodes = 2\nprocesses = 2\n{resources}"
    );
    let site = Site::real(&sweep)?;
    site.script("train", command);
    Some(site)
}

/// What each process left in the folder of the attempt, in the order of their numbers.
fn left(site: &Site) -> Vec<String> {
    let pattern = site.path().join("runs/*/tasks/*/*/attempts/1/out/process-*");
    let mut files: Vec<_> = glob::glob(pattern.to_str().unwrap()).unwrap().map(Result::unwrap).collect();
    files.sort();
    files.iter().map(|path| fs::read_to_string(path).unwrap().trim().to_owned()).collect()
}

#[test]
fn all_processes_of_a_task_share_its_folder_its_claim_and_its_outcome() {
    let command = "echo $SLURM_STEP_NUM_TASKS $SLURM_LOCALID $MASTER_ADDR $MASTER_PORT > process-$SLURM_PROCID\n\
                   [ $SLURM_PROCID != 0 ] || echo '{\"value\": 1}' > scores.json";
    let Some(site) = four(command, "") else { return };
    let _ = site.submit().with(0);
    site.wait_until(|site| site.succeeded() == 1);
    let told: Vec<Vec<String>> = left(&site).iter().map(|line| line.split(' ').map(str::to_owned).collect()).collect();
    let numbers: Vec<[&str; 2]> = told.iter().map(|words| [words[0].as_str(), words[1].as_str()]).collect();
    assert_eq!(numbers, [["4", "0"], ["4", "1"], ["4", "0"], ["4", "1"]]);
    assert!(told.iter().all(|words| words[2..] == told[0][2..] && words.len() == 4), "one place to meet: {told:?}");
    let [attempt] = &site.attempts()[..] else { panic!("one attempt") };
    assert_eq!((site.starts(), site.count("done"), &attempt.provenance["world_size"]), (4, 1, &4.into()));
}

#[test]
fn a_process_that_is_killed_ends_the_others_and_the_task_has_failed_once() {
    let command = "touch process-$SLURM_PROCID\nwhile [ $(ls process-* | wc -l) -lt 4 ]; do sleep 0.1; done\n\
                   [ $SLURM_PROCID != 2 ] || { echo 'this is the end' >&2; kill -9 $$; }\nexec sleep 1000";
    let Some(site) = four(command, "") else { return };
    let _ = site.submit().with(0);
    site.wait_for(|| site.attempts().len() == 1);
    let [attempt] = &site.attempts()[..] else { panic!("one attempt") };
    assert_eq!((attempt.verdict, attempt.reason), (Verdict::Failed, Some(FailureReason::ExitCode)), "{attempt:?}");
    assert!(attempt.message.ends_with("this is the end"), "{}", attempt.message);
    site.wait_for(|| {
        let _ = site.sweep(&["collect"]).with(0);
        site.count("failed") == 1
    });
    assert!(site.states().iter().all(|state| state != "RUNNING" && state != "COMPLETING"), "{:?}", site.states());
    assert_eq!((site.starts(), site.attempts().len()), (4, 1));
}

#[test]
fn every_process_is_asked_before_a_task_that_used_up_its_time_is_killed() {
    let command = "trap 'echo asked > process-$SLURM_PROCID; exit 1' TERM\ntouch process-$SLURM_PROCID\n\
                   while :; do sleep 0.1; done";
    let Some(site) = four(command, "time = \"6s\"\n") else { return };
    site.submit_and(|| {
        // The cluster gives two seconds, which a loaded machine may need for the question alone.
        let pattern = site.path().join("runs/*/submissions/*/manifest.json");
        let path = glob::glob(pattern.to_str().unwrap()).unwrap().next().unwrap().unwrap();
        let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        manifest["slurm"]["grace_seconds"] = 30.into();
        fs::write(path, manifest.to_string()).unwrap();
    });
    site.wait_for(|| site.attempts().len() == 1);
    assert_eq!(site.attempts()[0].reason, Some(FailureReason::TimeLimit));
    assert_eq!(left(&site), ["asked"; 4]);
}
