//! What an edit of the file leaves behind, and what plans cost.

use std::path::Path;

use super::explain::{Absent, NotApplicable, absent, locate, nearest, not_applicable};
use super::*;
use crate::attempt::{Failures, Ledger, TaskRecord, TaskState};
use crate::grid::{self, Sweep};

const BASE: &str = r#"
name = "base"
[defaults]
llm = "small"
lr = 0.1
vqa = "1M"
[levels.pair.both]
llm = "small"
vqa = "200k"
[levels.pair.other]
llm = "large"
vqa = "1M"
[grids.main]
vary = { llm = ["small", "large"], vqa = ["200k", "1M"] }
exclude = "llm == large && vqa == 200k"
[grids.zip]
zip = { pair = ["both", "other"], lr = [0.1, 0.2] }
[stages.adapter]
kind = "train"
uses = ["llm"]
command = ["adapter"]
[stages.adapter.resources]
gpus = 8
expected = "1h"
checkpoint = "10GB"
result = "1GB"
[stages.finetune]
kind = "train"
uses = ["lr", "vqa"]
needs = ["adapter"]
command = ["finetune"]
checkpoints = { keep_last = 2 }
[stages.finetune.resources]
gpus = 8
nodes = 2
expected = "30m"
expected_per_million = "1h"
checkpoint = "100GB"
result = "16GB"
[stages.finetune.resources.when."llm == large"]
result = "141GB"
[stages.evaluate]
kind = "measure"
needs = ["finetune"]
command = ["evaluate"]
applies = "vqa >= 1M"
"#;

fn planned(text: &str) -> (Sweep, Plan) {
    let sweep = grid::parse(Path::new("test.toml"), text).unwrap_or_else(|error| panic!("{error}"));
    let plan = build(&sweep, &Selection::default()).unwrap();
    (sweep, plan)
}

/// Every task of `plan` has succeeded in `seconds`.
fn all_done(plan: &Plan, seconds: f64) -> Ledger {
    let record = TaskRecord {
        state: TaskState::Succeeded,
        attempts: 1,
        results: None,
        seconds: Some(seconds),
        message: String::new(),
        failures: Failures::default(),
    };
    Ledger { tasks: plan.tasks.iter().map(|task| (task.id, record.clone())).collect() }
}

/// What `after` finds of a finished `before`.
fn history(before: &str, after: &str) -> (History, Sweep, Plan) {
    let (before, plan_before) = planned(before);
    let (after, plan_after) = planned(after);
    let ledger = all_done(&plan_before, 1.0);
    let revisions = [(&before, &plan_before), (&after, &plan_after)].map(|(sweep, plan)| Revision { sweep, plan });
    (compare(revisions[0], revisions[1], &ledger), after, plan_after)
}

/// The changes of all stale tasks of a stage, each once.
fn changes_of(stage: &str, (history, sweep, plan): &(History, Sweep, Plan)) -> Vec<String> {
    let stale = history
        .stale
        .iter()
        .filter(|(task, _)| sweep.stages[usize::from(plan.tasks[task.0 as usize].stage)].name == stage);
    let mut changes: Vec<String> =
        stale.map(|(_, stale)| stale.changes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")).collect();
    changes.sort();
    changes.dedup();
    changes
}

#[test]
fn an_unchanged_sweep_leaves_nothing_stale() {
    let (history, ..) = history(BASE, BASE);
    assert!(history.stale.is_empty() && history.orphans.is_empty());
}

#[test]
fn a_stale_task_says_what_changed_and_what_follows_from_it() {
    let after = history(BASE, &BASE.replace("command = [\"finetune\"]", "command = [\"finetune\"]\nversion = 2"));
    assert_eq!(changes_of("adapter", &after), Vec::<String>::new());
    assert_eq!(changes_of("finetune", &after), ["`version` was 1, is 2"]);
    assert_eq!(changes_of("evaluate", &after), ["`finetune` before it is another task"]);
    assert!(after.0.orphans.is_empty());
    let after = history(BASE, &BASE.replace("lr = 0.1\n", "lr = 0.3\n"));
    assert_eq!(changes_of("finetune", &after), ["`lr` was `0.1`, is `0.3`"]);
}

#[test]
fn results_of_a_cell_that_is_gone_are_orphans() {
    let before = BASE.replace("vqa = [\"200k\", \"1M\"]", "vqa = [\"200k\", \"1M\", \"5M\"]");
    let (history, ..) = history(&before, BASE);
    assert!(history.stale.is_empty());
    // Two models at 5M: a finetune and an evaluation each.
    assert_eq!(history.orphans.len(), 4);
}

#[test]
fn what_nobody_has_begun_is_not_stale() {
    let (before, plan_before) = planned(BASE);
    let (after, plan_after) = planned(&BASE.replace("lr = 0.1\n", "lr = 0.3\n"));
    let before = Revision { sweep: &before, plan: &plan_before };
    let history = compare(before, Revision { sweep: &after, plan: &plan_after }, &Ledger::default());
    assert!(history.stale.is_empty());
}

/// Position of the stage.
fn stage(sweep: &Sweep, name: &str) -> usize {
    sweep.stages.iter().position(|stage| stage.name == name).unwrap()
}

#[test]
fn declared_durations_make_gpu_hours() {
    let (sweep, plan) = planned(BASE);
    let ledger = Ledger::default();
    let costs = costs(&sweep, &plan, &advance(&sweep, &plan, &ledger), &ledger);
    // Two models, an hour on eight GPUs each.
    assert_eq!(costs[stage(&sweep, "adapter")].gpu_hours, 16.0);
    // Sixteen GPUs for half an hour and an hour a million samples: 0.2, 1, 1 (grid `main`) and 1 (lr = 0.2) million;
    // the zip's first step is a cell of `main`.
    let hours = [0.2, 1.0, 1.0, 1.0].map(|millions| 0.5 + millions).iter().sum::<f64>();
    assert!((costs[stage(&sweep, "finetune")].gpu_hours - 16.0 * hours).abs() < 1e-9);
    assert_eq!(costs[stage(&sweep, "evaluate")].unknown, 3);
}

#[test]
fn measured_durations_correct_declared_ones() {
    let (sweep, plan) = planned(BASE);
    let adapter = stage(&sweep, "adapter");
    let mut ledger = all_done(&plan, 7200.0);
    let first = plan.tasks.iter().position(|task| usize::from(task.stage) == adapter).unwrap();
    ledger.tasks.retain(|task, _| *task == plan.tasks[first].id);
    let costs = costs(&sweep, &plan, &advance(&sweep, &plan, &ledger), &ledger);
    // One took two hours instead of one: so will the other.
    assert_eq!((costs[adapter].gpu_hours, costs[adapter].gpu_hours_left), (32.0, 16.0));
    assert!(costs[adapter].measured);
}

#[test]
fn disk_is_what_is_kept_and_what_trainings_hold() {
    let (sweep, plan) = planned(BASE);
    let disk = disk(&sweep, &plan);
    let gb = 1_000_000_000;
    assert_eq!(disk.last, (2 + 2 * 16 + 2 * 141) * gb);
    // Two states are kept while a third is written.
    assert_eq!((disk.one_state, disk.all_states), (300 * gb, 4 * 300 * gb));
}

#[test]
fn grids_say_what_they_share() {
    let (_, plan) = planned(BASE);
    let shared = sharing(&plan);
    assert_eq!(shared[0], Shared { cells: 3, runs: 3, shared: 1, with: vec![(1, 1)] });
    assert_eq!(shared[1], Shared { cells: 2, runs: 2, shared: 1, with: vec![(0, 1)] });
}

#[test]
fn an_absent_cell_has_a_reason() {
    let (sweep, _) = planned(BASE);
    let label =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>();
    let error = locate(&sweep.grids[0], &label(&[("vqa", "3M")])).unwrap_err();
    assert!(matches!(error, Absent::NoLevel { axis, .. } if axis == "vqa"));
    let reason = |grid: usize, pairs: &[(&str, &str)]| {
        let found = locate(&sweep.grids[grid], &label(pairs)).unwrap();
        absent(&sweep, &sweep.grids[grid], &found.into_iter().map(Option::unwrap).collect::<Vec<_>>())
    };
    assert_eq!(reason(0, &[("llm", "small"), ("vqa", "1M")]), None);
    let excluded = Absent::Excluded { by: "llm == large && vqa == 200k".to_owned() };
    assert_eq!(reason(0, &[("llm", "large"), ("vqa", "200k")]), Some(excluded));
    let no_step = Absent::NoStep { axes: vec!["pair".to_owned(), "lr".to_owned()] };
    assert_eq!(reason(1, &[("pair", "both"), ("lr", "0.2")]), Some(no_step));
    assert_eq!(reason(1, &[("pair", "other"), ("lr", "0.2")]), None);
}

#[test]
fn a_stage_that_does_not_apply_has_a_reason_and_a_run_its_nearest_kin() {
    let (sweep, plan) = planned(BASE);
    let condition = Some(NotApplicable::Condition("vqa >= 1M".to_owned()));
    assert_eq!(not_applicable(&sweep, &plan, RunIx(0), stage(&sweep, "evaluate")), condition);
    assert_eq!(not_applicable(&sweep, &plan, RunIx(0), stage(&sweep, "finetune")), None);
    let vqa = sweep.factor("vqa").unwrap();
    assert_eq!(nearest(&plan, RunIx(0), plan.run_indices()), Some((RunIx(1), vec![vqa])));
    assert_eq!(nearest(&plan, RunIx(0), std::iter::once(RunIx(0))), None);
}
