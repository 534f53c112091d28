//! Slurm's words for the state of a job, each kept; and why a job waits, in plain words.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The state of a job as `squeue` and `sacct` name it.
///
/// Base states and flags of Slurm 22 to 24; a word that is not among them is kept, and means a job that may still live.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum JobState {
    BootFail,
    Cancelled,
    Completed,
    Configuring,
    Completing,
    Deadline,
    Failed,
    NodeFail,
    OutOfMemory,
    Pending,
    Preempted,
    PowerUpNode,
    Running,
    ReconfigFail,
    ResvDelHold,
    Requeued,
    RequeueFed,
    RequeueHold,
    Resizing,
    Revoked,
    Signaling,
    SpecialExit,
    StageOut,
    Stopped,
    Suspended,
    Timeout,
    Other(String),
}

/// What a state says about what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It has not started, or is to start again.
    Waiting,
    /// It runs, or something of it still does.
    Running,
    /// It will never run again.
    Over,
    /// An unknown word.
    Unclear,
}

use JobState as S;

/// (state, word, short word).
const WORDS: [(JobState, &str, &str); 26] = [
    (S::BootFail, "BOOT_FAIL", "BF"),
    (S::Cancelled, "CANCELLED", "CA"),
    (S::Completed, "COMPLETED", "CD"),
    (S::Configuring, "CONFIGURING", "CF"),
    (S::Completing, "COMPLETING", "CG"),
    (S::Deadline, "DEADLINE", "DL"),
    (S::Failed, "FAILED", "F"),
    (S::NodeFail, "NODE_FAIL", "NF"),
    (S::OutOfMemory, "OUT_OF_MEMORY", "OOM"),
    (S::Pending, "PENDING", "PD"),
    (S::Preempted, "PREEMPTED", "PR"),
    (S::PowerUpNode, "POWER_UP_NODE", "PU"),
    (S::Running, "RUNNING", "R"),
    (S::ReconfigFail, "RECONFIG_FAIL", "RF"),
    (S::ResvDelHold, "RESV_DEL_HOLD", "RD"),
    (S::Requeued, "REQUEUED", "RQ"),
    (S::RequeueFed, "REQUEUE_FED", "RF"),
    (S::RequeueHold, "REQUEUE_HOLD", "RH"),
    (S::Resizing, "RESIZING", "RS"),
    (S::Revoked, "REVOKED", "RV"),
    (S::Signaling, "SIGNALING", "SI"),
    (S::SpecialExit, "SPECIAL_EXIT", "SE"),
    (S::StageOut, "STAGE_OUT", "SO"),
    (S::Stopped, "STOPPED", "ST"),
    (S::Suspended, "SUSPENDED", "S"),
    (S::Timeout, "TIMEOUT", "TO"),
];

impl JobState {
    /// Read a state: `CANCELLED by 1000` and `CANCELLED+` are cancelled, `OUT_OF_ME+` is a word that was cut.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let word = text.split_whitespace().next().unwrap_or_default();
        // Several flags may stand beside the state (`RUNNING,COMPLETING`): the first is the base state.
        let word = word.split(',').next().unwrap_or_default();
        let known = |found: &&(Self, &str, &str)| {
            let cut = word.strip_suffix('+').filter(|start| start.len() > 3);
            found.1 == word || found.2 == word || cut.is_some_and(|start| found.1.starts_with(start))
        };
        WORDS.iter().find(known).map_or_else(|| Self::Other(word.to_owned()), |(state, _, _)| state.clone())
    }

    /// What it says about what comes next.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self {
            S::Pending | S::ResvDelHold | S::RequeueFed | S::RequeueHold | S::SpecialExit | S::Requeued => {
                Phase::Waiting
            }
            S::Configuring
            | S::Completing
            | S::PowerUpNode
            | S::Running
            | S::Resizing
            | S::Signaling
            | S::StageOut
            | S::Stopped
            | S::Suspended => Phase::Running,
            S::BootFail
            | S::Cancelled
            | S::Completed
            | S::Deadline
            | S::Failed
            | S::NodeFail
            | S::OutOfMemory
            | S::Preempted
            | S::ReconfigFail
            | S::Revoked
            | S::Timeout => Phase::Over,
            S::Other(_) => Phase::Unclear,
        }
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, WORDS.iter().find(|(state, _, _)| state == self)) {
            (S::Other(word), _) => f.write_str(word),
            (_, Some((_, word, _))) => f.write_str(word),
            (_, None) => Ok(()),
        }
    }
}

/// Why a job waits, in plain words; Slurm's own word where there is nothing plainer.
#[must_use]
pub fn reason_in_words(reason: &str) -> &str {
    let word = reason.split([',', '(']).next().unwrap_or_default().trim();
    match word {
        "" | "None" => "about to be scheduled",
        "Resources" => "waits for free nodes",
        "Priority" => "others come first",
        "Dependency" => "waits for what it needs",
        "DependencyNeverSatisfied" => "what it needs has failed",
        "JobArrayTaskLimit" => "the throttle of its array",
        "JobHeldUser" => "held",
        "JobHeldAdmin" => "held by an administrator",
        "BeginTime" => "starts again in a moment",
        "Cleaning" => "its last run is being cleaned up",
        "ReqNodeNotAvail" => "the nodes that it asks for are not available",
        "PartitionDown" | "PartitionInactive" => "the partition is closed",
        "PartitionTimeLimit" => "asks for more time than the partition allows",
        "PartitionNodeLimit" => "asks for more nodes than the partition has",
        "BadConstraints" => "no node is as it asks for",
        "Licenses" => "waits for a licence",
        "Reservation" | "ReservationDeleted" => "waits for its reservation",
        "InvalidAccount" => "the account is not valid",
        "InvalidQOS" => "the quality of service is not valid",
        "JobHoldMaxRequeue" => "held: it was requeued too often",
        _ if word.starts_with("Nodes required for job are DOWN") => "the nodes that it asks for are down or reserved",
        _ if word.starts_with("QOS") => "a limit of the quality of service",
        _ if word.starts_with("Assoc") => "a limit of the account",
        _ => reason,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_word_is_kept_and_reads_back() {
        for (state, word, _) in &WORDS {
            assert_eq!(JobState::parse(word), *state);
            assert_eq!(state.to_string(), *word);
            assert_ne!(state.phase(), Phase::Unclear, "{word}");
        }
    }

    #[test]
    fn suffixes_and_cuts_change_nothing() {
        for (text, state) in [
            ("CANCELLED by 1000", S::Cancelled),
            ("CANCELLED+", S::Cancelled),
            ("OUT_OF_ME+", S::OutOfMemory),
            ("NODE_FAIL*", S::Other("NODE_FAIL*".to_owned())),
            ("RUNNING,COMPLETING", S::Running),
            (" COMPLETED ", S::Completed),
            ("PD", S::Pending),
            ("", S::Other(String::new())),
        ] {
            assert_eq!(JobState::parse(text), state, "{text}");
        }
    }

    #[test]
    fn an_unknown_word_is_neither_dead_nor_alive() {
        assert_eq!(JobState::parse("LAUNCH_FAILED_2031").phase(), Phase::Unclear);
    }

    proptest! {
        #[test]
        fn no_text_is_fatal(text in ".{0,40}") {
            let state = JobState::parse(&text);
            prop_assert!(!text.starts_with("Z") || state.phase() == Phase::Unclear);
            let _ = (state.to_string(), reason_in_words(&text));
        }
    }
}
