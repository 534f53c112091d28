//! `sweep plan`: what a sweep file asks for, what is there already, and what the rest will cost.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use hashbrown::HashMap;
use serde_json::json;

use super::known::Known;
use crate::error::{Error, Result};
use crate::grid::{self, StageKind, Sweep};
use crate::plan::{
    self, Actions, Cost, Counts, Disk, History, Plan, Selection, Shared, Standing, TaskIx, advance, build,
};
use crate::project::{Created, Project};
use crate::store::Store;
use crate::text::{Side, Table, bytes, cut, grouped, hours, or_blank, plural, visible};
use crate::ui;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The sweep file
    file: PathBuf,
    /// Show the plan and write nothing
    #[arg(long, short = 'n')]
    dry_run: bool,
    /// Change a default or any key of the file: `llm=llama-3-8b`, `stages.finetune.version=2`
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Show only cells that satisfy a filter: `vqa >= 1M && llm == llama-3-8b`
    #[arg(long = "where", value_name = "FILTER")]
    filter: Option<String>,
    /// Show only this grid; may be given several times
    #[arg(long, value_name = "NAME")]
    grid: Vec<String>,
    /// If this makes the project, make it for all members of a group
    #[arg(long, value_name = "NAME", conflicts_with = "dry_run")]
    group: Option<String>,
    /// Print one JSON value
    #[arg(long)]
    json: bool,
    /// Exit with 3 when there is something to start
    #[arg(long)]
    detailed_exitcode: bool,
}

/// Exit code of `--detailed-exitcode` when something is to be started.
const HAS_WORK: u8 = 3;

/// Everything that is printed.
struct View<'a> {
    sweep: &'a Sweep,
    plan: &'a Plan,
    actions: Actions,
    counts: Vec<Counts>,
    costs: Vec<Cost>,
    disk: Disk,
    shared: Vec<Shared>,
    history: History,
}

impl Args {
    /// Plan, record, print.
    ///
    /// # Errors
    /// The file has mistakes, the selection names what is not there, or the store cannot be read or written.
    pub fn run(self) -> Result<ExitCode> {
        let sweep = grid::load_with(&self.file, &self.set)?;
        let filter = self.filter.as_deref().map(|text| sweep.condition(text)).transpose()?;
        let selection = Selection { grids: self.grid.clone(), filter };
        let selected = build(&sweep, &selection)?;
        if selected.runs.is_empty() {
            return Err(self.nothing(&sweep));
        }
        let known = self.consult(&sweep, &selected)?;
        let view = View::new(&sweep, &selected, known);
        let text = if self.json { format!("{:#}\n", view.json()) } else { view.text(ui::width()) };
        ui::print_all(&text)?;
        let work = self.detailed_exitcode && view.counts.iter().any(|counts| counts.to_start() > 0);
        Ok(if work { ExitCode::from(HAS_WORK) } else { ExitCode::SUCCESS })
    }

    fn nothing(&self, sweep: &Sweep) -> Error {
        let message = format!("sweep `{}` has no such cell", sweep.name);
        match &self.filter {
            Some(filter) => Error::usage(message).hint(format!("no cell satisfies `{filter}`")),
            None => Error::usage(format!("sweep `{}` has no cell", sweep.name)).hint("exclusions take out all of them"),
        }
    }

    /// What the project knows; unless this is a dry run, the plan is recorded there.
    fn consult(&self, sweep: &Sweep, selected: &Plan) -> Result<Known> {
        if self.dry_run {
            return Known::here(sweep, selected);
        }
        let (project, created) = Project::find_or_create_for(Path::new("."), self.group.as_deref())?;
        match (created, &self.group) {
            (Created::New, None) => ui::note(&format!("made a project in `{}`", project.root().display())),
            (Created::New, Some(group)) => {
                ui::note(&format!("made a project in `{}` for the group `{group}`", project.root().display()));
            }
            (Created::Existing, None) => {}
            (Created::Existing, Some(_)) => {
                let message = format!("`--group` is for a new project: there is one in `{}`", project.root().display());
                return Err(Error::usage(message).hint("`chgrp -R` and `chmod -R g+rwXs` on it give it to a group"));
            }
        }
        let mut store = Store::open_for_writing(&project, "plan")?;
        let known = Known::read(&mut store, sweep, selected)?;
        // The whole sweep is recorded: a selection is a way to look at it, not another sweep.
        if self.filter.is_none() && self.grid.is_empty() {
            store.record_plan(sweep, selected)?;
        } else {
            store.record_plan(sweep, &build(sweep, &Selection::default())?)?;
        }
        Ok(known)
    }
}

impl<'a> View<'a> {
    fn new(sweep: &'a Sweep, plan: &'a Plan, known: Known) -> Self {
        let actions = advance(sweep, plan, &known.ledger);
        Self {
            counts: actions.by_stage(sweep, plan),
            costs: plan::costs(sweep, plan, &actions, &known.ledger),
            disk: plan::disk(sweep, plan),
            shared: plan::sharing(plan),
            sweep,
            plan,
            actions,
            history: known.history,
        }
    }

    fn text(&self, width: usize) -> String {
        let title = if self.sweep.title.is_empty() { String::new() } else { format!(": {}", self.sweep.title) };
        let mut out = cut(&visible(&format!("{}{title}", self.sweep.name)), width);
        out.push_str("\n\n");
        out.push_str(&self.grids().render(width));
        out.push('\n');
        out.push_str(&self.stages().render(width));
        let notes = self.notes();
        if !notes.is_empty() {
            out.push('\n');
            notes.iter().for_each(|note| out.push_str(&format!("{}\n", visible(note))));
        }
        out.push('\n');
        self.forecast().iter().for_each(|line| out.push_str(&format!("{line}\n")));
        out
    }

    fn grids(&self) -> Table {
        let header = [("grid", Side::Left), ("cells", Side::Right), ("runs", Side::Right), ("shared", Side::Right)];
        let mut table = Table::new(&[&header[..], &[("with", Side::Left)]].concat());
        for (grid, shared) in self.plan.grids.iter().zip(&self.shared) {
            if shared.cells == 0 {
                continue;
            }
            let with: Vec<String> =
                shared.with.iter().map(|&(other, runs)| format!("{} {runs}", self.plan.grids[other].name)).collect();
            let numbers = [grouped(shared.cells), grouped(shared.runs), or_blank(shared.shared)];
            table.row([vec![grid.name.clone()], numbers.to_vec(), vec![with.join(", ")]].concat());
        }
        if self.shared.iter().filter(|shared| shared.cells > 0).count() > 1 {
            let cells = self.shared.iter().map(|shared| shared.cells).sum();
            table.row(vec!["all".to_owned(), grouped(cells), grouped(self.plan.runs.len())]);
        }
        table
    }

    fn stages(&self) -> Table {
        use Side::{Left, Right};
        let mut table = Table::new(&[
            ("stage", Left),
            ("kind", Left),
            ("tasks", Right),
            ("new", Right),
            ("waiting", Right),
            ("running", Right),
            ("done", Right),
            ("retry", Right),
            ("failed", Right),
            ("blocked", Right),
            ("cancelled", Right),
            ("stale", Right),
            ("GPU-hours", Right),
            ("CPU-hours", Right),
        ]);
        let stale = self.stale_by_stage();
        for (index, stage) in self.sweep.stages.iter().enumerate() {
            let (counts, cost) = (&self.counts[index], &self.costs[index]);
            let kind = match stage.kind {
                StageKind::Train => "train",
                StageKind::Measure => "measure",
            };
            let numbers = [
                counts.new,
                counts.waiting,
                counts.running,
                counts.done,
                counts.retry,
                counts.failed,
                counts.blocked,
                counts.cancelled,
                stale[index],
            ];
            let mut row = vec![stage.name.clone(), kind.to_owned(), grouped(counts.total())];
            row.extend(numbers.map(or_blank));
            row.extend(
                [cost.gpu_hours, cost.cpu_hours].map(|value| if value > 0.0 { hours(value) } else { String::new() }),
            );
            table.row(row);
        }
        table
    }

    fn stale_by_stage(&self) -> Vec<usize> {
        let mut stale = vec![0; self.sweep.stages.len()];
        for task in self.history.stale.keys() {
            stale[usize::from(self.plan.tasks[task.0 as usize].stage)] += 1;
        }
        stale
    }

    /// Why tasks are stale, failed or left over, and what else looks odd.
    fn notes(&self) -> Vec<String> {
        let mut notes = self.stale_notes();
        notes.extend(self.failure_notes());
        if !self.history.orphans.is_empty() {
            let tasks = plural(self.history.orphans.len(), "task");
            notes.push(format!("orphans: {tasks} with results that this revision has no place for; they are kept"));
        }
        notes
            .extend(self.sweep.warnings.iter().chain(&self.plan.warnings).map(|warning| format!("warning: {warning}")));
        notes
    }

    /// One line for each set of changes, most tasks first.
    fn stale_notes(&self) -> Vec<String> {
        let mut groups: HashMap<(u16, String), usize> = HashMap::new();
        for (task, stale) in &self.history.stale {
            let changes: Vec<String> = stale.changes.iter().map(ToString::to_string).collect();
            *groups.entry((self.plan.tasks[task.0 as usize].stage, changes.join(", "))).or_default() += 1;
        }
        let mut groups: Vec<_> = groups.into_iter().collect();
        groups.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let line = |((stage, changes), tasks): ((u16, String), usize)| {
            format!("stale: {} of `{}`: {changes}", plural(tasks, "task"), self.sweep.stages[usize::from(stage)].name)
        };
        groups.into_iter().map(line).collect()
    }

    fn failure_notes(&self) -> Vec<String> {
        let mut groups: std::collections::BTreeMap<(u16, &str, String), usize> = std::collections::BTreeMap::new();
        for (task, standing) in self.plan.tasks.iter().zip(&self.actions.standings) {
            let (verdict, reason) = match standing {
                Standing::Failed { reason, .. } => ("failed", reason.to_string()),
                Standing::Retry { reason, .. } => ("retry", reason.to_string()),
                Standing::Blocked { on } => ("blocked", format!("needs {}", self.stage_name(*on))),
                Standing::New
                | Standing::Waiting { .. }
                | Standing::Queued
                | Standing::Running
                | Standing::Done
                | Standing::Cancelled => continue,
            };
            *groups.entry((task.stage, verdict, reason)).or_default() += 1;
        }
        let line = |((stage, verdict, reason), tasks): ((u16, &str, String), usize)| {
            format!(
                "{verdict}: {} of `{}`: {reason}",
                plural(tasks, "task"),
                self.sweep.stages[usize::from(stage)].name
            )
        };
        groups.into_iter().map(line).collect()
    }

    fn stage_name(&self, task: TaskIx) -> &str {
        &self.sweep.stages[usize::from(self.plan.tasks[task.0 as usize].stage)].name
    }

    fn forecast(&self) -> Vec<String> {
        let runs = plural(self.plan.runs.len(), "run");
        let tasks = plural(self.plan.tasks.len(), "task");
        let start = grouped(self.counts.iter().map(Counts::to_start).sum());
        let mut lines = vec![format!("{runs}, {tasks}; {start} to start")];
        let sum = |value: fn(&Cost) -> f64| self.costs.iter().map(value).sum::<f64>();
        let source = if self.costs.iter().any(|cost| cost.measured) { "measured" } else { "declared" };
        for (unit, all, left) in [
            ("GPU-hours", sum(|cost| cost.gpu_hours), sum(|cost| cost.gpu_hours_left)),
            ("CPU-hours", sum(|cost| cost.cpu_hours), sum(|cost| cost.cpu_hours_left)),
        ] {
            if all > 0.0 {
                lines.push(format!("{} {unit} to do of {} in all ({source} durations)", hours(left), hours(all)));
            }
        }
        let unknown = self.costs.iter().map(|cost| cost.unknown).sum::<usize>();
        if unknown > 0 && unknown < self.plan.tasks.len() {
            lines.push(format!("{} of unknown duration: declare `resources.expected`", plural(unknown, "task")));
        }
        lines.extend(self.disk_line());
        lines
    }

    fn disk_line(&self) -> Option<String> {
        let Disk { last, one_state, all_states } = self.disk;
        (last > 0 || one_state > 0).then(|| {
            let [one, all] = [one_state, all_states].map(|states| bytes(last.saturating_add(states)));
            format!(
                "disk: {} in the end; at most {one} with one training at a time, {all} with all at once",
                bytes(last)
            )
        })
    }

    fn json(&self) -> serde_json::Value {
        let stale = self.stale_by_stage();
        json!({
            "schema_version": 1,
            "sweep": self.sweep.name,
            "file": self.sweep.path,
            "digest": self.sweep.digest.to_string(),
            "runs": self.plan.runs.len(),
            "tasks": self.plan.tasks.len(),
            "grids": self.plan.grids.iter().zip(&self.shared).map(|(grid, shared)| json!({
                "name": grid.name,
                "cells": shared.cells,
                "runs": shared.runs,
                "shared": shared.shared,
                "with": shared.with.iter().map(|&(other, runs)| (self.plan.grids[other].name.clone(), runs.into())).collect::<serde_json::Map<_, _>>(),
            })).collect::<Vec<_>>(),
            "stages": (0..self.sweep.stages.len()).map(|index| self.stage_json(index, stale[index])).collect::<Vec<_>>(),
            "orphans": self.history.orphans.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "disk": {
                "final_bytes": self.disk.last,
                "peak_bytes_one_at_a_time": self.disk.last.saturating_add(self.disk.one_state),
                "peak_bytes_all_at_once": self.disk.last.saturating_add(self.disk.all_states),
            },
            "notes": self.notes(),
        })
    }

    fn stage_json(&self, index: usize, stale: usize) -> serde_json::Value {
        let (counts, cost) = (&self.counts[index], &self.costs[index]);
        json!({
            "name": self.sweep.stages[index].name,
            "tasks": counts.total(),
            "new": counts.new,
            "waiting": counts.waiting,
            "running": counts.running,
            "done": counts.done,
            "retry": counts.retry,
            "failed": counts.failed,
            "blocked": counts.blocked,
            "cancelled": counts.cancelled,
            "stale": stale,
            "gpu_hours": cost.gpu_hours,
            "gpu_hours_left": cost.gpu_hours_left,
            "cpu_hours": cost.cpu_hours,
            "cpu_hours_left": cost.cpu_hours_left,
            "tasks_of_unknown_duration": cost.unknown,
        })
    }
}
