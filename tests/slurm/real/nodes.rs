//! Jobs that lose their node, to a job that matters more or to a failure.

use rustix::process::Signal;

use crate::cluster::{Cluster, TROUBLED};
use crate::site::Site;

const ONE: &str = r#"
name = "one"
[defaults]
x = 11
[grids.main]
[stages.train]
kind = "train"
uses = ["x"]
command = ["./train", "{x}"]
"#;

/// Sixty steps whose result depends on each of them; asked to end, it saves its state. It may be asked a second time
/// meanwhile, which would end a program that it saves with.
fn sum(progress: &str) -> String {
    format!(
        r#"
n=0; sum=7
[ -z "$SWEEP_RESUME" ] || read n sum < "$SWEEP_RESUME/state"
trap 'stop=1' TERM USR1
while [ $n -lt 60 ]; do
  if [ "$stop" ]; then trap '' TERM USR1; mkdir checkpoint && echo $n $sum > checkpoint/state; exit 85; fi
  sum=$(( (sum * 48271 + $1) % 2147483647 )); n=$((n + 1)); echo $n >> {progress}; sleep 0.1
done
echo "{{\"value\": $sum}}" > scores.json
"#
    )
}

fn steps(site: &Site) -> usize {
    site.read("progress").lines().count()
}

/// Scores of the same sweep on this machine, where nothing comes between.
fn undisturbed() -> std::collections::BTreeMap<String, String> {
    let site = Site::fake(ONE);
    site.script("train", &sum("/dev/null"));
    let _ = site.sweep(&["submit", "grid.toml", "--to", "local"]).with(0);
    site.scores()
}

#[test]
fn a_task_that_a_higher_partition_displaces_goes_on_from_its_checkpoint_to_the_same_scores() {
    let Some((site, _)) = Site::on_node(ONE) else { return };
    site.script("train", &sum(&site.path().join("progress").to_string_lossy()));
    let _ = site.submit().with(0);
    site.wait_for(|| steps(&site) >= 10);
    let node = format!("--nodelist={TROUBLED}");
    let urgent = ["--partition=urgent", &node, "--cpus-per-task=2", "--output=/dev/null", "--wrap=sleep 1"];
    let _ = site.slurm("sbatch", &urgent).with(0);
    site.wait_until(|site| site.succeeded() == 1);
    let attempts = site.attempts();
    assert_eq!((site.starts(), attempts.len(), site.count("done")), (2, 2, 1));
    assert_eq!(steps(&site), 60, "no step is taken twice: {attempts:?}");
    assert_eq!(site.scores(), undisturbed());
}

/// A job whose training goes on until the file `go` is there, and which runs.
fn waiting_job(setup: &str) -> Option<(Site, Cluster)> {
    let (site, cluster) = Site::on_node(ONE)?;
    site.profile(setup);
    let go = site.path().join("go");
    site.script(
        "train",
        &format!("while [ ! -e {} ]; do sleep 0.1; done; echo '{{\"value\": 1}}' > scores.json", go.display()),
    );
    let _ = site.submit().with(0);
    site.wait_for(|| site.starts() == 1);
    Some((site, cluster))
}

/// Wait until Slurm has given up the node, and means to start its job again.
fn is_given_up(site: &Site) {
    site.wait_for(|| site.states() == ["PENDING"]);
}

/// Let the job, which waits to be started again, run on another node.
fn send_elsewhere(site: &Site) {
    let job = format!("JobId={}", site.job());
    let _ = site.slurm("scontrol", &["update", &job, "ReqNodeList=n1"]).with(0);
}

#[test]
fn a_task_whose_node_died_is_started_again_and_counted_once() {
    let Some((site, cluster)) = waiting_job("") else { return };
    cluster.kill_node(TROUBLED);
    is_given_up(&site);
    cluster.mend();
    site.write("go", "");
    site.wait_until(|site| site.succeeded() == 1);
    assert_eq!((site.starts(), site.count("done"), site.count("failed")), (2, 1, 0));
    assert_eq!(site.outcomes()[0].attempt, 2);
}

#[test]
fn a_task_whose_node_is_cut_off_runs_on_and_its_second_start_waits_for_it() {
    let Some((site, cluster)) = waiting_job("") else { return };
    cluster.signal_daemon(TROUBLED, "slurmd", Signal::KILL);
    is_given_up(&site);
    send_elsewhere(&site);
    site.wait_for(|| site.element_logs().contains("a task is held by process"));
    site.write("go", "");
    site.wait_until(|site| site.succeeded() == 1);
    cluster.mend();
    assert_eq!((site.starts(), site.count("done"), site.attempts().len()), (1, 1, 1));
}

#[test]
fn a_worker_that_is_silent_for_its_lease_is_replaced_and_cannot_count_afterwards() {
    // Processes in another namespace are as unknown as those of another machine.
    let elsewhere = "exec unshare --pid --fork --mount-proc ./sweep worker manifest.json";
    let Some((site, cluster)) = waiting_job(&format!("lease = \"5s\"\nsetup = [\"{elsewhere}\"]\n")) else { return };
    let job = site.job();
    cluster.signal_daemon(TROUBLED, "slurmd", Signal::KILL);
    cluster.signal_job(&job, Signal::STOP);
    is_given_up(&site);
    send_elsewhere(&site);
    site.wait_for(|| site.starts() == 2);
    site.write("go", "");
    site.wait_until(|site| site.succeeded() == 1);
    cluster.signal_job(&job, Signal::CONT);
    site.wait_for(|| site.attempts().len() == 2);
    cluster.mend();
    let _ = site.sweep(&["collect"]).with(0);
    assert_eq!((site.starts(), site.count("done"), site.outcomes()[0].attempt), (2, 1, 2));
    assert_eq!(site.count("tasks"), 1, "{:?}", site.attempts());
}
