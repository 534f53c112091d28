//! From a sweep to its plan: cells become runs, runs become tasks, each once.

use hashbrown::HashMap;
use rayon::prelude::*;

use super::distinct::Distinct;
use super::expand::expand;
use super::identity::Digests;
use super::table::{Cell, GridPlan, NOT_APPLICABLE, Plan, RunIx, Task};
use crate::error::{Error, Result};
use crate::grid::{self, Applies, Condition, Grid, StageKind, Sweep, size};
use crate::id::{RunId, TaskId};

/// Which cells of a sweep are planned.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Names of grids; empty is all.
    pub grids: Vec<String>,
    /// Only cells that satisfy this.
    pub filter: Option<Applies>,
}

/// Plan the selected cells of `sweep`.
///
/// # Errors
/// The selection names a grid that does not exist, or two cells that should differ are one run.
pub fn build(sweep: &Sweep, selection: &Selection) -> Result<Plan> {
    check_grids(sweep, selection)?;
    let mut plan = Plan { factors: sweep.factors.len(), stages: sweep.stages.len(), ..Plan::default() };
    add_runs(&mut plan, sweep, selection)?;
    add_tasks(&mut plan, sweep)?;
    Ok(plan)
}

fn check_grids(sweep: &Sweep, selection: &Selection) -> Result<()> {
    let unknown = selection.grids.iter().find(|name| sweep.grid(name).is_none());
    unknown.map_or(Ok(()), |name| {
        let known: Vec<&str> = sweep.grids.iter().map(|grid| grid.name.as_str()).collect();
        let error = Error::usage(format!("sweep `{}` has no grid `{name}`", sweep.name));
        Err(error.hint(format!("its grids are {}", known.join(", "))))
    })
}

fn add_runs(plan: &mut Plan, sweep: &Sweep, selection: &Selection) -> Result<()> {
    let always = Condition::always();
    let filter = selection.filter.as_ref().map_or(&always, |filter| &filter.condition);
    let selected = |grid: &Grid| selection.grids.is_empty() || selection.grids.contains(&grid.name);
    let cells = sweep.grids.iter().filter(|grid| selected(grid)).filter_map(size).sum();
    let every: Vec<usize> = (0..sweep.factors.len()).collect();
    let mut distinct = Distinct::new(sweep, &every, cells);
    for grid in &sweep.grids {
        let mut cells = Vec::with_capacity(if selected(grid) { size(grid).unwrap_or(0) } else { 0 });
        if selected(grid) {
            let excluded = expand(sweep, grid, filter, &mut |cell| {
                let (run, fresh) = distinct.number(cell.row);
                if fresh {
                    plan.levels.extend_from_slice(cell.row);
                }
                cells.push(Cell { coordinates: cell.coordinates.into(), seed: cell.seed, run: RunIx(run) });
            });
            plan.warnings.extend(warnings(grid, &excluded));
            check_cells(sweep, grid, &cells, plan.levels.len() / sweep.factors.len().max(1))?;
        }
        plan.grids.push(GridPlan { name: grid.name.clone(), cells });
    }
    // Without any factor there is still the one run that a grid without axes asks for.
    let runs = plan.grids.iter().flat_map(|grid| &grid.cells).map(|cell| cell.run.0 + 1).max().unwrap_or(0);
    plan.runs = vec![RunId([0; 16]); runs as usize];
    Ok(())
}

fn warnings(grid: &Grid, excluded: &[usize]) -> Vec<String> {
    let idle = grid.exclude.iter().zip(excluded).filter(|(_, count)| **count == 0);
    idle.map(|(exclude, _)| format!("`exclude` of grid `{}` takes out no cell: {}", grid.name, exclude.text)).collect()
}

/// Two cells of one grid that are one run would be drawn as two results.
fn check_cells(sweep: &Sweep, grid: &Grid, cells: &[Cell], runs: usize) -> Result<()> {
    let mut first = vec![u32::MAX; runs.max(1)];
    for (index, cell) in (0_u32..).zip(cells) {
        let known = std::mem::replace(&mut first[cell.run.0 as usize], index);
        if known != u32::MAX {
            let known = grid.cell_name(&cells[known as usize]);
            let message = format!(
                "grid `{}` has one run twice: the cells `{known}` and `{}` set the same values",
                grid.name,
                grid.cell_name(cell),
            );
            let hint = "take one of the cells out; replicates are made with `seeds`";
            return Err(sweep.mistake(grid.place, message, hint));
        }
    }
    Ok(())
}

fn add_tasks(plan: &mut Plan, sweep: &Sweep) -> Result<()> {
    let digests = Digests::new(sweep);
    plan.run_tasks = vec![NOT_APPLICABLE; plan.runs.len() * plan.stages];
    let closures = closures(sweep);
    for (stage, closure) in closures.iter().enumerate() {
        let from = add_stage(plan, sweep, stage, closure);
        identify(plan, &digests, from);
    }
    let runs: Vec<RunId> = (0..u32::try_from(plan.runs.len()).unwrap_or(u32::MAX))
        .into_par_iter()
        .map(RunIx)
        .map(|run| digests.run(|stage| plan.task_of(run, stage).map(|task| plan.tasks[task.0 as usize].id)))
        .collect();
    plan.runs = runs;
    check_runs(plan, sweep)
}

/// The factors that a stage and everything it needs use: runs that agree on them share its task.
fn closures(sweep: &Sweep) -> Vec<Vec<usize>> {
    let mut closures: Vec<Vec<usize>> = Vec::new();
    for stage in &sweep.stages {
        let mut closure = stage.uses.clone();
        stage.needs.iter().for_each(|&need| closure.extend_from_slice(&closures[need]));
        closure.sort_unstable();
        closure.dedup();
        closures.push(closure);
    }
    closures
}

/// Give every run its task of `stage`; the position of the first new task.
fn add_stage(plan: &mut Plan, sweep: &Sweep, stage: usize, closure: &[usize]) -> usize {
    let from = plan.tasks.len();
    let first = u32::try_from(from).unwrap_or(NOT_APPLICABLE);
    let mut distinct = Distinct::new(sweep, closure, plan.runs.len());
    let Plan { levels, run_tasks, tasks, factors, stages, .. } = plan;
    for (run, of_run) in (0_u32..).zip(run_tasks.chunks_exact_mut(*stages)) {
        let row = &levels[run as usize * *factors..][..*factors];
        let definition = &sweep.stages[stage];
        // A stage that needs what does not apply has nothing to work on.
        let has_needs = definition.needs.iter().all(|&need| of_run[need] != NOT_APPLICABLE);
        let applies = definition.applies.as_ref().is_none_or(|applies| applies.condition.holds(row));
        if !has_needs || !applies {
            continue;
        }
        let (number, fresh) = distinct.number(row);
        of_run[stage] = first + number;
        if fresh {
            tasks.push(Task { id: TaskId([0; 16]), stage: u16::try_from(stage).unwrap_or(u16::MAX), run: RunIx(run) });
        }
    }
    from
}

/// Compute the identities of the tasks from `from` on; those of the tasks that they need stand before them.
fn identify(plan: &mut Plan, digests: &Digests, from: usize) {
    let ids: Vec<TaskId> = plan.tasks[from..]
        .par_iter()
        .map(|task| {
            let need =
                |stage| plan.task_of(task.run, stage).map_or(TaskId([0; 16]), |task| plan.tasks[task.0 as usize].id);
            digests.task(usize::from(task.stage), plan.row(task.run), need)
        })
        .collect();
    plan.tasks[from..].iter_mut().zip(ids).for_each(|(task, id)| task.id = id);
}

/// Runs that differ only in what no train stage uses would be one run with two sets of scores.
fn check_runs(plan: &Plan, sweep: &Sweep) -> Result<()> {
    let whole = |stage: usize| {
        let last = plan.runs.len().checked_sub(1).and_then(|run| plan.task_of(RunIx(u32::try_from(run).ok()?), stage));
        let first = plan.runs.first().and_then(|_| plan.task_of(RunIx(0), stage));
        // One task a run, in order: no two runs share it.
        matches!((first, last), (Some(first), Some(last)) if (last.0 - first.0) as usize + 1 == plan.runs.len())
    };
    if (0..plan.stages).any(|stage| sweep.stages[stage].kind == StageKind::Train && whole(stage)) {
        return Ok(());
    }
    let mut seen: HashMap<RunId, RunIx> = HashMap::with_capacity(plan.runs.len());
    for run in plan.run_indices() {
        if let Some(other) = seen.insert(plan.runs[run.0 as usize], run) {
            return Err(one_run(plan, sweep, other, run));
        }
    }
    Ok(())
}

fn one_run(plan: &Plan, sweep: &Sweep, first: RunIx, second: RunIx) -> Error {
    let differs = (0..plan.factors).filter(|&factor| plan.level(first, factor) != plan.level(second, factor));
    let differs: Vec<usize> = differs.collect();
    let names: Vec<&str> = differs.iter().map(|&factor| sweep.factors[factor].name.as_str()).collect();
    let message = format!(
        "two runs have one id, {}: {} and {} differ in {}, which no train stage uses for them",
        plan.runs[first.0 as usize].short(8),
        cell_of(plan, sweep, first),
        cell_of(plan, sweep, second),
        grid::list(&names),
    );
    let hint = "vary what the training uses, or give each value its own measure stage";
    match differs.first() {
        Some(&factor) => sweep.mistake(sweep.factors[factor].place, message, hint),
        None => Error::usage(message).hint(hint),
    }
}

/// A cell that the run answers, for people.
fn cell_of(plan: &Plan, sweep: &Sweep, run: RunIx) -> String {
    let mut cells =
        sweep.grids.iter().zip(&plan.grids).flat_map(|(grid, plan)| plan.cells.iter().map(move |cell| (grid, cell)));
    let found = cells.find(|(_, cell)| cell.run == run);
    found.map_or_else(String::new, |(grid, cell)| format!("`{}` of grid `{}`", grid.cell_name(cell), grid.name))
}
