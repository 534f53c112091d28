//! An explanation for machines: everything that the text says, of all runs, with whole identities.

use serde_json::{Map, Value, json};

use super::text::{why, why_not};
use super::{Absence, Found, View};
use crate::grid::{Grid, label};
use crate::plan::explain::{nearest, not_applicable};
use crate::plan::{Cell, RunIx, Standing};

impl View<'_> {
    pub(super) fn json(&self, found: &Found) -> Value {
        let task = found.task.map(
            |task| json!({ "task": self.plan.tasks[task.0 as usize].id.to_string(), "stage": self.stage_name(task) }),
        );
        json!({
            "schema_version": 1,
            "sweep": self.sweep.name,
            "task": task,
            "absent": found.absences.iter().map(|absence| self.absence_json(absence)).collect::<Vec<_>>(),
            "runs": found.runs.iter().map(|&run| self.run_json(run)).collect::<Vec<_>>(),
        })
    }

    fn absence_json(&self, Absence { grid, reason }: &Absence) -> Value {
        json!({ "grid": self.sweep.grids[*grid].name, "reason": reason.as_ref().map(why) })
    }

    fn run_json(&self, run: RunIx) -> Value {
        json!({
            "run": self.plan.runs[run.0 as usize].to_string(),
            "cells": self.cells_of(run).map(|(grid, cell)| cell_json(grid, cell)).collect::<Vec<_>>(),
            "differs": self.differing(run).map(|index| self.value_json(run, index)).collect::<Map<_, _>>(),
            "trained": self.is_trained(run),
            "nearest_trained": self.nearest_json(run),
            "tasks": (0..self.sweep.stages.len()).map(|stage| self.task_json(run, stage)).collect::<Vec<_>>(),
        })
    }

    fn value_json(&self, run: RunIx, factor: usize) -> (String, Value) {
        let definition = &self.sweep.factors[factor];
        (definition.name.clone(), label(definition.kind, self.plan.value(self.sweep, run, factor)).into())
    }

    /// What tells a run that is not trained yet from the nearest one that is.
    fn nearest_json(&self, run: RunIx) -> Option<Value> {
        let (other, factors) = if self.is_trained(run) { None } else { nearest(self.plan, run, self.trained()) }?;
        let differs = factors.into_iter().map(|factor| {
            let (name, here) = self.value_json(run, factor);
            (name, json!({ "here": here, "there": self.value_json(other, factor).1 }))
        });
        let id = self.plan.runs[other.0 as usize].to_string();
        Some(json!({ "run": id, "differs": differs.collect::<Map<_, _>>() }))
    }

    fn task_json(&self, run: RunIx, stage: usize) -> Value {
        let name = &self.sweep.stages[stage].name;
        let Some(task) = self.plan.task_of(run, stage) else {
            let why = not_applicable(self.sweep, self.plan, run, stage);
            return json!({ "stage": name, "task": null, "does_not_apply": why.as_ref().map(why_not) });
        };
        let stale = self.history.stale.get(&task).map(|stale| {
            let changes: Vec<String> = stale.changes.iter().map(ToString::to_string).collect();
            json!({ "earlier": stale.earlier.to_string(), "changes": changes })
        });
        let mut value = json!({
            "stage": name,
            "task": self.plan.tasks[task.0 as usize].id.to_string(),
            "runs": self.sharing(stage, task),
            "stale": stale,
            "at_slurm": self.at_slurm.get(&self.plan.tasks[task.0 as usize].id),
        });
        if let Some(fields) = value.as_object_mut() {
            fields.extend(self.standing_json(self.actions.of(task)));
        }
        value
    }

    /// `standing`, and what belongs to it.
    fn standing_json(&self, standing: Standing) -> Map<String, Value> {
        let value = match standing {
            Standing::New => json!({ "standing": "new" }),
            Standing::Waiting { on } => json!({ "standing": "waiting", "on": self.stage_name(on) }),
            Standing::Queued => json!({ "standing": "queued" }),
            Standing::Running => json!({ "standing": "running" }),
            Standing::Done => json!({ "standing": "done" }),
            Standing::Retry { reason, attempts } => {
                json!({ "standing": "retry", "reason": reason.as_str(), "attempts": attempts })
            }
            Standing::Failed { reason, attempts } => {
                json!({ "standing": "failed", "reason": reason.as_str(), "attempts": attempts })
            }
            Standing::Blocked { on } => json!({ "standing": "blocked", "on": self.stage_name(on) }),
            Standing::Cancelled => json!({ "standing": "cancelled" }),
        };
        if let Value::Object(fields) = value { fields } else { Map::new() }
    }
}

fn cell_json(grid: &Grid, cell: &Cell) -> Value {
    let levels = grid.axes.iter().zip(&cell.coordinates).map(|(axis, &level)| {
        let label = axis.levels.get(usize::from(level)).map(|level| level.label.clone());
        (axis.name.clone(), Value::from(label))
    });
    json!({ "grid": grid.name, "levels": levels.collect::<Map<_, _>>(), "seed": cell.seed })
}
