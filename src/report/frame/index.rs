//! Observations found by subject, their texts looked at once.

use std::sync::Arc;

use hashbrown::HashMap;

use super::measure::{Measure, measures};
use crate::attempt::Ledger;
use crate::evidence::Evidence;
use crate::grid::{ImportSpec, LevelIx, Stage, Sweep};
use crate::metric::{Kind, Observation, Subject};
use crate::plan::{Plan, RunIx, TaskIx};
use crate::value::Value;

/// All observations of the evidence, ready to be joined to any grid.
#[derive(Debug)]
pub struct Index<'a> {
    pub(super) sweep: &'a Sweep,
    pub(super) plan: &'a Plan,
    pub(super) ledger: &'a Ledger,
    pub(super) observations: &'a [Observation],
    pub measures: Vec<Measure>,
    /// Whose observations are told apart from others of the same measure.
    pub(super) origins: Vec<Origin<'a>>,
    /// By kind of observation: the measures that it belongs to, and its origin there.
    pub(super) targets: Vec<Vec<(u16, u16)>>,
    /// By observation: its kind; [`NO_KIND`] when it is not of a final model.
    pub(super) kinds: Vec<u32>,
    /// The stages that look at the end of the training, and not at a point on the way.
    pub(super) final_stages: Vec<usize>,
    groups: Groups,
    /// By task of the plan: its first group.
    task_groups: Vec<u32>,
    /// By measure: the stages known to give it.
    pub(super) producers: Vec<Vec<usize>>,
}

/// What sets observations of one measure apart: never averaged over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Origin<'a> {
    pub source: &'a str,
    pub split: &'a str,
    /// Empty where the measure names its benchmark.
    pub benchmark: &'a str,
}

pub(super) const NO_KIND: u32 = u32::MAX;
const NO_GROUP: u32 = u32::MAX;

impl<'a> Index<'a> {
    /// Look at all observations once.
    #[must_use]
    pub fn of(evidence: &Evidence<'a>) -> Self {
        let Evidence { sweep, plan, ledger, observations } = *evidence;
        let (kinds, names) = intern(observations);
        let measures = measures(sweep, names.iter().map(|kind| (kind.metric.as_str(), kind.benchmark.as_str())));
        let (targets, origins) = targets(&measures, &names);
        let groups = Groups::of(observations);
        let task_groups = plan.tasks.iter().map(|task| groups.first(Subject::Task(task.id))).collect();
        let mut index = Self {
            sweep,
            plan,
            ledger,
            observations,
            measures,
            origins,
            targets,
            kinds,
            final_stages: (0..sweep.stages.len()).filter(|&stage| is_final(&sweep.stages[stage])).collect(),
            groups,
            task_groups,
            producers: Vec::new(),
        };
        index.producers = index.find_producers();
        index
    }

    /// Number of grids in the plan.
    #[must_use]
    pub fn plan_grids(&self) -> usize {
        self.plan.grids.len()
    }

    /// The position of the grid `name`.
    #[must_use]
    pub fn grid(&self, name: &str) -> Option<usize> {
        self.sweep.grid(name)
    }

    /// The name of the grid at a position.
    #[must_use]
    pub fn grid_name(&self, grid: usize) -> Option<&'a str> {
        self.sweep.grids.get(grid).map(|grid| grid.name.as_str())
    }

    /// Whether any cell of the grid `name` is planned.
    #[must_use]
    pub fn has_cells(&self, name: &str) -> bool {
        self.grid(name).and_then(|grid| self.plan.grids.get(grid)).is_some_and(|grid| !grid.cells.is_empty())
    }

    /// A run's level of every factor.
    #[must_use]
    pub fn row(&self, run: RunIx) -> &'a [LevelIx] {
        self.plan.row(run)
    }

    /// How finished results were imported.
    #[must_use]
    pub fn imports(&self) -> &'a [ImportSpec] {
        &self.sweep.imports
    }

    /// Observations that were measured by `task`, by position.
    pub(super) fn of_task(&self, task: TaskIx) -> impl Iterator<Item = usize> + '_ {
        self.groups.walk(self.task_groups.get(task.0 as usize).copied().unwrap_or(NO_GROUP))
    }

    /// Observations that were imported for the run, by position.
    pub(super) fn of_subject(&self, subject: Subject) -> impl Iterator<Item = usize> + '_ {
        self.groups.walk(self.groups.first(subject))
    }

    /// Which stages give which measure is learnt from what they gave so far, anywhere in the sweep.
    fn find_producers(&self) -> Vec<Vec<usize>> {
        let mut gives = vec![vec![false; self.sweep.stages.len()]; self.targets.len()];
        for (position, task) in self.plan.tasks.iter().enumerate() {
            let task_ix = TaskIx(u32::try_from(position).unwrap_or(u32::MAX));
            for observation in self.of_task(task_ix) {
                if let Some(kind) = gives.get_mut(self.kinds[observation] as usize) {
                    kind[usize::from(task.stage)] = true;
                }
            }
        }
        let own = (0..self.measures.len()).map(|measure| self.stages_of(measure, &gives)).collect::<Vec<_>>();
        (0..self.measures.len()).map(|measure| with_parts(measure, &own, &self.measures)).collect()
    }

    fn stages_of(&self, measure: usize, gives: &[Vec<bool>]) -> Vec<usize> {
        let is_ours = |kind: usize| self.targets[kind].iter().any(|&(target, _)| usize::from(target) == measure);
        let kinds: Vec<usize> = (0..self.targets.len()).filter(|&kind| is_ours(kind)).collect();
        (0..self.sweep.stages.len()).filter(|&stage| kinds.iter().any(|&kind| gives[kind][stage])).collect()
    }
}

/// The stages of a measure, or of what it is the mean of.
fn with_parts(measure: usize, own: &[Vec<usize>], measures: &[Measure]) -> Vec<usize> {
    if !own[measure].is_empty() {
        return own[measure].clone();
    }
    let mut stages: Vec<usize> = measures[measure].parts.iter().flat_map(|&part| own[part].iter().copied()).collect();
    stages.sort_unstable();
    stages.dedup();
    stages
}

fn is_final(stage: &Stage) -> bool {
    stage.constants.iter().all(|(name, value)| name != "at" || *value == Value::Text("last".into()))
}

fn intern(observations: &[Observation]) -> (Vec<u32>, Vec<&Kind>) {
    let mut names: Vec<&Kind> = Vec::new();
    let mut known: HashMap<&Kind, u32> = HashMap::new();
    // Most observations share their kind with one before: comparing places spares comparing texts.
    let mut places: HashMap<*const Kind, u32> = HashMap::new();
    let mut number = |kind| {
        *known.entry(kind).or_insert_with(|| {
            names.push(kind);
            u32::try_from(names.len() - 1).unwrap_or(NO_KIND)
        })
    };
    let kinds = observations
        .iter()
        .map(|Observation { kind, step, .. }| match step {
            Some(_) => NO_KIND,
            None => *places.entry(Arc::as_ptr(kind)).or_insert_with(|| number(kind)),
        })
        .collect();
    (kinds, names)
}

/// By kind: the measures that take it, and its origin there.
fn targets<'a>(measures: &[Measure], kinds: &[&'a Kind]) -> (Vec<Vec<(u16, u16)>>, Vec<Origin<'a>>) {
    let mut origins: Vec<Origin<'a>> = Vec::new();
    let mut origin_of = |origin: Origin<'a>| {
        let known = origins.iter().position(|other| *other == origin).unwrap_or_else(|| {
            origins.push(origin);
            origins.len() - 1
        });
        u16::try_from(known).unwrap_or(u16::MAX)
    };
    let targets = kinds
        .iter()
        .map(|kind| {
            let takers = (0_u16..).zip(measures).filter(|(_, measure)| measure.takes(&kind.metric, &kind.benchmark));
            takers
                .map(|(position, measure)| {
                    let benchmark = if measure.benchmark.is_some() { "" } else { &kind.benchmark };
                    (position, origin_of(Origin { source: &kind.source, split: &kind.split, benchmark }))
                })
                .collect()
        })
        .collect();
    (targets, origins)
}

/// Observations of one subject that follow each other: stores write them that way, but nothing depends on it.
#[derive(Debug)]
struct Group {
    start: u32,
    end: u32,
    /// The subject's next group.
    next: u32,
}

#[derive(Debug)]
struct Groups {
    groups: Vec<Group>,
    first: HashMap<Subject, u32>,
}

impl Groups {
    fn of(observations: &[Observation]) -> Self {
        let mut out = Self { groups: Vec::new(), first: HashMap::new() };
        let mut end = u32::try_from(observations.len()).unwrap_or(NO_GROUP);
        // From the back, so that each subject's chain runs forward.
        for chunk in observations.chunk_by(|left, right| left.subject == right.subject).rev() {
            let [observation, ..] = chunk else { continue };
            let start = end - u32::try_from(chunk.len()).unwrap_or(end);
            let this = u32::try_from(out.groups.len()).unwrap_or(NO_GROUP);
            let next = out.first.insert(observation.subject, this).unwrap_or(NO_GROUP);
            out.groups.push(Group { start, end, next });
            end = start;
        }
        out
    }

    fn first(&self, subject: Subject) -> u32 {
        self.first.get(&subject).copied().unwrap_or(NO_GROUP)
    }

    fn walk(&self, first: u32) -> impl Iterator<Item = usize> + '_ {
        let chain =
            std::iter::successors(self.groups.get(first as usize), |group| self.groups.get(group.next as usize));
        chain.flat_map(|group| group.start as usize..group.end as usize)
    }
}
