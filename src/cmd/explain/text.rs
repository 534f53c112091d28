//! An explanation for people.

use std::fmt::Write as _;

use super::{Absence, Found, View};
use crate::grid::label;
use crate::plan::explain::{Absent, NotApplicable, nearest, not_applicable};
use crate::plan::{RunIx, Standing, TaskIx};
use crate::text::{Side, Table, plural, visible};

/// The first digits that name a run where it is shown.
const DIGITS: usize = 8;

/// More runs than anybody reads about.
const SHOWN: usize = 20;

impl View<'_> {
    pub(super) fn text(&self, found: &Found, width: usize) -> String {
        let mut out = String::new();
        if let Some(task) = found.task {
            let (id, stage) = (self.plan.tasks[task.0 as usize].id, self.stage_name(task));
            let _ = writeln!(
                out,
                "task {id} of stage `{stage}`, needed by this run and others that agree on what it uses\n"
            );
        }
        out.extend(found.absences.iter().map(|absence| self.absence(absence)));
        out.extend(found.runs.iter().take(SHOWN).map(|&run| self.run(run, width)));
        if found.runs.len() > SHOWN {
            let _ = writeln!(out, "… and {}; name more levels", plural(found.runs.len() - SHOWN, "run"));
        }
        out
    }

    fn absence(&self, Absence { grid, reason }: &Absence) -> String {
        let name = &self.sweep.grids[*grid].name;
        match reason {
            Some(reason) => format!("grid `{name}` has no such cell: {}\n", why(reason)),
            None => format!("grid `{name}` has no such cell; name a level of each axis to learn why\n"),
        }
    }

    fn run(&self, run: RunIx, width: usize) -> String {
        let mut out = format!("run {}\n", self.plan.runs[run.0 as usize]);
        for (grid, cell) in self.cells_of(run) {
            let _ = writeln!(out, "  {}: {}", grid.name, grid.cell_name(cell));
        }
        out.push_str(&self.values(run));
        out.push_str(&self.tasks(run).render(width));
        self.why_stale(run).into_iter().chain(self.why_new(run)).for_each(|line| {
            let _ = writeln!(out, "{line}");
        });
        out.push('\n');
        out
    }

    /// What differs from the defaults.
    fn values(&self, run: RunIx) -> String {
        let shown: Vec<String> = self
            .differing(run)
            .map(|index| {
                let factor = &self.sweep.factors[index];
                let value = label(factor.kind, self.plan.value(self.sweep, run, index));
                format!("{}={}", factor.name, value.escape_debug())
            })
            .collect();
        if shown.is_empty() {
            "  all defaults\n".to_owned()
        } else {
            format!("  differs from the defaults in {}\n", shown.join(" "))
        }
    }

    fn tasks(&self, run: RunIx) -> Table {
        let mut table = Table::new(&[
            ("stage", Side::Left),
            ("task", Side::Left),
            ("shared by", Side::Left),
            ("standing", Side::Left),
        ]);
        for (stage, definition) in self.sweep.stages.iter().enumerate() {
            let Some(task) = self.plan.task_of(run, stage) else {
                let why = not_applicable(self.sweep, self.plan, run, stage);
                let why = why.map_or_else(String::new, |why| format!("does not apply: {}", why_not(&why)));
                table.row(vec![definition.name.clone(), "–".to_owned(), String::new(), why]);
                continue;
            };
            let id = self.plan.tasks[task.0 as usize].id.short(DIGITS);
            let standing = self.standing(task);
            table.row(vec![definition.name.clone(), id, plural(self.sharing(stage, task), "run"), standing]);
        }
        table
    }

    /// Where a task stands, why it does not run, and whether it will run again.
    fn standing(&self, task: TaskIx) -> String {
        match self.actions.of(task) {
            Standing::New => "new: `sweep submit` starts it".to_owned(),
            Standing::Waiting { on } => format!("waits for `{}`", self.stage_name(on)),
            Standing::Queued => match self.at_slurm.get(&self.plan.tasks[task.0 as usize].id) {
                Some(place) => format!("submitted, {place}"),
                None => "submitted".to_owned(),
            },
            Standing::Running => "running".to_owned(),
            Standing::Done => "done".to_owned(),
            Standing::Retry { reason, attempts } => {
                let times = plural(attempts as usize, "time");
                format!("failed {times}: {reason}; `sweep submit` tries it again")
            }
            Standing::Failed { reason, attempts } => {
                let times = plural(attempts as usize, "time");
                let why = if reason.retry_makes_sense() {
                    "as often as its `retry` allows"
                } else {
                    "which another try would repeat"
                };
                format!("failed {times}: {reason}, {why}; `sweep retry` tries it again")
            }
            Standing::Blocked { on } => format!("blocked: needs `{}`", self.stage_name(on)),
            Standing::Cancelled => "cancelled; `sweep retry` takes that back".to_owned(),
        }
    }

    /// What earlier revisions of the file had in this run's place.
    fn why_stale(&self, run: RunIx) -> Vec<String> {
        let mut lines = Vec::new();
        for (stage, definition) in self.sweep.stages.iter().enumerate() {
            let stale = self.plan.task_of(run, stage).and_then(|task| self.history.stale.get(&task));
            if let Some(stale) = stale {
                let changes: Vec<String> = stale.changes.iter().map(ToString::to_string).collect();
                let earlier = stale.earlier.short(DIGITS);
                lines.push(format!("`{}` was task {earlier} before: {}", definition.name, changes.join(", ")));
            }
        }
        lines
    }

    /// What tells a run that is not trained yet from the nearest one that is.
    fn why_new(&self, run: RunIx) -> Option<String> {
        if self.is_trained(run) {
            return None;
        }
        let Some((other, factors)) = nearest(self.plan, run, self.trained()) else {
            return Some("not trained yet, nor is any other run of this sweep".to_owned());
        };
        let differs = factors.into_iter().map(|factor| {
            let definition = &self.sweep.factors[factor];
            let shown = |run| {
                let value = label(definition.kind, self.plan.value(self.sweep, run, factor));
                value.escape_debug().to_string()
            };
            format!("`{}` is `{}` here and `{}` there", definition.name, shown(run), shown(other))
        });
        let differs: Vec<String> = differs.collect();
        let id = self.plan.runs[other.0 as usize].short(DIGITS);
        Some(format!("not trained yet; the nearest trained run is {id}: {}", differs.join(", ")))
    }
}

/// Why a grid has no such cell.
pub(super) fn why(reason: &Absent) -> String {
    match reason {
        Absent::NoLevel { axis, level, levels } => {
            let levels: Vec<String> = levels.iter().map(|level| level.escape_debug().to_string()).collect();
            format!("its axis `{axis}` has no level `{}`; it has {}", level.escape_debug(), levels.join(", "))
        }
        Absent::NoStep { axes } => format!("{} step together, and no step has these levels", axes.join(" and ")),
        Absent::Excluded { by } => format!("`exclude` takes it out: {}", visible(by)),
        Absent::OnlyIncluded { axis, level } => {
            let level = level.escape_debug();
            format!("`{axis}={level}` is there for extra cells (`include`), and this is none of them")
        }
        Absent::NoSeed { seed, seeds } => {
            let seeds: Vec<String> = seeds.iter().map(ToString::to_string).collect();
            format!("it has no seed {seed}; it has {}", seeds.join(", "))
        }
    }
}

/// Why a stage does not apply to a run.
pub(super) fn why_not(reason: &NotApplicable) -> String {
    match reason {
        NotApplicable::Condition(text) => format!("not `{}`", visible(text)),
        NotApplicable::Need(need) => format!("`{need}` does not"),
    }
}
