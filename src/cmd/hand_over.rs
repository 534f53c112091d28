//! `sweep submit` through Slurm: what stands, what is still to be done, handing it over.

use std::collections::BTreeMap;
use std::process::ExitCode;

use hashbrown::HashMap;
use nix::unistd::{Uid, User};

use super::collect::collect;
use super::current::{Current, base_folder};
use super::submit::{SubmitArgs, check_scores, declared_bytes};
use crate::attempt::Ledger;
use crate::id::TaskId;
use crate::launch::machine;
use crate::launch::prepared::Prepared;
use crate::launch::select::{BehindQueued, Selected};
use crate::launch::slurm::{Handed, Order, Planned, Settled, Slurm, Spot, Submitter, settle_all, settle_seconds};
use crate::launch::summary::{Summary, printable};
use crate::plan::{Revision, Standing, TaskIx, advance};
use crate::project::{Project, make_private_folder};
use crate::slurm::Profile;
use crate::slurm::answer::Config;
use crate::slurm::follow::{Closing, Place};
use crate::store::Store;
use crate::text::{plural, visible};
use crate::{Result, clock, provenance, ui};

/// A submission to Slurm.
pub struct HandOver<'a> {
    pub args: &'a SubmitArgs,
    pub profile: &'a Profile,
}

/// For how long a node's failures are held against it, in seconds.
const DAY: f64 = 86_400.0;

struct Lessons {
    /// As it is used.
    profile: Profile,
    /// Seconds that tasks took to save their state, by stage.
    saving: HashMap<String, f64>,
}

/// What is known when it is decided what to hand over.
struct Known {
    store: Store,
    current: Current,
    ledger: Ledger,
    config: Config,
    settled: Settled,
    summary: Summary,
}

impl HandOver<'_> {
    /// Settle what was submitted before, select, lay out, hand over.
    ///
    /// # Errors
    /// There is no plan, its code cannot be kept, the store or the runs folder cannot be written, or Slurm does not do
    /// what it is asked.
    pub fn run(&self, mut project: Project) -> Result<ExitCode> {
        if self.args.dry_run {
            return self.show(&project);
        }
        if let Some(runs) = &self.profile.runs {
            project.move_runs(runs)?;
        }
        let slurm = Slurm::here(self.profile.patience, &self.profile.pass);
        let mut known = self.find_out(&project, &slurm)?;
        self.withdraw_stale(&mut known, &slurm)?;
        if self.args.canary {
            check_scores(&mut known.store, &known.current, &known.ledger)?;
        }
        let selected = self.args.select(&known.current, known.ledger.clone(), BehindQueued::Take)?;
        if let Some(budget) = self.args.budget {
            budget.check(&known.current, &known.ledger, &selected)?;
        }
        known.summary = Summary { problems: std::mem::take(&mut known.summary.problems), ..Summary::of(&selected) };
        self.hand_over(&project, &slurm, known, &selected)
    }

    /// Bring the store up to date: the plan, what Slurm says, what task folders hold.
    fn find_out(&self, project: &Project, slurm: &Slurm) -> Result<Known> {
        let mut store = Store::open_for_writing(project, "submit")?;
        self.args.record_plan(&mut store)?;
        let current = self.args.which.load(&mut store)?;
        let config = slurm.config()?;
        make_private_folder(&project.tasks_folder())?;
        let settled = settle_all(&mut store, slurm, &me(), settle_seconds(self.profile, Some(&config)))?;
        settled.notes.iter().for_each(|note| ui::note(note));
        let ledger = store.ledger(&current.plan)?;
        let found = collect(&mut store, project, &current, &ledger)?;
        let ledger = store.ledger(&current.plan)?;
        let mut summary = Summary { problems: found.problems, ..Summary::default() };
        summary.problems.extend(found.unreadable.iter().map(ToString::to_string));
        Ok(Known { store, current, ledger, config, settled, summary })
    }

    /// Take elements out of the queue that wait for what will not come under that job: they are submitted anew, behind
    /// the new attempt of what they need.
    fn withdraw_stale(&self, known: &mut Known, slurm: &Slurm) -> Result<()> {
        let stale = stale_elements(&known.current, &known.ledger, &known.settled.places);
        if stale.is_empty() {
            return Ok(());
        }
        let in_queue = stale.iter().filter(|(_, is_in_queue)| **is_in_queue);
        let jobs: Vec<String> = in_queue.map(|((_, job, element), _)| format!("{job}_{element}")).collect();
        slurm.scancel(&jobs)?;
        for (token, _, element) in stale.keys() {
            known.store.record_closing(token, &[*element], Closing::Withdrawn)?;
        }
        known.settled.places.retain(|_, spot| !stale.contains_key(&(spot.token.clone(), spot.job, spot.element)));
        ui::note(&format!("took {} out of the queue: what they need is tried again", plural(stale.len(), "element")));
        known.ledger = known.store.ledger(&known.current.plan)?;
        Ok(())
    }

    fn hand_over(&self, project: &Project, slurm: &Slurm, known: Known, selected: &Selected) -> Result<ExitCode> {
        let Known { mut store, current, ledger, config, settled, mut summary } = known;
        let lessons = self.lessons(&mut store)?;
        let revision = Revision { sweep: &current.sweep, plan: &current.plan };
        let me = me();
        let user = std::env::var_os("USER").map(|user| user.to_string_lossy().into_owned());
        let most_jobs = user.filter(|_| !selected.tasks.is_empty()).and_then(|user| slurm.submit_limit(&user));
        let order = Order {
            revision,
            ledger: &ledger,
            selected,
            places: &settled.places,
            profile: &lessons.profile,
            config: &config,
            most_jobs,
            saving: &lessons.saving,
        };
        let planned = order.plan();
        machine::check_room(&project.tasks_folder(), declared_bytes(&current, selected))?;
        let base = base_folder(&current.sweep, project)?;
        let prepared = Prepared::new(revision, &selected.tasks, project, &base, &provenance::of_code(&base))?;
        let mut submitter = Submitter {
            store: &mut store,
            slurm,
            profile: &lessons.profile,
            config: &config,
            sweep: &current.sweep.name,
            prepared: &prepared,
            ids: selected.tasks.iter().map(|task| current.plan.tasks[task.0 as usize].id).collect(),
            me: &me,
        };
        if self.args.test_only {
            return tell(&submitter.test(&planned)?);
        }
        let handed = submitter.hand_over(&planned, &settled.held)?;
        let jobs = jobs_text(&current, &planned, &handed);
        summary.submitted = submitted(&planned, &handed);
        summary.left = selected.tasks.len() - summary.submitted + selected.later;
        ui::print_all(&(jobs + &summary.text()))?;
        match handed.stopped {
            Some(error) => Err(error),
            None if summary.has_failures() => Ok(crate::error::Kind::TasksFailed.exit_code()),
            None => Ok(ExitCode::SUCCESS),
        }
    }

    /// What earlier attempts teach about these.
    fn lessons(&self, store: &mut Store) -> Result<Lessons> {
        let least = self.profile.exclude_after;
        let failing = if least == 0 { Vec::new() } else { store.failing_nodes(least, clock::now() - DAY)? };
        if !failing.is_empty() {
            let names = visible(&failing.join(", "));
            ui::note(&format!("leaves out {names}: attempts failed with it, {least} or more within a day"));
        }
        Ok(Lessons { profile: self.profile.without_nodes(&failing), saving: store.saving_times()? })
    }

    /// The scripts that would be handed over; nothing is asked of Slurm.
    fn show(&self, project: &Project) -> Result<ExitCode> {
        let mut store = Store::open(project)?;
        let current = self.args.which.load(&mut store)?;
        let ledger = store.ledger(&current.plan)?;
        let mut places = HashMap::new();
        for submitted in store.open_submissions()? {
            let Some(job) = submitted.job else { continue };
            let place = Place::Unclear("nobody was asked".to_owned());
            places.extend(submitted.tasks.iter().map(|&(task, element)| {
                let (token, place) = (submitted.token.clone(), place.clone());
                (task, Spot { token, job, element, place, mine: submitted.owner == me() })
            }));
        }
        let selected = self.args.select(&current, ledger.clone(), BehindQueued::Take)?;
        let lessons = self.lessons(&mut store)?;
        let order = Order {
            revision: Revision { sweep: &current.sweep, plan: &current.plan },
            ledger: &ledger,
            selected: &selected,
            places: &places,
            profile: &lessons.profile,
            config: &Config::default(),
            most_jobs: None,
            saving: &lessons.saving,
        };
        let planned = order.plan();
        let summary = Summary { left: selected.tasks.len() + selected.later, ..Summary::of(&selected) };
        let scripts = crate::launch::slurm::show(project, &lessons.profile, &planned.layout);
        ui::print_all(&(scripts + "# " + &summary.headline() + "\n"))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// (token, job, element), and whether it is in the queue.
type Stale = BTreeMap<(String, u64, u32), bool>;

/// What waits for a task that is neither done nor in the queue, or was dropped by Slurm for that reason.
fn stale_elements(current: &Current, ledger: &Ledger, places: &HashMap<TaskId, Spot>) -> Stale {
    let Current { sweep, plan } = current;
    let actions = advance(sweep, plan, ledger);
    let will_come = |need: TaskIx| matches!(actions.of(need), Standing::Done | Standing::Queued | Standing::Running);
    let mut elements: BTreeMap<(String, u64, u32), (bool, bool)> = BTreeMap::new();
    for (index, task) in (0..).zip(&plan.tasks) {
        let Some(spot) = places.get(&task.id).filter(|spot| spot.mine) else { continue };
        let is_in_queue = match spot.place {
            Place::Waiting { .. } => true,
            Place::Absent => false,
            Place::Running { .. } | Place::Over(_) | Place::Dropped | Place::Unclear(_) => continue,
        };
        let waits_in_vain = plan.needs(sweep, TaskIx(index)).any(|(_, need)| !will_come(need));
        let key = (spot.token.clone(), spot.job, spot.element);
        elements.entry(key).or_insert((true, is_in_queue)).0 &= waits_in_vain;
    }
    let stale = elements.into_iter().filter(|(_, (all, _))| *all);
    stale.map(|(element, (_, is_in_queue))| (element, is_in_queue)).collect()
}

fn submitted(planned: &Planned, handed: &Handed) -> usize {
    let accepted = planned.layout.arrays.iter().take(handed.jobs.len());
    accepted.flat_map(|array| &array.elements).map(|element| element.items.len()).sum()
}

/// One line a job.
fn jobs_text(current: &Current, planned: &Planned, handed: &Handed) -> String {
    let line = |(array, job): (&crate::slurm::layout::Array, &u64)| {
        let tasks: usize = array.elements.iter().map(|element| element.items.len()).sum();
        let packed = match array.elements.len() {
            elements if elements == tasks => String::new(),
            elements => format!(" in {}", plural(elements, "element")),
        };
        let behind = if array.after.is_empty() { "" } else { ", behind what they need" };
        let stage = &current.sweep.stages[array.stage].name;
        format!("job {job}: {} of {stage}{packed}{behind}\n", plural(tasks, "task"))
    };
    planned.layout.arrays.iter().zip(&handed.jobs).map(line).collect()
}

fn tell(verdicts: &[std::result::Result<String, String>]) -> Result<ExitCode> {
    let line = |(number, verdict): (usize, &std::result::Result<String, String>)| match verdict {
        Ok(words) => format!("array {number}: {}\n", printable(words)),
        Err(words) => format!("array {number} would be refused: {}\n", printable(words)),
    };
    let text: String = (1..).zip(verdicts).map(line).collect();
    ui::print_all(if text.is_empty() { "nothing to submit\n" } else { &text })?;
    let all = verdicts.iter().all(std::result::Result::is_ok);
    Ok(if all { ExitCode::SUCCESS } else { crate::error::Kind::Usage.exit_code() })
}

/// The user, as Slurm knows it everywhere.
pub fn me() -> String {
    rustix::process::getuid().as_raw().to_string()
}

/// How people call the user of this number, `root`; the number where the system knows no name.
pub fn user_name(number: &str) -> String {
    let user = number.parse().ok().and_then(|uid| User::from_uid(Uid::from_raw(uid)).ok().flatten());
    user.map_or_else(|| format!("user {}", visible(number)), |user| format!("`{}`", visible(&user.name)))
}

/// This host, as profiles name it.
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
