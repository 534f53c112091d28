//! The plan as columns: a million runs are a few flat vectors, not a million maps.

use crate::grid::{LevelIx, Resources, Sweep};
use crate::id::{RunId, TaskId};
use crate::value::Value;

/// Position of a run in [`Plan::runs`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunIx(pub u32);

/// Position of a task in [`Plan::tasks`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskIx(pub u32);

/// Runs and tasks of a sweep, each once, whatever the number of grids that ask for it.
#[derive(Debug, Default)]
pub struct Plan {
    /// Identity of each distinct run.
    pub runs: Vec<RunId>,
    /// Each distinct task, upstream first.
    pub tasks: Vec<Task>,
    /// One entry a grid, in the sweep's order.
    pub grids: Vec<GridPlan>,
    /// What looks odd but is no mistake, one line each.
    pub warnings: Vec<String>,
    /// Number of factors and of stages: the row lengths of the two tables below.
    pub(super) factors: usize,
    pub(super) stages: usize,
    /// Row a run: its level of every factor.
    pub(super) levels: Vec<LevelIx>,
    /// Row a run: its task of every stage, [`NOT_APPLICABLE`] where the stage does not apply.
    pub(super) run_tasks: Vec<u32>,
}

/// Marks a stage that does not apply to a run.
pub(super) const NOT_APPLICABLE: u32 = u32::MAX;

/// A stage with the configuration that it uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Task {
    pub id: TaskId,
    /// Index into [`Sweep::stages`].
    pub stage: u16,
    /// A run that needs it; every run that shares the task agrees on what the stage uses.
    pub run: RunIx,
}

/// The cells of one grid.
#[derive(Debug, Clone, Default)]
pub struct GridPlan {
    pub name: String,
    pub cells: Vec<Cell>,
}

/// One combination of levels and one seed, and the run that answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// Level of each axis of the grid, by index into `Axis::levels`.
    pub coordinates: Box<[LevelIx]>,
    pub seed: Option<i64>,
    pub run: RunIx,
}

impl Plan {
    /// All runs.
    pub fn run_indices(&self) -> impl Iterator<Item = RunIx> + use<> {
        (0..u32::try_from(self.runs.len()).unwrap_or(u32::MAX)).map(RunIx)
    }

    /// The run's level of `factor`, an index into its levels.
    #[must_use]
    pub fn level(&self, run: RunIx, factor: usize) -> LevelIx {
        self.levels[run.0 as usize * self.factors + factor]
    }

    /// The run's value of `factor`.
    #[must_use]
    pub fn value<'a>(&self, sweep: &'a Sweep, run: RunIx, factor: usize) -> &'a Value {
        &sweep.factors[factor].levels[usize::from(self.level(run, factor))]
    }

    /// The run's task of `stage`, if the stage applies to it.
    #[must_use]
    pub fn task_of(&self, run: RunIx, stage: usize) -> Option<TaskIx> {
        let task = self.run_tasks[run.0 as usize * self.stages + stage];
        (task != NOT_APPLICABLE).then_some(TaskIx(task))
    }

    /// The first cell that `run` answers, for people: `data: vqa=2k generation=500 seed=1`.
    #[must_use]
    pub fn run_name(&self, sweep: &Sweep, run: RunIx) -> String {
        let mut cells = self.grids.iter().flat_map(|grid| grid.cells.iter().map(move |cell| (grid, cell)));
        let found = cells.find(|(_, cell)| cell.run == run).and_then(|(planned, cell)| {
            let grid = &sweep.grids[sweep.grid(&planned.name)?];
            Some(format!("{}: {}", grid.name, grid.cell_name(cell)))
        });
        found.unwrap_or_else(|| self.runs[run.0 as usize].short(8))
    }

    /// The tasks that `task` needs, with the stage of each.
    pub fn needs<'a>(&'a self, sweep: &'a Sweep, task: TaskIx) -> impl Iterator<Item = (usize, TaskIx)> + 'a {
        let Task { stage, run, .. } = self.tasks[task.0 as usize];
        sweep.stages[usize::from(stage)].needs.iter().filter_map(move |&need| Some((need, self.task_of(run, need)?)))
    }

    /// The parameters that `task` uses: the values of its stage's factors, then the stage's constants.
    pub fn params<'a>(&'a self, sweep: &'a Sweep, task: TaskIx) -> impl Iterator<Item = (&'a str, &'a Value)> + 'a {
        let Task { stage, run, .. } = self.tasks[task.0 as usize];
        let stage = &sweep.stages[usize::from(stage)];
        let factors =
            stage.uses.iter().map(move |&factor| (sweep.factors[factor].name.as_str(), self.value(sweep, run, factor)));
        factors.chain(stage.constants.iter().map(|(name, value)| (name.as_str(), value)))
    }

    /// What `task` may use, with the conditions that hold for its run applied.
    #[must_use]
    pub fn resources(&self, sweep: &Sweep, task: TaskIx) -> Resources {
        let Task { stage, run, .. } = self.tasks[task.0 as usize];
        let stage = &sweep.stages[usize::from(stage)];
        stage
            .resources_when
            .iter()
            .rfind(|(when, _)| when.condition.holds(self.row(run)))
            .map_or_else(|| stage.resources.clone(), |(_, resources)| resources.clone())
    }

    /// The run's level of every factor.
    #[must_use]
    pub fn row(&self, run: RunIx) -> &[LevelIx] {
        let start = run.0 as usize * self.factors;
        &self.levels[start..start + self.factors]
    }
}
