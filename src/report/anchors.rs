//! Anchors as numbers: what was measured of them among the cells of a grid.

use std::sync::Arc;

use hashbrown::HashMap;

use super::frame::Frame;
use super::table::fixed;
use crate::evidence::Evidence;
use crate::grid::{AnchorValue, Sweep};
use crate::metric::{Kind, Subject};
use crate::plan::{Plan, RunIx, TaskIx};

/// The anchors of a sweep with every score of them.
#[derive(Debug)]
pub struct Anchors<'a> {
    sweep: &'a Sweep,
    plan: &'a Plan,
    /// By what it was measured of: (anchor, position among its metrics, value).
    found: HashMap<Subject, Vec<(usize, usize, f64)>>,
}

/// One anchor among the cells of a grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Anchor {
    pub name: String,
    /// What figures and tables print.
    pub label: String,
    /// By measure; `None` where it is no anchor of the measure.
    values: Vec<Option<Level>>,
}

/// The value of an anchor for one measure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Level {
    /// Nothing is known of it yet.
    NotRun,
    /// Smallest and largest value: cells that do not share the anchor's task may have different ones.
    Between(f64, f64),
}

impl<'a> Anchors<'a> {
    /// Find the scores of the sweep's anchors.
    #[must_use]
    pub fn of(evidence: &Evidence<'a>) -> Self {
        let Evidence { sweep, plan, observations, .. } = *evidence;
        let mut found: HashMap<Subject, Vec<(usize, usize, f64)>> = HashMap::new();
        let wanted = wanted(sweep);
        // Many observations share a kind: its texts are looked up once.
        let mut kinds: HashMap<*const Kind, Option<&Places>> = HashMap::new();
        let scored = observations.iter().filter(|_| !wanted.is_empty());
        for observation in scored.filter(|observation| observation.step.is_none() && observation.value.is_finite()) {
            let find = || wanted.get(&(observation.kind.metric.as_str(), observation.kind.benchmark.as_str()));
            let places = *kinds.entry(Arc::as_ptr(&observation.kind)).or_insert_with(find);
            for &(anchor, metric) in places.into_iter().flatten() {
                found.entry(observation.subject).or_default().push((anchor, metric, observation.value));
            }
        }
        Self { sweep, plan, found }
    }

    /// The anchors as the cells of `frame` have them.
    #[must_use]
    pub fn among(&self, frame: &Frame) -> Vec<Anchor> {
        let mut levels: HashMap<(usize, usize), (f64, f64)> = HashMap::new();
        let runs = frame.cells.iter().flat_map(|cell| &cell.replicates).map(|&(_, run)| run);
        for &(anchor, metric, value) in runs.filter(|_| !self.found.is_empty()).flat_map(|run| self.of_run(run)) {
            let (low, high) = levels.entry((anchor, metric)).or_insert((value, value));
            (*low, *high) = (low.min(value), high.max(value));
        }
        let anchors = self.sweep.anchors.iter().enumerate();
        anchors
            .map(|(index, anchor)| {
                let level = |position: usize, value: &AnchorValue| match (value, levels.get(&(index, position))) {
                    (AnchorValue::Known(value), _) => Level::Between(*value, *value),
                    (AnchorValue::Benchmark(_), Some(&(low, high))) => Level::Between(low, high),
                    (AnchorValue::Benchmark(_), None) => Level::NotRun,
                };
                let of = |name: &str| {
                    let position = anchor.of.iter().position(|(metric, _)| metric == name)?;
                    Some(level(position, &anchor.of.get(position)?.1))
                };
                let values = frame.measures().iter().map(|measure| of(&measure.name)).collect();
                Anchor { name: anchor.name.clone(), label: anchor.label.clone(), values }
            })
            .collect()
    }

    /// What was measured of the tasks of a run, or imported for it.
    fn of_run(&self, run: RunIx) -> impl Iterator<Item = &(usize, usize, f64)> {
        let id = |task: TaskIx| self.plan.tasks.get(task.0 as usize).map(|task| Subject::Task(task.id));
        let tasks = (0..self.sweep.stages.len()).filter_map(move |stage| id(self.plan.task_of(run, stage)?));
        let itself = self.plan.runs.get(run.0 as usize).map(|run| Subject::Run(*run));
        tasks.chain(itself).filter_map(|subject| self.found.get(&subject)).flatten()
    }
}

/// Places of (anchor, position among its metrics).
type Places = Vec<(usize, usize)>;

/// By the name and the benchmark of a score: the anchors that it is the value of.
fn wanted(sweep: &Sweep) -> HashMap<(&str, &str), Places> {
    let mut wanted: HashMap<(&str, &str), Places> = HashMap::new();
    for (index, anchor) in sweep.anchors.iter().enumerate() {
        for (position, (name, value)) in anchor.of.iter().enumerate() {
            let metric = sweep.metrics.iter().find(|metric| metric.name == *name);
            if let (Some(metric), AnchorValue::Benchmark(benchmark)) = (metric, value) {
                wanted.entry((&metric.score, benchmark)).or_default().push((index, position));
            }
        }
    }
    wanted
}

impl Anchor {
    /// Its value for a measure; `None` where it is no anchor of it.
    #[must_use]
    pub fn level(&self, measure: usize) -> Option<Level> {
        self.values.get(measure).copied().flatten()
    }

    /// Whether it is an anchor of any of these measures.
    #[must_use]
    pub fn concerns(&self, measures: &[usize]) -> bool {
        measures.iter().any(|&measure| self.level(measure).is_some())
    }
}

impl Level {
    /// As tables print it.
    #[must_use]
    pub fn text(self, decimals: usize) -> String {
        match self {
            Self::NotRun => "not run".to_owned(),
            Self::Between(low, high) => {
                let (low, high) = (fixed(low, decimals), fixed(high, decimals));
                if low == high { low } else { format!("{low} to {high}") }
            }
        }
    }
}
