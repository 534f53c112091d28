//! Why a cell is not planned, why a stage does not apply, and which run is nearest to a new one.

use super::expand::cell_row;
use super::table::{Plan, RunIx};
use crate::grid::{Grid, LevelIx, Sweep, dimensions};

/// Why a grid has no such cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Absent {
    /// The axis has no such level.
    NoLevel { axis: String, level: String, levels: Vec<String> },
    /// Axes that step together have no such step.
    NoStep { axes: Vec<String> },
    /// An exclusion takes it out: its text.
    Excluded { by: String },
    /// The level is there for extra cells only, and this is none of them.
    OnlyIncluded { axis: String, level: String },
    /// The grid has no such seed.
    NoSeed { seed: i64, seeds: Vec<i64> },
}

/// Why a run has no task of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotApplicable {
    /// The stage's own condition does not hold: its text.
    Condition(String),
    /// It needs a stage that does not apply: its name.
    Need(String),
}

/// Coordinates in `grid` of the cell with these (axis, level) labels; axes that are not named are open (`None`).
///
/// # Errors
/// A label that its axis does not have.
pub fn locate(grid: &Grid, wanted: &[(String, String)]) -> Result<Vec<Option<LevelIx>>, Absent> {
    let coordinate = |axis: &crate::grid::Axis| {
        let Some((_, label)) = wanted.iter().find(|(name, _)| *name == axis.name) else { return Ok(None) };
        let position = axis.levels.iter().position(|level| level.label == *label);
        let position = position.and_then(|position| LevelIx::try_from(position).ok());
        position.map(Some).ok_or_else(|| Absent::NoLevel {
            axis: axis.name.clone(),
            level: label.clone(),
            levels: axis.levels.iter().map(|level| level.label.clone()).collect(),
        })
    };
    grid.axes.iter().map(coordinate).collect()
}

/// Why the cell at `coordinates`, all of whose levels exist, is not in the grid; `None` if it is.
#[must_use]
pub fn absent(sweep: &Sweep, grid: &Grid, coordinates: &[LevelIx]) -> Option<Absent> {
    if grid.include.iter().any(|cell| cell == coordinates) {
        return None;
    }
    for (axis, &at) in grid.axes.iter().zip(coordinates) {
        if usize::from(at) >= axis.multiplied {
            let level = axis.levels.get(usize::from(at)).map(|level| level.label.clone()).unwrap_or_default();
            return Some(Absent::OnlyIncluded { axis: axis.name.clone(), level });
        }
    }
    for dimension in dimensions(grid).into_iter().filter(|dimension| dimension.len() > 1) {
        let is_step = |step: usize| {
            dimension.iter().all(|&axis| {
                let levels = &grid.axes[axis].levels;
                levels.get(step).is_some_and(|level| level.label == levels[usize::from(coordinates[axis])].label)
            })
        };
        let steps = dimension.iter().map(|&axis| grid.axes[axis].multiplied).min().unwrap_or(0);
        if !(0..steps).any(is_step) {
            return Some(Absent::NoStep { axes: dimension.iter().map(|&axis| grid.axes[axis].name.clone()).collect() });
        }
    }
    let row = cell_row(sweep, grid, coordinates);
    let exclude = grid.exclude.iter().find(|exclude| exclude.condition.holds(&row))?;
    Some(Absent::Excluded { by: exclude.text.clone() })
}

/// Why `run` has no task of `stage`; `None` if it has one.
#[must_use]
pub fn not_applicable(sweep: &Sweep, plan: &Plan, run: RunIx, stage: usize) -> Option<NotApplicable> {
    if plan.task_of(run, stage).is_some() {
        return None;
    }
    let definition = &sweep.stages[stage];
    if let Some(applies) = definition.applies.as_ref().filter(|applies| !applies.condition.holds(plan.row(run))) {
        return Some(NotApplicable::Condition(applies.text.clone()));
    }
    let missing = definition.needs.iter().find(|&&need| plan.task_of(run, need).is_none());
    missing.map(|&need| NotApplicable::Need(sweep.stages[need].name.clone()))
}

/// The run among `others` that differs from `run` in the fewest factors, and those factors.
#[must_use]
pub fn nearest(plan: &Plan, run: RunIx, others: impl Iterator<Item = RunIx>) -> Option<(RunIx, Vec<usize>)> {
    let differences = |other: RunIx| -> Vec<usize> {
        let pairs = plan.row(run).iter().zip(plan.row(other));
        pairs.enumerate().filter(|(_, (a, b))| a != b).map(|(factor, _)| factor).collect()
    };
    let others = others.filter(|&other| other != run);
    others.map(|other| (other, differences(other))).min_by_key(|(_, factors)| factors.len())
}
