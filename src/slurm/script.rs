//! The script of a submission.
//!
//! Nothing of a sweep stands in it: the worker reads what it is to run from the manifest beside the script, by the number
//! of its array's element. What a site's profile adds was checked word by word and line by line when it was read.

use std::fmt::Write;

use super::array;
use super::layout::{After, Array, Request, Source};
use super::profile::Profile;

/// Name of the script in a submission's folder.
pub const FILE: &str = "script.sh";
/// Name of the manifest beside it.
pub const MANIFEST: &str = "manifest.json";
/// Name of the link to the frozen worker beside it.
pub const WORKER: &str = "sweep";
/// What an element writes itself goes to `<number>.log`.
const LOG: &str = "%a.log";

/// The script that submits `array` under the name `token`; `job_of` names the jobs of earlier arrays.
#[must_use]
pub fn render(profile: &Profile, array: &Array, token: &str, job_of: impl Fn(Source) -> String) -> String {
    let shell = if profile.setup.is_empty() { "/bin/sh" } else { "/bin/bash -l" };
    let mut out = format!("#!{shell}\n");
    for option in options(profile, array, token, job_of) {
        // Writing to a `String` cannot fail.
        let _ = writeln!(out, "#SBATCH {option}");
    }
    // The first line that fails ends the job, and is the last in its log.
    out.push_str("set -e\nunset SLURM_TIME_FORMAT LC_ALL\n");
    for line in &profile.setup {
        out.push_str(line);
        out.push('\n');
    }
    // In place of the shell, so that Slurm's signals reach the worker.
    let _ = writeln!(out, "exec ./{WORKER} worker {MANIFEST}");
    out
}

fn options(profile: &Profile, array: &Array, token: &str, job_of: impl Fn(Source) -> String) -> Vec<String> {
    let indices: Vec<u32> = array.elements.iter().map(|element| element.index).collect();
    let throttle = profile.throttle.map_or_else(String::new, |throttle| format!("%{throttle}"));
    let mut options = vec![
        format!("--job-name={token}"),
        format!("--comment={token}"),
        format!("--array={}{throttle}", array::list(&indices)),
        format!("--output={LOG}"),
        "--open-mode=append".to_owned(),
        (if profile.requeue { "--requeue" } else { "--no-requeue" }).to_owned(),
    ];
    let words = [
        ("partition", &profile.partition),
        ("account", &profile.account),
        ("qos", &profile.qos),
        ("constraint", &profile.constraint),
    ];
    options.extend(words.iter().filter_map(|(name, word)| Some(format!("--{name}={}", word.as_ref()?))));
    options.extend(of_request(profile, &array.request));
    if !array.after.is_empty() {
        options.push(format!("--dependency={}", dependency(&array.after, job_of)));
        options.push("--kill-on-invalid-dep=yes".to_owned());
    }
    options.extend(profile.options.iter().cloned());
    options
}

fn of_request(profile: &Profile, request: &Request) -> Vec<String> {
    let mut options = vec![
        format!("--nodes={}", request.nodes.max(1)),
        format!("--ntasks-per-node={}", request.processes.unwrap_or(1)),
        format!("--cpus-per-task={}", request.threads.max(1)),
    ];
    options.extend(request.memory_bytes.or(profile.memory_bytes).map(|bytes| format!("--mem={}M", mebibytes(bytes))));
    if request.gpus > 0 {
        options.push(format!("--gres={}:{}", profile.gres.as_deref().unwrap_or("gpu"), request.gpus));
    }
    if let Some(seconds) = request.time_seconds.or(profile.time_seconds) {
        options.push(format!("--time={}", minutes(seconds)));
        // To the batch shell alone, which has become the worker: it knows which processes are the task's.
        let lead = profile.signal_lead.max(request.lead_seconds).min(seconds / 4).clamp(1, 65_535);
        options.push(format!("--signal=B:USR1@{lead}"));
    }
    options
}

/// How many processes a task is, and the words that start its command so often; `None` where it is one, which the worker
/// starts itself.
///
/// Options of the job are said again, since Slurm 22.05 and later do not hand all of them on to a step. One process that
/// fails ends the others; one that is done waits for the others however long they write.
#[must_use]
pub fn processes(request: &Request) -> Option<(u32, Vec<String>)> {
    let (nodes, on_each) = (request.nodes.max(1), request.processes?);
    let count = nodes.saturating_mul(on_each);
    let starter = [
        "srun".to_owned(),
        format!("--nodes={nodes}"),
        format!("--ntasks={count}"),
        format!("--ntasks-per-node={on_each}"),
        format!("--cpus-per-task={}", request.threads.max(1)),
        "--export=ALL".to_owned(),
        "--input=none".to_owned(),
        "--kill-on-bad-exit=1".to_owned(),
        "--wait=0".to_owned(),
        "--".to_owned(),
    ];
    (count > 1).then(|| (count, starter.to_vec()))
}

/// Slurm counts memory in mebibytes; 0 would mean all of a node.
fn mebibytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20).max(1)
}

/// `hours:minutes:seconds`, in whole minutes, as Slurm counts them.
fn minutes(seconds: u64) -> String {
    let minutes = seconds.div_ceil(60).max(1);
    format!("{}:{:02}:00", minutes / 60, minutes % 60)
}

fn dependency(after: &[After], job_of: impl Fn(Source) -> String) -> String {
    let one = |after: &After| match after {
        After::Corresponding(source) => format!("aftercorr:{}", job_of(*source)),
        After::Elements(source, indices) => {
            let job = job_of(*source);
            let elements: Vec<String> = indices.iter().map(|index| format!("{job}_{index}")).collect();
            format!("afterok:{}", elements.join(":"))
        }
    };
    let all: Vec<String> = after.iter().map(one).collect();
    all.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slurm::layout::Element;

    fn array() -> Array {
        let element = |index| Element { index, items: vec![] };
        let request = Request {
            nodes: 2,
            gpus: 8,
            processes: Some(8),
            threads: 16,
            memory_bytes: Some(64 << 30),
            time_seconds: Some(2 * 3600 + 1),
            lead_seconds: 0,
        };
        let after = vec![After::Corresponding(Source::Array(0)), After::Elements(Source::Job(7), vec![1, 4])];
        Array { stage: 1, request, elements: vec![element(0), element(1), element(5)], after }
    }

    fn job_of(source: Source) -> String {
        match source {
            Source::Array(number) => format!("<job of array {number}>"),
            Source::Job(job) => job.to_string(),
        }
    }

    #[test]
    fn everything_that_a_profile_and_a_stage_ask_for_is_in_the_script() {
        let profile = Profile {
            partition: Some("gpu".to_owned()),
            account: Some("ab12".to_owned()),
            gres: Some("gpu:a100".to_owned()),
            throttle: Some(20),
            setup: vec!["module load CUDA/12".to_owned()],
            options: vec!["--reservation=night".to_owned()],
            ..Profile::plain("x")
        };
        let expected = "\
#!/bin/bash -l
#SBATCH --job-name=sweep-ab
#SBATCH --comment=sweep-ab
#SBATCH --array=0-1,5%20
#SBATCH --output=%a.log
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --partition=gpu
#SBATCH --account=ab12
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=8
#SBATCH --cpus-per-task=16
#SBATCH --mem=65536M
#SBATCH --gres=gpu:a100:8
#SBATCH --time=2:01:00
#SBATCH --signal=B:USR1@120
#SBATCH --dependency=aftercorr:<job of array 0>,afterok:7_1:7_4
#SBATCH --kill-on-invalid-dep=yes
#SBATCH --reservation=night
set -e
unset SLURM_TIME_FORMAT LC_ALL
module load CUDA/12
exec ./sweep worker manifest.json
";
        assert_eq!(render(&profile, &array(), "sweep-ab", job_of), expected);
    }

    #[test]
    fn a_plain_profile_leaves_everything_to_the_cluster() {
        let array = Array { request: Request::default(), after: vec![], ..array() };
        let text = render(&Profile::plain("slurm"), &array, "sweep-ab", job_of);
        let options: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("#SBATCH ")).skip(6).collect();
        assert_eq!(options, ["--nodes=1", "--ntasks-per-node=1", "--cpus-per-task=1"]);
        assert!(text.starts_with("#!/bin/sh\n"));
    }

    #[test]
    fn several_processes_are_started_by_slurm_and_one_is_not() {
        let started = |nodes, processes| super::processes(&Request { nodes, processes, ..array().request });
        let (count, starter) = started(2, Some(8)).unwrap();
        assert_eq!(count, 16);
        let words = ["srun", "--nodes=2", "--ntasks=16", "--ntasks-per-node=8", "--cpus-per-task=16"];
        assert_eq!(starter[..words.len()], words);
        assert_eq!(started(4, Some(1)).map(|(count, _)| count), Some(4));
        assert_eq!([started(1, Some(1)), started(4, None)], [None, None]);
    }

    #[test]
    fn who_saves_slowly_is_asked_early() {
        let asked = |lead_seconds| {
            let request = Request { lead_seconds, ..array().request };
            let text = render(&Profile::plain("x"), &Array { request, ..array() }, "sweep-ab", job_of);
            let lead = text.lines().find_map(|line| line.strip_prefix("#SBATCH --signal=B:USR1@")?.parse().ok());
            lead.unwrap_or(0_u64)
        };
        assert_eq!([0, 60, 600, 100_000].map(asked), [120, 120, 600, 1800]);
    }

    #[test]
    fn times_are_rounded_up_to_what_slurm_counts_in() {
        assert_eq!(
            [0, 1, 60, 61, 3600, 100 * 3600].map(minutes),
            ["0:01:00", "0:01:00", "0:01:00", "0:02:00", "1:00:00", "100:00:00"]
        );
        assert_eq!([1, 1 << 20, (1 << 20) + 1].map(mebibytes), [1, 1, 2]);
    }
}
