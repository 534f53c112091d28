//! Identities over the history of a sweep, and what grids share.

use std::path::Path;

use hashbrown::HashSet;
use proptest::prelude::*;

use super::*;
use crate::grid::{self, Sweep};
use crate::id::{RunId, TaskId};

fn sweep(text: &str) -> Sweep {
    grid::parse(Path::new("test.toml"), text).unwrap_or_else(|error| panic!("{error}\n{}", error.shown_excerpt()))
}

fn plan(text: &str) -> (Sweep, Plan) {
    let sweep = sweep(text);
    let plan = build(&sweep, &Selection::default()).unwrap();
    (sweep, plan)
}

fn run_ids(text: &str) -> Vec<RunId> {
    plan(text).1.runs
}

fn task_ids(text: &str) -> HashSet<TaskId> {
    plan(text).1.tasks.iter().map(|task| task.id).collect()
}

/// Number of distinct tasks of a stage.
fn tasks_of(sweep: &Sweep, plan: &Plan, stage: &str) -> usize {
    plan.tasks.iter().filter(|task| sweep.stages[usize::from(task.stage)].name == stage).count()
}

const BASE: &str = r#"
name = "base"
[defaults]
llm = "small"
lr = 0.1
vqa = "1M"
[grids.main]
vary = { llm = ["small", "large"], vqa = ["200k", "1M"] }
[stages.adapter]
kind = "train"
uses = ["llm"]
command = ["adapter", "{llm}"]
[stages.finetune]
kind = "train"
uses = ["lr", "vqa"]
needs = ["adapter"]
command = ["finetune", "{config}"]
[stages.evaluate]
kind = "measure"
needs = ["finetune"]
command = ["evaluate", "{config}"]
"#;

#[test]
fn identities_are_what_they_have_always_been() {
    // Golden vectors: a change here makes every finished result unknown. Raise the version byte and say why.
    let (sweep, plan) = plan(BASE);
    let mut lines: Vec<String> =
        plan.tasks.iter().map(|task| format!("{} {}", sweep.stages[usize::from(task.stage)].name, task.id)).collect();
    lines.extend(plan.runs.iter().map(|run| format!("run {run}")));
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn runs_that_agree_on_what_a_stage_uses_share_its_task() {
    let (sweep, plan) = plan(BASE);
    assert_eq!(plan.runs.len(), 4);
    assert_eq!(tasks_of(&sweep, &plan, "adapter"), 2);
    assert_eq!(tasks_of(&sweep, &plan, "finetune"), 4);
    assert_eq!(tasks_of(&sweep, &plan, "evaluate"), 4);
    for (index, task) in plan.tasks.iter().enumerate() {
        for (_, need) in plan.needs(&sweep, TaskIx(u32::try_from(index).unwrap())) {
            assert!((need.0 as usize) < index, "{task:?} stands before what it needs");
        }
    }
}

#[test]
fn the_layout_of_the_file_is_no_identity() {
    let other = r#"
[stages.evaluate]
command = ["evaluate", "{config}"]
needs = ["finetune"]
kind = "measure"
resources = { gpus = 8, time = "2h" }
[stages.finetune]
kind = "train"
uses = ["vqa", "lr"]
needs = ["adapter"]
command = ["finetune", "{config}"]
retry = 7
[stages.adapter]
uses = ["llm"]
kind = "train"
command = ["adapter", "{llm}"]
[grids.other]
vary = { vqa = [200000, "1M"], llm = ["large", "small"] }
[defaults]
vqa = "1000k"
lr = 1e-1
llm = "small"
[metrics.score]
direction = "maximize"
"#;
    let other = format!("name = \"renamed\"\n{other}");
    assert_eq!(task_ids(BASE), task_ids(&other));
    let runs = |text: &str| run_ids(text).into_iter().collect::<HashSet<_>>();
    assert_eq!(runs(BASE), runs(&other));
}

#[test]
fn a_new_factor_keeps_identities_only_where_its_absent_value_is_declared() {
    let uses = BASE.replace("uses = [\"lr\"", "uses = [\"freeze\", \"lr\"");
    let with = |lines: &str| uses.replace("[grids.main]", &format!("{lines}\n[grids.main]"));
    let declared = with("[factors.freeze]\ndefault = false\nabsent = false");
    let undeclared = with("[factors.freeze]\ndefault = false");
    let changed = with("[factors.freeze]\ndefault = true\nabsent = false");
    assert_eq!(run_ids(BASE), run_ids(&declared));
    assert_eq!(task_ids(BASE), task_ids(&declared));
    for renewed in [run_ids(&undeclared), run_ids(&changed)] {
        assert!(renewed.iter().all(|run| !run_ids(BASE).contains(run)));
    }
}

#[test]
fn what_a_training_depends_on_renews_its_runs() {
    for (old, new) in [
        ("lr = 0.1", "lr = 0.2"),
        ("command = [\"finetune\"", "command = [\"finetune2\""),
        ("needs = [\"adapter\"]", "needs = [\"adapter\"]\nversion = 2"),
        ("needs = [\"adapter\"]", "needs = [\"adapter\"]\nthreads = 2"),
        ("needs = [\"adapter\"]", "needs = [\"adapter\"]\npins = { w = \"00112233445566778899aabbccddeeff\" }"),
        ("command = [\"adapter\"", "command = [\"adapter2\""),
    ] {
        let renewed = run_ids(&BASE.replace(old, new));
        assert!(renewed.iter().all(|run| !run_ids(BASE).contains(run)), "{new}");
    }
}

#[test]
fn what_only_measures_or_costs_leaves_runs_alone() {
    let more = format!(
        "{BASE}\n[stages.images]\nkind = \"measure\"\nneeds = [\"finetune\"]\ncommand = [\"fid\"]\nat = [\"50%\", \"last\"]\n"
    );
    for other in [
        more.as_str(),
        &BASE.replace("command = [\"evaluate\"", "version = 3\ncommand = [\"evaluate\""),
        &BASE.replace("command = [\"finetune\"", "resources = { gpus = 4 }\ncommand = [\"finetune\""),
    ] {
        assert_eq!(run_ids(BASE), run_ids(other));
    }
    assert!(task_ids(BASE).is_subset(&task_ids(&more)));
    let (sweep, plan) = plan(&more);
    assert_eq!((tasks_of(&sweep, &plan, "images"), tasks_of(&sweep, &plan, "images@50%")), (4, 4));
}

#[test]
fn a_stage_that_does_not_apply_takes_what_needs_it_along() {
    let text = BASE.replace("uses = [\"lr\"", "applies = \"vqa >= 1M\"\nuses = [\"lr\"");
    let (sweep, plan) = plan(&text);
    assert_eq!(tasks_of(&sweep, &plan, "finetune"), 2);
    assert_eq!(tasks_of(&sweep, &plan, "evaluate"), 2);
}

#[test]
fn runs_that_no_training_tells_apart_are_refused() {
    let text = BASE
        .replace("lr = 0.1", "lr = 0.1\ntemperature = 0.5")
        .replace("vqa = [\"200k\"", "temperature = [0.5, 1.0], vqa = [\"200k\"")
        .replace("needs = [\"finetune\"]", "needs = [\"finetune\"]\nuses = [\"temperature\"]");
    let error = build(&sweep(&text), &Selection::default()).unwrap_err();
    assert!(error.message().contains("two runs have one id"), "{error}");
    assert!(error.message().contains("`temperature`"), "{error}");
}

#[test]
fn one_run_twice_in_a_grid_is_refused() {
    let text = BASE.replace("llm = [\"small\", \"large\"], vqa", "size = [\"a\", \"b\"], vqa")
        + "[levels.size.a]\nllm = \"small\"\n[levels.size.b]\nllm = \"small\"\n";
    let error = build(&sweep(&text), &Selection::default()).unwrap_err();
    assert!(error.message().contains("`size=a vqa=200k` and `size=b vqa=200k`"), "{error}");
}

#[test]
fn exclusions_extra_cells_and_seeds_make_the_cells_that_they_say() {
    let text = BASE
        .replace("[grids.main]", "[grids.main]\nexclude = [\"llm == large && vqa == 1M\", \"lr > 5\"]\ninclude = [{ llm = \"large\", vqa = \"7M\" }]\nseeds = [1, 2, 3]")
        .replace("uses = [\"lr\"", "uses = [\"seed\", \"lr\"");
    let (sweep, plan) = plan(&text);
    let names: Vec<String> = plan.grids[0].cells.iter().map(|cell| sweep.grids[0].cell_name(cell)).collect();
    assert_eq!(names.len(), 12);
    assert_eq!(names[0], "llm=small vqa=200k seed=1");
    assert_eq!(names[11], "llm=large vqa=7M seed=3");
    assert_eq!(tasks_of(&sweep, &plan, "adapter"), 2);
    assert_eq!(plan.warnings, ["`exclude` of grid `main` takes out no cell: lr > 5"]);
}

#[test]
fn a_selection_plans_its_cells_alone() {
    let text = format!("{BASE}[grids.more]\nvary = {{ vqa = [\"5M\"] }}\n");
    let sweep = sweep(&text);
    let filter = Some(sweep.condition("llm == large").unwrap());
    let plan = build(&sweep, &Selection { grids: Vec::new(), filter }).unwrap();
    assert_eq!(plan.runs.len(), 2);
    let plan = build(&sweep, &Selection { grids: vec!["more".to_owned()], filter: None }).unwrap();
    assert_eq!((plan.runs.len(), plan.grids[0].cells.len(), plan.grids[1].cells.len()), (1, 0, 1));
    let error = build(&sweep, &Selection { grids: vec!["moer".to_owned()], filter: None }).unwrap_err();
    assert!(error.message().contains("no grid `moer`"), "{error}");
}

/// One edit of a sweep file.
#[derive(Debug, Clone)]
enum Edit {
    /// A factor with a declared absent value, which it also has by default.
    Quiet(u8),
    /// A level more on an axis.
    Level(u32),
    /// A measure stage more.
    Measure(u8),
    /// A grid more.
    Grid(u8),
    /// Other resources.
    Gpus(u8),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        any::<u8>().prop_map(Edit::Quiet),
        (2_u32..1000).prop_map(Edit::Level),
        any::<u8>().prop_map(Edit::Measure),
        any::<u8>().prop_map(Edit::Grid),
        any::<u8>().prop_map(Edit::Gpus),
    ]
}

/// The file after the edits; each edit happens once, whatever its number.
fn edited(edits: &[Edit]) -> String {
    let (mut factors, mut uses, mut levels, mut tail) = (String::new(), String::new(), String::new(), String::new());
    let mut gpus = 0;
    let mut seen = HashSet::new();
    for edit in edits.iter().filter(|edit| seen.insert(format!("{edit:?}"))) {
        match edit {
            Edit::Quiet(name) => {
                factors += &format!("[factors.q{name}]\ndefault = {name}\nabsent = {name}\n");
                uses += &format!("\"q{name}\", ");
            }
            Edit::Level(level) => levels += &format!(", \"{level}M\""),
            Edit::Measure(name) => {
                tail += &format!("[stages.m{name}]\nkind = \"measure\"\nneeds = [\"finetune\"]\ncommand = [\"m\"]\n");
            }
            Edit::Grid(name) => tail += &format!("[grids.g{name}]\nset = {{ lr = {name}.5 }}\n"),
            Edit::Gpus(count) => gpus = *count,
        }
    }
    BASE.replace("[grids.main]", &format!("{factors}[grids.main]"))
        .replace("uses = [\"lr\"", &format!("resources = {{ gpus = {gpus} }}\nuses = [{uses}\"lr\""))
        .replace("\"1M\"] }", &format!("\"1M\"{levels}] }}"))
        + &tail
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn edits_that_add_keep_every_old_identity(edits in prop::collection::vec(edit(), 0..8)) {
        let before = run_ids(BASE);
        let text = edited(&edits);
        let after: HashSet<RunId> = run_ids(&text).into_iter().collect();
        prop_assert!(before.iter().all(|run| after.contains(run)), "{}", text);
        prop_assert!(task_ids(BASE).is_subset(&task_ids(&text)), "{}", text);
    }

    #[test]
    fn different_values_are_different_runs(values in prop::collection::hash_set(any::<i64>(), 1..40)) {
        let list: Vec<String> = values.iter().map(ToString::to_string).collect();
        let text = format!("name = \"x\"\ncommand = [\"x\"]\n[vary]\na = [{}]\n", list.join(", "));
        let runs: HashSet<RunId> = run_ids(&text).into_iter().collect();
        prop_assert_eq!(runs.len(), values.len());
    }

    #[test]
    fn texts_never_run_into_each_other(a in "\\PC{0,12}", b in "\\PC{0,12}") {
        prop_assume!(a != b);
        let quote = |text: &str| serde_json::to_string(text).unwrap();
        let text = |first: &str, second: &str| format!(
            "name = \"x\"\ncommand = [\"x\"]\n[defaults]\na = {}\nb = {}\n", quote(first), quote(second)
        );
        prop_assert_ne!(run_ids(&text(&a, &b)), run_ids(&text(&b, &a)));
    }
}
