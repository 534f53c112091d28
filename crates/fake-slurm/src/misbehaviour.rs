//! Trouble on command: `<folder>/trouble`, one line each.
//!
//! `PROGRAM TROUBLE [COUNT]`: the next COUNT calls (1 without, `always` for all) of that program meet that trouble; with
//! several lines for one program, one after the other. `job TROUBLE [COUNT]` is for the next scripts that start.

use std::fs;
use std::io;
use std::thread;
use std::time::Duration;

use crate::place::Place;
use crate::state::{State, Word};
use crate::{Answer, Result};

/// What is to become of a call.
pub enum Verdict {
    Behave,
    Misbehave(Trouble),
}

/// Before it does anything (nothing happens), or after it did all of it (the answer is lost).
#[derive(Debug, PartialEq)]
pub enum Trouble {
    /// Refused for good, before anything happened.
    Fail,
    /// Refused by a limit that passes.
    Limit,
    /// The controller cannot be reached.
    Down,
    /// `sacct` of a site that keeps no accounts.
    Off,
    Timeout,
    Hang,
    /// Says nothing, and that it ended well.
    Empty,
    AcceptThenTimeout,
    AcceptThenHang,
    /// Answers only after so many milliseconds.
    AcceptThenSlow(u64),
    AcceptThenEmpty,
    AcceptTwice,
    /// Answers, then knows nothing of the job any more.
    AcceptThenForget,
    /// A site's chatter around the answer.
    Noisy,
    /// Takes so many milliseconds first.
    Slow(u64),
    /// `sacct` answers with somebody's job of the same id from years ago as well.
    Old,
}

/// What happens to a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobTrouble {
    /// Its node dies at once.
    NodeFail,
    OutOfMemory,
    /// A job of a higher partition takes its place at once.
    Preempt,
    /// It ends as it does, and is started again nevertheless.
    Requeue,
}

impl JobTrouble {
    pub fn at_start(self) -> Option<Word> {
        match self {
            Self::NodeFail => Some(Word::NodeFail),
            Self::OutOfMemory => Some(Word::OutOfMemory),
            Self::Preempt => Some(Word::Preempted),
            Self::Requeue => None,
        }
    }
}

fn trouble(word: &str) -> Option<Trouble> {
    if let Some(milliseconds) = word.strip_prefix("slow:") {
        return milliseconds.parse().ok().map(Trouble::Slow);
    }
    if let Some(milliseconds) = word.strip_prefix("accept-then-slow:") {
        return milliseconds.parse().ok().map(Trouble::AcceptThenSlow);
    }
    Some(match word {
        "fail" => Trouble::Fail,
        "limit" => Trouble::Limit,
        "down" => Trouble::Down,
        "off" => Trouble::Off,
        "timeout" => Trouble::Timeout,
        "hang" => Trouble::Hang,
        "empty" => Trouble::Empty,
        "accept-then-timeout" => Trouble::AcceptThenTimeout,
        "accept-then-hang" => Trouble::AcceptThenHang,
        "accept-then-empty" => Trouble::AcceptThenEmpty,
        "accept-twice" => Trouble::AcceptTwice,
        "accept-then-forget" => Trouble::AcceptThenForget,
        "noisy" => Trouble::Noisy,
        "old" => Trouble::Old,
        _ => return None,
    })
}

/// What the next call of `program` meets.
pub fn next(place: &Place, program: &str) -> Result<Verdict> {
    let _lock = place.lock()?;
    let Some(word) = take(place, program)? else { return Ok(Verdict::Behave) };
    let trouble = trouble(&word).ok_or_else(|| format!("`{word}` is no trouble of {program}"))?;
    Ok(Verdict::Misbehave(trouble))
}

/// What the script that starts now meets. Caller holds the lock.
pub fn of_job(place: &Place) -> Result<Option<JobTrouble>> {
    let Some(word) = take(place, "job")? else { return Ok(None) };
    match word.as_str() {
        "node-fail" => Ok(Some(JobTrouble::NodeFail)),
        "out-of-memory" => Ok(Some(JobTrouble::OutOfMemory)),
        "preempt" => Ok(Some(JobTrouble::Preempt)),
        "requeue" => Ok(Some(JobTrouble::Requeue)),
        _ => Err(format!("`{word}` is no trouble of a job").into()),
    }
}

/// The first line for `program`, which is then one call shorter.
fn take(place: &Place, program: &str) -> Result<Option<String>> {
    let path = place.path("trouble");
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let Some(position) = lines.iter().position(|line| line.split_whitespace().next() == Some(program)) else {
        return Ok(None);
    };
    let words: Vec<String> = lines[position].split_whitespace().map(str::to_owned).collect();
    let word = words.get(1).ok_or("a line of trouble names none")?;
    let count = words.get(2).map_or("1", String::as_str);
    match count {
        "always" => return Ok(Some(word.clone())),
        "1" => drop(lines.remove(position)),
        count => lines[position] = format!("{program} {word} {}", count.parse::<u32>()? - 1),
    }
    place.write(&path, (lines.join("\n") + "\n").as_bytes())?;
    Ok(Some(word.clone()))
}

impl Trouble {
    /// The answer to a call that meets this; `answer` is what it would be otherwise.
    pub fn apply(self, place: &Place, program: &str, answer: impl Fn(&Place) -> Result<Answer>) -> Result<Answer> {
        let failed = |reason: &str| match program {
            "sbatch" => format!("sbatch: error: Batch job submission failed: {reason}\n"),
            "squeue" => format!("slurm_load_jobs error: {reason}\n"),
            _ => format!("{program}: error: {reason}\n"),
        };
        const TIMEOUT: &str = "Socket timed out on send/recv operation";
        match self {
            Self::Fail => Ok(Answer::refused(failed("Unspecified error"))),
            Self::Limit => {
                let policy = "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)";
                Ok(Answer::refused(format!("sbatch: error: AssocMaxSubmitJobLimit\n{}", failed(policy))))
            }
            Self::Down => Ok(Answer::refused(failed("Unable to contact slurm controller (connect failure)"))),
            Self::Off => Ok(Answer::refused("Slurm accounting storage is disabled\n")),
            Self::Timeout => Ok(Answer::refused(failed(TIMEOUT))),
            Self::Hang => hang(),
            Self::Empty => Ok(Answer::well("")),
            Self::AcceptThenTimeout => answer(place).map(|_| Answer::refused(failed(TIMEOUT))),
            Self::AcceptThenHang => answer(place).and_then(|_| hang()),
            Self::AcceptThenSlow(milliseconds) => {
                let answer = answer(place)?;
                thread::sleep(Duration::from_millis(milliseconds));
                Ok(answer)
            }
            Self::AcceptThenEmpty => answer(place).map(|_| Answer::well("")),
            Self::AcceptTwice => answer(place).and_then(|_| answer(place)),
            Self::AcceptThenForget => {
                let answer = answer(place)?;
                forget_newest(place)?;
                Ok(answer)
            }
            Self::Noisy => answer(place).map(with_chatter),
            Self::Slow(milliseconds) => {
                thread::sleep(Duration::from_millis(milliseconds));
                answer(place)
            }
            Self::Old => answer(place).map(|answer| with_old_job(&answer)),
        }
    }
}

fn hang() -> Result<Answer> {
    loop {
        thread::park();
    }
}

/// As a controller does that went back to an older state: the job's processes live on, nobody knows of it.
fn forget_newest(place: &Place) -> Result<()> {
    State::change(place, |state| {
        let newest = state.elements.iter().map(|element| element.job).max();
        state.elements.retain(|element| Some(element.job) != newest);
        Ok(())
    })
}

fn with_chatter(answer: Answer) -> Answer {
    let before = "*** Maintenance on 2026-12-24: jobs that end later will wait ***\nYou have used 17% of 1000 hours\n";
    Answer {
        out: format!("{before}{}Have a nice day.\n", answer.out),
        err: format!("{before}{}", answer.err),
        ..answer
    }
}

/// Each line once more as another job of the same id was in 2017: other name, other user, ended well.
fn with_old_job(answer: &Answer) -> Answer {
    let old = |line: &str| {
        let id = line.split('|').next().unwrap_or_default();
        let rest = line.split('|').skip(1).map(|field| match field {
            "RUNNING" | "PENDING" | "FAILED" | "CANCELLED" | "COMPLETED" => "COMPLETED".to_owned(),
            field if field.contains(':') => "0:0".to_owned(),
            field if field.len() == 10 && field.bytes().all(|byte| byte.is_ascii_digit()) => "1500000000".to_owned(),
            "Unknown" => "1500000001".to_owned(),
            _ => "somebodys".to_owned(),
        });
        [id.to_owned()].into_iter().chain(rest).collect::<Vec<_>>().join("|") + "\n"
    };
    let lines: String = answer.out.lines().map(|line| old(line) + line + "\n").collect();
    Answer { code: answer.code, out: lines, err: answer.err.clone() }
}
