//! Stored predictions that are worth another score than the stored one.

use super::super::case::Case;
use super::super::facts::Rescored;
use super::super::finding::{Finding, Severity};
use super::Rule;
use crate::metric::Observation;
use crate::text::plural;

pub const RULE: Rule = Rule {
    name: "predictions-rescored",
    what: "stored predictions, scored again, are worth another score than the stored one",
    find,
};

/// The score of a benchmark as programs name it.
const ACCURACY: &str = "accuracy";
/// Sums in another order lie this close.
const NOISE: f64 = 1e-9;

fn find(case: &Case<'_>) -> Vec<Finding> {
    let Some(disk) = &case.facts.disk else { return Vec::new() };
    disk.rescored.iter().filter_map(|rescored| of_benchmark(case, rescored)).collect()
}

fn of_benchmark(case: &Case<'_>, rescored: &Rescored) -> Option<Finding> {
    let attempt = case.facts.attempts.get(rescored.attempt).filter(|attempt| attempt.succeeded)?;
    let stored = case.observations_by_task().get(&attempt.task).map_or(&[][..], Vec::as_slice);
    let is_its_score = |score: &&&Observation| {
        score.step.is_none() && score.kind.metric == ACCURACY && score.kind.benchmark == rescored.benchmark
    };
    let score = stored.iter().find(is_its_score)?;
    let (message, evidence) = match &rescored.shares {
        Err(reason) => ("its stored predictions cannot be scored again".to_owned(), vec![reason.clone()]),
        Ok(shares) if shares.iter().any(|&(_, share)| is_same(share, score.value)) => return None,
        Ok(shares) => {
            let lines = shares.iter().map(|(protocol, share)| format!("by the protocol `{protocol}`: {share}"));
            let stored = std::iter::once(format!("stored: {}", score.value));
            (
                format!(
                    "its stored predictions are worth another score by each of {}",
                    plural(shares.len(), "protocol")
                ),
                stored.chain(lines).collect(),
            )
        }
    };
    Some(Finding {
        rule: RULE.name,
        severity: if rescored.shares.is_ok() { Severity::Error } else { Severity::Warning },
        subject: format!("{}, {}", case.task_name(&attempt.task), rescored.benchmark),
        message,
        evidence,
        advice: format!(
            "see what `sweep score {} {}` says, and by which rules the program scored",
            rescored.benchmark, rescored.path
        ),
        place: None,
    })
}

/// A share may be stored as such or in percent.
fn is_same(share: f64, stored: f64) -> bool {
    (share - stored).abs() <= NOISE || (100.0 * share - stored).abs() <= 100.0 * NOISE
}

#[cfg(test)]
mod tests {
    use super::super::super::scene::Scene;
    use super::*;

    fn with(shares: Result<Vec<(String, f64)>, String>) -> Vec<Finding> {
        let mut scene = Scene::complete();
        scene.world.measure(0, "evaluate", "accuracy/mmvp", 50.0);
        let attempt = scene.on_disk(0, "evaluate").attempt;
        let path = "predictions/mmvp.jsonl".to_owned();
        scene.disk().rescored.push(Rescored { attempt, benchmark: "mmvp".to_owned(), path, shares });
        scene.find(&RULE)
    }

    #[test]
    fn another_score_by_every_protocol_is_an_error() {
        let found = with(Ok(vec![("cambrian".to_owned(), 0.25), ("official".to_owned(), 0.75)]));
        let [finding] = &found[..] else { panic!("one finding") };
        assert_eq!(finding.severity, Severity::Error);
        assert_eq!(
            finding.evidence,
            ["stored: 50", "by the protocol `cambrian`: 0.25", "by the protocol `official`: 0.75"]
        );
    }

    #[test]
    fn a_score_that_one_protocol_gives_is_no_finding_and_unreadable_predictions_are() {
        assert_eq!(with(Ok(vec![("cambrian".to_owned(), 0.5), ("official".to_owned(), 0.75)])), []);
        assert_eq!(with(Err("line 1: no row".to_owned()))[0].severity, Severity::Warning);
    }
}
