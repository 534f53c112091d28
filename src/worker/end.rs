//! How an attempt ended: from what was seen of it to a verdict with its reason. Pure.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use runfile::{FailureReason, Verdict, exit};

/// Why a process was made to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    TimeLimit,
    /// The user or the machine wanted it.
    Stopped,
}

/// What was seen of a process that has ended.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen<'a> {
    pub exit_code: Option<i32>,
    pub signal: Option<i32>,
    pub cut: Option<Cut>,
    /// The kernel killed something for want of memory meanwhile.
    pub oom_kill: bool,
    /// The end of what the program wrote to standard error.
    pub stderr: &'a str,
}

/// A verdict, why, and a line for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judged {
    pub verdict: Verdict,
    pub reason: Option<FailureReason>,
    pub message: String,
}

impl Judged {
    pub fn failed(reason: FailureReason, message: impl Into<String>) -> Self {
        Self { verdict: Verdict::Failed, reason: Some(reason), message: message.into() }
    }

    pub fn cancelled(message: impl Into<String>) -> Self {
        Self { verdict: Verdict::Cancelled, reason: None, message: message.into() }
    }

    pub fn succeeded() -> Self {
        Self { verdict: Verdict::Succeeded, reason: None, message: String::new() }
    }
}

const SIGKILL: i32 = 9;

/// Judge a process by its end; `None` if it ended well, so that what it left decides.
///
/// A process that was stopped may have obeyed by saving its state and exiting with 0: that is not success.
pub(super) fn judge(seen: Seen<'_>) -> Option<Judged> {
    let ending = match (seen.exit_code, seen.signal) {
        (Some(code), _) => format!("exited with code {code}"),
        (None, Some(signal)) => format!("ended by signal {signal}"),
        (None, None) => "ended in an unknown way".to_owned(),
    };
    match seen.cut {
        Some(Cut::Stopped) => return Some(Judged::cancelled(format!("stopped from outside, {ending}"))),
        Some(Cut::TimeLimit) => return Some(Judged::failed(FailureReason::TimeLimit, "the time limit was over")),
        None if seen.exit_code == Some(0) => return None,
        None => {}
    }
    let message = match last_line(seen.stderr) {
        "" => ending,
        line => format!("{ending}: {line}"),
    };
    Some(Judged::failed(reason(&seen), message))
}

fn reason(seen: &Seen<'_>) -> FailureReason {
    let killed = seen.signal == Some(SIGKILL) || seen.exit_code == Some(128 + SIGKILL);
    match seen.exit_code {
        Some(exit::DIVERGED) => FailureReason::Diverged,
        Some(exit::REQUEUE) => FailureReason::Preempted,
        _ if killed && seen.oom_kill => FailureReason::OutOfMemory,
        _ if says(seen.stderr, &OUT_OF_MEMORY) => FailureReason::OutOfMemory,
        _ if says(seen.stderr, &["No space left on device", "Disk quota exceeded"]) => FailureReason::DiskFull,
        Some(_) => FailureReason::ExitCode,
        None => FailureReason::Signal,
    }
}

/// The end of several processes that `srun` started, by its words on standard error: that of the first which failed, where
/// it ended by itself. The others are made to end then, and `srun` itself ends with the highest code.
pub(super) fn status_of_the_first(of_srun: ExitStatus, stderr: &str) -> ExitStatus {
    let first = stderr.lines().find_map(end_of_a_process);
    let code = first.and_then(|end| end.strip_prefix("Exited with exit code ")?.trim().parse::<u8>().ok());
    // The system keeps the code in the second byte.
    code.map_or(of_srun, |code| ExitStatus::from_raw(i32::from(code) << 8))
}

/// `Killed` of `srun: error: n1: tasks 0-2: Killed`.
fn end_of_a_process(line: &str) -> Option<&str> {
    let (_, rest) = line.trim().strip_prefix("srun: error: ")?.split_once(": task")?;
    rest.split_once(": ").map(|(_, end)| end)
}

/// The last three are Slurm's, of a process that it started for us.
const OUT_OF_MEMORY: [&str; 7] = [
    "out of memory",
    "MemoryError",
    "can't allocate memory",
    "std::bad_alloc",
    "exceeded memory limit",
    "oom-kill event",
    "Out Of Memory",
];

fn says(stderr: &str, texts: &[&str]) -> bool {
    texts.iter().any(|text| stderr.contains(text))
}

/// The last line that holds something. Of several processes that is the last one of the program itself before the first of
/// them ended: what the others say then, and `srun` about all of them, is no cause.
pub(super) fn last_line(text: &str) -> &str {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let is_of_slurm = |line: &&str| ["srun: ", "slurmstepd"].iter().any(|program| line.starts_with(program));
    let own = lines().take_while(|line| end_of_a_process(line).is_none()).filter(|line| !is_of_slurm(line)).last();
    let first_end = || lines().find(|line| end_of_a_process(line).is_some());
    own.or_else(first_end).or_else(|| lines().next_back()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(seen: Seen<'_>) -> (Option<FailureReason>, String) {
        let judged = judge(seen).unwrap();
        assert_eq!(judged.verdict, Verdict::Failed);
        (judged.reason, judged.message)
    }

    #[test]
    fn every_end_has_its_reason() {
        let code = |code| Seen { exit_code: Some(code), ..Seen::default() };
        let signal = |signal| Seen { signal: Some(signal), ..Seen::default() };
        let cases = [
            (code(1), FailureReason::ExitCode, "exited with code 1"),
            (Seen { stderr: "a\nb\n\n", ..code(2) }, FailureReason::ExitCode, "exited with code 2: b"),
            (
                Seen { stderr: "error: b\nsrun: error: n1: task 3: Exited with exit code 1\n", ..code(1) },
                FailureReason::ExitCode,
                "exited with code 1: error: b",
            ),
            (code(86), FailureReason::Diverged, "exited with code 86"),
            (code(85), FailureReason::Preempted, "exited with code 85"),
            (code(137), FailureReason::ExitCode, "exited with code 137"),
            (signal(11), FailureReason::Signal, "ended by signal 11"),
            (signal(9), FailureReason::Signal, "ended by signal 9"),
            (Seen { oom_kill: true, ..signal(9) }, FailureReason::OutOfMemory, "ended by signal 9"),
            (Seen { oom_kill: true, ..code(137) }, FailureReason::OutOfMemory, "exited with code 137"),
            (Seen { oom_kill: true, ..signal(11) }, FailureReason::Signal, "ended by signal 11"),
            (
                Seen { stderr: "torch.OutOfMemoryError: CUDA out of memory. Tried", ..code(1) },
                FailureReason::OutOfMemory,
                "exited with code 1: torch.OutOfMemoryError: CUDA out of memory. Tried",
            ),
            (
                Seen { stderr: "OSError: [Errno 28] No space left on device", ..code(1) },
                FailureReason::DiskFull,
                "exited with code 1: OSError: [Errno 28] No space left on device",
            ),
            (Seen { cut: Some(Cut::TimeLimit), ..signal(15) }, FailureReason::TimeLimit, "the time limit was over"),
        ];
        for (seen, reason, message) in cases {
            assert_eq!(judged(seen), (Some(reason), message.to_owned()));
        }
    }

    #[test]
    fn of_several_processes_the_first_that_failed_says_why() {
        let of_srun = ExitStatus::from_raw(137 << 8);
        let of = |stderr: &str| status_of_the_first(of_srun, stderr).code();
        let saved = "srun: error: n2: task 3: Exited with exit code 85\nsrun: Terminating StepId=7.0\n\
                     slurmstepd: error: *** STEP 7.0 ON n1 CANCELLED ***\nsrun: error: n1: tasks 0-2: Killed\n";
        assert_eq!(of(saved), Some(85));
        assert_eq!(of("error: b\nsrun: error: n1: tasks 0,2: Exited with exit code 1\n"), Some(1));
        let killed = "this is the end\nsrun: error: n1: task 2: Killed\nTerminated\nsrun: error: n2: task 3: Exited with exit code 85\n";
        assert_eq!((of(killed), last_line(killed)), (Some(137), "this is the end"));
        assert_eq!(last_line("srun: error: n1: task 2: Killed\nTerminated\n"), "srun: error: n1: task 2: Killed");
        assert_eq!(last_line("slurmstepd: error: no room\n"), "slurmstepd: error: no room");
    }

    #[test]
    fn a_stopped_job_is_cancelled_even_if_it_says_that_all_is_well() {
        let seen = Seen { exit_code: Some(0), cut: Some(Cut::Stopped), ..Seen::default() };
        assert_eq!(judge(seen), Some(Judged::cancelled("stopped from outside, exited with code 0")));
    }

    #[test]
    fn a_good_end_leaves_the_verdict_to_the_results() {
        assert_eq!(judge(Seen { exit_code: Some(0), oom_kill: true, ..Seen::default() }), None);
    }
}
