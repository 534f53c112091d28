//! The scores of one run: its own observations, and means of them.

use super::index::{Index, NO_KIND};
use super::score::{IMPORTED, Variant};
use crate::metric::Subject;
use crate::plan::RunIx;

/// One value of one measure of one run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct RunScore {
    pub measure: u16,
    pub variant: Variant,
    pub value: f64,
    pub items: Option<u64>,
    pub stderr: Option<f64>,
}

/// One value of one measure of one run, for whoever looks at runs one by one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RunValue<'a> {
    /// Position of the measure.
    pub measure: usize,
    pub value: f64,
    pub items: Option<u64>,
    pub source: &'a str,
    /// Computed as the mean of other measures.
    pub derived: bool,
}

impl<'a> Index<'a> {
    /// Everything that is known of `run`, means included.
    #[must_use]
    pub fn values_of(&self, run: RunIx) -> Vec<RunValue<'a>> {
        let mut scores = Vec::new();
        scores_of(self, run, &mut scores);
        let value = |score: RunScore| RunValue {
            measure: usize::from(score.measure),
            value: score.value,
            items: score.items,
            source: self.origins[usize::from(score.variant.origin)].source,
            derived: score.variant.derived,
        };
        scores.into_iter().map(value).collect()
    }
}

/// Everything that is known of `run`, means included, appended to `out`.
pub(super) fn scores_of(index: &Index, run: RunIx, out: &mut Vec<RunScore>) {
    let start = out.len();
    if let Some(&id) = index.plan.runs.get(run.0 as usize) {
        for position in index.of_subject(Subject::Run(id)) {
            push(index, position, IMPORTED, out);
        }
    }
    for stage in index.final_stages.iter().copied() {
        let Some(task) = index.plan.task_of(run, stage) else { continue };
        for position in index.of_task(task) {
            push(index, position, u16::try_from(stage).unwrap_or(IMPORTED), out);
        }
    }
    derive(index, start, out);
}

fn push(index: &Index, position: usize, stage: u16, out: &mut Vec<RunScore>) {
    let kind = index.kinds[position];
    if kind == NO_KIND {
        return;
    }
    let observation = &index.observations[position];
    out.extend(index.targets[kind as usize].iter().map(|&(measure, origin)| RunScore {
        measure,
        variant: Variant { origin, stage, derived: false },
        value: observation.value,
        items: observation.n,
        stderr: observation.stderr,
    }));
}

/// Adds means of other measures where the run has no observation of the mean itself.
///
/// Measures may be means of means, so that it goes on until nothing is added.
fn derive(index: &Index, start: usize, out: &mut Vec<RunScore>) {
    let mut missing: Vec<usize> = (0..index.measures.len())
        .filter(|&measure| !index.measures[measure].parts.is_empty())
        .filter(|&measure| !out[start..].iter().any(|score| usize::from(score.measure) == measure))
        .collect();
    loop {
        let before = missing.len();
        missing.retain(|&measure| {
            let means = means(index, measure, &out[start..]);
            let found = !means.is_empty();
            out.extend(means);
            !found
        });
        if missing.len() == before {
            return;
        }
    }
}

/// One mean for each origin that has all parts, each once.
fn means(index: &Index, measure: usize, scores: &[RunScore]) -> Vec<RunScore> {
    let parts = &index.measures[measure].parts;
    let mut variants: Vec<Variant> =
        scores.iter().filter(|score| usize::from(score.measure) == parts[0]).map(|score| score.variant).collect();
    variants.dedup_by_key(|variant| index.origins[usize::from(variant.origin)].source);
    let mean = |variant: Variant| {
        let source = index.origins[usize::from(variant.origin)].source;
        let of_source = |score: &&RunScore| index.origins[usize::from(score.variant.origin)].source == source;
        let mut sum = 0.0;
        for &part in parts {
            let mut values = scores.iter().filter(|score| usize::from(score.measure) == part).filter(of_source);
            // A part that its source has twice (two splits, two stages) leaves open which one is meant.
            let (Some(score), None) = (values.next(), values.next()) else { return None };
            sum += score.value;
        }
        let measure = u16::try_from(measure).ok()?;
        let variant = Variant { derived: true, ..variant };
        Some(RunScore { measure, variant, value: sum / parts.len() as f64, items: None, stderr: None })
    };
    variants.into_iter().filter_map(mean).collect()
}
