//! What became of cells that an earlier revision of the sweep had: results that are stale, and what has changed.

use std::fmt;

use hashbrown::{HashMap, HashSet};

use super::table::{Plan, RunIx, TaskIx};
use crate::attempt::{Ledger, TaskState};
use crate::grid::{Stage, Sweep, label};
use crate::id::TaskId;

/// A sweep with its plan.
#[derive(Clone, Copy)]
pub struct Revision<'a> {
    pub sweep: &'a Sweep,
    pub plan: &'a Plan,
}

/// One thing that tells two tasks of a stage apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Change {
    Version {
        before: u32,
        now: u32,
    },
    Threads {
        before: u32,
        now: u32,
    },
    Command,
    Pins,
    /// A parameter's value; `None` where the stage does not use it, or is its declared `absent`.
    Parameter {
        name: String,
        before: Option<String>,
        now: Option<String>,
    },
    /// A needed stage's task is another one.
    Need {
        stage: String,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<String>| value.as_ref().map_or("not used".to_owned(), |value| format!("`{value}`"));
        match self {
            Self::Version { before, now } => write!(f, "`version` was {before}, is {now}"),
            Self::Threads { before, now } => write!(f, "`threads` was {before}, is {now}"),
            Self::Command => write!(f, "another command"),
            Self::Pins => write!(f, "other pins"),
            Self::Parameter { name, before, now } => write!(f, "`{name}` was {}, is {}", shown(before), shown(now)),
            Self::Need { stage } => write!(f, "`{stage}` before it is another task"),
        }
    }
}

/// A task that takes the place of an earlier one in the same cell and stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    pub earlier: TaskId,
    pub changes: Vec<Change>,
}

/// What an earlier revision left.
#[derive(Debug, Default)]
pub struct History {
    /// By the task that is planned now.
    pub stale: HashMap<TaskIx, Stale>,
    /// Tasks with results that this revision has no place for.
    pub orphans: Vec<TaskId>,
}

impl History {
    /// Take over what an older revision left, where a newer one left nothing.
    pub fn add_older(&mut self, older: Self) {
        for (task, stale) in older.stale {
            self.stale.entry(task).or_insert(stale);
        }
        self.orphans.extend(older.orphans);
        self.orphans.sort_unstable();
        self.orphans.dedup();
        let replaced: HashSet<TaskId> = self.stale.values().map(|stale| stale.earlier).collect();
        self.orphans.retain(|orphan| !replaced.contains(orphan));
    }
}

/// Compare `now` with the revision `before`; `ledger` knows what became of the earlier tasks.
#[must_use]
pub fn compare(before: Revision<'_>, now: Revision<'_>, ledger: &Ledger) -> History {
    let mut history = History::default();
    let planned: HashSet<TaskId> = now.plan.tasks.iter().map(|task| task.id).collect();
    let begun = |task: &TaskId| ledger.get(task).is_some_and(|record| record.state != TaskState::Pending);
    let mut replaced = HashSet::new();
    for (was, is) in same_cells(before, now) {
        for (stage_now, stage) in now.sweep.stages.iter().enumerate() {
            let Some(stage_before) = before.sweep.stages.iter().position(|other| other.name == stage.name) else {
                continue;
            };
            let (Some(earlier), Some(task)) = (before.plan.task_of(was, stage_before), now.plan.task_of(is, stage_now))
            else {
                continue;
            };
            let id = before.plan.tasks[earlier.0 as usize].id;
            if planned.contains(&id) || !begun(&id) {
                continue;
            }
            replaced.insert(id);
            let changes = || changes((before, was), (now, is), [stage_before, stage_now]);
            history.stale.entry(task).or_insert_with(|| Stale { earlier: id, changes: changes() });
        }
    }
    let left = before.plan.tasks.iter().map(|task| task.id);
    history.orphans = left.filter(|id| begun(id) && !planned.contains(id) && !replaced.contains(id)).collect();
    history
}

/// The runs of cells that both revisions have, by grid and cell name.
fn same_cells(before: Revision<'_>, now: Revision<'_>) -> Vec<(RunIx, RunIx)> {
    let mut pairs = Vec::new();
    for (grid, cells) in now.sweep.grids.iter().zip(&now.plan.grids) {
        let Some(index) = before.sweep.grid(&grid.name) else { continue };
        let (grid_before, cells_before) = (&before.sweep.grids[index], &before.plan.grids[index]);
        let runs: HashMap<String, RunIx> =
            cells_before.cells.iter().map(|cell| (grid_before.cell_name(cell), cell.run)).collect();
        let cells = cells.cells.iter();
        pairs.extend(cells.filter_map(|cell| Some((*runs.get(&grid.cell_name(cell))?, cell.run))));
    }
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

/// What tells the tasks of two runs apart: the stage's own definition, its parameters, then what it needs.
#[must_use]
pub fn changes(
    (before, was): (Revision<'_>, RunIx),
    (now, is): (Revision<'_>, RunIx),
    [stage_before, stage_now]: [usize; 2],
) -> Vec<Change> {
    let (old, new) = (&before.sweep.stages[stage_before], &now.sweep.stages[stage_now]);
    let mut changes = definition_changes(old, new);
    let (params_before, params_now) = (parameters(before, was, old), parameters(now, is, new));
    let mut names: Vec<&String> = params_before.keys().chain(params_now.keys()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let (before, now) = (params_before.get(name).cloned(), params_now.get(name).cloned());
        if before != now {
            changes.push(Change::Parameter { name: name.clone(), before, now });
        }
    }
    for &need in &new.needs {
        let name = &now.sweep.stages[need].name;
        let id = |revision: Revision<'_>, run, stage| {
            revision.plan.task_of(run, stage).map(|task| revision.plan.tasks[task.0 as usize].id)
        };
        let earlier = old.needs.iter().find(|&&other| before.sweep.stages[other].name == *name);
        if earlier.and_then(|&earlier| id(before, was, earlier)) != id(now, is, need) {
            changes.push(Change::Need { stage: name.clone() });
        }
    }
    changes
}

fn definition_changes(old: &Stage, new: &Stage) -> Vec<Change> {
    let mut changes = Vec::new();
    if old.version != new.version {
        changes.push(Change::Version { before: old.version, now: new.version });
    }
    if old.threads != new.threads {
        changes.push(Change::Threads { before: old.threads, now: new.threads });
    }
    if old.command != new.command {
        changes.push(Change::Command);
    }
    if old.pins != new.pins {
        changes.push(Change::Pins);
    }
    changes
}

/// The stage's parameters as they enter its identity.
fn parameters(revision: Revision<'_>, run: RunIx, stage: &Stage) -> HashMap<String, String> {
    let mut parameters = HashMap::new();
    for &factor in &stage.uses {
        let definition = &revision.sweep.factors[factor];
        let value = revision.plan.value(revision.sweep, run, factor);
        if definition.absent.as_ref() != Some(value) {
            parameters.insert(definition.name.clone(), label(definition.kind, value));
        }
    }
    parameters.extend(stage.constants.iter().map(|(name, value)| (name.clone(), value.to_string())));
    parameters
}
