//! The fake cluster as its users meet it: through the names of Slurm's programs.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

struct Cluster {
    folder: tempfile::TempDir,
}

struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Cluster {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("bin")).unwrap();
        for program in ["sbatch", "squeue", "sacct", "scancel", "scontrol", "sinfo", "sacctmgr"] {
            symlink(env!("CARGO_BIN_EXE_fake-slurm"), folder.path().join("bin").join(program)).unwrap();
        }
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// What one of the programs says, started in the cluster's folder with next to nothing in its environment.
    fn ask(&self, words: &[&str]) -> Said {
        let end = duct::cmd(self.path("bin").join(words[0]), &words[1..])
            .dir(self.folder.path())
            .full_env([("PATH", "/usr/bin:/bin"), ("GREETING", "hello")])
            .stdin_null()
            .stdout_capture()
            .stderr_capture()
            .unchecked()
            .run()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Said { code: end.status.code().unwrap(), out: text(end.stdout), err: text(end.stderr) }
    }

    /// The id of the job that these words make.
    fn submit(&self, words: &[&str]) -> String {
        let said = self.ask(&[&["sbatch", "--parsable"], words].concat());
        assert_eq!((said.code, said.err.as_str()), (0, ""));
        said.out.trim().to_owned()
    }

    /// `element state` of each, sorted.
    fn states(&self) -> Vec<String> {
        let said = self.ask(&["squeue", "--me", "-r", "--states=all", "--noheader", "--format=%i %T"]);
        assert_eq!((said.code, said.err.as_str()), (0, ""));
        let mut states: Vec<String> = said.out.lines().map(str::to_owned).collect();
        states.sort();
        states
    }

    #[track_caller]
    fn until(&self, states: &[&str]) {
        for _ in 0..600 {
            if self.states() == states {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("waited for {states:?}, got {:?}\n{}", self.states(), self.read("runners"));
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.write("trouble", "");
        self.ask(&["scancel", "--me", "--signal=KILL"]);
        self.ask(&["scancel", "--me"]);
        while self.states().iter().any(|state| state.ends_with("RUNNING")) {
            thread::sleep(Duration::from_millis(50));
        }
    }
}

#[test]
fn each_element_runs_with_its_number_and_the_submitters_environment() {
    let cluster = Cluster::new();
    let wrap = "--wrap=echo $SLURM_ARRAY_JOB_ID $SLURM_ARRAY_TASK_ID $GREETING";
    let job = cluster.submit(&["--array=0-4:2%1", "--output=%A-%a.log", wrap]);
    cluster.until(&[0, 2, 4].map(|n| format!("{job}_{n} COMPLETED")).each_ref().map(String::as_str));
    assert_eq!(cluster.read(&format!("{job}-2.log")), format!("{job} 2 hello\n"));
}

#[test]
fn options_stand_in_a_script_as_well() {
    let cluster = Cluster::new();
    cluster
        .write("script", "#!/bin/sh\n#SBATCH --job-name=from-script\n#SBATCH --comment=a\n\n#SBATCH -o log\nexit 3\n");
    let job = cluster.submit(&["--comment=b", "script"]);
    cluster.until(&[&format!("{job} FAILED")]);
    let said = cluster.ask(&["sacct", "-X", "-P", "-n", "-o", "JobID,State,ExitCode,Comment,JobName"]);
    assert_eq!(said.out, format!("{job}|FAILED|3:0|b|from-script\n"));
}

#[test]
fn what_waits_starts_after_its_own_counterpart_and_never_after_a_failure() {
    let cluster = Cluster::new();
    let first = cluster.submit(&["--array=0-2", "--wrap=[ $SLURM_ARRAY_TASK_ID != 1 ]"]);
    let after = format!("--dependency=aftercorr:{first}");
    let second = cluster.submit(&["--array=0-2", &after, "--kill-on-invalid-dep=yes", "--wrap=true"]);
    let any = cluster.submit(&[&format!("--dependency=afterany:{first}"), "--wrap=true"]);
    let never = cluster.submit(&[&format!("--dependency=afterok:{first}_1"), "--wrap=true"]);
    cluster.until(&[
        &format!("{first}_0 COMPLETED"),
        &format!("{first}_1 FAILED"),
        &format!("{first}_2 COMPLETED"),
        &format!("{second}_0 COMPLETED"),
        &format!("{second}_1 CANCELLED"),
        &format!("{second}_2 COMPLETED"),
        &format!("{any} COMPLETED"),
        &format!("{never} PENDING"),
    ]);
    let reason = cluster.ask(&["squeue", "-h", "-o", "%r", "-j", &never]).out;
    assert_eq!(reason, "DependencyNeverSatisfied\n");
}

#[test]
fn what_is_held_waits_for_its_release() {
    let cluster = Cluster::new();
    let job = cluster.submit(&["--hold", "--array=0-1", "--wrap=true"]);
    assert_eq!(cluster.ask(&["squeue", "-h", "-o", "%i %r"]).out, format!("{job}_[0-1] JobHeldUser\n"));
    assert_eq!(cluster.ask(&["scontrol", "release", &job]).code, 0);
    cluster.until(&[&format!("{job}_0 COMPLETED"), &format!("{job}_1 COMPLETED")]);
}

#[test]
fn a_cancelled_script_is_asked_to_end_first() {
    let cluster = Cluster::new();
    let job = cluster.submit(&["--output=log", "--wrap=trap 'echo asked; exit 0' TERM; echo ready; sleep 1000 & wait"]);
    while cluster.read("log") != "ready\n" {
        thread::sleep(Duration::from_millis(20));
    }
    let waits = cluster.submit(&["--hold", "--wrap=true"]);
    assert_eq!(cluster.ask(&["scancel", &job, &waits]).code, 0);
    cluster.until(&[&format!("{job} CANCELLED"), &format!("{waits} CANCELLED")]);
    assert_eq!(cluster.read("log"), "ready\nasked\n");
}

#[test]
fn elements_cancelled_before_they_start_leave_what_they_leave_in_slurm() {
    let cluster = Cluster::new();
    let job = cluster.submit(&["--hold", "--array=0-5%2", "--wrap=true"]);
    assert_eq!(cluster.ask(&["scancel", &format!("{job}_[3-4]")]).code, 0);
    cluster.until(&[0, 1, 2, 5].map(|n| format!("{job}_{n} PENDING")).each_ref().map(String::as_str));
    assert_eq!(cluster.ask(&["scancel", &job, "4000000"]).code, 0);
    let accounts = cluster.ask(&["sacct", "-X", "-P", "-n", "-o", "JobID,State,Start"]).out;
    assert_eq!(accounts, format!("{job}_[0-2,5%2]|CANCELLED by 0|None\n"));
}

#[test]
fn a_script_is_warned_before_its_limit_and_ended_at_it() {
    let cluster = Cluster::new();
    cluster.write("settings", "Speed=120\nKillWait=0\n");
    let job = cluster.submit(&[
        "--time=1:00",
        "--signal=B:USR1@30",
        "--output=log",
        "--wrap=trap 'echo warned' USR1; trap '' TERM; while :; do sleep 0.01; done",
    ]);
    cluster.until(&[&format!("{job} TIMEOUT")]);
    assert_eq!(cluster.read("log"), "warned\n");
}

#[test]
fn the_same_id_starts_again_after_its_node_died() {
    let cluster = Cluster::new();
    let job = cluster.submit(&[
        "--output=log",
        "--wrap=echo ${SLURM_RESTART_COUNT:-0} >> starts; [ \"$SLURM_RESTART_COUNT\" ] || sleep 1000",
    ]);
    while cluster.read("starts") != "0\n" {
        thread::sleep(Duration::from_millis(20));
    }
    let state: serde_json::Value = serde_json::from_str(&cluster.read("state.json")).unwrap();
    let runner = i32::try_from(state["elements"][0]["runner"][0].as_i64().unwrap()).unwrap();
    let group = i32::try_from(state["elements"][0]["group"].as_i64().unwrap()).unwrap();
    kill_process(Pid::from_raw(runner).unwrap(), Signal::KILL).unwrap();
    rustix::process::kill_process_group(Pid::from_raw(group).unwrap(), Signal::KILL).unwrap();
    cluster.until(&[&format!("{job} COMPLETED")]);
    assert_eq!(cluster.read("starts"), "0\n1\n");
    let all = cluster.ask(&["sacct", "-X", "-P", "-n", "-D", "-o", "JobID,State"]).out;
    assert_eq!(all, format!("{job}|NODE_FAIL\n{job}|COMPLETED\n"));
}

#[test]
fn answers_are_lost_on_command_and_the_jobs_are_not() {
    let cluster = Cluster::new();
    cluster.write(
        "trouble",
        "sbatch timeout 2\nsbatch accept-then-timeout\nsbatch accept-then-empty\nsbatch limit\nsbatch accept-then-forget\n",
    );
    let said: Vec<Said> = (0..7).map(|_| cluster.ask(&["sbatch", "--parsable", "--hold", "--wrap=true"])).collect();
    let timeout = "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation\n";
    for lost in [0, 1, 2] {
        assert_eq!((said[lost].code, said[lost].out.as_str(), said[lost].err.as_str()), (1, "", timeout));
    }
    assert_eq!((said[3].code, said[3].out.as_str()), (0, ""));
    assert!(said[4].err.starts_with("sbatch: error: AssocMaxSubmitJobLimit\n"));
    assert_eq!((said[5].code, said[5].out.as_str()), (0, "3\n"));
    assert_eq!(said[6].out, "4\n");
    assert_eq!(cluster.states(), ["1 PENDING", "2 PENDING", "4 PENDING"]);
    assert_eq!(cluster.read("calls").lines().filter(|line| line.contains(" sbatch ")).count(), 7);
}

#[test]
fn queries_fail_say_nothing_or_chatter_on_command() {
    let cluster = Cluster::new();
    let job = cluster.submit(&["--hold", "--job-name=mine", "--wrap=true"]);
    cluster.write("trouble", "squeue down\nsqueue empty\nsqueue noisy\nsacct off\nsacct old\n");
    let queue = || cluster.ask(&["squeue", "-h", "-o", "%i"]);
    let down = queue();
    assert_eq!((down.code, down.out.as_str()), (1, ""));
    assert_eq!(down.err, "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n");
    assert_eq!((queue().out, queue().out.contains(&format!("\n{job}\n"))), (String::new(), true));
    let accounts = || cluster.ask(&["sacct", "-X", "-P", "-n", "-o", "JobID,State,JobName"]);
    assert_eq!((accounts().code, accounts().out), (1, format!("{job}|COMPLETED|somebodys\n{job}|PENDING|mine\n")));
}

#[test]
fn nodes_die_and_jobs_come_back_on_command() {
    let cluster = Cluster::new();
    cluster.write("trouble", "job node-fail\njob requeue\n");
    let once = cluster.submit(&["--no-requeue", "--wrap=sleep 1000"]);
    cluster.until(&[&format!("{once} NODE_FAIL")]);
    let twice = cluster.submit(&["--output=log", "--open-mode=append", "--wrap=echo start"]);
    cluster.until(&[&format!("{once} NODE_FAIL"), &format!("{twice} COMPLETED")]);
    while cluster.read("log") != "start\nstart\n" {
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn limits_and_mistakes_are_refused_in_slurms_words() {
    let cluster = Cluster::new();
    cluster.write("settings", "MaxArraySize=11\nMaxSubmitJobs=4\n");
    let cases = [
        ("--array=0-11", "Batch job submission failed: Invalid job array specification"),
        ("--array=0-4", "AssocMaxSubmitJobLimit"),
        ("--partition=nowhere", "Batch job submission failed: Invalid partition name specified"),
        (
            "--account=nobodys",
            "Batch job submission failed: Invalid account or account/partition combination specified",
        ),
        ("--colour=red", "unrecognized option '--colour=red'"),
    ];
    for (option, words) in cases {
        let said = cluster.ask(&["sbatch", "--parsable", option, "--wrap=true"]);
        assert!(said.code != 0 && said.out.is_empty() && said.err.contains(words), "{option}: {}", said.err);
    }
    assert!(cluster.states().is_empty());
}

#[test]
fn a_job_holds_none_of_its_submitters_files_open() {
    let cluster = Cluster::new();
    let path = cluster.path("held");
    let held = File::create(&path).unwrap();
    // The shell hands its file number 9 on to sbatch, which must not hand it on to the job.
    let line = format!(
        "exec 9<{}; flock 9; exec {}/sbatch --parsable --wrap='sleep 1000'",
        path.display(),
        cluster.path("bin").display()
    );
    duct::cmd!("/bin/bash", "-c", line).dir(cluster.folder.path()).stdout_null().run().unwrap();
    cluster.until(&["1 RUNNING"]);
    held.try_lock().expect("nobody holds it");
}
