//! The rules, a file each: a function from a case to findings.

mod average_off;
mod checkpoint_by_test_score;
mod configuration_ignored;
mod correlation_off;
mod dirty_tree;
mod doubts;
mod duplicate_cells;
mod file_problems;
mod files_changed;
mod folders_disagree;
mod idle_knob;
mod impossible_count;
mod incomplete_grid;
mod mixed_provenance;
mod moved_baseline;
mod nondeterminism;
mod predictions_rescored;
mod pseudo_replicates;
mod rerun;
mod scores_edited;
mod seed_outlier;
mod sources_disagree;
mod stores_differ;
mod telling;
mod unpinned_environment;

use super::case::Case;
use super::finding::Finding;

/// A rule by its name.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// As findings, baselines and SARIF have it.
    pub name: &'static str,
    /// What it finds, in one sentence.
    pub what: &'static str,
    pub find: fn(&Case<'_>) -> Vec<Finding>,
}

/// Every rule, in the order in which its findings are told among equally grave ones.
pub const RULES: [Rule; 24] = [
    files_changed::RULE,
    scores_edited::RULE,
    predictions_rescored::RULE,
    folders_disagree::RULE,
    file_problems::RULE,
    stores_differ::RULE,
    rerun::RULE,
    nondeterminism::RULE,
    pseudo_replicates::RULE,
    configuration_ignored::RULE,
    idle_knob::RULE,
    mixed_provenance::RULE,
    dirty_tree::RULE,
    unpinned_environment::RULE,
    checkpoint_by_test_score::RULE,
    moved_baseline::RULE,
    correlation_off::RULE,
    average_off::RULE,
    impossible_count::RULE,
    sources_disagree::RULE,
    duplicate_cells::RULE,
    seed_outlier::RULE,
    incomplete_grid::RULE,
    doubts::RULE,
];
