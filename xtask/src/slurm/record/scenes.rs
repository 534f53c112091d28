//! What happens on the cluster while it is recorded.

use rustix::process::Signal;

use super::recorder::Recorder;
use crate::failure::{Failure, Result};
use crate::repo;
use crate::slurm::cluster::Cluster;
use crate::slurm::process::{self, Process, Role};
use crate::slurm::{down, up};

/// As the launcher asks.
const QUEUE: [&str; 6] = ["squeue", "--me", "--array", "--states=all", "--noheader", "--format=%i|%T|%r|%V|%S|%N|%j"];
const ACCOUNTS: [&str; 5] = [
    "sacct",
    "--allocations",
    "--parsable2",
    "--noheader",
    "--format=JobID,State,ExitCode,Submit,Start,NodeList,JobName",
];

/// Bring up a fresh cluster at `cluster`, let jobs meet every end there, write what Slurm said, take it down.
pub fn record(cluster: &Cluster) -> Result<()> {
    if cluster.settings()?.is_some() {
        return Err(Failure::new(format!("`{}` is a cluster already", cluster.folder().display()))
            .hint("recording makes trouble: name a fresh folder with `--at`"));
    }
    up::up(cluster, &[])?;
    let recorded = play(cluster);
    // Also where recording failed: the cluster was made for it.
    let ended = down::down(cluster);
    recorded.and(ended)
}

fn play(cluster: &Cluster) -> Result<()> {
    let settings = cluster.settings()?.ok_or_else(|| Failure::new("the cluster vanished"))?;
    let mut recorder = Recorder::new(cluster, &settings)?;
    let version = recorder.ask(&["sbatch", "--version"])?.out.trim().to_owned();
    // Slurm grants a minute at least, so this one goes first and is looked at last.
    let slow = recorder.submit(&["--job-name=slow", "--time=1", "--wrap=sleep 300"])?;
    site(&mut recorder)?;
    refusals(&mut recorder)?;
    queued(&mut recorder)?;
    ends(&mut recorder)?;
    requeued(&mut recorder)?;
    preempted(&mut recorder)?;
    lost_node(&mut recorder)?;
    recorder.until(&slow, &["TIMEOUT"])?;
    recorder.until_accounted(&slow, "End")?;
    accounts(&mut recorder, "sacct-timeout", "after a time limit", &["--jobs", &slow])?;
    outages(&mut recorder)?;

    let (_, number) = version.split_once(' ').ok_or_else(|| Failure::new("sbatch names no version"))?;
    let series: Vec<&str> = number.split('.').take(2).collect();
    recorder.write(&repo::root().join("tests/fixtures/slurm").join(series.join(".")), &version)
}

fn queue(recorder: &mut Recorder, name: &str, when: &str) -> Result<()> {
    recorder.keep(name, when, &QUEUE)
}

fn accounts(recorder: &mut Recorder, name: &str, when: &str, more: &[&str]) -> Result<()> {
    recorder.keep(name, when, &[&ACCOUNTS, more].concat())
}

fn site(recorder: &mut Recorder) -> Result<()> {
    let quiet = "nothing has happened yet";
    recorder.keep("scontrol-show-config", quiet, &["scontrol", "show", "config"])?;
    recorder.keep("scontrol-show-partition", quiet, &["scontrol", "show", "partition"])?;
    recorder.keep("scontrol-show-node", quiet, &["scontrol", "show", "node"])?;
    recorder.keep("scontrol-ping", quiet, &["scontrol", "ping"])?;
    recorder.keep("sinfo", quiet, &["sinfo", "--noheader", "--format=%P|%a|%l|%D|%T|%c|%m|%G|%f"])?;
    let limits = ["sacctmgr", "--noheader", "--parsable2", "show", "associations"];
    let fields = "format=Cluster,Account,User,Partition,MaxSubmitJobs,GrpSubmitJobs,MaxJobs,QOS";
    recorder.keep("sacctmgr-associations", quiet, &[&limits[..], &[fields]].concat())
}

fn refusals(recorder: &mut Recorder) -> Result<()> {
    const REFUSED: [(&str, &str, &str); 13] = [
        ("partition", "a partition that is not there", "--partition=nowhere"),
        ("account", "an account that is not there", "--account=nobodys"),
        ("qos", "a QOS that is not there", "--qos=best"),
        ("constraint", "a feature that no node has", "--constraint=avx9000"),
        ("time", "a time that Slurm cannot read", "--time=1h30m"),
        ("memory", "more memory than a node has", "--mem=1T"),
        ("nodes", "more nodes than there are", "--nodes=4"),
        ("gres", "a device that no node has", "--gres=quantum:1"),
        ("gpus", "more GPUs than a node has", "--gres=gpu:9"),
        ("array", "an array beyond MaxArraySize", "--array=0-1001"),
        ("array-text", "an array that Slurm cannot read", "--array=0..9"),
        ("dependency", "a dependency on a job that is not there", "--dependency=afterok:4000000"),
        ("option", "an option that is not there", "--colour=red"),
    ];
    for (name, when, option) in REFUSED {
        recorder.keep(&format!("sbatch-bad-{name}"), when, &["sbatch", "--parsable", option, "--wrap=true"])?;
    }
    let limited = ["sbatch", "--parsable", "--account=limited", "--array=0-4", "--wrap=true"];
    recorder.keep("sbatch-over-limit", "five elements in an account that may have four", &limited)?;
    recorder.keep("sbatch-no-script", "a script that is not there", &["sbatch", "--parsable", "nowhere.sh"])?;
    let test = ["sbatch", "--test-only", "--wrap=true"];
    recorder.keep("sbatch-test-only", "it would be accepted", &test)?;
    let test = [&test[..], &["--partition=nowhere"]].concat();
    recorder.keep("sbatch-test-only-refused", "it would be refused", &test)
}

fn queued(recorder: &mut Recorder) -> Result<()> {
    let wrap = "--wrap=sleep 100";
    let array = ["sbatch", "--parsable", "--job-name=array", "--comment=token", "--array=0-5%2", wrap];
    recorder.keep("sbatch-accepted", "an array", &array)?;
    let newest = ["squeue", "--noheader", "--name=array", "--format=%F", "--sort=-i"];
    let array = recorder.ask(&newest)?.out.lines().next().unwrap_or_default().to_owned();
    let one = format!("--dependency=afterok:{array}_0");
    let each = format!("--dependency=aftercorr:{array}");
    let kill = "--kill-on-invalid-dep=yes";
    let all = [
        array.clone(),
        recorder.submit(&["--job-name=held", "--hold", wrap])?,
        recorder.submit(&["--job-name=held-array", "--hold", "--array=0-9:3", wrap])?,
        recorder.submit(&["--job-name=dependent", &one, kill, wrap])?,
        recorder.submit(&["--job-name=corresponding", "--array=0-5", &each, kill, wrap])?,
        recorder.submit(&["--job-name=later", "--begin=now+1hour", wrap])?,
        recorder.submit(&["--job-name=odd | name", "--hold", wrap])?,
    ];
    recorder.until(&format!("{array}_0,{array}_1"), &["RUNNING"])?;
    let when = "an array of six with `%2`, of which two run; jobs held, waiting for others, for an hour";
    queue(recorder, "squeue-queued", when)?;
    recorder.keep("squeue-queued-folded", "the same, arrays folded", &["squeue", "--me", "--noheader", QUEUE[5]])?;
    accounts(recorder, "sacct-late", "the same: accounting has not heard of it all yet", &[])?;
    recorder.until_accounted(&format!("{array}_0,{array}_1"), "Start")?;
    accounts(recorder, "sacct-queued", "the same", &[])?;
    let (running, pending) = (format!("{array}_0"), format!("{array}_[4-5]"));
    recorder.keep("scancel", "two elements that wait and one that runs", &["scancel", &running, &pending])?;
    recorder.until(&running, &["CANCELLED"])?;
    queue(
        recorder,
        "squeue-cancelled",
        "after `scancel` of two elements that waited and one that ran, and of what waits for it",
    )?;
    recorder.keep("scancel-bad", "a job that is not there", &["scancel", "4000000"])?;
    recorder.ask(&[&["scancel"], &all.each_ref().map(String::as_str)[..]].concat())?;
    recorder.until_accounted(&all.join(","), "End")?;
    let when = "after `scancel` of all of it; what was never eligible to start is not shown";
    accounts(recorder, "sacct-cancelled", when, &[])?;
    accounts(recorder, "sacct-cancelled-jobs", "the same, asked by number", &["--jobs", &all.join(",")])
}

fn ends(recorder: &mut Recorder) -> Result<()> {
    let jobs = [
        recorder.submit(&["--job-name=completed", "--wrap=true"])?,
        recorder.submit(&["--job-name=failed", "--wrap=exit 3"])?,
        recorder.submit(&["--job-name=killed", "--wrap=kill -9 $$"])?,
        recorder.submit(&[
            "--job-name=memory",
            "--mem=20",
            "--output=memory.log",
            "--wrap=python3 -c 'x = bytearray(10**8); import time; time.sleep(60)'",
        ])?,
        recorder.submit(&["--job-name=no-folder", "--output=/nowhere/log", "--wrap=true"])?,
        recorder.submit(&[
            "--job-name=environment",
            "--array=3",
            "--gres=gpu:1",
            "--output=environment.log",
            "--wrap=env | grep -E '^(SLURM|CUDA)' | sort",
        ])?,
    ]
    .join(",");
    recorder.until(&jobs, &["COMPLETED", "FAILED", "CANCELLED", "OUT_OF_MEMORY"])?;
    recorder.until_accounted(&jobs, "End")?;
    let when =
        "after an end well, with code 3, by SIGKILL, over its memory, with no folder for its output, and one more well";
    accounts(recorder, "sacct-ends", when, &["--jobs", &jobs])?;
    recorder.keep(
        "sacct-ends-steps",
        "the same, with steps",
        &["sacct", "--parsable2", "--format=JobID,State,ExitCode,DerivedExitCode,Comment,JobName", "--jobs", &jobs],
    )?;
    queue(recorder, "squeue-ends", "the same and all before: what `squeue` remembers")?;
    recorder.keep("job-memory", "what the job over its memory said", &["cat", "memory.log"])?;
    recorder.keep(
        "job-environment",
        "what an element of an array with a GPU has in its environment",
        &["cat", "environment.log"],
    )?;
    recorder.keep("sacct-unknown", "a job that is not there", &[&ACCOUNTS[..], &["--jobs", "4000000"]].concat())?;
    recorder.keep("squeue-unknown", "a job that is not there", &["squeue", "--noheader", "--jobs", "4000000"])
}

fn requeued(recorder: &mut Recorder) -> Result<()> {
    let job = recorder.submit(&[
        "--job-name=requeued",
        "--requeue",
        "--open-mode=append",
        "--wrap=sleep $((20 - 18 * ${SLURM_RESTART_COUNT:-0}))",
    ])?;
    recorder.until(&job, &["RUNNING"])?;
    recorder.keep("scontrol-requeue", "a job that runs", &["scontrol", "requeue", &job])?;
    recorder.until(&job, &["PENDING"])?;
    queue(recorder, "squeue-requeued", "a job waits to be started again")?;
    accounts(recorder, "sacct-requeued", "the same", &["--jobs", &job])?;
    accounts(recorder, "sacct-requeued-duplicates", "the same", &["--duplicates", "--jobs", &job])?;
    recorder.until(&job, &["COMPLETED"])?;
    recorder.until_accounted(&job, "End")?;
    accounts(recorder, "sacct-requeued-ended", "it has ended well the second time", &["--jobs", &job])?;
    accounts(recorder, "sacct-requeued-ended-duplicates", "the same", &["--duplicates", "--jobs", &job])
}

fn preempted(recorder: &mut Recorder) -> Result<()> {
    let all = ["--nodes=3", "--exclusive"];
    let wrap = "--wrap=sleep $((30 - 28 * ${SLURM_RESTART_COUNT:-0}))";
    let low = recorder.submit(&[&all[..], &["--job-name=preempted", "--requeue", "--time=10", wrap]].concat())?;
    recorder.until(&low, &["RUNNING"])?;
    let high = recorder
        .submit(&[&all[..], &["--job-name=urgent", "--partition=urgent", "--time=10", "--wrap=sleep 5"]].concat())?;
    recorder.until(&high, &["RUNNING"])?;
    let jobs = format!("{low},{high}");
    queue(recorder, "squeue-preempted", "a job in `urgent` has taken the nodes of one in `debug`")?;
    accounts(recorder, "sacct-preempted", "the same", &["--jobs", &jobs])?;
    accounts(recorder, "sacct-preempted-duplicates", "the same", &["--duplicates", "--jobs", &jobs])?;
    recorder.until(&jobs, &["COMPLETED"])?;
    recorder.until_accounted(&jobs, "End")?;
    accounts(recorder, "sacct-preempted-ended-duplicates", "both have ended", &["--duplicates", "--jobs", &jobs])
}

fn lost_node(recorder: &mut Recorder) -> Result<()> {
    let wrap = "--wrap=sleep $((100 - 98 * ${SLURM_RESTART_COUNT:-0}))";
    let on = ["--nodelist=n3", wrap];
    let again = recorder.submit(&[&["--job-name=again", "--requeue"], &on[..]].concat())?;
    let once = recorder.submit(&[&["--job-name=once", "--no-requeue"], &on[..]].concat())?;
    let jobs = format!("{again},{once}");
    recorder.until(&jobs, &["RUNNING"])?;
    let dies = |process: &Process| process.role == Role::Job || process.role == Role::Daemon("n3".to_owned());
    process::kill(recorder.cluster, dies)?;
    recorder.until_node("n3", "down*")?;
    queue(
        recorder,
        "squeue-lost-node",
        "the node of a job that may be started again and of one that may not has died",
    )?;
    accounts(recorder, "sacct-lost-node", "the same", &["--jobs", &jobs])?;
    accounts(recorder, "sacct-lost-node-duplicates", "the same", &["--duplicates", "--jobs", &jobs])?;
    recorder.keep("sinfo-lost-node", "the same", &["sinfo", "--noheader", "--Node", "--format=%N|%P|%T|%E"])?;
    recorder.keep("scontrol-show-node-lost", "the same", &["scontrol", "show", "node", "n3"])?;
    up::up(recorder.cluster, &[])?;
    recorder.until(&again, &["COMPLETED"])
}

fn outages(recorder: &mut Recorder) -> Result<()> {
    let is = |name: &'static str| move |process: &Process| process.role == Role::Daemon(name.to_owned());
    process::kill(recorder.cluster, is("slurmdbd"))?;
    accounts(recorder, "sacct-no-slurmdbd", "slurmdbd is dead", &[])?;
    without_accounting(recorder)?;
    process::signal_all(recorder.cluster, is("slurmctld"), Signal::STOP)?;
    let submit = ["sbatch", "--parsable", "--wrap=true"];
    recorder.keep("sbatch-stopped-slurmctld", "slurmctld is stopped: it takes requests, and answers none", &submit)?;
    queue(recorder, "squeue-stopped-slurmctld", "the same")?;
    process::kill(recorder.cluster, is("slurmctld"))?;
    recorder.keep("sbatch-no-slurmctld", "slurmctld is dead", &submit)?;
    queue(recorder, "squeue-no-slurmctld", "the same")?;
    recorder.keep("scontrol-no-slurmctld", "the same", &["scontrol", "show", "config"])?;
    recorder.keep("scontrol-ping-no-slurmctld", "the same", &["scontrol", "ping"])?;
    recorder.keep("scancel-no-slurmctld", "the same", &["scancel", "1"])?;
    up::up(recorder.cluster, &[])?;
    process::kill(recorder.cluster, is("munged"))?;
    recorder.keep("sbatch-no-munge", "munged is dead", &submit)?;
    queue(recorder, "squeue-no-munge", "the same")?;
    accounts(recorder, "sacct-no-munge", "the same", &[])
}

/// A site that keeps no accounts, as a client of it sees that.
fn without_accounting(recorder: &mut Recorder) -> Result<()> {
    let settings = recorder.cluster.settings()?.ok_or_else(|| Failure::new("the cluster vanished"))?;
    let text = crate::slurm::config::slurm_conf(recorder.cluster, &settings);
    let kept = text.lines().filter(|line| !line.starts_with("AccountingStorage"));
    let text: String = kept.map(|line| format!("{line}\n")).collect();
    recorder.cluster.write("run/none.conf", text, 0o644)?;
    let conf = format!("SLURM_CONF={}", recorder.cluster.text("run/none.conf"));
    recorder.keep("sacct-no-accounting", "a site that keeps no accounts", &[&["env", &conf], &ACCOUNTS[..]].concat())
}
