//! What the end of a job means for a task whose worker left no outcome.

use runfile::{FailureReason, Verdict};

use super::follow::{End, Place};
use super::state::JobState;

/// What is seen of a task in its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trace {
    /// No worker of this element came so far as to look at its tasks.
    Untouched,
    /// A worker of this element came, and made no attempt at this task.
    Passed,
    /// An attempt of this element has no outcome. `fresh` while its worker may still say that it lives.
    Open { fresh: bool },
    /// The last attempt of this element has an outcome; whether that says it was stopped from outside.
    Ended { stopped: bool },
}

/// What to do about a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ruling {
    /// Look again later.
    Wait,
    /// The element is over; what is in the folder speaks for the task.
    Close,
    /// Somebody cancelled it at Slurm.
    Cancelled,
    /// Write the outcome that the worker could not: of its open attempt, or of one that never began.
    Declare { verdict: Verdict, reason: Option<FailureReason>, message: String },
    /// Slurm lost it; nothing was attempted.
    Lost,
}

/// Rule on a task whose element is at `place`.
///
/// `log` is the end of the element's log, into which Slurm writes why it killed a job; `lost` says that the element is
/// absent for long enough; `ready` that all that the task needs was there, so that only a person can have cancelled it.
#[must_use]
pub fn rule(place: &Place, trace: Trace, log: &str, lost: bool, ready: bool) -> Ruling {
    match place {
        Place::Waiting { .. } | Place::Running { .. } | Place::Unclear(_) => Ruling::Wait,
        Place::Over(end) => of_end(end, trace, log, ready),
        Place::Dropped => match trace {
            Trace::Untouched if ready => Ruling::Cancelled,
            Trace::Open { fresh: true } => Ruling::Wait,
            Trace::Open { fresh: false } => vanished(),
            Trace::Untouched | Trace::Passed | Trace::Ended { .. } => Ruling::Close,
        },
        Place::Absent if !lost => Ruling::Wait,
        Place::Absent => match trace {
            Trace::Untouched | Trace::Passed if ready => Ruling::Lost,
            // Slurm cancelled it when what it needed failed, and keeps no record of what never could start.
            Trace::Untouched | Trace::Passed => Ruling::Close,
            Trace::Open { fresh: true } => Ruling::Wait,
            Trace::Open { fresh: false } => vanished(),
            Trace::Ended { .. } => Ruling::Close,
        },
    }
}

fn vanished() -> Ruling {
    failed(FailureReason::NodeFailure, "its worker fell silent, and Slurm does not know the job any more".to_owned())
}

fn failed(reason: FailureReason, message: String) -> Ruling {
    Ruling::Declare { verdict: Verdict::Failed, reason: Some(reason), message }
}

fn of_end(end: &End, trace: Trace, log: &str, ready: bool) -> Ruling {
    let cause = cause(end, log);
    match trace {
        Trace::Passed | Trace::Ended { stopped: false } => Ruling::Close,
        Trace::Ended { stopped: true } => match cause {
            None if end.state == JobState::Cancelled => Ruling::Cancelled,
            _ => Ruling::Close,
        },
        // A node that Slurm gave up may still run the job: only silence for a whole lease speaks against it.
        Trace::Open { fresh: true } if cause == Some(FailureReason::NodeFailure) => Ruling::Wait,
        Trace::Open { .. } => match cause {
            Some(reason) => failed(reason, said(end, log)),
            None => Ruling::Declare { verdict: Verdict::Cancelled, reason: None, message: said(end, log) },
        },
        Trace::Untouched => match cause {
            None if end.state == JobState::Cancelled && ready => Ruling::Cancelled,
            None => Ruling::Close,
            Some(FailureReason::NodeFailure | FailureReason::Preempted) => Ruling::Close,
            Some(FailureReason::TimeLimit) => failed(FailureReason::TimeLimit, said(end, log)),
            Some(_) => failed(FailureReason::NotStarted, said(end, log)),
        },
    }
}

/// Why it failed; `None` if it was cancelled, or ended well.
fn cause(end: &End, log: &str) -> Option<FailureReason> {
    // Killed for its memory by `slurmstepd`, a job is called CANCELLED, as if a person had done it.
    if ["exceeded memory limit", "Exceeded job memory limit", "oom-kill event", "oom_kill event", "Out Of Memory"]
        .iter()
        .any(|words| log.contains(words))
    {
        return Some(FailureReason::OutOfMemory);
    }
    match end.state {
        JobState::OutOfMemory => Some(FailureReason::OutOfMemory),
        JobState::Timeout | JobState::Deadline => Some(FailureReason::TimeLimit),
        JobState::NodeFail | JobState::BootFail | JobState::ReconfigFail => Some(FailureReason::NodeFailure),
        JobState::Preempted | JobState::Revoked => Some(FailureReason::Preempted),
        JobState::Cancelled if log.contains("DUE TO TIME LIMIT") => Some(FailureReason::TimeLimit),
        JobState::Cancelled if log.contains("DUE TO PREEMPTION") => Some(FailureReason::Preempted),
        JobState::Cancelled if log.contains("DUE TO NODE FAILURE") => Some(FailureReason::NodeFailure),
        JobState::Cancelled | JobState::Completed => None,
        JobState::Failed => match end.exit {
            Some((_, signal)) if signal > 0 => Some(FailureReason::Signal),
            _ => Some(FailureReason::ExitCode),
        },
        _ => Some(FailureReason::ExitCode),
    }
}

/// `Slurm: TIMEOUT on n1: the log's last line`.
fn said(end: &End, log: &str) -> String {
    let mut text = format!("Slurm: {}", end.state);
    if !end.nodes.is_empty() {
        text.push_str(&format!(" on {}", end.nodes));
    }
    match end.exit {
        Some((_, signal)) if signal > 0 => text.push_str(&format!(", signal {signal}")),
        Some((code, _)) if code > 0 => text.push_str(&format!(", exit code {code}")),
        _ => {}
    }
    match log.lines().map(str::trim).rfind(|line| !line.is_empty()) {
        Some(line) => format!("{text}: {line}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(state: JobState, exit: (i32, i32)) -> Place {
        Place::Over(End { state, exit: Some(exit), nodes: "n1".to_owned(), reason: String::new() })
    }

    fn reason(place: &Place, log: &str) -> Option<FailureReason> {
        match rule(place, Trace::Open { fresh: false }, log, false, true) {
            Ruling::Declare { reason, .. } => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_end_of_a_job_has_its_reason() {
        let memory = "slurmstepd-n1: error: Job 7 exceeded memory limit (515 > 100), being killed";
        let limit = "slurmstepd: error: *** JOB 4 ON n1 CANCELLED AT 2026-11-24T06:31:30 DUE TO TIME LIMIT ***";
        for (state, exit, log, expected) in [
            (JobState::OutOfMemory, (0, 125), "", Some(FailureReason::OutOfMemory)),
            (JobState::Cancelled, (0, 15), memory, Some(FailureReason::OutOfMemory)),
            (JobState::Failed, (0, 9), memory, Some(FailureReason::OutOfMemory)),
            (JobState::Timeout, (0, 0), "", Some(FailureReason::TimeLimit)),
            (JobState::Cancelled, (0, 15), limit, Some(FailureReason::TimeLimit)),
            (JobState::NodeFail, (0, 0), "", Some(FailureReason::NodeFailure)),
            (JobState::Preempted, (0, 0), "", Some(FailureReason::Preempted)),
            (JobState::Failed, (0, 9), "", Some(FailureReason::Signal)),
            (JobState::Failed, (1, 0), "", Some(FailureReason::ExitCode)),
            (JobState::Cancelled, (0, 0), "", None),
        ] {
            assert_eq!(reason(&over(state.clone(), exit), log), expected, "{state} {log}");
        }
    }

    #[test]
    fn nobody_is_declared_dead_while_a_node_may_only_be_cut_off() {
        let place = over(JobState::NodeFail, (0, 0));
        assert_eq!(rule(&place, Trace::Open { fresh: true }, "", false, true), Ruling::Wait);
        assert!(matches!(rule(&place, Trace::Open { fresh: false }, "", false, true), Ruling::Declare { .. }));
    }

    #[test]
    fn a_persons_word_is_told_from_what_slurm_did_for_its_own_reasons() {
        let cancelled = over(JobState::Cancelled, (0, 0));
        assert_eq!(rule(&cancelled, Trace::Untouched, "", false, true), Ruling::Cancelled);
        assert_eq!(rule(&cancelled, Trace::Untouched, "", false, false), Ruling::Close, "what it needs has failed");
        assert_eq!(rule(&cancelled, Trace::Ended { stopped: true }, "", false, true), Ruling::Cancelled);
        let preempted = over(JobState::Preempted, (0, 0));
        assert_eq!(rule(&preempted, Trace::Ended { stopped: true }, "", false, true), Ruling::Close);
        assert_eq!(rule(&Place::Dropped, Trace::Untouched, "", false, true), Ruling::Cancelled);
        assert_eq!(rule(&Place::Dropped, Trace::Untouched, "", false, false), Ruling::Close);
    }

    #[test]
    fn a_job_whose_worker_never_came_failed_to_start() {
        let log = "bash: line 3: module: command not found\n";
        let Ruling::Declare { reason, message, .. } =
            rule(&over(JobState::Failed, (127, 0)), Trace::Untouched, log, false, true)
        else {
            panic!("declared")
        };
        assert_eq!(reason, Some(FailureReason::NotStarted));
        assert_eq!(message, "Slurm: FAILED on n1, exit code 127: bash: line 3: module: command not found");
    }

    #[test]
    fn what_slurm_does_not_know_is_lost_only_after_a_while() {
        for (trace, lost, ruling) in [
            (Trace::Untouched, false, Ruling::Wait),
            (Trace::Untouched, true, Ruling::Lost),
            (Trace::Open { fresh: true }, true, Ruling::Wait),
            (Trace::Ended { stopped: false }, true, Ruling::Close),
        ] {
            assert_eq!(rule(&Place::Absent, trace, "", lost, true), ruling);
        }
        assert_eq!(rule(&Place::Absent, Trace::Untouched, "", true, false), Ruling::Close, "what it needs has failed");
        let unclear = Place::Unclear("it does not answer".to_owned());
        assert_eq!(rule(&unclear, Trace::Open { fresh: false }, "", true, true), Ruling::Wait);
    }
}
