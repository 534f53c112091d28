//! The hidden verbs: `sweep worker`, which runs one task beside its job, and `sweep guard`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use runfile::{PROTOCOL, Verdict, files};

use crate::error::{Context, Kind};
use crate::launch::guard;
use crate::launch::signals::Watch;
use crate::launch::slurm::run_element;
use crate::worker::claim::{ClaimFile, Holder};
use crate::worker::publish::Publisher;
use crate::worker::{Attempted, Grace, Manifest, OomKills, Running, Worker};
use crate::{Error, Result, access, provenance};

#[derive(Debug, Args)]
pub struct WorkerArgs {
    /// File that describes the submission
    manifest: PathBuf,
    /// Position of the task in it, from 0; without it, the tasks of the Slurm array's element that this is
    index: Option<usize>,
}

#[derive(Debug, Args)]
pub struct GuardArgs {
    /// Name of the launcher in the environment of its jobs
    token: String,
}

impl GuardArgs {
    /// Wait and end.
    ///
    /// # Errors
    /// None.
    pub fn run(self) -> Result<ExitCode> {
        guard::watch(&self.token);
        Ok(ExitCode::SUCCESS)
    }
}

impl WorkerArgs {
    /// Claim the task, run it, publish its outcome.
    ///
    /// # Errors
    /// The manifest or the task's folder cannot be used, or somebody else works on the task.
    pub fn run(self) -> Result<ExitCode> {
        let manifest: Manifest =
            files::read_json(&self.manifest).context(|| "cannot read what is to be run".to_owned())?;
        if manifest.protocol > PROTOCOL {
            return Err(Error::general(format!(
                "the manifest has protocol {}, this program knows {PROTOCOL}",
                manifest.protocol
            )));
        }
        let tasks = manifest.holders.parent().unwrap_or(&manifest.holders);
        if tasks.is_dir() {
            access::follow(tasks)?;
        }
        match self.index {
            Some(index) => self.run_one(&manifest, index),
            None => run_element(manifest),
        }
    }

    fn run_one(&self, manifest: &Manifest, index: usize) -> Result<ExitCode> {
        let task = manifest.tasks.get(index);
        let stage = task.and_then(|task| manifest.stages.get(task.stage));
        let (Some(task), Some(stage)) = (task, stage) else {
            return Err(Error::usage(format!("`{}` has no task {index}", self.manifest.display())));
        };
        let claims = ClaimFile::create(&manifest.holders, Holder::current()?)?;
        let running = Running::new(Grace::default());
        let (over, watch) = (AtomicBool::new(false), Watch::new()?);
        let worker = Worker {
            sweep: &manifest.sweep,
            claims: &claims,
            running: &running,
            provenance: &provenance::of_machine(),
            oom_kills: &OomKills::read(),
        };
        let (attempted, interrupt) = std::thread::scope(|scope| {
            let watching = scope.spawn(|| watch.watch(&running, &claims, &over));
            let attempted = worker.attempt(stage, task);
            over.store(true, Ordering::Release);
            (attempted, watching.join().unwrap_or(None))
        });
        let code = conclude(attempted?)?;
        Ok(interrupt.map_or(code, |interrupt| ExitCode::from(interrupt.exit_code())))
    }
}

/// Publish the outcome, and say by the exit code whether the task has succeeded.
fn conclude(attempted: Attempted) -> Result<ExitCode> {
    match attempted {
        Attempted::Ended(ended) => {
            let publisher = Publisher::open(&ended.folder)?;
            publisher.flush()?;
            publisher.publish(&ended)?;
            publisher.flush()?;
            let succeeded = ended.outcome.verdict == Verdict::Succeeded;
            Ok(if succeeded { ExitCode::SUCCESS } else { Kind::TasksFailed.exit_code() })
        }
        Attempted::Done => Ok(ExitCode::SUCCESS),
        Attempted::Stopped => Ok(Kind::Interrupted.exit_code()),
        Attempted::Held(holder) => {
            Err(Error::new(Kind::Locked, format!("process {} on {} works on the task", holder.pid, holder.host)))
        }
        Attempted::Unreadable(path) => Err(Error::general(format!("the claim `{}` cannot be read", path.display()))),
        Attempted::Waiting(stage) => {
            Err(Error::new(Kind::Incomplete, format!("the results of stage `{stage}`, which it needs, are not there")))
        }
    }
}
