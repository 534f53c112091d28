//! The checked sweep: factors, grids, stages, metrics and reports.

use std::path::PathBuf;
use std::sync::Arc;

use super::claim::Claim;
use super::filter::Condition;
use super::source::{Problem, Sources, Span, single};
use crate::attempt::{FailureReason, Failures};
use crate::error::Error;
use crate::id::ContentId;
use crate::metric::Metric;
use crate::value::Value;

/// One `sweeps/<name>.toml`: one scientific question.
#[derive(Debug, Clone)]
pub struct Sweep {
    pub name: String,
    /// One line for people.
    pub title: String,
    /// The profile by which it is submitted where the command names none.
    pub profile: Option<String>,
    pub path: PathBuf,
    /// The file's text with everything that it extends, as stored with the plan.
    pub text: String,
    /// Digest of `text`.
    pub digest: ContentId,
    /// Sorted by name; an index into it identifies a factor.
    pub factors: Vec<Factor>,
    /// Named levels that set several factors at once (`[levels.data.all]`), by composite.
    pub composites: Vec<Axis>,
    pub grids: Vec<Grid>,
    /// Every stage stands after the stages that it needs.
    pub stages: Vec<Stage>,
    pub metrics: Vec<Metric>,
    pub anchors: Vec<Anchor>,
    pub reports: Vec<Report>,
    pub imports: Vec<ImportSpec>,
    pub claims: Vec<Claim>,
    /// What looks odd but is no mistake, one line each, with its place.
    pub warnings: Vec<String>,
    /// The files that it was read from, for mistakes that only a plan shows.
    pub(super) sources: Arc<Sources>,
}

impl Sweep {
    /// The error for a mistake in what was written at `place`, shown with its line.
    #[must_use]
    pub fn mistake(&self, place: Place, message: impl Into<String>, hint: impl Into<String>) -> Error {
        single(&Problem::new(place.0, message).hint(hint), &self.sources)
    }

    /// `error` with the place in the file that led to it, and its line.
    #[must_use]
    pub fn led_to(&self, place: Place, error: Error) -> Error {
        error.at(&self.sources.place(place.0)).excerpt(self.sources.excerpt(&Problem::new(place.0, "")))
    }

    /// Index of the factor `name`.
    #[must_use]
    pub fn factor(&self, name: &str) -> Option<usize> {
        self.factors.binary_search_by(|factor| factor.name.as_str().cmp(name)).ok()
    }

    /// Index of the grid `name`.
    #[must_use]
    pub fn grid(&self, name: &str) -> Option<usize> {
        self.grids.iter().position(|grid| grid.name == name)
    }

    /// Points of a training before its end at which a stage that needs it looks, `25%`, in the order of the file.
    #[must_use]
    pub fn points(&self, training: usize) -> Vec<&str> {
        let looking = self.stages.iter().filter(|stage| stage.needs.contains(&training));
        let points = looking.flat_map(|stage| &stage.constants).filter_map(|(name, value)| match value {
            Value::Text(point) if name == AT => Some(point.as_str()),
            _ => None,
        });
        points.fold(Vec::new(), |mut all, point| {
            if !all.contains(&point) {
                all.push(point);
            }
            all
        })
    }
}

/// Where something was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place(pub(super) Span);

/// Position of a level in [`Factor::levels`].
pub type LevelIx = u16;

/// A parameter of the configuration that may be varied.
#[derive(Debug, Clone)]
pub struct Factor {
    pub name: String,
    /// Where it is declared.
    pub place: Place,
    pub label: String,
    pub kind: FactorKind,
    /// Index of the reference level (`[defaults]`).
    pub default: LevelIx,
    /// What runs made before the factor existed did; left out of identities when equal.
    pub absent: Option<Value>,
    /// All values that occur anywhere in the sweep, in order of first appearance.
    pub levels: Vec<Value>,
}

/// How a factor's values are written and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactorKind {
    Plain,
    /// Counts of samples: `200k`, `7M`.
    Amount,
}

/// A named block of the sweep: the cells of one experiment.
#[derive(Debug, Clone)]
pub struct Grid {
    pub name: String,
    /// Where it is declared.
    pub place: Place,
    pub title: String,
    /// What differs from the sweep's defaults in every cell: (factor, level).
    pub overrides: Vec<(usize, LevelIx)>,
    /// Axes that are multiplied; the last one runs fastest.
    pub axes: Vec<Axis>,
    /// Groups of axes (by index) that step together instead.
    pub zipped: Vec<Vec<usize>>,
    pub exclude: Vec<Applies>,
    /// Extra cells, one level label for each axis.
    pub include: Vec<Vec<LevelIx>>,
    pub seeds: Option<Seeds>,
}

impl Grid {
    /// The cell as `axis=level axis=level`, with its seed; `only cell` where nothing is varied.
    #[must_use]
    pub fn cell_name(&self, cell: &crate::plan::Cell) -> String {
        let label = |(axis, level): (&Axis, &LevelIx)| {
            let label = axis.levels.get(usize::from(*level)).map_or("", |level| level.label.as_str());
            format!("{}={}", axis.name, label.escape_debug())
        };
        let mut parts: Vec<String> = self.axes.iter().zip(&cell.coordinates).map(label).collect();
        parts.extend(cell.seed.map(|seed| format!("seed={seed}")));
        if parts.is_empty() { "only cell".to_owned() } else { parts.join(" ") }
    }
}

/// What is varied along one direction of a grid.
#[derive(Debug, Clone)]
pub struct Axis {
    /// Name of a factor, or of a composite whose levels set several.
    pub name: String,
    /// The levels that are multiplied, then those that only extra cells (`include`) have.
    pub levels: Vec<AxisLevel>,
    /// How many of `levels` are multiplied.
    pub multiplied: usize,
}

/// One position on an axis.
#[derive(Debug, Clone)]
pub struct AxisLevel {
    /// As written in the file (`200k`), or the composite level's name.
    pub label: String,
    /// What it sets: (factor, level).
    pub sets: Vec<(usize, LevelIx)>,
}

/// Replicates of each cell.
#[derive(Debug, Clone)]
pub struct Seeds {
    pub values: Vec<i64>,
    /// `stage.purpose` of what a seed draws anew; everything else is shared by the replicates.
    pub redraw: Vec<String>,
}

/// A condition on a cell: `generation > 0`.
#[derive(Debug, Clone)]
pub struct Applies {
    pub text: String,
    /// The same, ready to be asked for a row of levels.
    pub condition: Condition,
}

/// The parameter that tells a stage at which point of the training it looks.
pub(super) const AT: &str = "at";

/// Whether a stage makes the model or measures it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StageKind {
    /// Part of the run's identity.
    Train,
    /// Attaches to a run without renaming it.
    Measure,
}

/// A step of the pipeline.
#[derive(Debug, Clone)]
pub struct Stage {
    /// A measure stage that looks at several points of a training is one stage a point, named `evaluate@25%`; the
    /// end of the training keeps the plain name.
    pub name: String,
    /// Where its program is named.
    pub place: Place,
    pub kind: StageKind,
    /// Raised by hand to invalidate results on purpose.
    pub version: u32,
    /// Indices of the factors that it uses, ascending.
    pub uses: Vec<usize>,
    /// Parameters that are the same in every cell, by name: `at` (the point of the training that is measured) and
    /// `redraw` (what a seed draws anew).
    pub constants: Vec<(String, Value)>,
    /// Indices of the stages that it needs, ascending.
    pub needs: Vec<usize>,
    /// Argument list; `{lr}` and `{config}` are filled in, no shell is involved.
    pub command: Vec<String>,
    /// Cells for which the stage makes sense; `None` is all.
    pub applies: Option<Applies>,
    pub threads: u32,
    /// Files that a successful attempt must leave.
    pub outputs: Vec<String>,
    /// Glob patterns of the scripts that the command runs, frozen at submission.
    pub code: Vec<String>,
    /// Pinned digests of declared weights and data manifests: (name, digest).
    pub pins: Vec<(String, String)>,
    pub resources: Resources,
    /// Where a condition holds, all resources as they are there; the last one that holds counts.
    pub resources_when: Vec<(Applies, Resources)>,
    pub checkpoints: Checkpoints,
    pub retry: Retry,
}

impl Stage {
    /// The name as written in the file, without the point of the training.
    #[must_use]
    pub fn plain_name(&self) -> &str {
        self.name.split('@').next().unwrap_or_default()
    }
}

/// What an attempt may use; not part of any identity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resources {
    /// On each node; 0 is a task for the CPU.
    pub gpus: u32,
    /// At least one.
    pub nodes: u32,
    /// How often the command is started on each node; `None` is once in all, on the first of them.
    pub processes: Option<u32>,
    pub memory_bytes: Option<u64>,
    pub time_seconds: Option<u64>,
    /// Declared duration for forecasts, until measured ones are known.
    pub expected_seconds: Option<u64>,
    /// Added to `expected_seconds` for each million samples.
    pub expected_seconds_per_million: Option<u64>,
    /// Size of one checkpoint of the full training state.
    pub checkpoint_bytes: Option<u64>,
    /// Size of what stays after success: weights or results.
    pub result_bytes: Option<u64>,
}

impl Resources {
    /// One node, no GPU, nothing else said.
    #[must_use]
    pub fn one_node() -> Self {
        Self { nodes: 1, ..Self::default() }
    }
}

/// How much of a training's state is kept, and how often it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoints {
    pub every_seconds: Option<u64>,
    /// Full states on disk while the task runs.
    pub keep_last: u32,
    pub on_success: OnSuccess,
}

impl Default for Checkpoints {
    fn default() -> Self {
        Self { every_seconds: None, keep_last: 1, on_success: OnSuccess::Weights }
    }
}

/// What stays of a training's state once it has succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnSuccess {
    /// The results alone.
    Weights,
    /// The results and the last checkpoints.
    All,
    /// Nothing but the scores and logs.
    Nothing,
}

/// How often a task is tried again, by itself.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    /// Attempts in all, without those that asked to be started again.
    pub attempts: u32,
    /// Percent of memory more after each attempt that ran out of it; without it, that is final.
    pub memory_percent: Option<u32>,
    /// Percent of time more after each attempt that used it up; without it, that is final.
    pub time_percent: Option<u32>,
}

impl Retry {
    /// Attempts of a program that keeps asking to be started again.
    const MOST: u32 = 1000;

    /// Whether another try makes sense after an attempt failed for `reason`.
    #[must_use]
    pub fn covers(&self, reason: FailureReason) -> bool {
        match reason {
            FailureReason::OutOfMemory => self.memory_percent.is_some(),
            FailureReason::TimeLimit => self.time_percent.is_some(),
            reason => reason.retry_makes_sense(),
        }
    }

    /// Whether another try is allowed after so many.
    #[must_use]
    pub fn allows(&self, attempts: u32, failures: Failures) -> bool {
        failures.counted < self.attempts && attempts < Self::MOST
    }

    /// What an attempt may use after these failures.
    #[must_use]
    pub fn grown(&self, resources: &Resources, failures: Failures) -> Resources {
        Resources {
            memory_bytes: resources.memory_bytes.map(|bytes| grow(bytes, self.memory_percent, failures.out_of_memory)),
            time_seconds: resources.time_seconds.map(|seconds| grow(seconds, self.time_percent, failures.time_limit)),
            ..resources.clone()
        }
    }
}

fn grow(amount: u64, percent: Option<u32>, times: u32) -> u64 {
    let grow_once = |amount: u64| amount.saturating_add(amount.saturating_mul(percent.unwrap_or(0).into()) / 100);
    (0..times.min(100)).fold(amount, |amount, _| grow_once(amount))
}

/// What metrics are compared with: chance, a model that lacks something, real data.
#[derive(Debug, Clone, PartialEq)]
pub struct Anchor {
    pub name: String,
    /// What figures and tables print.
    pub label: String,
    /// The metrics that it is an anchor of, each with its value there.
    pub of: Vec<(String, AnchorValue)>,
}

/// Where the value of an anchor is from.
#[derive(Debug, Clone, PartialEq)]
pub enum AnchorValue {
    /// Measured: the metric's score on another benchmark.
    Benchmark(String),
    /// Known beforehand.
    Known(f64),
}

/// A figure or table that the sweep declares.
#[derive(Debug, Clone)]
pub struct Report {
    pub name: String,
    pub kind: ReportKind,
    pub title: String,
    pub grid: String,
    /// Axis of the grid for heatmaps, scaling curves and bars; one or more metrics for correlations (a row each) and
    /// scatter plots (a panel for each pair with one of `metrics`); nothing for tables.
    pub x: Vec<String>,
    /// Second axis of a heatmap.
    pub y: Option<String>,
    /// Axis that makes series or colours; for correlations the axis within whose levels they are given as well, all
    /// varied axes where it is missing.
    pub by: Option<String>,
    /// What is drawn or tabulated; empty is all that the grid has.
    pub metrics: Vec<String>,
    /// Only cells that satisfy this.
    pub filter: Option<Applies>,
    pub log_x: bool,
    /// Number of decimals of all its values, instead of each metric's own.
    pub decimals: Option<usize>,
    /// File with values that somebody else printed for the same figure, to be shown beside ours.
    pub printed: Option<PathBuf>,
}

/// What a report draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportKind {
    Heatmap,
    Correlation,
    Scaling,
    Bars,
    Scatter,
    Table,
}

impl ReportKind {
    /// As sweep files write it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Heatmap => "heatmap",
            Self::Correlation => "correlation",
            Self::Scaling => "scaling",
            Self::Bars => "bars",
            Self::Scatter => "scatter",
            Self::Table => "table",
        }
    }
}

/// Finished results in a CSV file, and how its columns map to cells and metrics.
#[derive(Debug, Clone)]
pub struct ImportSpec {
    pub name: String,
    /// As opened: relative to the sweep file's folder.
    pub file: PathBuf,
    /// Where the numbers come from, kept with every observation.
    pub source: String,
    pub grid: String,
    /// (axis of the grid, column).
    pub factors: Vec<(String, String)>,
    /// By axis: what the column says, and the level that it means, where the two differ.
    pub levels: Vec<(String, Vec<(String, String)>)>,
    /// (metric, column).
    pub metrics: Vec<(String, String)>,
    /// (axis, level) for axes that are no column.
    pub fixed: Vec<(String, String)>,
    /// Only rows whose columns have one of these texts: (column, texts).
    pub rows: Vec<(String, Vec<String>)>,
    /// Column with doubts about a row.
    pub notes: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_gets_more_of_what_the_ones_before_ran_out_of() {
        let retry = Retry { attempts: 3, memory_percent: Some(50), time_percent: Some(100) };
        let resources = Resources { memory_bytes: Some(100), time_seconds: Some(60), ..Resources::one_node() };
        let grown = |out_of_memory, time_limit| {
            let grown = retry.grown(&resources, Failures { out_of_memory, time_limit, ..Failures::default() });
            (grown.memory_bytes, grown.time_seconds)
        };
        assert_eq!(grown(0, 0), (Some(100), Some(60)));
        assert_eq!(grown(2, 1), (Some(225), Some(120)));
        let fixed = Retry { memory_percent: None, ..retry };
        let failures = Failures { out_of_memory: 2, ..Failures::default() };
        assert_eq!(fixed.grown(&resources, failures).memory_bytes, Some(100));
        assert_eq!(grow(u64::MAX / 2, Some(1000), 100), u64::MAX);
    }
}
