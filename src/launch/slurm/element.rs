//! On a node: the tasks of one element of an array, one after the other.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use runfile::{FailureReason, Outcome, Verdict, exit, outcome};
use rustix::process::Signal;

use super::folder::marker;
use super::program::Slurm;
use crate::error::{Context, Kind};
use crate::launch::board::{Board, Item, Slots};
use crate::launch::local::{Event, Local, Tasks};
use crate::launch::signals::Interrupt;
use crate::launch::summary::printable;
use crate::slurm::follow::Answer;
use crate::slurm::state::{JobState, Phase};
use crate::worker::claim::{ClaimFile, Holder, SlurmElement};
use crate::worker::{Grace, LARGEST_OUTCOME, Manifest, Running, SlurmTerms, StageSpec, TaskSpec, read_regular};
use crate::{Error, Result, clock, provenance, ui};

/// How long a network file system may hide what another node wrote.
const LATENCY: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_secs(2);
/// Seconds that a worker keeps for itself at the end of its job.
const RESERVE: u64 = 20;
/// A call of Slurm's programs from a node: thousands of them may ask at once.
const PATIENCE: u64 = 60;

/// Run the tasks that the environment, as Slurm makes it, says are this job's.
///
/// # Errors
/// This is no Slurm job, or its tasks cannot be run here.
pub fn run(mut manifest: Manifest) -> Result<ExitCode> {
    let Some(terms) = manifest.slurm.take() else {
        return Err(Error::usage("the manifest is for no array: name the task's position in it"));
    };
    let (manifest, terms) = (&with_secrets(manifest, &terms)?, &terms);
    let here = SlurmElement {
        job: number("SLURM_ARRAY_JOB_ID").or_else(|| number("SLURM_JOB_ID")).ok_or_else(not_in_a_job)?,
        token: terms.token.clone(),
        element: number("SLURM_ARRAY_TASK_ID").ok_or_else(not_in_a_job)?,
        restarts: number("SLURM_RESTART_COUNT").unwrap_or(0),
    };
    let Some(positions) = terms.elements.get(&here.element) else {
        return Err(Error::usage(format!("the submission has no element {}", here.element)));
    };
    // Whoever follows the submission sees by it that the job came so far.
    let started = PathBuf::from(marker(here.element));
    fs::write(&started, "").context(|| format!("cannot write `{}` into the submission's folder", started.display()))?;
    let tasks = positions.iter().filter_map(|&position| manifest.tasks.get(position)).collect();
    let claims = ClaimFile::create(
        &manifest.holders,
        Holder { slurm: Some(here.clone()), lease: terms.lease_seconds, ..Holder::current()? },
    )?;
    let work = ElementTasks { manifest, terms, tasks, begun: clock::monotonic() };
    work.wait_for_inputs();
    let running = Running::new(Grace(Duration::from_secs(terms.grace_seconds))).with_starters(signal_steps);
    let done = work.run(&claims, &running)?;
    done.conclude(&here, terms)
}

/// Send a signal to all processes that `srun` has started for this job.
fn signal_steps(signal: Signal) {
    let Some(job) = number::<u64>("SLURM_JOB_ID") else { return };
    if let Err(error) = Slurm::here(Some(PATIENCE), &[]).signal_steps(job, signal) {
        ui::print_error(&error);
    }
}

fn not_in_a_job() -> Error {
    Error::usage("this is no element of a Slurm array").hint("`sweep submit --to slurm` makes such jobs")
}

fn number<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var_os(name)?.to_str()?.parse().ok()
}

/// The tasks of one element.
struct ElementTasks<'a> {
    manifest: &'a Manifest,
    terms: &'a SlurmTerms,
    tasks: Vec<&'a TaskSpec>,
    /// When the job began, on the monotonic clock.
    begun: Duration,
}

impl Tasks for ElementTasks<'_> {
    fn spec(&self, task: usize) -> TaskSpec {
        let mut spec = self.tasks[task].clone();
        let left = self.terms.time_seconds.map(|limit| {
            let gone = clock::monotonic().saturating_sub(self.begun).as_secs();
            limit.saturating_sub(RESERVE.min(limit / 6)).saturating_sub(gone).max(1)
        });
        // What ends by our own hand has an outcome; what Slurm ends may have none.
        spec.time_seconds = spec.time_seconds.into_iter().chain(left).min();
        spec
    }

    fn stage(&self, spec: &TaskSpec) -> Option<&StageSpec> {
        self.manifest.stages.get(spec.stage)
    }
}

/// What came of an element's tasks.
#[derive(Debug, Default)]
struct Done {
    succeeded: usize,
    failed: usize,
    /// They saved their state and ask to be started again.
    saved: usize,
    stopped: usize,
    held: Vec<usize>,
    interrupt: Option<Interrupt>,
}

impl ElementTasks<'_> {
    /// Wait until the results that the tasks need show here; what does not come is told when the task is tried.
    fn wait_for_inputs(&self) {
        let folders = || self.tasks.iter().flat_map(|task| task.needs.iter().map(|need| need.folder.as_path()));
        while clock::monotonic().saturating_sub(self.begun) < LATENCY && !folders().all(has_succeeded) {
            std::thread::sleep(PAUSE);
        }
    }

    fn run(&self, claims: &ClaimFile, running: &Running) -> Result<Done> {
        let mut done = Done::default();
        let mut todo: Vec<usize> = (0..self.tasks.len()).collect();
        loop {
            self.run_some(&todo, claims, running, &mut done)?;
            let waited = clock::monotonic().saturating_sub(self.begun);
            let lease = Duration::from_secs(self.terms.lease_seconds);
            if done.held.is_empty() || done.interrupt.is_some() || waited > lease + PAUSE {
                return Ok(done);
            }
            // An earlier start of this very element may live on, on a node that Slurm has lost sight of.
            if earlier_starts_are_over(claims.holder()) {
                claims.trust_that_earlier_starts_are_over();
            }
            std::thread::sleep(PAUSE);
            todo = std::mem::take(&mut done.held);
        }
    }

    fn run_some(&self, todo: &[usize], claims: &ClaimFile, running: &Running, done: &mut Done) -> Result<()> {
        let item = |(rank, &task): (u32, &usize)| Item {
            rank: (rank, 0, 0),
            needs: Vec::new(),
            threads: 1,
            gpus: 0,
            attempts: self.tasks[task].attempts,
        };
        let items = (0..).zip(todo).map(item).collect();
        let some = Some { all: self, todo };
        let local = Local {
            sweep: &self.manifest.sweep,
            tasks: &some,
            folder: self.manifest.holders.with_file_name("tasks"),
            claims,
            running,
            provenance: &provenance::of_machine(),
            jobs: 1,
            hands_out_gpus: false,
            // A saved state is for another start of the job, which has time again.
            retries: |reason| reason.retry_makes_sense() && reason != FailureReason::Preempted,
        };
        let board = Board::new(items, Slots { threads: 1, gpus: Vec::new() });
        let interrupt = local.run(board, |events| {
            events.into_iter().for_each(|event| done.take(event, todo, claims));
            Ok(())
        })?;
        done.interrupt = done.interrupt.or(interrupt);
        Ok(())
    }
}

/// Some of an element's tasks, by their position in `todo`.
struct Some<'a> {
    all: &'a ElementTasks<'a>,
    todo: &'a [usize],
}

impl Tasks for Some<'_> {
    fn spec(&self, task: usize) -> TaskSpec {
        self.all.spec(self.todo[task])
    }

    fn stage(&self, spec: &TaskSpec) -> Option<&StageSpec> {
        self.all.stage(spec)
    }
}

impl Done {
    fn take(&mut self, event: Event, todo: &[usize], claims: &ClaimFile) {
        match event {
            Event::Done(_) => self.succeeded += 1,
            Event::Ended { ended, retried: false, .. } => {
                match (ended.outcome.verdict, ended.outcome.reason) {
                    (Verdict::Succeeded, _) => self.succeeded += 1,
                    (Verdict::Failed, Some(FailureReason::Preempted)) => self.saved += 1,
                    (Verdict::Failed, _) => self.failed += 1,
                    (Verdict::Cancelled, _) => self.stopped += 1,
                }
                ui::note(&in_words(&ended.outcome));
            }
            Event::Held(task, holder) => {
                ui::note(&format!("a task is held by process {} on {}", holder.pid, holder.host));
                if claims.is_earlier_start(&holder) {
                    self.held.push(todo[task]);
                } else {
                    self.failed += 1;
                }
            }
            Event::Unusable(_, error) => {
                ui::print_error(&error);
                self.failed += 1;
            }
            Event::Started(_) | Event::Ended { retried: true, .. } | Event::Blocked(_) => {}
        }
    }

    /// One task that failed does not keep back what needs the others: each of those looks at its own inputs.
    fn conclude(&self, here: &SlurmElement, terms: &SlurmTerms) -> Result<ExitCode> {
        if let Some(interrupt) = self.interrupt {
            return Ok(ExitCode::from(interrupt.exit_code()));
        }
        if self.saved > 0 && terms.requeue {
            let job = format!("{}_{}", here.job, here.element);
            Slurm::here(Some(PATIENCE), &[]).requeue(&job)?;
            // Slurm ends this start in a moment.
            std::thread::sleep(LATENCY);
        }
        Ok(match (self.succeeded, self.failed + self.stopped + self.saved + self.held.len()) {
            (_, 0) => ExitCode::SUCCESS,
            (0, _) if self.saved > 0 => ExitCode::from(u8::try_from(exit::REQUEUE).unwrap_or(u8::MAX)),
            (0, _) => Kind::TasksFailed.exit_code(),
            (_, _) => ExitCode::SUCCESS,
        })
    }
}

/// A line of the element's log.
fn in_words(outcome: &Outcome) -> String {
    let Outcome { task, attempt, message, .. } = outcome;
    let what = match (outcome.verdict, outcome.reason) {
        (Verdict::Succeeded, _) => "succeeded".to_owned(),
        (Verdict::Cancelled, _) => "was stopped".to_owned(),
        (Verdict::Failed, Some(reason)) => format!("failed ({reason})"),
        (Verdict::Failed, None) => "failed".to_owned(),
    };
    let space = if message.is_empty() { "" } else { ": " };
    format!("task {task}, attempt {attempt}: {what}{space}{}", printable(message))
}

fn has_succeeded(task: &Path) -> bool {
    // Reading the folder has network file systems look at the server again.
    let _ = fs::read_dir(task).map(|mut entries| entries.next());
    let path = task.join(outcome::FILE);
    read_regular(&path, LARGEST_OUTCOME)
        .is_ok_and(|bytes| Outcome::parse(&path, &bytes).is_ok_and(|outcome| outcome.verdict == Verdict::Succeeded))
}

/// Whether Slurm says that all earlier starts of this element ended on nodes that it could reach.
fn earlier_starts_are_over(holder: &Holder) -> bool {
    let Some(here) = &holder.slurm else { return false };
    let since = clock::now() - 30.0 * 86_400.0;
    #[expect(clippy::cast_possible_truncation, reason = "a time of this century")]
    let answer = Slurm::here(Some(PATIENCE), &[]).sacct(&[&here.token], since as i64);
    let Ok(Answer::Told(lines)) = answer else { return false };
    let of_element = |seen: &&crate::slurm::answer::Seen| {
        let elements = seen.id.elements.as_ref();
        seen.id.job == here.job && elements.is_some_and(|elements| elements.indices == [here.element])
    };
    let mut starts: Vec<_> = lines.iter().filter(of_element).collect();
    starts.sort_by_key(|seen| seen.submitted);
    // The last one is this start.
    starts.pop();
    let is_over = |state: &JobState| match state {
        JobState::NodeFail | JobState::BootFail => false,
        JobState::Requeued => true,
        state => state.phase() == Phase::Over,
    };
    starts.len() >= here.restarts as usize && starts.iter().all(|seen| is_over(&seen.state))
}

/// The manifest with the variables of the secrets file, which only its owner may read.
fn with_secrets(mut manifest: Manifest, terms: &SlurmTerms) -> Result<Manifest> {
    const LARGEST: u64 = 1 << 16;
    let Some(path) = &terms.secrets else { return Ok(manifest) };
    let about = || format!("cannot read the secrets in `{}`", path.display());
    let metadata = fs::metadata(path).context(about)?;
    if metadata.mode() & 0o077 != 0 || metadata.uid() != rustix::process::getuid().as_raw() {
        let error = Error::usage(format!("`{}` can be read by others", path.display()));
        return Err(error.hint(format!("`chmod 600 {}`", path.display())));
    }
    let text = String::from_utf8(read_regular(path, LARGEST).context(about)?).context(about)?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let secrets: Vec<_> = lines.filter_map(|line| line.split_once('=')).collect();
    for stage in &mut manifest.stages {
        let variables = secrets.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
        stage.environment.extend(variables);
    }
    Ok(manifest)
}
