//! Files that tell two results apart: what a stage promises, and predictions.

use super::super::case::Case;
use super::super::facts::{Artifact, Attempt};
use crate::plan::{RunIx, TaskIx};

/// Files in which two different results may well be equal: configurations, logs, and scores, which rules look at by value.
const SILENT: [&str; 4] = [runfile::scores::FILE, runfile::series::FILE, runfile::EFFECTIVE, "config.json"];
/// Below this a file says too little for its equality to mean anything.
const SMALLEST: u64 = 256;

/// The files of an attempt of `stage` whose equality means that two results are one.
pub fn telling_files<'a>(case: &Case<'_>, stage: usize, attempt: &'a Attempt) -> impl Iterator<Item = &'a Artifact> {
    let outputs: Vec<String> = case.sweep.stages.get(stage).map_or_else(Vec::new, |stage| stage.outputs.clone());
    attempt.artifacts.iter().filter(move |artifact| {
        let promised = outputs.contains(&artifact.path);
        let predictions = artifact.path.starts_with("predictions");
        let silent = SILENT.iter().any(|silent| artifact.path == *silent);
        (promised || predictions) && !silent && artifact.bytes >= SMALLEST
    })
}

/// The names of the factors in which runs differ.
pub fn differing_factors(case: &Case<'_>, runs: &[RunIx]) -> Vec<usize> {
    let Some((first, rest)) = runs.split_first() else { return Vec::new() };
    let differs =
        |factor: &usize| rest.iter().any(|run| case.plan.level(*run, *factor) != case.plan.level(*first, *factor));
    (0..case.sweep.factors.len()).filter(differs).collect()
}

/// The run that a task was planned for first.
pub fn run_of(case: &Case<'_>, task: TaskIx) -> Option<RunIx> {
    case.plan.tasks.get(task.0 as usize).map(|task| task.run)
}

/// Whether a factor is the seed of a grid.
pub fn is_seed(case: &Case<'_>, factor: usize) -> bool {
    case.sweep.factors.get(factor).is_some_and(|factor| factor.name == "seed")
}

/// The logarithm of the chance that two unrelated measurements give the same value.
///
/// Of a share of n items it is that of two binomial counts, about `1 / (2 sqrt(pi n p (1 - p)))`; a number with many
/// digits is equal only if it is the same; one with few digits may be a count of something, and says nothing.
pub fn log_chance(value: f64, n: Option<u64>, share_of_one: f64) -> f64 {
    let p = (value / share_of_one).clamp(0.0, 1.0);
    match n {
        // Near the ends a share is not moved by chance: 0 or 1 is what a broken or a perfect model gives.
        Some(n) if p > 0.0 && p < 1.0 => {
            let spread = 2.0 * (std::f64::consts::PI * n as f64 * p * (1.0 - p)).sqrt();
            (1.0 / spread).min(1.0).ln()
        }
        Some(_) => 0.0,
        None if value.to_string().len() >= LONG => LONG_CHANCE,
        None => 0.0,
    }
}

/// Characters of a number that nobody rounded.
const LONG: usize = 12;
/// `ln(1e-9)`: of such a number at least nine digits are left to chance.
const LONG_CHANCE: f64 = -20.7;
