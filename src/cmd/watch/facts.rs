//! What there is to see: gathered once in a while, then only looked at.

use std::path::PathBuf;
use std::time::Duration;

use hashbrown::HashMap;

use crate::Result;
use crate::cmd::collect::collect;
use crate::cmd::current::{Current, Which};
use crate::cmd::queue::{Queue, in_words, settle_quietly};
use crate::cmd::status::{Eta, Row as Counted, mark_running, rows};
use crate::cmd::submit::describe;
use crate::error::Kind;
use crate::id::TaskId;
use crate::launch::slurm::Settled;
use crate::plan::{Counts, Standing, TaskIx, advance};
use crate::project::Project;
use crate::store::Store;

/// Slurm's word may be so old where somebody else writes the store, and asks Slurm as well.
const OLDEST: Duration = Duration::from_secs(30);

/// Everything that is shown without opening a task.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    pub sweep: String,
    pub rows: Vec<Row>,
    /// What Slurm has in hand, when it will be done, and what is to be done.
    pub words: String,
    /// Why the last look brought nothing.
    pub trouble: Option<String>,
    /// Whether looking means asking Slurm.
    pub asks_slurm: bool,
}

/// The tasks of one stage that one grid needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub grid: String,
    pub stage: String,
    pub counts: Counts,
    /// Why tasks failed, with the number of each.
    pub reasons: String,
    pub tasks: Vec<Task>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    pub id: TaskId,
    pub params: String,
    pub standing: String,
    pub folder: PathBuf,
}

impl Facts {
    /// Look at the store and at task folders, and ask Slurm where it has tasks in hand; what has ended is taken in.
    ///
    /// # Errors
    /// There is no plan, or the store cannot be read.
    pub fn look(project: &Project, which: &Which) -> Result<Self> {
        let mut store = Store::open(project)?;
        let current = which.load(&mut store)?;
        let open = !store.open_submissions()?.is_empty();
        let mut settled = None;
        if open {
            // Whoever holds the store takes in itself what has ended, and who may not write it only looks.
            if let Ok(mut writable) = Store::open_for_writing_within(project, "watch", Duration::ZERO) {
                settled = match take_in(&mut writable, project, &current) {
                    // On a machine without Slurm the folders still speak.
                    Err(error) if error.kind() == Kind::Usage => None,
                    taken => taken?,
                };
            }
        }
        let ledger = store.ledger(&current.plan)?;
        let mut actions = advance(&current.sweep, &current.plan, &ledger);
        mark_running(project, &current, &ledger, &mut actions);
        let queue = match settled {
            Some(settled) => Queue::of(settled, &mut store, &current, &mut actions)?,
            None => Queue::look(&mut store, &current, &mut actions, OLDEST)?,
        };
        let places: HashMap<TaskId, String> =
            queue.spots.iter().map(|spot| (spot.task, in_words(&spot.place))).collect();
        let task = |&task: &TaskIx| {
            let id = current.plan.tasks[task.0 as usize].id;
            let standing = standing_in_words(&current, actions.of(task), places.get(&id));
            Task { id, params: describe(&current, task).1, standing, folder: project.task_folder(&id) }
        };
        let row = |row: Counted| Row {
            tasks: row.tasks.iter().map(task).collect(),
            reasons: row.reasons(),
            grid: row.grid,
            stage: row.stage,
            counts: row.counts,
        };
        Ok(Self {
            rows: rows(&current, &actions).into_iter().map(row).collect(),
            words: Eta::of(&current, &actions, &ledger).text() + &queue.text(),
            sweep: current.sweep.name.clone(),
            trouble: None,
            asks_slurm: open,
        })
    }
}

/// Bring the store up to date with Slurm and with the task folders.
fn take_in(store: &mut Store, project: &Project, current: &Current) -> Result<Option<Settled>> {
    let settled = settle_quietly(store)?;
    let ledger = store.ledger(&current.plan)?;
    collect(store, project, current, &ledger)?;
    Ok(settled)
}

fn standing_in_words(current: &Current, standing: Standing, place: Option<&String>) -> String {
    let stage = |task: TaskIx| {
        let stage = usize::from(current.plan.tasks[task.0 as usize].stage);
        current.sweep.stages[stage].name.clone()
    };
    match standing {
        Standing::New => "new".to_owned(),
        Standing::Waiting { on } => format!("waits for {}", stage(on)),
        Standing::Queued => place.map_or_else(|| "submitted".to_owned(), |place| format!("submitted: {place}")),
        Standing::Running => "running".to_owned(),
        Standing::Done => "done".to_owned(),
        Standing::Retry { reason, .. } => format!("failed ({reason}), is tried again"),
        Standing::Failed { reason, .. } => format!("failed ({reason})"),
        Standing::Blocked { on } => format!("blocked: needs {}", stage(on)),
        Standing::Cancelled => "cancelled".to_owned(),
    }
}
