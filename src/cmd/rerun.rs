//! Doing runs again, to compare: what `sweep audit --rerun` starts.

use std::path::{Path, PathBuf};
use std::time::Duration;

use runfile::{FailureReason, Verdict};
use serde_json::{Map, Value};

use super::current::{Current, base_folder};
use super::hand_over::{host_name, me};
use crate::attempt::Ledger;
use crate::collect::read_results;
use crate::launch::again::{Again, Original, forget_what_agrees};
use crate::launch::board::Board;
use crate::launch::guard::Guard;
use crate::launch::local::{Event, Local};
use crate::launch::machine;
use crate::launch::progress::Progress;
use crate::launch::signals::Interrupt;
use crate::launch::slurm::{Errand, Slurm};
use crate::plan::{Revision, RunIx, TaskIx};
use crate::project::{Project, make_private_folder};
use crate::rerun::{Share, changes, choose};
use crate::slurm::Profile;
use crate::slurm::profile::Target;
use crate::store::{Rerun, Store, Success};
use crate::text::plural;
use crate::worker::claim::{ClaimFile, Holder, holders_folder};
use crate::worker::{Ended, Grace, Running};
use crate::{Error, Result, provenance, settings, ui};

// Which runs are done again, and with what. (No doc comment: clap would take it for what the verb is about.)
#[derive(Debug, Clone, clap::Args)]
pub struct RerunArgs {
    /// Do runs again and compare: a number of runs, a share like `5%`, or `all`
    #[arg(long, value_name = "RUNS")]
    pub rerun: Option<Share>,
    /// Number that decides which runs `--rerun` chooses
    #[arg(long, value_name = "NUMBER", default_value_t = 1, requires = "rerun")]
    rerun_seed: u64,
    /// Do again what was done again before in the same environment
    #[arg(long, requires = "rerun")]
    again: bool,
    /// Profile by which Slurm runs them while this command waits [default: they run on this machine]
    #[arg(long, value_name = "PROFILE", requires = "rerun", conflicts_with_all = ["jobs", "gpus"])]
    to: Option<String>,
    /// Threads that jobs may use together [default: the number of cores]
    #[arg(long, short = 'j', value_name = "N", requires = "rerun", value_parser = clap::value_parser!(u32).range(1..))]
    jobs: Option<u32>,
    /// Devices that jobs may use together [default: all of this machine]
    #[arg(long, value_name = "N", requires = "rerun")]
    gpus: Option<u32>,
}

/// Seconds that a job has to end after it was asked to.
const GRACE: Duration = Duration::from_secs(10);
/// Runs that are named one by one.
const NAMED: usize = 10;

impl RerunArgs {
    /// Choose runs of the selection, do their tasks again and record what came of it. Returns the signal that ended it
    /// early, if one did; what had been done again by then is on record.
    ///
    /// # Errors
    /// No run can be done again, the code that one ran is gone, or the store or the disk refuses.
    pub fn execute(&self, share: Share, project: &Project, current: &Current) -> Result<Option<Interrupt>> {
        let mut store = Store::open_for_writing(project, "audit --rerun")?;
        let ledger = store.ledger(&current.plan)?;
        let runs = whole_runs(current, &ledger);
        if runs.is_empty() {
            let error = Error::usage("no run of the selection has succeeded whole, so there is nothing to do again");
            return Err(error.hint("`sweep status` says how far it is; `sweep submit` goes on"));
        }
        let ids: Vec<_> = runs.iter().map(|run| current.plan.runs[run.0 as usize]).collect();
        let chosen: Vec<RunIx> = choose(&ids, share, self.rerun_seed).into_iter().map(|index| runs[index]).collect();
        let drawn = format!("{} of {} that have succeeded whole", chosen.len(), plural(runs.len(), "run"));
        ui::note(&format!("rerun: {drawn}, drawn by seed {}: {}", self.rerun_seed, names(current, &chosen)));
        self.run_chosen(store, current, &chosen)
    }

    fn run_chosen(&self, mut store: Store, current: &Current, chosen: &[RunIx]) -> Result<Option<Interrupt>> {
        let (token, folder) = new_folder(&mut store)?;
        let project = store.project().clone();
        let target = match &self.to {
            Some(to) => settings::load(&project)?.choose(Some(to), &host_name())?,
            None => Target::Local,
        };
        // What a node of a cluster is like shows when something has run there.
        let machine = if target == Target::Local { provenance::of_machine() } else { Map::new() };
        let place = Place { folder: &folder, base: &base_folder(&current.sweep, &project)?, project: &project };
        let left = if self.again { chosen.to_vec() } else { place.unknown(&mut store, current, (chosen, &machine))? };
        if left.len() < chosen.len() {
            let known = plural(chosen.len() - left.len(), "run");
            ui::note(&format!("{known} had been done again in this environment before; `--again` repeats that"));
        }
        if left.is_empty() {
            return Ok(None);
        }
        let originals = originals(&mut store, current, &left)?;
        let again = place.again(current, &originals)?;
        let session = Session::new(store, current, &originals, token);
        match target {
            Target::Local => self.launch(session, &again, &folder),
            Target::Slurm(profile) => hand_over(session, &again, &folder, &profile),
        }
    }

    fn launch(&self, mut session: Session<'_>, again: &Again<'_>, folder: &Path) -> Result<Option<Interrupt>> {
        make_private_folder(folder)?;
        let slots = machine::slots(self.jobs, self.gpus)?;
        let items = again.items();
        if let Some(item) = items.iter().find(|item| item.gpus as usize > slots.gpus.len()) {
            let message = format!("a task needs {} devices, this machine has {}", item.gpus, slots.gpus.len());
            return Err(Error::usage(message).hint("run the same command on a machine that has them"));
        }
        machine::check_room(folder, 0)?;
        let claims = ClaimFile::create(&holders_folder(folder), Holder::current()?)?;
        let guard = Guard::start(&claims.token())?;
        let running = Running::new(Grace(GRACE));
        let local = Local {
            sweep: &session.current.sweep.name,
            tasks: again,
            hands_out_gpus: !slots.gpus.is_empty(),
            retries: FailureReason::retry_makes_sense,
            jobs: usize::try_from(slots.threads).unwrap_or(usize::MAX).min(items.len()),
            folder: folder.to_owned(),
            claims: &claims,
            running: &running,
            provenance: &provenance::of_machine(),
        };
        let result = local.run(Board::new(items, slots), |events| session.take(events));
        guard.dismiss();
        session.conclude(result)
    }
}

/// Have Slurm run the tasks, and wait.
fn hand_over(
    mut session: Session<'_>,
    again: &Again<'_>,
    folder: &Path,
    profile: &Profile,
) -> Result<Option<Interrupt>> {
    make_private_folder(folder)?;
    machine::check_room(folder, 0)?;
    let slurm = Slurm::here(profile.patience, &profile.pass);
    let config = slurm.config()?;
    let (current, project) = (session.current, session.store.project().clone());
    let claims = ClaimFile::create(&holders_folder(folder), Holder::current()?)?;
    let lock = session.store.duplicate_lock()?;
    let errand = Errand {
        slurm: &slurm,
        profile,
        config: &config,
        sweep: &current.sweep.name,
        project: &project,
        tasks: again,
        items: &again.items_of_slurm(profile.time_seconds),
        folder: &folder.with_file_name("submissions"),
        claims: &claims,
        me: &me(),
    };
    let result = errand.run(&lock, |events| session.take(events));
    session.conclude(result)
}

/// Where runs are done again, and where the code is that they ran.
struct Place<'a> {
    /// Parent of the task folders of this rerun.
    folder: &'a Path,
    /// Folder of the sweep file.
    base: &'a Path,
    project: &'a Project,
}

impl<'a> Place<'a> {
    fn again<'b>(&self, current: &'b Current, originals: &'b [Original]) -> Result<Again<'b>>
    where
        'a: 'b,
    {
        let revision = Revision { sweep: &current.sweep, plan: &current.plan };
        Again::new(revision, originals, self.folder, self.project, self.base)
    }

    /// Those of `runs` with a task that no rerun has repeated on a machine with these facts, as far as they are known.
    fn unknown(
        &self,
        store: &mut Store,
        current: &Current,
        (runs, machine): (&[RunIx], &Map<String, Value>),
    ) -> Result<Vec<RunIx>> {
        let originals = originals(store, current, runs)?;
        let again = self.again(current, &originals)?;
        let repeats = store.repeats(&current.plan)?;
        let is_unknown = |(position, original): (usize, &Original)| {
            let now = again.expected(position, machine);
            let task = current.plan.tasks[original.task.0 as usize].id;
            let known = repeats.iter().any(|repeat| {
                (repeat.task, repeat.attempt) == (task, original.attempt)
                    && repeat.verdict == Verdict::Succeeded
                    && changes(&repeat.again.provenance, &now).is_empty()
            });
            (!known).then_some(original.task)
        };
        let unknown: Vec<TaskIx> = originals.iter().enumerate().filter_map(is_unknown).collect();
        let is_left = |run: &RunIx| tasks_of(current, &[*run]).iter().any(|task| unknown.binary_search(task).is_ok());
        Ok(runs.iter().copied().filter(is_left).collect())
    }
}

/// The runs of which every task has succeeded.
fn whole_runs(current: &Current, ledger: &Ledger) -> Vec<RunIx> {
    let Current { sweep, plan } = current;
    let is_whole = |run: &RunIx| {
        let mut tasks = (0..sweep.stages.len()).filter_map(|stage| plan.task_of(*run, stage)).peekable();
        tasks.peek().is_some() && tasks.all(|task| ledger.has_succeeded(&plan.tasks[task.0 as usize].id))
    };
    plan.run_indices().filter(is_whole).collect()
}

/// The tasks of `runs`, each once, upstream first.
fn tasks_of(current: &Current, runs: &[RunIx]) -> Vec<TaskIx> {
    let stages = 0..current.sweep.stages.len();
    let mut tasks: Vec<TaskIx> =
        runs.iter().flat_map(|run| stages.clone().filter_map(|stage| current.plan.task_of(*run, stage))).collect();
    tasks.sort_unstable();
    tasks.dedup();
    tasks
}

/// What the tasks of `runs` left when they succeeded.
fn originals(store: &mut Store, current: &Current, runs: &[RunIx]) -> Result<Vec<Original>> {
    let mut originals = Vec::new();
    for task in tasks_of(current, runs) {
        let id = current.plan.tasks[task.0 as usize].id;
        let Success { attempt, left, .. } = store
            .success(&id)?
            .ok_or_else(|| Error::general(format!("the store has no success of task {}", id.short(8))))?;
        originals.push(Original { task, attempt, left });
    }
    Ok(originals)
}

/// A folder that no rerun had, and its name.
fn new_folder(store: &mut Store) -> Result<(String, PathBuf)> {
    let reruns = store.project().reruns_folder();
    let first = store.next_rerun()?;
    let number = (first..).find(|number| !reruns.join(number.to_string()).exists()).unwrap_or(first);
    Ok((number.to_string(), reruns.join(number.to_string()).join("tasks")))
}

fn names(current: &Current, runs: &[RunIx]) -> String {
    let mut names: Vec<String> =
        runs.iter().take(NAMED).map(|run| current.plan.run_name(&current.sweep, *run)).collect();
    if runs.len() > NAMED {
        names.push(format!("and {} more", runs.len() - NAMED));
    }
    names.join("; ")
}

/// A rerun on its way.
struct Session<'a> {
    store: Store,
    current: &'a Current,
    originals: &'a [Original],
    token: String,
    progress: Progress,
    ended: Vec<(usize, Ended)>,
    failed: usize,
    blocked: usize,
}

impl<'a> Session<'a> {
    fn new(store: Store, current: &'a Current, originals: &'a [Original], token: String) -> Self {
        let progress = Progress::new(originals.len());
        Self { store, current, originals, token, progress, ended: Vec::new(), failed: 0, blocked: 0 }
    }

    fn take(&mut self, events: Vec<Event>) -> Result<()> {
        for event in events {
            match event {
                Event::Started(_) => self.progress.start(),
                Event::Ended { task, ended, retried } => self.end(task, ended, retried)?,
                Event::Done(_) => self.progress.end(false),
                Event::Held(task, holder) => {
                    let who = format!("process {} on {}", holder.pid, holder.host);
                    self.give_up(task, &format!("{who} works on it"));
                }
                Event::Unusable(task, error) => self.give_up(task, &error.to_string()),
                Event::Blocked(tasks) => {
                    self.progress.skip(tasks.len());
                    self.blocked += tasks.len();
                }
            }
        }
        self.progress.show();
        Ok(())
    }

    fn end(&mut self, task: usize, ended: Ended, retried: bool) -> Result<()> {
        self.progress.end(retried);
        if retried || ended.outcome.verdict == Verdict::Cancelled {
            return Ok(());
        }
        let (stage, id) = self.what(task);
        if let Some(reason) = ended.outcome.reason {
            self.failed += 1;
            self.progress.fail(&format!("failed when done again ({reason}): {stage}: {}", ended.outcome.message));
        }
        let collected = read_results(&stage, id, ended.clone());
        let (token, attempt) = (self.token.clone(), self.originals[task].attempt);
        let rerun = Rerun { token, attempt, outcome: collected.outcome, scores: collected.scores };
        self.store.record_rerun(rerun)?;
        self.ended.push((task, ended));
        Ok(())
    }

    fn give_up(&mut self, task: usize, why: &str) {
        self.progress.end(false);
        self.failed += 1;
        self.progress.fail(&format!("not done again: {}: {why}", self.what(task).0));
    }

    fn what(&self, task: usize) -> (String, crate::id::TaskId) {
        let Current { sweep, plan } = self.current;
        let task = plan.tasks[self.originals[task].task.0 as usize];
        (sweep.stages[usize::from(task.stage)].name.clone(), task.id)
    }

    fn conclude(self, result: Result<Option<Interrupt>>) -> Result<Option<Interrupt>> {
        self.progress.finish();
        // Only now: until here others of the rerun needed the files.
        for (task, ended) in &self.ended {
            forget_what_agrees(ended, &self.originals[*task].left).map_err(|error| {
                let folder = ended.results();
                Error::general(format!("cannot delete in `{}`: {error}", folder.display()))
            })?;
        }
        let interrupt = result?;
        let done = plural(self.ended.len() - self.failed.min(self.ended.len()), "task");
        ui::note(&format!("{done} done again, {} failed, {} blocked by those", self.failed, self.blocked));
        if interrupt.is_some() {
            ui::note("interrupted: the same command goes on with the runs that are left");
        }
        Ok(interrupt)
    }
}
