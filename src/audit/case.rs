//! What every rule looks at.

use std::sync::OnceLock;

use hashbrown::HashMap;

use super::facts::{Attempt, Column, Facts, Imported};
use super::printed::decimals_of;
use crate::evidence::Evidence;
use crate::grid::{Grid, Sweep};
use crate::id::{RunId, TaskId};
use crate::metric::{Metric, Observation, Subject};
use crate::plan::{Plan, RunIx, TaskIx};
use crate::report::frame::{Frame, Index};

/// The evidence and the facts beside it, found by what rules ask for.
#[derive(Debug)]
pub struct Case<'a> {
    pub sweep: &'a Sweep,
    pub plan: &'a Plan,
    pub evidence: &'a Evidence<'a>,
    pub facts: &'a Facts,
    pub index: &'a Index<'a>,
    /// By grid of the sweep; `None` for one that was not asked about.
    pub frames: Vec<Option<Frame<'a>>>,
    /// The attempt that counts, by task: index into [`Facts::attempts`].
    successes: HashMap<TaskId, usize>,
    runs: OnceLock<HashMap<RunId, RunIx>>,
    observations: OnceLock<HashMap<TaskId, Vec<&'a Observation>>>,
}

impl<'a> Case<'a> {
    pub(super) fn new(evidence: &'a Evidence<'a>, facts: &'a Facts, index: &'a Index<'a>) -> Self {
        let asked = |grid: &usize| evidence.plan.grids.get(*grid).is_some_and(|planned| !planned.cells.is_empty());
        let frame = |grid: usize| Some(grid).filter(asked).and_then(|grid| Frame::of(index, grid, None));
        let succeeded = facts.attempts.iter().enumerate().filter(|(_, attempt)| attempt.succeeded);
        Self {
            sweep: evidence.sweep,
            plan: evidence.plan,
            evidence,
            facts,
            index,
            frames: (0..evidence.sweep.grids.len()).map(frame).collect(),
            successes: succeeded.map(|(position, attempt)| (attempt.task, position)).collect(),
            runs: OnceLock::new(),
            observations: OnceLock::new(),
        }
    }

    /// The grids that were asked about.
    pub fn grids(&self) -> impl Iterator<Item = (usize, &'a Grid, &Frame<'a>)> {
        let grids = self.sweep.grids.iter().enumerate().zip(&self.frames);
        grids.filter_map(|((position, grid), frame)| Some((position, grid, frame.as_ref()?)))
    }

    /// The attempt of a task that counts.
    #[must_use]
    pub fn success(&self, task: TaskIx) -> Option<&'a Attempt> {
        let id = self.plan.tasks.get(task.0 as usize)?.id;
        self.facts.attempts.get(*self.successes.get(&id)?)
    }

    /// The tasks of `stage` that the cells of a grid need, each once, in the plan's order.
    #[must_use]
    pub fn tasks_of(&self, grid: usize, stage: usize) -> Vec<TaskIx> {
        let cells = self.plan.grids.get(grid).map_or(&[][..], |grid| &grid.cells);
        let mut tasks: Vec<TaskIx> = cells.iter().filter_map(|cell| self.plan.task_of(cell.run, stage)).collect();
        tasks.sort_unstable();
        tasks.dedup();
        tasks
    }

    /// The first cell that a run answers: `data: vqa=2k generation=500 seed=1`.
    #[must_use]
    pub fn run_name(&self, run: RunIx) -> String {
        let named = self.sweep.grids.iter().zip(&self.plan.grids).find_map(|(grid, planned)| {
            let cell = planned.cells.iter().find(|cell| cell.run == run)?;
            Some(format!("{}: {}", grid.name, grid.cell_name(cell)))
        });
        named.unwrap_or_else(|| self.plan.runs.get(run.0 as usize).map_or_else(String::new, |run| run.short(8)))
    }

    /// A task by its stage, identity and first cell.
    #[must_use]
    pub fn task_name(&self, id: &TaskId) -> String {
        let Some(task) = self.plan.tasks.iter().find(|task| task.id == *id) else { return id.short(8) };
        let stage = self.sweep.stages.get(usize::from(task.stage)).map_or("", |stage| stage.name.as_str());
        format!("task {} (`{stage}` of {})", id.short(8), self.run_name(task.run))
    }

    /// The stage of a task by its name.
    #[must_use]
    pub fn stage_name(&self, stage: usize) -> &'a str {
        self.sweep.stages.get(stage).map_or("", |stage| &stage.name)
    }

    /// The metrics that a score with this name and benchmark is a value of.
    pub fn metrics_of<'b>(&self, name: &'b str, benchmark: &'b str) -> impl Iterator<Item = (usize, &'a Metric)> + 'b
    where
        'a: 'b,
    {
        let takes = move |metric: &&'a Metric| {
            let measured = metric.score == name && metric.benchmark.as_deref().is_none_or(|own| own == benchmark);
            measured || (metric.name == name && benchmark.is_empty())
        };
        self.sweep.metrics.iter().enumerate().filter(move |(_, metric)| takes(metric))
    }

    /// The imported numbers column by column, each with its metric and the decimals that the column is printed with.
    #[must_use]
    pub fn columns(&self) -> Vec<ImportedColumn<'a>> {
        let mut places: HashMap<*const Column, usize> = HashMap::new();
        let mut columns: Vec<ImportedColumn<'a>> = Vec::new();
        for imported in &self.facts.imported {
            let place = *places.entry(std::sync::Arc::as_ptr(&imported.column)).or_insert_with(|| {
                let metric = self.metrics_of(&imported.column.metric, &imported.column.benchmark).next();
                let metric = metric.map(|(position, _)| position);
                columns.push(ImportedColumn { column: &imported.column, metric, decimals: 0, values: Vec::new() });
                columns.len() - 1
            });
            let column = &mut columns[place];
            column.decimals = column.decimals.max(decimals_of(imported.value));
            column.values.push(imported);
        }
        columns
    }

    /// The runs by their identity.
    pub fn runs_by_id(&self) -> &HashMap<RunId, RunIx> {
        self.runs.get_or_init(|| {
            self.plan.run_indices().filter_map(|run| Some((*self.plan.runs.get(run.0 as usize)?, run))).collect()
        })
    }

    /// The scores of each task, in the order of the store.
    pub fn observations_by_task(&self) -> &HashMap<TaskId, Vec<&'a Observation>> {
        self.observations.get_or_init(|| {
            let mut by_task: HashMap<TaskId, Vec<&'a Observation>> = HashMap::new();
            for observation in self.evidence.observations {
                if let Subject::Task(task) = observation.subject {
                    by_task.entry(task).or_default().push(observation);
                }
            }
            by_task
        })
    }
}

/// One column of one import.
#[derive(Debug)]
pub struct ImportedColumn<'a> {
    pub column: &'a Column,
    /// Of the sweep's metrics.
    pub metric: Option<usize>,
    /// Most decimals that any of its values needs. A file may print `44.0` as `44`: where all of a column end in 0, it
    /// passes for printed more coarsely, and checks are milder than they could be.
    pub decimals: u32,
    pub values: Vec<&'a Imported>,
}
