//! What Slurm's programs answer, as types.
//!
//! Sites print banners and warnings around answers, so nothing is taken by its place on the screen: an answer is a line
//! of the asked form, everything else is chatter.

use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

use super::JobState;
use super::array::JobId;

/// Fields asked of `squeue`, one line an element; the name stands last, since it alone may hold the separator.
pub const SQUEUE_FORMAT: &str = "%i|%T|%r|%V|%S|%N|%j";
/// The same of `sacct`.
pub const SACCT_FORMAT: &str = "JobID,State,ExitCode,Submit,Start,NodeList,JobName";
const FIELDS: usize = 7;

/// What one line says about a job, or elements of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    pub id: JobId,
    pub name: String,
    pub state: JobState,
    /// Why it waits; only `squeue` says.
    pub reason: String,
    /// Seconds since the epoch; of a requeued job, when that was.
    pub submitted: Option<u64>,
    pub started: Option<u64>,
    pub nodes: String,
    /// (exit code, signal); only `sacct` says.
    pub exit: Option<(i32, i32)>,
}

/// The lines of `squeue --array --noheader --format=...`.
#[must_use]
pub fn squeue(text: &str) -> Vec<Seen> {
    let line = |[id, state, reason, submitted, started, nodes, name]: [&str; FIELDS]| {
        Some(Seen {
            id: JobId::parse(id)?,
            name: name.to_owned(),
            state: JobState::parse(state),
            reason: reason.to_owned(),
            submitted: submitted.parse().ok(),
            started: started.parse().ok(),
            nodes: nodes.to_owned(),
            exit: None,
        })
    };
    text.lines().filter_map(|text| line(fields(text)?)).collect()
}

/// The lines of `sacct --allocations --parsable2 --noheader --format=...`. Steps are passed over.
#[must_use]
pub fn sacct(text: &str) -> Vec<Seen> {
    let line = |[id, state, exit, submitted, started, nodes, name]: [&str; FIELDS]| {
        let (code, signal) = exit.split_once(':')?;
        Some(Seen {
            id: JobId::parse(id)?,
            name: name.to_owned(),
            state: JobState::parse(state),
            reason: String::new(),
            submitted: submitted.parse().ok(),
            started: started.parse().ok(),
            nodes: nodes.to_owned(),
            exit: Some((code.parse().ok()?, signal.parse().ok()?)),
        })
    };
    text.lines().filter_map(|text| line(fields(text)?)).collect()
}

fn fields(line: &str) -> Option<[&str; FIELDS]> {
    line.splitn(FIELDS, '|').collect::<Vec<_>>().try_into().ok()
}

/// The job that `sbatch --parsable` made: the last line that is nothing but an id, `123` or `123;cluster`.
///
/// Without such a line, `Submitted batch job 123` alone on a line, as wrappers around `sbatch` print it.
#[must_use]
pub fn sbatch(text: &str) -> Option<u64> {
    let id = |text: &str| text.parse::<NonZeroU64>().ok().map(NonZeroU64::get);
    let parsable = |line: &str| {
        let (number, cluster) = line.trim().split_once(';').unwrap_or((line.trim(), ""));
        let is_name = cluster.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c));
        id(number).filter(|_| is_name)
    };
    let spoken = |line: &str| {
        let rest = line.trim().strip_prefix("Submitted batch job ")?;
        id(rest.split(" on cluster ").next()?)
    };
    text.lines().rev().find_map(parsable).or_else(|| text.lines().rev().find_map(spoken))
}

/// What it means that `sbatch` made no job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The job may have been accepted all the same: ask before trying again.
    Unclear,
    /// A limit that passes: the same submission is accepted later.
    Later,
    /// Something about the request is wrong.
    Wrong,
}

const UNCLEAR: [&str; 11] = [
    "Socket timed out",
    "Unexpected message received",
    "Unable to contact slurm controller",
    "Communication connection failure",
    "Zero Bytes were transmitted",
    "Connection refused",
    "Connection timed out",
    "Unable to confirm allocation",
    "Transport endpoint is not connected",
    "Insane message length",
    "Slurm backup controller in standby mode",
];
const LATER: [&str; 9] = [
    "MaxSubmitJob",
    "GrpSubmitJob",
    "MaxSubmitPU",
    "MaxSubmitPA",
    "Job violates accounting/QOS policy",
    "temporarily unable to accept job",
    "Resource temporarily unavailable",
    "Job count limit",
    "Too many open files",
];

/// Judge what `sbatch` wrote to standard error, and the line that says it.
#[must_use]
pub fn refusal(stderr: &str) -> (Refusal, String) {
    let find = |words: &[&str]| stderr.lines().find(|line| words.iter().any(|word| line.contains(word)));
    let (refusal, line) = match (find(&UNCLEAR), find(&LATER)) {
        (Some(line), _) => (Refusal::Unclear, line),
        (None, Some(line)) => (Refusal::Later, line),
        (None, None) => {
            let error = stderr.lines().rfind(|line| line.contains("error:"));
            (Refusal::Wrong, error.or_else(|| stderr.lines().rfind(|line| !line.trim().is_empty())).unwrap_or_default())
        }
    };
    (refusal, line.trim().trim_start_matches("sbatch: ").trim_start_matches("error: ").to_owned())
}

/// What `sbatch --test-only` predicts, with its seconds since the epoch as a time: the last line of its words.
#[must_use]
pub fn prediction(words: &str) -> String {
    let line = words.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
    let time = |word: &str| {
        let seconds = word.parse().ok().filter(|seconds: &i64| *seconds > 1_000_000_000)?;
        Some(jiff::Timestamp::from_second(seconds).ok()?.to_string())
    };
    let words = line.trim_start_matches("sbatch: ").split(' ');
    words.map(|word| time(word).unwrap_or_else(|| word.to_owned())).collect::<Vec<_>>().join(" ")
}

/// What a person can do about a refusal.
#[must_use]
pub fn advice(reason: &str) -> &'static str {
    const ADVICE: [(&str, &str); 11] = [
        ("invalid partition", "`sinfo` lists partitions; set `partition` of the profile"),
        ("Invalid account", "`sacctmgr show assoc user=$USER` lists accounts; set `account` of the profile"),
        ("Invalid qos", "`sacctmgr show assoc user=$USER` lists them; set `qos` of the profile"),
        ("time limit", "the partition allows less: lower `time` of the stage, or choose another partition"),
        ("feature", "`sinfo -o '%f'` lists features; set `constraint` of the profile"),
        ("gres", "`sinfo -o '%G'` lists devices; set `gres` of the profile"),
        ("Memory", "no node has so much memory: lower `memory` of the stage"),
        ("node configuration", "no node has all of it: compare the stage's `resources` with `sinfo -Nl`"),
        ("node count", "the partition has fewer nodes than the stage asks for"),
        ("array", "set `largest_array` of the profile to what the site allows"),
        ("munge", "the authentication service of this machine is down: tell its administrators"),
    ];
    let found = ADVICE.iter().find(|(word, _)| reason.to_lowercase().contains(&word.to_lowercase()));
    found.map_or("the script lies in the folder above: `sbatch --test-only` on it shows the same", |(_, advice)| advice)
}

/// Limits and times of a cluster, as `scontrol show config` says them; what it does not say is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    pub version: String,
    pub cluster: String,
    /// One more than the largest index of an array.
    pub max_array_size: Option<u32>,
    pub max_job_count: Option<u32>,
    /// Seconds between the question to end and the kill.
    pub kill_wait: Option<u64>,
    /// Seconds until a request counts as unanswered.
    pub message_timeout: Option<u64>,
    /// Seconds for which `squeue` remembers a job that has ended.
    pub min_job_age: Option<u64>,
    /// Whether `sacct` has anything to ask.
    pub accounting: Option<bool>,
    pub requeue: Option<bool>,
}

/// Read `scontrol show config`.
#[must_use]
pub fn config(text: &str) -> Config {
    let value = |key: &str| {
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        pairs.map(|(name, value)| (name.trim(), value.trim())).find(|(name, _)| *name == key).map(|(_, value)| value)
    };
    let number = |key: &str| value(key)?.split_whitespace().next()?.parse::<u64>().ok();
    let small = |key: &str| number(key).and_then(|number| u32::try_from(number).ok());
    let parameter = |key: &str| {
        let parameters = value("SchedulerParameters")?.split(',');
        parameters.filter_map(|text| text.split_once('=')).find(|(name, _)| *name == key)?.1.parse::<u32>().ok()
    };
    let max_array_size = match (small("MaxArraySize"), parameter("max_array_tasks")) {
        (Some(size), Some(tasks)) => Some(size.min(tasks)),
        (size, tasks) => size.or(tasks),
    };
    Config {
        version: value("SLURM_VERSION").unwrap_or_default().to_owned(),
        cluster: value("ClusterName").unwrap_or_default().to_owned(),
        max_array_size,
        max_job_count: small("MaxJobCount"),
        kill_wait: number("KillWait"),
        message_timeout: number("MessageTimeout"),
        min_job_age: number("MinJobAge"),
        accounting: value("AccountingStorageType").map(|kind| !["accounting_storage/none", "(null)"].contains(&kind)),
        requeue: number("JobRequeue").map(|requeue| requeue != 0),
    }
}

/// The smallest limit on submitted jobs in `sacctmgr --parsable2 show assoc format=MaxSubmitJobs,GrpSubmitJobs`.
#[must_use]
pub fn submit_limit(text: &str) -> Option<u32> {
    text.split(['\n', '|']).filter_map(|field| field.trim().parse().ok()).min()
}

/// Whether `sacct` says that this cluster keeps no accounts, so that it has nothing to say about any job.
#[must_use]
pub fn accounting_is_off(stderr: &str) -> bool {
    stderr.contains("accounting storage is disabled") || stderr.contains("accounting_storage/none")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_id_is_found_among_chatter() {
        let cases = [
            ("1234\n", Some(1234)),
            ("1234;devb\n", Some(1234)),
            ("Welcome, job 2026-12-24 is maintenance\n1234\n", Some(1234)),
            ("*** 7 nodes down ***\n99;cluster-2\nHave a nice day\n", Some(99)),
            ("Submitted batch job 77\n", Some(77)),
            ("Submitted batch job 78 on cluster x\n", Some(78)),
            ("", None),
            ("0\n", None),
            ("maintenance on 2026-12-24\n", None),
            ("12 34\n", None),
            ("-5\n", None),
        ];
        for (text, id) in cases {
            assert_eq!(sbatch(text), id, "{text:?}");
        }
    }

    #[test]
    fn refusals_are_told_apart() {
        let cases = [
            (
                "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation",
                Refusal::Unclear,
                "Batch job submission failed: Socket timed out on send/recv operation",
            ),
            (
                "sbatch: error: AssocMaxSubmitJobLimit\nsbatch: error: Batch job submission failed: Job violates \
                 accounting/QOS policy (job submit limit, user's size and/or time limits)",
                Refusal::Later,
                "AssocMaxSubmitJobLimit",
            ),
            (
                "banner\nsbatch: error: invalid partition specified: nope\nsbatch: error: Batch job submission failed: \
                 Invalid partition name specified\n",
                Refusal::Wrong,
                "Batch job submission failed: Invalid partition name specified",
            ),
            ("", Refusal::Wrong, ""),
        ];
        for (stderr, expected, line) in cases {
            assert_eq!(refusal(stderr), (expected, line.to_owned()));
        }
        assert!(advice("Batch job submission failed: Invalid partition name specified").contains("`partition`"));
    }

    #[test]
    fn a_prediction_names_a_time_that_people_read() {
        let words = "sbatch: Job 377 to start at 1795501777 using 1 processors on nodes n1 in partition debug\n";
        let shown = "Job 377 to start at 2026-11-24T06:29:37Z using 1 processors on nodes n1 in partition debug";
        assert_eq!(prediction(words), shown);
        assert_eq!(prediction(""), "");
    }

    #[test]
    fn lines_of_the_queue_are_read_and_chatter_is_not() {
        let text = "slurm_load_jobs notice\n2_3|PENDING|ReqNodeNotAvail, UnavailableNodes:n[1-3]|1795501777|N/A||sweep-a\n\
                    1_1|RUNNING|None|1795501777|1795501802|n1|odd|name\nx|y\n";
        let [pending, running] = &squeue(text)[..] else { panic!("two lines") };
        assert_eq!(pending.id.elements.as_ref().unwrap().indices, [3]);
        assert_eq!((pending.state.clone(), pending.started), (JobState::Pending, None));
        assert_eq!((running.name.as_str(), running.started), ("odd|name", Some(1_795_501_802)));
    }

    #[test]
    fn lines_of_accounting_are_read_and_steps_are_not() {
        let text = "1_1|CANCELLED by 0|0:15|1795501777|1795501802|n1|sweep-a\n1_1.batch|CANCELLED|0:15|1|1|n1|batch\n\
                    3_5|FAILED|0:9|1795501777|1795501802|n1|wrap\n9_[0-2]|PENDING|0:0|1795501777|Unknown||sweep-b\n";
        let seen = sacct(text);
        assert_eq!(seen.len(), 3);
        assert_eq!((seen[0].state.clone(), seen[0].exit), (JobState::Cancelled, Some((0, 15))));
        assert_eq!(seen[2].id.elements.as_ref().unwrap().indices, [0, 1, 2]);
    }

    #[test]
    fn limits_are_found_in_the_configuration() {
        let text = "Configuration data as of 2026-11-24T06:30:00\nClusterName             = devb\n\
            KillWait                = 30 sec\nMaxArraySize            = 1001\nMaxJobCount             = 10000\n\
            MessageTimeout          = 10 sec\nMinJobAge               = 300 sec\nJobRequeue              = 1\n\
            SchedulerParameters     = bf_interval=1,max_array_tasks=500\nSLURM_VERSION           = 22.05.8\n\
            AccountingStorageType   = accounting_storage/none\n";
        let expected = Config {
            version: "22.05.8".to_owned(),
            cluster: "devb".to_owned(),
            max_array_size: Some(500),
            max_job_count: Some(10_000),
            kill_wait: Some(30),
            message_timeout: Some(10),
            min_job_age: Some(300),
            accounting: Some(false),
            requeue: Some(true),
        };
        assert_eq!(config(text), expected);
        assert_eq!(config("nothing"), Config::default());
        assert_eq!(submit_limit("||\n100|500|\n"), Some(100));
        assert_eq!(submit_limit("|\n"), None);
    }

    proptest! {
        #[test]
        fn no_answer_is_a_panic(text in "[ -~\n|]{0,200}") {
            let _ = (sbatch(&text), squeue(&text), sacct(&text), config(&text), refusal(&text), submit_limit(&text));
        }
    }
}
