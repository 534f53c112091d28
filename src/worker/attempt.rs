//! One attempt at one task, from its claim to its outcome.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use runfile::{CHECKPOINT, FailureReason, Outcome, TaskConfig, Verdict, env, files, outcome};
use serde_json::{Map, Value};

use super::claim::{ATTEMPTS, ClaimFile, Claimed, Holder, make_folder};
use super::command::{self, Places};
use super::end::{self, Judged, Seen};
use super::memory::OomKills;
use super::process::{End, Process};
use super::rendezvous;
use super::results::{self, Results};
use super::{Running, StageSpec, TaskSpec, open_regular, publish, read_regular};
use crate::error::Context;
use crate::{Result, clock};

/// Name of the results folder in an attempt's folder.
pub const OUT: &str = "out";
/// Name of the configuration in a task's folder.
const CONFIG: &str = "config.json";
/// How much of the end of standard error is looked at.
const TAIL: u64 = 16 << 10;
/// Largest outcome that is read.
pub(crate) const LARGEST_OUTCOME: u64 = 64 << 20;

/// Runs attempts for one holder.
#[derive(Debug)]
pub struct Worker<'a> {
    /// Name of the sweep.
    pub sweep: &'a str,
    pub claims: &'a ClaimFile,
    pub running: &'a Running,
    /// Facts about this machine, gathered once.
    pub provenance: &'a Map<String, Value>,
    /// Kills for want of memory that were seen so far.
    pub oom_kills: &'a OomKills,
}

/// What came of trying to run a task.
#[derive(Debug)]
pub enum Attempted {
    /// It ran to an end, which is still to be published.
    Ended(Ended),
    /// It had succeeded before.
    Done,
    /// Somebody else works on it.
    Held(Holder),
    /// The claim of an earlier attempt cannot be read.
    Unreadable(PathBuf),
    /// The stage that it needs has not succeeded.
    Waiting(String),
    /// Everything is to end; it was not started.
    Stopped,
}

/// An attempt that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// The task's folder.
    pub folder: PathBuf,
    pub outcome: Outcome,
}

impl Ended {
    /// The attempt's folder.
    #[must_use]
    pub fn attempt_folder(&self) -> PathBuf {
        attempt_folder(&self.folder, self.outcome.attempt)
    }

    /// The attempt's results.
    #[must_use]
    pub fn results(&self) -> PathBuf {
        self.attempt_folder().join(OUT)
    }
}

fn attempt_folder(task: &Path, attempt: u32) -> PathBuf {
    task.join(ATTEMPTS).join(attempt.to_string())
}

/// What an attempt is about, on its way.
struct Attempt<'a> {
    stage: &'a StageSpec,
    task: &'a TaskSpec,
    number: u32,
    /// The attempt's folder.
    folder: PathBuf,
}

impl Worker<'_> {
    /// Try to run `task` of `stage`. The outcome of an attempt that was made is written, not yet published.
    ///
    /// # Errors
    /// The task's folder cannot be read or written.
    pub fn attempt(&self, stage: &StageSpec, task: &TaskSpec) -> Result<Attempted> {
        if self.running.is_stopping() {
            return Ok(Attempted::Stopped);
        }
        let inputs = match inputs(task)? {
            Ok(inputs) => inputs,
            Err(stage) => return Ok(Attempted::Waiting(stage)),
        };
        let number = match self.claims.claim(&task.folder)? {
            Claimed::Attempt(number) => number,
            Claimed::Done => return Ok(Attempted::Done),
            Claimed::Held(holder) => return Ok(Attempted::Held(holder)),
            Claimed::Unreadable(path) => return Ok(Attempted::Unreadable(path)),
        };
        let attempt = Attempt { stage, task, number, folder: attempt_folder(&task.folder, number) };
        let config = command::config(self.sweep, stage, task, inputs);
        let outcome = self.run(&attempt, &config);
        publish::prepare(&attempt.folder, &outcome)
            .context(|| format!("cannot write the outcome into `{}`", attempt.folder.display()))?;
        Ok(Attempted::Ended(Ended { folder: task.folder.clone(), outcome }))
    }

    fn run(&self, attempt: &Attempt<'_>, config: &TaskConfig) -> Outcome {
        let started = clock::now();
        let out = attempt.folder.join(OUT);
        let end = self.prepare_and_start(attempt, config, &out);
        let (judged, results) = match &end {
            Ok(Started::Ended { end, oom_kill }) => judge(attempt, &out, end, *oom_kill),
            Ok(Started::Not(reason)) => (Judged::failed(FailureReason::NotStarted, reason.clone()), Results::default()),
            Err(error) => (Judged::failed(reason_of(error), format!("cannot start: {error}")), Results::default()),
        };
        let (status, saved) = match &end {
            Ok(Started::Ended { end, .. }) => (Some(end.status), end.saved),
            _ => (None, None),
        };
        Outcome {
            protocol: runfile::PROTOCOL,
            task: attempt.task.task.clone(),
            attempt: attempt.number,
            verdict: judged.verdict,
            reason: judged.reason,
            message: judged.message,
            exit_code: status.and_then(|status| status.code()),
            signal: status.and_then(|status| status.signal()),
            started,
            // The clock may have been set back meanwhile; a duration is never negative.
            ended: clock::now().max(started),
            provenance: self.provenance_of(
                attempt,
                &results,
                saved.filter(|_| judged.reason == Some(FailureReason::Preempted)),
            ),
            artifacts: results.artifacts,
        }
    }

    fn prepare_and_start(&self, attempt: &Attempt<'_>, config: &TaskConfig, out: &Path) -> io::Result<Started> {
        let Attempt { stage, task, number, folder } = attempt;
        make_folder(out)?;
        let path = task.folder.join(CONFIG);
        write_config(&path, config, *number)?;
        let resume = earlier_checkpoint(&task.folder, *number);
        let places = Places { config: &path, out, resume: resume.as_deref() };
        let command = match command::fill(stage, config, &places) {
            Ok(command) => command,
            Err(reason) => return Ok(Started::Not(reason)),
        };
        let mut environment = command::environment(stage, task, config, &places, *number);
        environment.push((env::LAUNCHER.into(), self.claims.token().into()));
        if task.processes.is_some() {
            environment.extend(rendezvous::environment());
        }
        let starter = task.processes.iter().flat_map(|processes| processes.starter.iter().cloned());
        let mut words = starter.chain(command);
        let Some(program) = words.next() else { return Ok(Started::Not("the command is empty".to_owned())) };
        let process = Process {
            program: program.clone().into(),
            arguments: words.map(Into::into).collect(),
            environment,
            removed: vec![env::SEED.into(), env::RESUME.into()],
            folder: out.to_owned(),
            stdout: folder.join("stdout.log"),
            stderr: folder.join("stderr.log"),
            time_limit: task.time_seconds.map(Duration::from_secs),
            is_starter: task.processes.is_some(),
        };
        let stderr = process.stderr.clone();
        match process.run(self.running) {
            Ok(mut end) => {
                let failed = !end.status.success();
                if failed && task.processes.is_some() {
                    end.status = end::status_of_the_first(end.status, &tail(&stderr));
                }
                Ok(Started::Ended { oom_kill: failed && self.oom_kills.has_grown(), end })
            }
            Err(error) if is_disk_full(&error) => Err(error),
            Err(error) => Ok(Started::Not(format!("cannot start `{program}`: {error}"))),
        }
    }

    fn provenance_of(&self, attempt: &Attempt<'_>, results: &Results, saved: Option<Duration>) -> Map<String, Value> {
        let mut provenance = self.provenance.clone();
        provenance.extend(attempt.stage.provenance.clone());
        provenance.insert("threads".to_owned(), attempt.stage.threads.into());
        if let Some(processes) = &attempt.task.processes {
            provenance.insert("world_size".to_owned(), processes.count.into());
        }
        // The next submission gives it twice that time.
        provenance.extend(saved.map(|saved| ("save_seconds".to_owned(), saved.as_secs_f64().into())));
        if let Some(gpus) = &attempt.task.gpus {
            let device = device_of(gpus, &provenance);
            provenance.insert("device".to_owned(), device);
            provenance.insert("gpus".to_owned(), gpus.clone().into());
        }
        let effective = results.artifacts.iter().find(|artifact| artifact.path == Path::new(runfile::EFFECTIVE));
        if let Some(effective) = effective {
            provenance.insert("effective".to_owned(), effective.blake3.clone().into());
        }
        if !results.skipped.is_empty() {
            provenance.insert("skipped".to_owned(), results.skipped.clone().into());
        }
        provenance
    }
}

/// The model of the first device that a task was given, as far as the machine says.
fn device_of(gpus: &[String], machine: &Map<String, Value>) -> Value {
    let Some(first) = gpus.first() else { return "cpu".into() };
    let model = first.parse().ok().and_then(|number: usize| machine.get("devices")?.get(number).cloned());
    model.unwrap_or_else(|| first.clone().into())
}

/// How far an attempt came.
enum Started {
    Ended { end: End, oom_kill: bool },
    Not(String),
}

/// The results folders of the stages that `task` needs, by stage; or the first stage that has not succeeded.
fn inputs(task: &TaskSpec) -> Result<std::result::Result<BTreeMap<String, PathBuf>, String>> {
    let mut inputs = BTreeMap::new();
    for need in &task.needs {
        let path = need.folder.join(outcome::FILE);
        let bytes = match read_regular(&path, LARGEST_OUTCOME) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Err(need.stage.clone())),
            Err(error) => return Err(error).context(|| format!("cannot read `{}`", path.display())),
        };
        let outcome = Outcome::parse(&path, &bytes).context(|| format!("the results of stage `{}`", need.stage))?;
        if outcome.verdict != Verdict::Succeeded {
            return Ok(Err(need.stage.clone()));
        }
        let folder = attempt_folder(&need.folder, outcome.attempt).join(OUT);
        inputs.insert(need.stage.clone(), folder);
    }
    Ok(Ok(inputs))
}

/// The first attempt makes the file; a later one may find half of it, or other inputs, and replaces it whole.
fn write_config(path: &Path, config: &TaskConfig, attempt: u32) -> io::Result<()> {
    let mut bytes = serde_json::to_vec_pretty(config)?;
    bytes.push(b'\n');
    if attempt == 1 {
        return File::create(path)?.write_all(&bytes);
    }
    files::write_bytes(path, &bytes).map_err(|error| match error {
        runfile::Error::Write { source, .. } => source,
        other => io::Error::other(other),
    })
}

/// The checkpoint of the latest earlier attempt that has one.
fn earlier_checkpoint(task: &Path, attempt: u32) -> Option<PathBuf> {
    let checkpoint = |number| attempt_folder(task, number).join(OUT).join(CHECKPOINT);
    let is_folder = |path: &PathBuf| fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
    (1..attempt).rev().map(checkpoint).find(is_folder)
}

/// The verdict on a process that has ended, and what it left.
fn judge(attempt: &Attempt<'_>, out: &Path, end: &End, oom_kill: bool) -> (Judged, Results) {
    let stderr = match end.status.success() {
        true => String::new(),
        false => tail(&attempt.folder.join("stderr.log")),
    };
    let judged = end::judge(Seen {
        exit_code: end.status.code(),
        signal: end.status.signal(),
        cut: end.cut,
        oom_kill,
        stderr: &stderr,
    });
    let keeps = judged.is_none() && attempt.stage.keep_checkpoint;
    if judged.is_none() && !keeps {
        // A success needs no earlier state; that it stays costs only room.
        let _ = fs::remove_dir_all(out.join(CHECKPOINT));
    }
    // A state to resume from is no result, and reading it would take long.
    match results::scan(out, (!keeps).then_some(CHECKPOINT)) {
        Ok(results) => (judged.unwrap_or_else(|| results::judge(out, &attempt.stage.outputs, &results)), results),
        Err(error) => {
            let unreadable = Judged::failed(FailureReason::MissingOutput, format!("cannot read the results: {error}"));
            (judged.unwrap_or(unreadable), Results::default())
        }
    }
}

/// The end of a log, as text.
fn tail(path: &Path) -> String {
    let read = || -> io::Result<String> {
        let mut file = open_regular(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut bytes = Vec::new();
        file.take(TAIL).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    read().unwrap_or_default()
}

fn is_disk_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn reason_of(error: &io::Error) -> FailureReason {
    if is_disk_full(error) { FailureReason::DiskFull } else { FailureReason::NotStarted }
}
