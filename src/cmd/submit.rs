//! `sweep submit`: runs what the plan still wants.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use runfile::{FailureReason, Verdict};

use super::budget::{self, Budget};
use super::collect::{collect, problems};
use super::current::{Current, Which, base_folder, target};
use super::hand_over::HandOver;
use crate::attempt::Ledger;
use crate::collect::{CollectedTask, read_results, read_task};
use crate::error::Kind;
use crate::grid::StageKind;
use crate::launch::board::Board;
use crate::launch::brake::{Brake, brakes};
use crate::launch::canary::{Canary, canary};
use crate::launch::guard::Guard;
use crate::launch::local::{Event, Local};
use crate::launch::machine;
use crate::launch::prepared::Prepared;
use crate::launch::progress::Progress;
use crate::launch::select::{BehindQueued, Selected, select};
use crate::launch::signals::Interrupt;
use crate::launch::summary::{Failure, Summary};
use crate::plan::{self, Revision, TaskIx, advance};
use crate::project::{Created, Project};
use crate::slurm::profile::Target;
use crate::store::Store;
use crate::worker::claim::{ClaimFile, Holder, holders_folder};
use crate::worker::{Ended, Grace, Running};
use crate::{Error, Result, clock, grid, provenance, ui};

#[derive(Debug, Args)]
pub struct SubmitArgs {
    #[command(flatten)]
    pub(super) which: Which,
    /// Profile that says how to submit: one of the configuration's, `slurm` for a cluster's own defaults, or `local`
    #[arg(long, visible_alias = "profile", value_name = "NAME")]
    pub(super) to: Option<String>,
    /// Threads that jobs may use together [default: the number of cores]
    #[arg(long, short = 'j', value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    jobs: Option<u32>,
    /// Devices that jobs may use together [default: all of this machine]
    #[arg(long, value_name = "N")]
    gpus: Option<u32>,
    /// Show what would be started and start nothing
    #[arg(long, short = 'n')]
    pub(super) dry_run: bool,
    /// Ask Slurm for its verdict on what would be submitted and submit nothing
    #[arg(long, conflicts_with = "dry_run")]
    pub(super) test_only: bool,
    /// Refuse to submit what would take more, like `500gpuh`
    #[arg(long, value_name = "HOURS", value_parser = budget::parse)]
    pub(super) budget: Option<Budget>,
    /// Start one task of each stage, and the rest only when these have succeeded: the same command goes on
    #[arg(long)]
    pub(super) canary: bool,
    /// Try failed tasks again, whatever the reason
    #[arg(long)]
    pub(super) retry_failed: bool,
    /// Take back cancellations
    #[arg(skip)]
    pub(super) retry_cancelled: bool,
    /// Seconds that a job has to end after it was asked to
    #[arg(long, value_name = "SECONDS", default_value_t = GRACE)]
    grace: u64,
}

/// Seconds.
const GRACE: u64 = 10;

impl SubmitArgs {
    /// Submit what is to be done.
    pub(super) fn once_more(which: Which, to: Option<String>) -> Self {
        let (jobs, gpus, grace) = (None, None, GRACE);
        let (dry_run, test_only, canary, retry_failed, retry_cancelled) = (false, false, false, false, false);
        let budget = None;
        Self { which, to, jobs, gpus, dry_run, test_only, budget, canary, retry_failed, retry_cancelled, grace }
    }

    /// Submit again what has failed or was cancelled.
    pub(super) fn again(which: Which, to: Option<String>, dry_run: bool) -> Self {
        Self { dry_run, retry_failed: true, retry_cancelled: true, ..Self::once_more(which, to) }
    }

    /// Select, freeze, run, store.
    ///
    /// # Errors
    /// There is no plan, its code cannot be frozen, or the store or the task folders cannot be written.
    pub fn run(self) -> Result<ExitCode> {
        let project = self.project()?;
        let target = target(&project, &self.which, self.to.as_deref())?;
        if let Target::Slurm(profile) = target {
            return HandOver { args: &self, profile: &profile }.run(project);
        }
        if self.test_only {
            return Err(Error::usage("`--test-only` asks Slurm, and this would run on this machine")
                .hint("name a profile by `--to`"));
        }
        if self.dry_run {
            return self.show(&project);
        }
        let mut store = Store::open_for_writing(&project, "submit")?;
        self.record_plan(&mut store)?;
        let current = self.which.load(&mut store)?;
        let mut ledger = store.ledger(&current.plan)?;
        // What an earlier submission could not store, because it was killed.
        let found = collect(&mut store, &project, &current, &ledger)?;
        if found.ingested.attempts > 0 {
            ledger = store.ledger(&current.plan)?;
        }
        if self.canary {
            check_scores(&mut store, &current, &ledger)?;
        }
        let selected = self.select(&current, ledger.clone(), BehindQueued::Leave)?;
        if let Some(budget) = self.budget {
            budget.check(&current, &ledger, &selected)?;
        }
        let mut submission = Submission::new(store, &current, &selected);
        submission.summary.problems.extend(found.problems);
        submission.summary.unusable.extend(found.unreadable.iter().map(ToString::to_string));
        let interrupt = if selected.tasks.is_empty() { None } else { self.launch(&project, &mut submission)? };
        submission.conclude(interrupt)
    }

    /// A file given on the command line may be the first thing that happens in a project.
    fn project(&self) -> Result<Project> {
        let here = Path::new(".");
        if self.which.file().is_none() || self.dry_run {
            return Project::require(here);
        }
        let (project, created) = Project::find_or_create(here)?;
        if created == Created::New {
            ui::note(&format!("made a project in `{}`", project.root().display()));
        }
        Ok(project)
    }

    /// A file given on the command line is planned first, all of it.
    pub(super) fn record_plan(&self, store: &mut Store) -> Result<()> {
        let Some(path) = self.which.file() else { return Ok(()) };
        let sweep = grid::load(path)?;
        let whole = plan::Selection::default();
        store.record_plan(&sweep, &plan::build(&sweep, &whole)?)
    }

    /// What is to be started now.
    ///
    /// # Errors
    /// The canary has failed, or a stage fails so often that more of it would be wasted.
    pub(super) fn select(&self, current: &Current, mut ledger: Ledger, behind: BehindQueued) -> Result<Selected> {
        if self.retry_cancelled {
            ledger.forgive_cancellations();
        }
        if self.retry_failed {
            ledger.forgive_failures();
        }
        let Current { sweep, plan } = current;
        let actions = advance(sweep, plan, &ledger);
        let mut selected = select((sweep, plan), &actions, &ledger, behind);
        if self.canary {
            match canary(sweep, plan, &actions) {
                Canary::Flies(chosen) => selected.keep(&chosen),
                Canary::Fell(task) => return Err(fell(current, task)),
                Canary::Landed => {}
            }
        }
        let stage_of = |task: &TaskIx| usize::from(plan.tasks[task.0 as usize].stage);
        let goes_on = |brake: &Brake| selected.tasks.iter().any(|task| stage_of(task) == brake.stage);
        match brakes(sweep, plan, &actions).into_iter().find(goes_on) {
            Some(brake) => Err(braked(current, brake)),
            None => Ok(selected),
        }
    }

    fn show(&self, project: &Project) -> Result<ExitCode> {
        let mut store = Store::open(project)?;
        let current = self.which.load(&mut store)?;
        let ledger = store.ledger(&current.plan)?;
        let selected = self.select(&current, ledger, BehindQueued::Leave)?;
        let summary = Summary { left: selected.tasks.len() + selected.later, ..Summary::of(&selected) };
        let mut text = String::new();
        for &task in &selected.tasks {
            let (stage, params) = describe(&current, task);
            text += &format!("{stage} {} {params}\n", current.plan.tasks[task.0 as usize].id.short(8));
        }
        ui::print_all(&(text + &summary.headline() + "\n"))?;
        Ok(ExitCode::SUCCESS)
    }

    /// Run the selected tasks here.
    fn launch(&self, project: &Project, submission: &mut Submission<'_>) -> Result<Option<Interrupt>> {
        let Submission { current, selected, .. } = *submission;
        let tasks = project.tasks_folder();
        crate::project::make_private_folder(&tasks)?;
        let slots = machine::slots(self.jobs, self.gpus)?;
        check_devices(current, selected, slots.gpus.len())?;
        machine::check_room(&tasks, declared_bytes(current, selected))?;
        let base = base_folder(&current.sweep, project)?;
        let code = provenance::of_code(&base);
        let revision = Revision { sweep: &current.sweep, plan: &current.plan };
        let prepared = Prepared::new(revision, &selected.tasks, project, &base, &code)?;
        let claims = ClaimFile::create(&holders_folder(&tasks), Holder::current()?)?;
        let guard = Guard::start(&claims.token())?;
        let running = Running::new(Grace(Duration::from_secs(self.grace)));
        let local = Local {
            sweep: &current.sweep.name,
            tasks: &prepared,
            hands_out_gpus: !slots.gpus.is_empty(),
            retries: FailureReason::retry_makes_sense,
            jobs: usize::try_from(slots.threads).unwrap_or(usize::MAX).min(selected.tasks.len()),
            folder: tasks,
            claims: &claims,
            running: &running,
            provenance: &provenance::of_machine(),
        };
        let result = local.run(Board::new(selected.items.clone(), slots), |events| submission.take(events));
        guard.dismiss();
        submission.progress.finish();
        result
    }
}

/// A submission on its way: what is known of it, and what the store is still to be told.
struct Submission<'a> {
    store: Store,
    current: &'a Current,
    selected: &'a Selected,
    pending: Vec<CollectedTask>,
    /// When the store was last told something.
    stored: Duration,
    summary: Summary,
    progress: Progress,
}

/// The store is told of so many attempts at once, or of fewer after a while.
const GROUP: usize = 1000;
const WHILE: Duration = Duration::from_secs(1);

impl<'a> Submission<'a> {
    fn new(store: Store, current: &'a Current, selected: &'a Selected) -> Self {
        Self {
            store,
            current,
            selected,
            pending: Vec::new(),
            stored: clock::monotonic(),
            summary: Summary::of(selected),
            progress: Progress::new(selected.tasks.len()),
        }
    }

    /// Take note of what has happened.
    fn take(&mut self, events: Vec<Event>) -> Result<()> {
        for event in events {
            self.take_one(event);
        }
        self.progress.show();
        let waited = clock::monotonic().saturating_sub(self.stored);
        if self.pending.len() >= GROUP || !self.pending.is_empty() && waited >= WHILE { self.store() } else { Ok(()) }
    }

    fn take_one(&mut self, event: Event) {
        match event {
            Event::Started(_) => self.progress.start(),
            Event::Ended { task, ended, retried } => self.end(task, ended, retried),
            Event::Done(task) => self.find(task),
            Event::Held(task, holder) => {
                self.progress.end(false);
                let line = format!("{}: process {} on {}", self.name(task), holder.pid, holder.host);
                self.summary.held.push(line);
            }
            Event::Unusable(task, error) => {
                self.progress.end(false);
                let line = format!("{}: {error}", self.name(task));
                self.progress.fail(&line);
                self.summary.unusable.push(line);
            }
            Event::Blocked(tasks) => {
                self.progress.skip(tasks.len());
                self.summary.blocked += tasks.len();
            }
        }
    }

    fn end(&mut self, task: usize, ended: Ended, retried: bool) {
        self.progress.end(retried);
        let here = self.selected.tasks[task];
        let (stage, params) = describe(self.current, here);
        let (verdict, reason) = (ended.outcome.verdict, ended.outcome.reason);
        match (verdict, reason) {
            (Verdict::Succeeded, _) => self.summary.succeeded += 1,
            (Verdict::Failed, Some(reason)) if !retried => {
                let message = ended.outcome.message.clone();
                self.progress.fail(&format!("failed ({reason}): {stage} {params}: {message}"));
                let folder = ended.attempt_folder();
                self.summary.failed.push(Failure { stage: stage.clone(), params, reason, message, folder });
            }
            (Verdict::Failed, _) => self.summary.retried += 1,
            // It counts among those that are left.
            (Verdict::Cancelled, _) => {}
        }
        let collected = read_results(&stage, self.current.plan.tasks[here.0 as usize].id, ended);
        // What decided the verdict has been told with it.
        let told = |problem: &crate::collect::Problem| collected.outcome.message.ends_with(&problem.message);
        if !collected.problems.iter().all(told) {
            self.summary.problems.extend(problems(&collected));
        }
        self.pending.push(collected);
    }

    /// Somebody else has brought the task to its end meanwhile.
    fn find(&mut self, task: usize) {
        self.progress.end(false);
        self.summary.before += 1;
        let id = self.current.plan.tasks[self.selected.tasks[task].0 as usize].id;
        let (stage, _) = describe(self.current, self.selected.tasks[task]);
        match read_task(&stage, id, &self.store.project().task_folder(&id), 0) {
            Ok(collected) => self.pending.extend(collected),
            Err(error) => self.summary.problems.push(error.to_string()),
        }
    }

    fn name(&self, task: usize) -> String {
        let (stage, params) = describe(self.current, self.selected.tasks[task]);
        format!("{stage} {params}")
    }

    fn store(&mut self) -> Result<()> {
        let ingested = self.store.record_results(&self.pending)?;
        for refused in ingested.refused {
            let (task, attempt) = (refused.task.short(8), refused.attempt);
            self.summary.problems.push(format!("attempt {attempt} of task {task} is not taken: {}", refused.reason));
        }
        self.pending.clear();
        self.stored = clock::monotonic();
        Ok(())
    }

    fn conclude(mut self, interrupt: Option<Interrupt>) -> Result<ExitCode> {
        if !self.pending.is_empty() {
            self.store()?;
        }
        let settled = self.summary.succeeded
            + self.summary.failed.len()
            + self.summary.unusable.len()
            + self.summary.held.len()
            + (self.summary.before - self.selected.done)
            + (self.summary.blocked - self.selected.blocked);
        self.summary.left = self.selected.tasks.len().saturating_sub(settled) + self.selected.later;
        ui::print_all(&self.summary.text())?;
        Ok(match interrupt {
            Some(interrupt) => ExitCode::from(interrupt.exit_code()),
            None if self.summary.has_failures() => Kind::TasksFailed.exit_code(),
            None if !self.summary.is_complete() => Kind::Incomplete.exit_code(),
            None => ExitCode::SUCCESS,
        })
    }
}

impl Summary {
    /// What is known before anything is started.
    pub(super) fn of(selected: &Selected) -> Self {
        Self {
            before: selected.done,
            failed_before: selected.failed.len(),
            blocked: selected.blocked,
            cancelled: selected.cancelled,
            queued: selected.queued,
            ..Self::default()
        }
    }
}

/// A canary that sings nothing is no better than one that fell.
///
/// # Errors
/// Measures have succeeded, and there is no score.
pub(super) fn check_scores(store: &mut Store, current: &Current, ledger: &Ledger) -> Result<()> {
    let Current { sweep, plan } = current;
    let is_measured = |task: &plan::Task| {
        sweep.stages[usize::from(task.stage)].kind == StageKind::Measure && ledger.has_succeeded(&task.id)
    };
    if !plan.tasks.iter().any(is_measured) || !store.observations(plan)?.is_empty() {
        return Ok(());
    }
    let message = "the canary has succeeded and left no score that can be read, so nothing else is started";
    Err(Error::new(Kind::TasksFailed, message)
        .hint("a measure writes `scores.json`; `sweep collect` says what is wrong with it"))
}

fn fell(current: &Current, task: TaskIx) -> Error {
    let (stage, params) = describe(current, task);
    let message = format!("the canary did not succeed, so nothing else is started: {stage} {params}");
    Error::new(Kind::TasksFailed, message)
        .hint("`sweep logs` shows why; `sweep retry` tries it again, without `--canary` the rest goes regardless")
}

fn braked(current: &Current, brake: Brake) -> Error {
    let Brake { stage, reason, failed, ended } = brake;
    let stage = &current.sweep.stages[stage].name;
    let message =
        format!("{failed} of the {ended} tasks of `{stage}` that have ended failed ({reason}): no more is started");
    Error::new(Kind::TasksFailed, message)
        .hint("mend the cause, which `sweep logs` shows; then `sweep retry` tries again what failed, and goes on")
}

/// (stage, `name=value name=value`) of a task.
pub(super) fn describe(current: &Current, task: TaskIx) -> (String, String) {
    let Current { sweep, plan } = current;
    let stage = &sweep.stages[usize::from(plan.tasks[task.0 as usize].stage)].name;
    let params: Vec<String> =
        plan.params(sweep, task).map(|(name, value)| format!("{name}={}", value.to_string().escape_debug())).collect();
    (stage.clone(), params.join(" "))
}

/// Every task must fit on this machine.
fn check_devices(current: &Current, selected: &Selected, devices: usize) -> Result<()> {
    let too_many = selected.tasks.iter().zip(&selected.items).find(|(_, item)| item.gpus as usize > devices);
    too_many.map_or(Ok(()), |(&task, item)| {
        let (stage, params) = describe(current, task);
        let message = format!("stage `{stage}` needs {} devices for {params}, this machine has {devices}", item.gpus);
        Err(Error::usage(message).hint("`--where` selects cells that fit, `--gpus` says how many devices there are"))
    })
}

/// The most that one of the tasks says that it needs on disk.
pub(super) fn declared_bytes(current: &Current, selected: &Selected) -> u64 {
    let needs = |&task: &TaskIx| {
        let Current { sweep, plan } = current;
        let stage = &sweep.stages[usize::from(plan.tasks[task.0 as usize].stage)];
        let resources = plan.resources(sweep, task);
        let states = u64::from(stage.checkpoints.keep_last);
        resources
            .checkpoint_bytes
            .unwrap_or(0)
            .saturating_mul(states)
            .saturating_add(resources.result_bytes.unwrap_or(0))
    };
    selected.tasks.iter().map(needs).max().unwrap_or(0)
}
