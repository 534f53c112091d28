//! What Slurm says of the tasks that it has in hand, for the verbs that show it.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::Duration;

use hashbrown::HashMap;
use serde_json::{Value, json};

use super::current::Current;
use super::hand_over::me;
use crate::error::Kind;
use crate::id::TaskId;
use crate::launch::slurm::{Settled, Slurm, ask_sparingly, settle, settle_seconds};
use crate::plan::{Actions, Standing, TaskIx};
use crate::slurm::Profile;
use crate::slurm::follow::{Answer, Answers, Followed, Place, follow};
use crate::slurm::state::reason_in_words;
use crate::store::Store;
use crate::text::{plural, visible};
use crate::{Result, ui};

/// Seconds that somebody who looks at a screen waits.
const PATIENCE: u64 = 30;
/// Programs that ask again and again get what Slurm said so long ago at most.
const UNATTENDED: Duration = Duration::from_secs(30);

/// How old Slurm's word may be: a person's question is put to it, a program's is answered from memory if it can be.
pub fn oldest_word(fresh: bool) -> Duration {
    if fresh || std::io::stdout().is_terminal() { Duration::ZERO } else { UNATTENDED }
}

/// The tasks of a plan that Slurm has.
#[derive(Debug, Default)]
pub struct Queue {
    pub spots: Vec<Spot>,
    /// Why Slurm does not say everything, if it does not.
    pub silence: Option<String>,
    /// Tasks that no sweep's latest plan has any more.
    orphans: usize,
    /// Tasks that `sweep submit` would hand over.
    ready: usize,
    /// Whether any submission is open.
    any: bool,
}

/// Where one task is.
#[derive(Debug)]
pub struct Spot {
    pub task: TaskId,
    /// `None` where Slurm has not said which job it is.
    pub job: Option<u64>,
    pub element: u32,
    pub place: Place,
}

impl Queue {
    /// Ask Slurm, if it has anything in hand and its word is older than `oldest`, and mark in `actions` what runs.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn look(store: &mut Store, current: &Current, actions: &mut Actions, oldest: Duration) -> Result<Self> {
        let open = store.open_submissions()?;
        let mut queue = Self { any: !open.is_empty(), ..Self::default() };
        if queue.any {
            let project = store.project().clone();
            match ask_sparingly(&Slurm::here(Some(PATIENCE), &[]), &open, &me(), (&project, oldest)) {
                Ok(answers) => {
                    queue.silence = answers.silence().map(str::to_owned);
                    follow(&open, &answers).iter().for_each(|followed| queue.add(followed));
                }
                // On a machine without Slurm the rest is still worth showing.
                Err(error) => queue.silence = Some(error.to_string()),
            }
        }
        queue.compare(store, current, actions)
    }

    /// As [`Queue::look`], from what was settled a moment ago.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn of(settled: Settled, store: &mut Store, current: &Current, actions: &mut Actions) -> Result<Self> {
        let spot = |(task, spot): (TaskId, crate::launch::slurm::Spot)| Spot {
            task,
            job: Some(spot.job),
            element: spot.element,
            place: spot.place,
        };
        let any = !settled.places.is_empty() || !settled.unclear.is_empty();
        let spots = settled.places.into_iter().map(spot).collect();
        Self { any, spots, silence: settled.silence, ..Self::default() }.compare(store, current, actions)
    }

    /// Mark in `actions` what runs; count what is missing in the queue, and what is too much in it.
    fn compare(mut self, store: &mut Store, current: &Current, actions: &mut Actions) -> Result<Self> {
        let queue = &mut self;
        let runs: hashbrown::HashSet<TaskId> = queue
            .spots
            .iter()
            .filter(|spot| matches!(spot.place, Place::Running { .. }))
            .map(|spot| spot.task)
            .collect();
        for (index, task) in (0..).zip(&current.plan.tasks) {
            let TaskIx(at) = TaskIx(index);
            let standing = &mut actions.standings[at as usize];
            match *standing {
                Standing::Queued if runs.contains(&task.id) => *standing = Standing::Running,
                Standing::New | Standing::Retry { .. } | Standing::Waiting { .. } => queue.ready += 1,
                _ => {}
            }
        }
        let planned: hashbrown::HashSet<TaskId> = current.plan.tasks.iter().map(|task| task.id).collect();
        let (spots, elsewhere) =
            std::mem::take(&mut queue.spots).into_iter().partition(|spot| planned.contains(&spot.task));
        queue.spots = spots;
        queue.orphans = count_orphans(store, &elsewhere)?;
        Ok(self)
    }

    fn add(&mut self, followed: &Followed<'_>) {
        let spot = |&(task, element): &(TaskId, u32)| {
            let place = followed.places.get(&element)?.clone();
            Some(Spot { task, job: followed.job, element, place })
        };
        self.spots.extend(followed.submitted.tasks.iter().filter_map(spot));
    }

    /// Counts by what Slurm says, and what is to be done.
    pub fn text(&self) -> String {
        let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
        for spot in &self.spots {
            *reasons.entry(in_words(&spot.place)).or_default() += 1;
        }
        let mut reasons: Vec<(String, usize)> = reasons.into_iter().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let mut text: String =
            reasons.iter().map(|(reason, count)| format!("at Slurm: {}: {reason}\n", plural(*count, "task"))).collect();
        if let Some(why) = &self.silence {
            text += &format!("Slurm does not say everything: {}\n", visible(why));
        }
        if self.orphans > 0 {
            let orphans = plural(self.orphans, "task");
            text += &format!("{orphans} at Slurm that no plan has any more: `sweep cancel --orphans` cancels them\n");
        }
        if self.any && self.ready > 0 {
            text += &format!("{} not at Slurm: `sweep submit` hands them over\n", plural(self.ready, "task"));
        }
        text
    }

    /// One object a task.
    pub fn json(&self) -> Value {
        let spot = |spot: &Spot| {
            let (state, reason) = match &spot.place {
                Place::Waiting { reason } => ("waiting", reason.clone()),
                Place::Running { nodes, .. } => ("running", nodes.clone()),
                Place::Over(end) => ("over", end.state.to_string()),
                Place::Dropped => ("dropped", String::new()),
                Place::Absent => ("absent", String::new()),
                Place::Unclear(why) => ("unclear", why.clone()),
            };
            json!({
                "task": spot.task.to_string(), "job": spot.job, "element": spot.element, "state": state,
                "reason": reason, "in_words": in_words(&spot.place),
            })
        };
        let tasks: Vec<Value> = self.spots.iter().map(spot).collect();
        json!({ "tasks": tasks, "orphans": self.orphans, "silence": self.silence })
    }
}

/// How many of these are of no plan at all; another sweep's are none of this one's business.
fn count_orphans(store: &mut Store, spots: &[Spot]) -> Result<usize> {
    if spots.is_empty() {
        return Ok(0);
    }
    let planned = store.planned_tasks()?;
    Ok(spots.iter().filter(|spot| !planned.contains(&spot.task)).count())
}

/// What Slurm says of every task that it has in hand, in plain words.
///
/// # Errors
/// The store cannot be read. That Slurm does not answer is what is said then.
pub fn places_in_words(store: &mut Store) -> Result<HashMap<TaskId, String>> {
    let open = store.open_submissions()?;
    if open.is_empty() {
        return Ok(HashMap::new());
    }
    let project = store.project().clone();
    let slurm = Slurm::here(Some(PATIENCE), &[]);
    let answers = match ask_sparingly(&slurm, &open, &me(), (&project, oldest_word(false))) {
        Ok(answers) => answers,
        Err(error) => {
            let silent = Answer::Silent(error.to_string());
            Answers { queue: silent.clone(), accounts: silent }
        }
    };
    let mut words = HashMap::new();
    for followed in follow(&open, &answers) {
        let job = followed.job.map_or_else(|| "not accepted yet".to_owned(), |job| format!("job {job}"));
        for &(task, element) in &followed.submitted.tasks {
            let Some(place) = followed.places.get(&element) else { continue };
            words.insert(task, format!("{job}, element {element}: {}", in_words(place)));
        }
    }
    Ok(words)
}

/// Take in what Slurm says of submissions that are open, if there are any: how jobs ended whose workers could not say it.
///
/// # Errors
/// The store or a task folder cannot be written. That Slurm does not answer is told, and no error.
pub fn settle_what_is_open(store: &mut Store) -> Result<()> {
    match settle_quietly(store) {
        Ok(settled) => {
            let settled = settled.unwrap_or_default();
            settled.notes.iter().for_each(|note| ui::note(&visible(note)));
            let why = settled.silence.map(|why| format!("Slurm does not say everything: {}", visible(&why)));
            why.iter().for_each(|why| ui::note(why));
            Ok(())
        }
        // On a machine without Slurm the folders still speak.
        Err(error) if error.kind() == Kind::Usage => {
            ui::print_error(&error);
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// The same without a word; `None` if nothing is open.
///
/// # Errors
/// As for [`settle_what_is_open`], or Slurm's programs are not here.
pub fn settle_quietly(store: &mut Store) -> Result<Option<Settled>> {
    if store.open_submissions()?.is_empty() {
        return Ok(None);
    }
    let seconds = settle_seconds(&Profile::plain("slurm"), None);
    let seconds = Duration::from_secs(seconds).as_secs_f64();
    settle(store, &Slurm::here(Some(PATIENCE), &[]), &me(), seconds).map(Some)
}

/// A place in plain words.
pub fn in_words(place: &Place) -> String {
    match place {
        Place::Waiting { reason } => visible(reason_in_words(reason)),
        Place::Running { .. } => "running".to_owned(),
        Place::Over(end) => format!("ended ({}), `sweep collect` takes it in", end.state),
        Place::Dropped => "cancelled before it started".to_owned(),
        Place::Absent => "not known to Slurm, perhaps not yet".to_owned(),
        Place::Unclear(why) => format!("unclear: {}", visible(why)),
    }
}
