//! Claims on scores made by hand, where the right conclusion is known.

use super::*;
use crate::report::world::World;

const HEAD: &str = "name = \"claimed\"\n\
    [defaults]\nvqa = \"1M\"\ngeneration = \"1M\"\nseed = 1\n\
    [grids.data]\nvary = { vqa = [\"1M\", \"2M\", \"4M\"], generation = [\"1M\", \"2M\"] }\nSEEDS\n\
    [stages.train]\nkind = \"train\"\nuses = [\"vqa\", \"generation\", \"seed\"]\ncommand = [\"train\"]\n\
    [metrics.accuracy]\ndirection = \"maximize\"\ndecimals = 1\n\
    [metrics.fid]\ndirection = \"minimize\"\ndecimals = 1\n\
    [claims.one]\ntext = \"as expected\"\ngrid = \"data\"\n";

/// Accuracy rises by 4 with each doubling of VQA data and by 1 with each of generation data; FID falls by 3 and 6. Seeds
/// move all scores by `noise` times -1, 0, 1 in turn.
fn world(claim: &str, seeds: usize, noise: f64) -> World {
    let values: Vec<String> = (1..=seeds).map(|seed| seed.to_string()).collect();
    let line = if seeds > 1 { format!("seeds = [{}]", values.join(", ")) } else { String::new() };
    let head = if seeds > 1 { HEAD.to_owned() } else { HEAD.replace("seed = 1\n", "").replace(", \"seed\"", "") };
    let mut world = World::new(&format!("{}{claim}\n", head.replace("SEEDS", &line)));
    let cells = world.plan.grids[0].cells.clone();
    for (position, cell) in cells.iter().enumerate() {
        let (vqa, generation) = (f64::from(cell.coordinates[0]), f64::from(cell.coordinates[1]));
        let shift = noise * [-1.0, 0.0, 1.0][(position * 7 + position / seeds) % 3];
        world.measure(position, "train", "accuracy", 40.0 + 4.0 * vqa + generation + shift);
        world.measure(position, "train", "fid", 30.0 - 3.0 * vqa - 6.0 * generation + shift);
    }
    world
}

fn conclude(claim: &str, seeds: usize, noise: f64) -> Conclusion {
    let world = world(claim, seeds, noise);
    let [conclusion] = &judge(&world.evidence())[..] else { panic!("one claim") };
    conclusion.clone()
}

#[track_caller]
fn close(ours: Option<f64>, expected: f64) {
    assert!(ours.is_some_and(|ours| (ours - expected).abs() < 1e-9), "{ours:?} is not {expected}");
}

#[test]
fn a_clear_effect_holds_by_its_interval() {
    let conclusion = conclude("effect = { of = \"vqa\", metrics = \"accuracy\", above = 3 }", 3, 0.1);
    assert_eq!((conclusion.decision, conclusion.cells, conclusion.runs.len()), (Decision::Holds, 6, 18));
    let part = &conclusion.parts[0];
    let interval = part.interval.unwrap();
    assert!(interval.low > 3.0 && interval.low < 4.0 && interval.high > 4.0, "{interval:?}");
    assert!(part.p.unwrap() < 0.05);
}

#[test]
fn the_other_side_fails_and_the_boundary_is_not_decided() {
    let fails = conclude("effect = { of = \"vqa\", metrics = \"accuracy\", above = 5 }", 3, 0.1);
    assert_eq!(fails.decision, Decision::Fails);
    let open = conclude("effect = { of = \"vqa\", metrics = \"accuracy\", above = 3.5 }", 3, 2.0);
    assert_eq!(open.decision, Decision::Undecided, "{open:?}");
    assert!(open.reason.contains("reaches over the boundary"));
    assert!(open.parts[0].seeds_needed.unwrap() > 3);
}

#[test]
fn one_run_a_cell_decides_nothing_and_says_why() {
    let conclusion = conclude("effect = { of = \"vqa\", metrics = \"accuracy\", above = 0 }", 1, 0.0);
    assert_eq!((conclusion.decision, conclusion.as_claimed), (Decision::Undecided, 1));
    assert!(conclusion.reason.contains("needs two"), "{}", conclusion.reason);
    assert_eq!(conclusion.parts[0].interval, None);
    close(conclusion.parts[0].estimate, 4.0);
}

#[test]
fn by_the_estimate_alone_nothing_ever_holds() {
    let agrees = conclude("by = \"estimate\"\neffect = { of = \"vqa\", metrics = \"accuracy\", above = 0 }", 3, 0.1);
    assert_eq!(agrees.decision, Decision::Agrees);
    let disagrees = conclude("by = \"estimate\"\neffect = { of = \"vqa\", metrics = \"accuracy\", above = 5 }", 3, 0.1);
    assert_eq!(disagrees.decision, Decision::Disagrees);
}

/// By hand: 4 a doubling is 8 from 1M to 4M; least squares of 0, 4, 8 on 1, 2, 4 million is 18/7 a million.
#[test]
fn effects_are_per_doubling_per_sample_and_over_the_range() {
    let claim =
        "effect = { of = \"vqa\", metrics = \"accuracy\", per = [\"doubling\", \"sample\", \"range\"], above = 0 }";
    let parts = conclude(claim, 1, 0.0).parts;
    close(parts[0].estimate, 4.0);
    close(parts[1].estimate, 18.0 / 7.0);
    close(parts[2].estimate, 8.0);
}

#[test]
fn an_effect_on_a_metric_that_is_to_be_small_counts_as_improvement() {
    let claim = "larger_effect = { of = \"generation\", than = \"vqa\", metrics = \"fid\", per = \"doubling\" }";
    let conclusion = conclude(claim, 3, 0.1);
    assert_eq!(conclusion.decision, Decision::Holds);
    let ratio = conclusion.parts[0].asides.iter().find(|aside| aside.label == "ratio").unwrap();
    assert!((ratio.value - 2.0).abs() < 0.1, "{ratio:?}");
}

#[test]
fn sides_are_matched_on_the_axes_that_do_not_tell_them_apart() {
    let claim = "better = { is = \"vqa == 4M\", than = \"vqa == 1M\", metrics = \"fid\" }";
    let conclusion = conclude(claim, 1, 0.0);
    let says: Vec<&str> = conclusion.parts.iter().map(|part| part.says.as_str()).collect();
    let expected = "fid: vqa == 4M better than vqa == 1M, generation";
    assert_eq!(says, [format!("{expected} 1M"), format!("{expected} 2M")]);
    conclusion.parts.iter().for_each(|part| close(part.estimate, 6.0));
}

#[test]
fn several_cells_of_a_side_are_each_paired_with_each() {
    let claim = "better = { is = \"vqa in [2M, 4M]\", than = \"vqa == 1M\", metrics = \"fid\" }";
    let conclusion = conclude(claim, 1, 0.0);
    let says: Vec<&str> = conclusion.parts.iter().map(|part| part.says.as_str()).collect();
    assert_eq!(says[..2], ["fid: 2M better than 1M, generation 1M", "fid: 2M better than 1M, generation 2M"]);
    assert_eq!((says.len(), conclusion.as_claimed), (4, 4));
    let mean = conclude(&claim.replace("\"fid\"", "\"fid\", cells = \"mean\""), 1, 0.0);
    close(mean.parts[0].estimate, 4.5);
}

#[test]
fn every_step_has_a_part_of_its_own() {
    let conclusion = conclude("improves = { along = [\"vqa\", \"generation\"], metrics = \"accuracy\" }", 3, 0.1);
    assert_eq!((conclusion.parts.len(), conclusion.decision), (7, Decision::Holds));
    let steps = conclude("improves = { along = \"vqa\", metrics = \"accuracy\", cells = \"mean\" }", 3, 0.1);
    assert_eq!(steps.parts.len(), 2);
}

#[test]
fn enough_is_a_share_of_the_whole_improvement() {
    let half = "suffices = { along = \"vqa\", at = \"2M\", metrics = \"accuracy\", share = 0.4, cells = \"mean\" }";
    let conclusion = conclude(half, 3, 0.01);
    assert_eq!(conclusion.decision, Decision::Holds, "{conclusion:?}");
    assert!((conclusion.parts[0].asides[0].value - 0.5).abs() < 0.01);
    let more = half.replace("0.4", "0.6");
    assert_eq!(conclude(&more, 3, 0.01).decision, Decision::Fails);
}

#[test]
fn what_stays_within_a_margin_is_stable() {
    let stable = "stabilises = { along = \"vqa\", from = \"2M\", metrics = \"fid\", within = 3.5 }";
    assert_eq!(conclude(stable, 3, 0.01).decision, Decision::Holds);
    assert_eq!(conclude(&stable.replace("3.5", "2.5"), 3, 0.01).decision, Decision::Fails);
}

#[test]
fn a_correlation_holds_by_resampled_seeds_and_is_described_without() {
    let claim = "correlation = { x = \"accuracy\", y = \"fid\", below = -0.5 }";
    let conclusion = conclude(claim, 3, 0.05);
    assert_eq!(conclusion.decision, Decision::Holds, "{conclusion:?}");
    assert!(conclusion.parts[0].asides.iter().any(|aside| aside.label == "within vqa"));
    let single = conclude(claim, 1, 0.0);
    assert_eq!(single.decision, Decision::Undecided);
    let aside = &single.parts[0].asides[0];
    assert_eq!(aside.label, "over the cells (descriptive)");
    assert!(aside.interval.is_some());
}

#[test]
fn a_missing_cell_leaves_the_claim_open() {
    let mut world = world("effect = { of = \"vqa\", metrics = \"accuracy\", above = 0 }", 3, 0.1);
    let last = world.task(17, "train");
    let before_last = [15, 16].map(|cell| world.task(cell, "train"));
    let gone = [last, before_last[0], before_last[1]].map(crate::metric::Subject::Task);
    world.observations.retain(|observation| !gone.contains(&observation.subject));
    let conclusions = judge(&world.evidence());
    assert_eq!(conclusions[0].decision, Decision::Undecided);
    assert_eq!(conclusions[0].reason, "1 cell has no value yet");
}

/// Ten parts that are each right at p = 0.02 are no ten right parts: the family's error would be 18%.
#[test]
fn parts_are_corrected_for_their_number() {
    let one = conclude("value = { metrics = \"accuracy\", cells = \"mean\", above = 44 }", 3, 1.0);
    let many = conclude("value = { metrics = \"accuracy\", above = 30 }", 3, 1.0);
    assert_eq!(one.parts.len(), 1);
    assert_eq!(many.parts.len(), 6);
    assert!(many.parts.iter().any(|part| part.level > 0.99), "{many:?}");
    let decided = |part: &Part| part.interval.is_some_and(|interval| interval.low > 30.0);
    assert!(many.parts.iter().all(|part| decided(part) == (part.decision == Decision::Holds)), "{many:?}");
}
