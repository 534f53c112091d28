//! `sweep explain`: why a cell is not planned, why a run is new, which grids ask for it, what its tasks are.

mod json;
mod text;

use std::path::Path;
use std::process::ExitCode;

use hashbrown::HashMap;

use super::known::Known;
use super::queue::places_in_words;
use crate::error::{Error, Result};
use crate::grid::{self, Grid, StageKind, Sweep};
use crate::id::TaskId;
use crate::plan::explain::{Absent, absent, locate};
use crate::plan::{Actions, Cell, History, Plan, RunIx, Selection, Standing, TaskIx, advance, build};
use crate::project::Project;
use crate::store::Store;
use crate::text::plural;
use crate::ui;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A sweep file, then a grid's name, `axis=level` pairs, or the first digits of a run's or task's identity
    #[arg(required = true, value_name = "FILE | GRID | AXIS=LEVEL | ID")]
    words: Vec<String>,
    /// Print one JSON value
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Explain what was asked for.
    ///
    /// # Errors
    /// The file has mistakes, or nothing is called that.
    pub fn run(self) -> Result<ExitCode> {
        let (sweep, what) = self.sweep()?;
        let plan = build(&sweep, &Selection::default())?;
        let Known { ledger, history } = Known::here(&sweep, &plan)?;
        let at_slurm = at_slurm()?;
        let view = View { actions: advance(&sweep, &plan, &ledger), sweep: &sweep, plan: &plan, history, at_slurm };
        let found = view.find(what)?;
        let text = if self.json { format!("{:#}\n", view.json(&found)) } else { view.text(&found, ui::width()) };
        ui::print_all(&text)?;
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

/// Nothing where there is no project.
fn at_slurm() -> Result<HashMap<TaskId, String>> {
    match Project::find(Path::new("."))? {
        Some(project) => places_in_words(&mut Store::open(&project)?),
        None => Ok(HashMap::new()),
    }
}

struct View<'a> {
    sweep: &'a Sweep,
    plan: &'a Plan,
    actions: Actions,
    history: History,
    /// What Slurm says of the tasks that it has in hand, in plain words.
    at_slurm: HashMap<TaskId, String>,
}

/// What the words name.
#[derive(Default)]
struct Found {
    /// Grids without such a cell.
    absences: Vec<Absence>,
    /// Ascending, each once.
    runs: Vec<RunIx>,
    /// The task that was asked for by its identity.
    task: Option<TaskIx>,
}

/// A grid, and why it has no such cell; `None` while the words leave that open.
struct Absence {
    grid: usize,
    reason: Option<Absent>,
}

impl View<'_> {
    fn find(&self, what: &[String]) -> Result<Found> {
        if let [word] = what
            && !word.contains('=')
            && self.sweep.grid(word).is_none()
        {
            return self.by_id(word);
        }
        if what.is_empty() {
            return Err(Error::usage("nothing to explain").hint("name a grid, levels like `vqa=7M`, or a run"));
        }
        let pairs: Vec<(String, String)> = what
            .iter()
            .filter_map(|word| word.split_once('='))
            .map(|(axis, level)| (axis.to_owned(), level.to_owned()))
            .collect();
        let mut found = Found::default();
        for grid in self.grids(what, &pairs)? {
            match self.cells(grid, &pairs) {
                Ok(cells) if cells.is_empty() => {
                    found.absences.push(Absence { grid, reason: self.why_absent(grid, &pairs) });
                }
                Ok(cells) => found.runs.extend(cells.iter().map(|cell| cell.run)),
                Err(reason) => found.absences.push(Absence { grid, reason: Some(reason) }),
            }
        }
        found.runs.sort_unstable();
        found.runs.dedup();
        Ok(found)
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
            let error = Error::usage(format!("no grid varies {}", names.join(" and ").escape_debug()));
            return Err(error.hint(format!("`sweep plan {}` shows the grids", self.sweep.path.display())));
        }
        Ok(grids)
    }

    fn no_such(&self, word: &str) -> Error {
        let grids: Vec<&str> = self.sweep.grids.iter().map(|grid| grid.name.as_str()).collect();
        let error =
            Error::usage(format!("`{}` is no grid, run or task of sweep `{}`", word.escape_debug(), self.sweep.name));
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
    fn why_absent(&self, grid: usize, pairs: &[(String, String)]) -> Option<Absent> {
        let definition = self.sweep.grids.get(grid)?;
        let coordinates: Vec<u16> = locate(definition, pairs).ok()?.into_iter().collect::<Option<_>>()?;
        absent(self.sweep, definition, &coordinates)
    }

    fn by_id(&self, prefix: &str) -> Result<Found> {
        let begins = |run: &RunIx| self.plan.runs[run.0 as usize].to_string().starts_with(prefix);
        match self.plan.run_indices().filter(begins).collect::<Vec<_>>().as_slice() {
            [run] => return Ok(Found { runs: vec![*run], ..Found::default() }),
            [] => {}
            runs => return Err(Error::usage(format!("{} begin with `{prefix}`", plural(runs.len(), "run")))),
        }
        let tasks = (0_u32..).zip(&self.plan.tasks).filter(|(_, task)| task.id.to_string().starts_with(prefix));
        match tasks.collect::<Vec<_>>().as_slice() {
            [(index, task)] => Ok(Found { runs: vec![task.run], task: Some(TaskIx(*index)), ..Found::default() }),
            [] => Err(self.no_such(prefix)),
            tasks => Err(Error::usage(format!("{} begin with `{prefix}`", plural(tasks.len(), "task")))),
        }
    }

    /// The planned cells that a run answers: (grid, cell).
    fn cells_of(&self, run: RunIx) -> impl Iterator<Item = (&Grid, &Cell)> {
        let grids = self.sweep.grids.iter().zip(&self.plan.grids);
        grids.flat_map(move |(grid, plan)| {
            plan.cells.iter().filter(move |cell| cell.run == run).map(move |cell| (grid, cell))
        })
    }

    /// The factors whose value in the run is not the default.
    fn differing(&self, run: RunIx) -> impl Iterator<Item = usize> {
        let factors = self.sweep.factors.iter().enumerate();
        factors.filter(move |(index, factor)| self.plan.level(run, *index) != factor.default).map(|(index, _)| index)
    }

    /// How many runs share a task of a stage.
    fn sharing(&self, stage: usize, task: TaskIx) -> usize {
        self.plan.run_indices().filter(|&other| self.plan.task_of(other, stage) == Some(task)).count()
    }

    fn stage_name(&self, task: TaskIx) -> &str {
        &self.sweep.stages[usize::from(self.plan.tasks[task.0 as usize].stage)].name
    }

    /// The trained runs, of which one may be near a run that is not.
    fn trained(&self) -> impl Iterator<Item = RunIx> {
        self.plan.run_indices().filter(|&run| self.is_trained(run))
    }

    fn is_trained(&self, run: RunIx) -> bool {
        let train = (0..self.sweep.stages.len()).filter(|&stage| self.sweep.stages[stage].kind == StageKind::Train);
        train.filter_map(|stage| self.plan.task_of(run, stage)).all(|task| self.actions.of(task) == Standing::Done)
    }
}
