//! Seeds that change nothing: replicates that are one result.

use super::super::case::Case;
use super::super::finding::{Finding, Severity};
use super::Rule;
use super::telling::telling_files;
use crate::plan::TaskIx;
use crate::report::frame::Frame;
use crate::text::plural;

pub const RULE: Rule = Rule { name: "pseudo-replicates", what: "replicates of a cell are the same result", find };

/// Cells that are named.
const MOST: usize = 3;

fn find(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (_, grid, frame) in case.grids() {
        for stage in 0..case.sweep.stages.len() {
            let compared: Vec<(usize, bool)> =
                (0..frame.cells.len()).filter_map(|cell| Some((cell, one_result(case, frame, cell, stage)?))).collect();
            let one: Vec<usize> = compared.iter().filter(|(_, one)| *one).map(|&(cell, _)| cell).collect();
            if let [first, ..] = one[..]
                && findings.iter().all(|finding: &Finding| finding.subject != format!("grid `{}`", grid.name))
            {
                let seeds = frame.cells.get(first).map_or(0, |cell| cell.replicates.len());
                let mut evidence: Vec<String> = one
                    .iter()
                    .take(MOST)
                    .map(|&cell| frame.cell_label(cell))
                    .filter(|label| !label.is_empty())
                    .collect();
                let rest = one.len().saturating_sub(MOST);
                evidence.extend((rest > 0).then(|| format!("and {rest} more")));
                findings.push(Finding {
                    rule: RULE.name,
                    severity: Severity::Error,
                    subject: format!("grid `{}`", grid.name),
                    message: format!(
                        "in {} of {}, some of the {seeds} seeds left the same files of stage `{}`, byte for byte: they \
                         are one replicate, and an interval over them is too narrow",
                        one.len(),
                        plural(compared.len(), "cell"),
                        case.stage_name(stage)
                    ),
                    evidence,
                    advice: "see whether the program reads its seed; `SWEEP_SEED` and the parameter `seed` have it"
                        .to_owned(),
                    place: None,
                });
            }
        }
    }
    findings
}

/// Whether two tasks of the replicates of a cell left the same telling files; `None` where there is nothing to
/// compare: the replicates share the task, or not two of them left such a file.
fn one_result(case: &Case<'_>, frame: &Frame<'_>, cell: usize, stage: usize) -> Option<bool> {
    let replicates = &frame.cells.get(cell)?.replicates;
    let mut tasks: Vec<TaskIx> = replicates.iter().filter_map(|&(_, run)| case.plan.task_of(run, stage)).collect();
    tasks.sort_unstable();
    tasks.dedup();
    let files = |task: TaskIx| {
        let attempt = case.success(task)?;
        let files: Vec<(&str, blake3::Hash)> =
            telling_files(case, stage, attempt).map(|artifact| (artifact.path.as_str(), artifact.digest)).collect();
        Some(files).filter(|files| !files.is_empty())
    };
    let found: Vec<_> = tasks.into_iter().filter_map(files).collect();
    let repeated =
        found.iter().enumerate().any(|(position, files)| found.iter().take(position).any(|other| other == files));
    (found.len() > 1).then_some(repeated)
}

#[cfg(test)]
mod tests {
    use super::super::super::scene::Scene;
    use super::*;

    #[test]
    fn seeds_with_equal_weights_are_one_replicate() {
        let mut scene = Scene::seeded();
        let digest = scene.attempt(0, "train").artifacts[0].digest;
        scene.attempt(1, "train").artifacts[0].digest = digest;
        let [finding] = &scene.find(&RULE)[..] else { panic!("one finding") };
        assert_eq!(finding.severity, Severity::Error);
        assert!(
            finding.message.starts_with("in 1 of 2 cells, some of the 3 seeds left the same files"),
            "{}",
            finding.message
        );
    }

    #[test]
    fn seeds_with_results_of_their_own_are_no_finding() {
        let mut scene = Scene::seeded();
        assert_eq!(scene.find(&RULE), []);
        // Another cell may well end alike: that is for other rules.
        let digest = scene.attempt(0, "train").artifacts[0].digest;
        scene.attempt(3, "train").artifacts[0].digest = digest;
        assert_eq!(scene.find(&RULE), []);
    }
}
