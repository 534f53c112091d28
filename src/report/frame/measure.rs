//! The columns of a frame: the sweep's metrics, or what was found where it declares none.

use crate::grid::Sweep;
use crate::metric::{Direction, Metric};

/// What a frame holds of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    pub name: String,
    pub label: String,
    /// `None` when the sweep does not declare the metric: then neither end is called better.
    pub direction: Option<Direction>,
    pub unit: String,
    /// The name and the benchmark of its observations.
    pub(super) score: String,
    pub(super) benchmark: Option<String>,
    pub group: Option<String>,
    /// Indices of the measures whose mean it is.
    pub(super) parts: Vec<usize>,
    /// Number of decimals in tables; `None` is as many as the values need to differ.
    pub decimals: Option<usize>,
}

impl Measure {
    fn declared(metric: &Metric, metrics: &[Metric]) -> Self {
        let part = |name: &String| metrics.iter().position(|metric| &metric.name == name);
        Self {
            name: metric.name.clone(),
            label: metric.label.clone(),
            direction: Some(metric.direction),
            unit: metric.unit.clone(),
            score: metric.score.clone(),
            benchmark: metric.benchmark.clone(),
            group: metric.group.clone(),
            parts: metric.mean_of.iter().filter_map(part).collect(),
            decimals: Some(metric.decimals),
        }
    }

    fn found(score: &str, benchmark: &str) -> Self {
        let name = if benchmark.is_empty() { score.to_owned() } else { format!("{score}/{benchmark}") };
        Self {
            label: name.clone(),
            name,
            direction: None,
            unit: String::new(),
            score: score.to_owned(),
            benchmark: Some(benchmark.to_owned()),
            group: None,
            parts: Vec::new(),
            decimals: None,
        }
    }

    /// Whether observations of `metric` on `benchmark` are its own. Imports may name the metric itself.
    pub(super) fn takes(&self, metric: &str, benchmark: &str) -> bool {
        let measured = self.score == metric && self.benchmark.as_deref().is_none_or(|own| own == benchmark);
        measured || (self.name == metric && benchmark.is_empty())
    }

    /// Whether it is the mean of other measures.
    #[must_use]
    pub fn is_mean(&self) -> bool {
        !self.parts.is_empty()
    }

    /// Label and arrow: `FID ↓`.
    #[must_use]
    pub fn heading(&self) -> String {
        match self.direction {
            Some(direction) => format!("{} {}", self.label, direction.arrow()),
            None => self.label.clone(),
        }
    }
}

/// The measures of a sweep: its declared metrics, or every score that was found, by name, where it declares none.
pub(super) fn measures<'a>(sweep: &Sweep, found: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<Measure> {
    if !sweep.metrics.is_empty() {
        return sweep.metrics.iter().map(|metric| Measure::declared(metric, &sweep.metrics)).collect();
    }
    let mut names: Vec<_> = found.collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(|(score, benchmark)| Measure::found(score, benchmark)).collect()
}
