//! From a sweep, its ledger and its observations to scores: what is joined, what is kept apart, what is missing.

use std::sync::Arc;

use super::*;
use crate::attempt::FailureReason;
use crate::report::world::World;

const SWEEP: &str = r#"
name = "small"

[defaults]
llm = "small"
vqa = "1M"
generation = "200k"

[grids.data]
vary = { vqa = ["1M", "7M"], generation = ["0", "200k"] }
seeds = { values = [1, 2, 3] }

[stages.adapter]
kind = "train"
uses = ["llm"]
command = ["adapter"]

[stages.finetune]
kind = "train"
needs = ["adapter"]
uses = ["vqa", "generation", "seed"]
command = ["finetune"]

[stages.evaluate-vqa]
kind = "measure"
needs = ["finetune"]
command = ["vqa"]

[stages.evaluate-images]
kind = "measure"
needs = ["finetune"]
applies = "generation > 0"
command = ["images"]

[metrics.mmbench]
direction = "maximize"
score = "accuracy"
benchmark = "MMBench"

[metrics.seed-bench]
direction = "maximize"
score = "accuracy"
benchmark = "SEED"

[metrics.average]
direction = "maximize"
mean_of = ["mmbench", "seed-bench"]

[metrics.fid]
direction = "minimize"
"#;

/// Cells of the grid: 0 to 2 are seeds of 1M/0, 3 to 5 of 1M/200k, 6 to 8 of 7M/0, 9 to 11 of 7M/200k.
fn with_frame<T>(world: &World, look: impl FnOnce(&Frame) -> T) -> T {
    let evidence = world.evidence();
    let index = Index::of(&evidence);
    look(&Frame::of(&index, 0, None).unwrap())
}

#[test]
fn replicates_of_a_cell_become_a_mean_with_an_interval() {
    let mut world = World::new(SWEEP);
    for (cell, value) in [(3, 70.0), (4, 71.0), (5, 72.0)] {
        world.measure(cell, "evaluate-vqa", "accuracy/MMBench", value);
    }
    with_frame(&world, |frame| {
        let score = frame.score(1, frame.measure("mmbench").unwrap());
        assert_eq!(score.state, CellState::Complete);
        assert_eq!(score.value(), Some(71.0));
        // t(0.975, 2 df) = 4.302653, sd = 1, n = 3.
        assert!((score.readings[0].half_width.unwrap() - 4.302_652_73 / 3f64.sqrt()).abs() < 1e-6);
        assert_eq!(frame.label(1, 0), "1M");
        assert_eq!(frame.label(1, 1), "200k");
    });
}

#[test]
fn a_mean_of_metrics_is_computed_only_where_it_was_not_measured() {
    let mut world = World::new(SWEEP);
    world.measure(3, "evaluate-vqa", "accuracy/MMBench", 70.0);
    world.measure(3, "evaluate-vqa", "accuracy/SEED", 60.0);
    world.measure(4, "evaluate-vqa", "accuracy/MMBench", 70.0);
    world.import(5, "average", 50.0, "paper");
    with_frame(&world, |frame| {
        let score = frame.score(1, frame.measure("average").unwrap());
        assert_eq!(score.state, CellState::Partial { have: 1, of: 3 });
        let values: Vec<_> =
            score.readings.iter().map(|reading| (reading.value().unwrap(), frame.source_of(reading))).collect();
        assert_eq!(
            values,
            [(65.0, "measured (evaluate-vqa, mean of its parts)".to_owned()), (50.0, "paper".to_owned()),]
        );
    });
}

#[test]
fn two_sources_are_never_averaged_and_the_one_that_covers_more_is_shown() {
    let mut world = World::new(SWEEP);
    for (cell, value) in [(3, 28.3), (9, 18.2)] {
        world.import(cell, "fid", value, "Table 6");
    }
    world.import(9, "fid", 18.9, "Table 5");
    with_frame(&world, |frame| {
        let fid = frame.measure("fid").unwrap();
        let score = frame.score(3, fid);
        let values: Vec<_> = score.readings.iter().map(|reading| reading.value().unwrap()).collect();
        assert_eq!(values, [18.2, 18.9]);
        assert_eq!(frame.main_source(fid), Some("Table 6"));
    });
}

#[test]
fn an_empty_cell_says_why_it_is_empty() {
    let mut world = World::new(SWEEP);
    // What gives FID is learnt from one score of it.
    world.measure(3, "evaluate-images", "fid", 28.3);
    world.fail(6, "finetune", FailureReason::OutOfMemory);
    world.fail(9, "evaluate-images", FailureReason::TimeLimit);
    with_frame(&world, |frame| {
        let (fid, mmbench) = (frame.measure("fid").unwrap(), frame.measure("mmbench").unwrap());
        assert_eq!(frame.score(0, fid).state, CellState::NotApplicable);
        assert_eq!(frame.score(0, mmbench).state, CellState::NotRun);
        assert_eq!(frame.score(1, fid).state, CellState::Partial { have: 1, of: 3 });
        assert_eq!(frame.score(2, fid).state, CellState::NotApplicable);
        assert_eq!(frame.score(2, mmbench).state, CellState::Failed(FailureReason::OutOfMemory));
        assert_eq!(frame.score(3, fid).state, CellState::Failed(FailureReason::TimeLimit));
        assert_eq!(frame.score(3, mmbench).state, CellState::NotRun);
    });
}

#[test]
fn a_score_that_is_not_a_number_is_a_failure_and_enters_no_mean() {
    let mut world = World::new(SWEEP);
    for (cell, value) in [(3, f64::NAN), (4, 30.0), (5, f64::INFINITY), (9, f64::NAN)] {
        world.import(cell, "fid", value, "paper");
    }
    with_frame(&world, |frame| {
        let fid = frame.measure("fid").unwrap();
        assert_eq!(frame.score(1, fid).state, CellState::Partial { have: 1, of: 3 });
        assert_eq!(frame.score(1, fid).value(), Some(30.0));
        assert_eq!(frame.score(1, fid).readings[0].not_finite, 2);
        assert_eq!(frame.score(3, fid).state, CellState::Failed(FailureReason::Diverged));
        assert_eq!(frame.score(3, fid).value(), None);
    });
}

#[test]
fn scores_of_checkpoints_on_the_way_are_not_the_final_ones() {
    let mut world = World::new(SWEEP);
    world.import(3, "fid", 28.3, "paper");
    world.observations[0].step = Some(1000);
    with_frame(&world, |frame| assert_eq!(frame.score(1, frame.measure("fid").unwrap()).value(), None));
}

#[test]
fn splits_of_one_score_are_kept_apart() {
    let mut world = World::new(SWEEP);
    for (split, value) in [("test", 28.3), ("val", 20.0)] {
        world.import(3, "fid", value, "paper");
        Arc::make_mut(&mut world.observations.last_mut().unwrap().kind).split = split.to_owned();
    }
    with_frame(&world, |frame| {
        let score = frame.score(1, frame.measure("fid").unwrap());
        let sources: Vec<_> = score.readings.iter().map(|reading| frame.source_of(reading)).collect();
        assert_eq!(sources, ["paper (test)", "paper (val)"]);
    });
}

#[test]
fn a_sweep_without_metrics_takes_every_score_that_it_finds() {
    let mut world = World::new("name = \"first\"\ncommand = [\"train\", \"{lr}\"]\n[vary]\nlr = [0.1, 0.01]\n");
    for (cell, value) in [(0, 0.5), (1, 0.75)] {
        world.measure(cell, "train", "accuracy", value);
        world.measure(cell, "train", "loss", 1.0 - value);
    }
    with_frame(&world, |frame| {
        let names: Vec<_> = frame.measures().iter().map(|measure| measure.name.as_str()).collect();
        assert_eq!(names, ["accuracy", "loss"]);
        assert_eq!(frame.score(1, 0).value(), Some(0.75));
        assert_eq!(frame.measures()[0].direction, None);
        assert_eq!(frame.decimals(0), 2);
    });
}

#[test]
fn frames_become_columns() {
    let mut world = World::new(SWEEP);
    world.import(3, "fid", 28.3, "Table 6");
    world.import(3, "fid", 28.5, "Table 5");
    with_frame(&world, |frame| {
        let fid = frame.measure("fid").unwrap();
        let wide = frame.wide(&[fid]).unwrap();
        assert_eq!(wide.height(), 4);
        assert_eq!(wide.get_column_names(), ["vqa", "generation", "fid", "fid_ci95", "fid_seeds"]);
        let long = frame.long(&[fid]).unwrap();
        assert_eq!(long.height(), 5, "one row more for the second source");
        assert_eq!(long.column("value").unwrap().f64().unwrap().iter().flatten().sum::<f64>(), 28.3 + 28.5);
    });
}
