//! `sweep explain`: why a cell is not planned, why a run is new, which grids ask for it, what its tasks are.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use super::known::Known;
use crate::error::{Error, Result};
use crate::grid::{self, Grid, StageKind, Sweep, label};
use crate::plan::explain::{Absent, NotApplicable, absent, locate, nearest, not_applicable};
use crate::plan::{Actions, Cell, History, Plan, RunIx, Selection, Standing, advance, build};
use crate::project::Project;
use crate::store::Store;
use crate::text::{Side, Table, plural};
use crate::ui;

/// Explain a cell, a run or a task: why it is absent, new or waiting, and which grids ask for it
///
/// A cell is named by its levels, and by its grid where several have them: `data vqa=7M generation=200k`. A run or a
/// task is named by the first digits of its identity. Without a file it is about the sweep that was planned last.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A sweep file, then a grid's name, `axis=level` pairs, or the first digits of a run's or task's identity
    #[arg(required = true, value_name = "FILE | GRID | AXIS=LEVEL | ID")]
    words: Vec<String>,
}

/// The first digits that name a run where it is shown.
const DIGITS: usize = 8;

/// More runs than anybody reads about.
const SHOWN: usize = 20;

impl Args {
    /// Explain what was asked for.
    ///
    /// # Errors
    /// The file has mistakes, or nothing is called that.
    pub fn run(self) -> Result<ExitCode> {
        let (sweep, what) = self.sweep()?;
        let plan = build(&sweep, &Selection::default())?;
        let Known { ledger, history } = Known::here(&sweep, &plan)?;
        let view = View { actions: advance(&sweep, &plan, &ledger), sweep: &sweep, plan: &plan, history };
        ui::print_all(&view.explain(what, ui::width())?)?;
        Ok(ExitCode::SUCCESS)
    }

    /// The sweep of a file as it is now, or as it was planned last; and the words that are left.
    fn sweep(&self) -> Result<(Sweep, &[String])> {
        if let [file, what @ ..] = self.words.as_slice()
            && Path::new(file).is_file()
        {
            return Ok((grid::load(Path::new(file))?, what));
        }
        let project = Project::require(Path::new("."))?;
        let stored = Store::open(&project)?.latest_sweep(None)?;
        let stored = stored.ok_or_else(|| Error::usage("nothing is planned here").hint("`sweep plan <file>` plans"))?;
        Ok((grid::parse(&stored.path, &stored.text)?, &self.words))
    }
}

struct View<'a> {
    sweep: &'a Sweep,
    plan: &'a Plan,
    actions: Actions,
    history: History,
}

impl View<'_> {
    fn explain(&self, what: &[String], width: usize) -> Result<String> {
        if let [word] = what
            && !word.contains('=')
            && self.sweep.grid(word).is_none()
        {
            return self.by_id(word, width);
        }
        if what.is_empty() {
            return Err(Error::usage("nothing to explain").hint("name a grid, levels like `vqa=7M`, or a run"));
        }
        let pairs: Vec<(String, String)> = what
            .iter()
            .filter_map(|word| word.split_once('='))
            .map(|(axis, level)| (axis.to_owned(), level.to_owned()))
            .collect();
        let grids = self.grids(what, &pairs)?;
        let mut out = String::new();
        let mut runs: Vec<RunIx> = Vec::new();
        for grid in grids {
            match self.cells(grid, &pairs) {
                Ok(cells) if cells.is_empty() => out.push_str(&self.why_absent(grid, &pairs)),
                Ok(cells) => runs.extend(cells.iter().map(|cell| cell.run)),
                Err(reason) => out.push_str(&absence(&self.sweep.grids[grid].name, &reason)),
            }
        }
        runs.sort_unstable();
        runs.dedup();
        for run in runs.iter().take(SHOWN) {
            out.push_str(&self.run(*run, width));
        }
        if runs.len() > SHOWN {
            let _ = writeln!(out, "… and {}; name more levels", plural(runs.len() - SHOWN, "run"));
        }
        Ok(out)
    }

    /// The grids that are named, or those that have every named axis.
    fn grids(&self, what: &[String], pairs: &[(String, String)]) -> Result<Vec<usize>> {
        let mut named = Vec::new();
        for word in what.iter().filter(|word| !word.contains('=')) {
            named.push(self.sweep.grid(word).ok_or_else(|| self.no_such(word))?);
        }
        let has = |grid: &Grid, name: &str| name == "seed" || grid.axes.iter().any(|axis| axis.name == name);
        let all = 0..self.sweep.grids.len();
        let candidates = if named.is_empty() { all.collect() } else { named };
        let grids: Vec<usize> = candidates
            .into_iter()
            .filter(|&grid| pairs.iter().all(|(name, _)| has(&self.sweep.grids[grid], name)))
            .collect();
        if grids.is_empty() {
            let names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
            let error = Error::usage(format!("no grid varies {}", names.join(" and ")));
            return Err(error.hint(format!("`sweep plan {}` shows the grids", self.sweep.path.display())));
        }
        Ok(grids)
    }

    fn no_such(&self, word: &str) -> Error {
        let grids: Vec<&str> = self.sweep.grids.iter().map(|grid| grid.name.as_str()).collect();
        let error = Error::usage(format!("`{word}` is no grid, run or task of sweep `{}`", self.sweep.name));
        error.hint(format!("its grids are {}; a cell is written `axis=level`", grids.join(", ")))
    }

    /// The planned cells of a grid with these levels.
    fn cells(&self, grid: usize, pairs: &[(String, String)]) -> std::result::Result<Vec<&Cell>, Absent> {
        let definition = &self.sweep.grids[grid];
        let wanted = locate(definition, pairs)?;
        let seed = pairs.iter().find(|(name, _)| name == "seed").and_then(|(_, seed)| seed.parse::<i64>().ok());
        if let (Some(seed), Some(seeds)) = (seed, &definition.seeds)
            && !seeds.values.contains(&seed)
        {
            return Err(Absent::NoSeed { seed, seeds: seeds.values.clone() });
        }
        let fits = |cell: &&Cell| {
            let same = |(wanted, at): (&Option<u16>, &u16)| wanted.is_none_or(|wanted| wanted == *at);
            wanted.iter().zip(&cell.coordinates).all(same) && seed.is_none_or(|seed| cell.seed == Some(seed))
        };
        Ok(self.plan.grids[grid].cells.iter().filter(fits).collect())
    }

    /// Every level exists, and yet there is no such cell.
    fn why_absent(&self, grid: usize, pairs: &[(String, String)]) -> String {
        let definition = &self.sweep.grids[grid];
        let coordinates: Option<Vec<u16>> =
            locate(definition, pairs).ok().and_then(|wanted| wanted.into_iter().collect());
        let reason = coordinates.and_then(|coordinates| absent(self.sweep, definition, &coordinates));
        match reason {
            Some(reason) => absence(&definition.name, &reason),
            None => format!("grid `{}` has no such cell; name a level of each axis to learn why\n", definition.name),
        }
    }

    fn by_id(&self, prefix: &str, width: usize) -> Result<String> {
        let runs: Vec<RunIx> = self
            .plan
            .run_indices()
            .filter(|run| self.plan.runs[run.0 as usize].to_string().starts_with(prefix))
            .collect();
        match runs.as_slice() {
            [run] => return Ok(self.run(*run, width)),
            [] => {}
            runs => return Err(Error::usage(format!("{} begin with `{prefix}`", plural(runs.len(), "run")))),
        }
        let tasks = self.plan.tasks.iter().filter(|task| task.id.to_string().starts_with(prefix));
        match tasks.collect::<Vec<_>>().as_slice() {
            [task] => Ok(format!(
                "task {} of stage `{}`, needed by this run and others that agree on what it uses\n\n{}",
                task.id,
                self.sweep.stages[usize::from(task.stage)].name,
                self.run(task.run, width)
            )),
            [] => Err(self.no_such(prefix)),
            tasks => Err(Error::usage(format!("{} begin with `{prefix}`", plural(tasks.len(), "task")))),
        }
    }

    fn run(&self, run: RunIx, width: usize) -> String {
        let mut out = format!("run {}\n", self.plan.runs[run.0 as usize]);
        for (grid, cells) in self.sweep.grids.iter().zip(&self.plan.grids) {
            for cell in cells.cells.iter().filter(|cell| cell.run == run) {
                let _ = writeln!(out, "  {}: {}", grid.name, grid.cell_name(cell));
            }
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
        let differing = self
            .sweep
            .factors
            .iter()
            .enumerate()
            .filter(|(index, factor)| self.plan.level(run, *index) != factor.default);
        let shown: Vec<String> = differing
            .map(|(index, factor)| {
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
                let why = match not_applicable(self.sweep, self.plan, run, stage) {
                    Some(NotApplicable::Condition(text)) => format!("does not apply: not `{text}`"),
                    Some(NotApplicable::Need(need)) => format!("does not apply: `{need}` does not"),
                    None => String::new(),
                };
                table.row(vec![definition.name.clone(), "–".to_owned(), String::new(), why]);
                continue;
            };
            let id = self.plan.tasks[task.0 as usize].id.short(DIGITS);
            let sharing =
                self.plan.run_indices().filter(|&other| self.plan.task_of(other, stage) == Some(task)).count();
            let standing = self.standing(self.actions.of(task));
            table.row(vec![definition.name.clone(), id, plural(sharing, "run"), standing]);
        }
        table
    }

    fn standing(&self, standing: Standing) -> String {
        let stage =
            |task: crate::plan::TaskIx| &self.sweep.stages[usize::from(self.plan.tasks[task.0 as usize].stage)].name;
        match standing {
            Standing::New => "new".to_owned(),
            Standing::Waiting { on } => format!("waits for `{}`", stage(on)),
            Standing::Running => "running".to_owned(),
            Standing::Done => "done".to_owned(),
            Standing::Retry { reason, attempts } => {
                format!("failed {}: {reason}; is tried again", plural(attempts as usize, "time"))
            }
            Standing::Failed { reason, attempts } => {
                format!("failed {}: {reason}", plural(attempts as usize, "time"))
            }
            Standing::Blocked { on } => format!("blocked: needs `{}`", stage(on)),
            Standing::Cancelled => "cancelled".to_owned(),
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
        let trained = self.plan.run_indices().filter(|&other| self.is_trained(other));
        let Some((other, factors)) = nearest(self.plan, run, trained) else {
            return Some("not trained yet, nor is any other run of this sweep".to_owned());
        };
        let differs = factors.into_iter().map(|factor| {
            let definition = &self.sweep.factors[factor];
            let shown = |run| label(definition.kind, self.plan.value(self.sweep, run, factor));
            format!("`{}` is `{}` here and `{}` there", definition.name, shown(run), shown(other))
        });
        let differs: Vec<String> = differs.collect();
        let id = self.plan.runs[other.0 as usize].short(DIGITS);
        Some(format!("not trained yet; the nearest trained run is {id}: {}", differs.join(", ")))
    }

    fn is_trained(&self, run: RunIx) -> bool {
        let train = (0..self.sweep.stages.len()).filter(|&stage| self.sweep.stages[stage].kind == StageKind::Train);
        train.filter_map(|stage| self.plan.task_of(run, stage)).all(|task| self.actions.of(task) == Standing::Done)
    }
}

fn absence(grid: &str, reason: &Absent) -> String {
    let reason = match reason {
        Absent::NoLevel { axis, level, levels } => {
            format!("its axis `{axis}` has no level `{level}`; it has {}", levels.join(", "))
        }
        Absent::NoStep { axes } => format!("{} step together, and no step has these levels", axes.join(" and ")),
        Absent::Excluded { by } => format!("`exclude` takes it out: {by}"),
        Absent::OnlyIncluded { axis, level } => {
            format!("`{axis}={level}` is there for extra cells (`include`), and this is none of them")
        }
        Absent::NoSeed { seed, seeds } => {
            let seeds: Vec<String> = seeds.iter().map(ToString::to_string).collect();
            format!("it has no seed {seed}; it has {}", seeds.join(", "))
        }
    };
    format!("grid `{grid}` has no such cell: {reason}\n")
}
