//! The paper's experiments as one sweep: what its tables share, and how often each stage runs.
//!
//! Sharing is read off the paper; each assertion has the reason beside it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use sweep::grid::{self, Sweep};
use sweep::plan::{self, Plan, RunIx, Selection};

fn metamorph() -> (Sweep, Plan) {
    let sweep = grid::load(Path::new("sweeps/metamorph.toml")).unwrap_or_else(|error| {
        panic!("{error}\n{}{}", error.shown_excerpt(), error.hints().join("\n"));
    });
    let plan = plan::build(&sweep, &Selection::default()).unwrap();
    (sweep, plan)
}

/// The run of the cell that is called this.
fn run(sweep: &Sweep, plan: &Plan, grid: &str, cell: &str) -> RunIx {
    let index = sweep.grid(grid).unwrap();
    let named = |candidate: &&plan::Cell| sweep.grids[index].cell_name(candidate) == cell;
    plan.grids[index].cells.iter().find(named).unwrap_or_else(|| panic!("{grid} has no cell {cell}")).run
}

fn cells(sweep: &Sweep, plan: &Plan, grid: &str) -> usize {
    plan.grids[sweep.grid(grid).unwrap()].cells.len()
}

fn tasks(sweep: &Sweep, plan: &Plan, stage: &str) -> usize {
    plan.tasks.iter().filter(|task| sweep.stages[usize::from(task.stage)].name == stage).count()
}

#[test]
fn each_grid_has_the_cells_of_its_table() {
    let (sweep, plan) = metamorph();
    for (grid, expected) in [
        ("data", 18),     // Table 6: 3 amounts of VQA data by 6 of generation data
        ("vqa-scale", 7), // Figure 4: 1M to 7M
        ("backbone", 3),  // Table 7
        ("loss", 3),      // Table 3
        ("joint", 18),    // Table 4: nine amounts, alone and jointly
        ("types", 7),     // Table 5 has six rows; Figure 3 adds "all"
        ("metamorph", 1), // Table 1
    ] {
        assert_eq!(cells(&sweep, &plan, grid), expected, "{grid}");
    }
    assert_eq!(sweep.warnings, Vec::<String>::new());
    assert_eq!(plan.warnings, Vec::<String>::new());
}

#[test]
fn the_8b_row_of_table_7_is_7m_1m_of_table_6() {
    // All twelve numbers of the two rows are equal, and Section 3.2 trains the backbones on 7M VQA and 1M generation.
    let (sweep, plan) = metamorph();
    let backbone = run(&sweep, &plan, "backbone", "backbone=llama-3-8b");
    assert_eq!(backbone, run(&sweep, &plan, "data", "vqa=7M generation=1M"));
}

#[test]
fn generation_alone_at_200k_of_table_4_is_none_of_table_5() {
    // Table 5's "None" is 200k generation samples and nothing else. The tables print 110.7 and 110.5 for it.
    let (sweep, plan) = metamorph();
    assert_eq!(run(&sweep, &plan, "joint", "joint=no generation=200k"), run(&sweep, &plan, "types", "type=none"));
}

#[test]
fn image_qa_of_table_5_is_7m_200k_of_table_6() {
    // ImageQA is Cambrian-7M beside 200k generation samples. The tables print FID 18.9 and 18.2 for it.
    let (sweep, plan) = metamorph();
    let image_qa = run(&sweep, &plan, "types", "type=image-qa");
    assert_eq!(image_qa, run(&sweep, &plan, "data", "vqa=7M generation=200k"));
    assert_eq!(image_qa, run(&sweep, &plan, "vqa-scale", "vqa=7M"));
}

#[test]
fn joint_training_at_5m_of_table_4_is_the_cosine_row_of_table_3() {
    // An inference: it holds if "all" data of Table 3 and the joint training of Table 4 both mean Figure 11.
    let (sweep, plan) = metamorph();
    let joint = run(&sweep, &plan, "joint", "joint=yes generation=5M");
    assert_eq!(joint, run(&sweep, &plan, "loss", "data=all vision_loss=cosine"));
}

#[test]
fn all_data_of_figure_3_is_joint_training_at_200k() {
    let (sweep, plan) = metamorph();
    assert_eq!(run(&sweep, &plan, "joint", "joint=yes generation=200k"), run(&sweep, &plan, "types", "type=all"));
}

#[test]
fn the_cosine_row_of_table_3_is_no_cell_of_table_6() {
    // Table 3 trains on everything, Table 6 on VQA and generation data alone.
    let (sweep, plan) = metamorph();
    let cosine = run(&sweep, &plan, "loss", "data=all vision_loss=cosine");
    let data = &plan.grids[sweep.grid("data").unwrap()];
    assert!(data.cells.iter().all(|cell| cell.run != cosine));
}

#[test]
fn metamorph_itself_is_a_run_of_its_own() {
    // Table 1 is LLaMA-3.1 8B on all data; no other table has that pair.
    let (sweep, plan) = metamorph();
    let metamorph = run(&sweep, &plan, "metamorph", "only cell");
    let users = plan.grids.iter().flat_map(|grid| &grid.cells).filter(|cell| cell.run == metamorph).count();
    assert_eq!(users, 1);
}

#[test]
fn every_stage_runs_as_often_as_what_it_uses_differs() {
    let (sweep, plan) = metamorph();
    // 57 cells: 18 of Table 6, 4 more of Figure 4, 2 more of Table 7, 3 of Table 3, 17 more of Table 4 (its last row is
    // Table 3's), 4 more of Table 5 (three of its seven are elsewhere), 1 of Table 1.
    assert_eq!(plan.runs.len(), 18 + 4 + 2 + 3 + 17 + 4 + 1);
    for (stage, expected) in [
        ("adapter", 3),          // one a language model, not one a run
        ("visualizer", 1),       // it depends on the vision encoder alone
        ("finetune", 49),        // one a run
        ("generate", 48),        // all but Table 3's "none", which never saw generation data
        ("evaluate-images", 48), // what was generated
        ("evaluate-vqa", 37),    // all but nine rows of Table 4 without question data, and three types of Table 5
    ] {
        assert_eq!(tasks(&sweep, &plan, stage), expected, "{stage}");
    }
}

#[test]
fn a_70b_checkpoint_is_the_size_of_its_full_training_state() {
    // 14 bytes a parameter: weights and gradients in bfloat16, master weights and two moments in 32 bits, less the
    // gradients, which are not saved; 8.03e9 and 70.55e9 parameters.
    let (sweep, plan) = metamorph();
    let finetune = sweep.stages.iter().position(|stage| stage.name == "finetune").unwrap();
    let checkpoint = |cell: &str| {
        let task = plan.task_of(run(&sweep, &plan, "backbone", cell), finetune).unwrap();
        plan.resources(&sweep, task).checkpoint_bytes
    };
    assert_eq!(checkpoint("backbone=llama-3-8b"), Some(112_000_000_000));
    assert_eq!(checkpoint("backbone=llama-3-70b"), Some(988_000_000_000));
}
