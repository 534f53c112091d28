//! Whole reports: what is chosen, what is written, what is said of it.

use super::world::World;
use super::*;
use crate::attempt::FailureReason;
use crate::error::Kind;
use crate::grid::ReportKind;

const FIRST: &str = "name = \"first\"\ncommand = [\"python3\", \"train.py\", \"{lr}\", \"{width}\"]\n\
    [vary]\nlr = [0.1, 0.01, 0.001]\nwidth = [64, 128]\n";

fn first() -> World {
    let mut world = World::new(FIRST);
    for (cell, value) in [0.91, 0.93, 0.88, 0.9, 0.5, 0.55].into_iter().enumerate() {
        world.measure(cell, "train", "accuracy", value);
        world.measure(cell, "train", "loss", 1.0 - value * value);
    }
    world
}

fn rendered(world: &World, selection: &Selection) -> Rendering {
    render(&world.evidence(), selection).unwrap()
}

fn text<'a>(rendering: &'a Rendering, name: &str) -> &'a str {
    let file = rendering.files.iter().find(|file| file.name == name).unwrap();
    std::str::from_utf8(&file.bytes).unwrap()
}

fn names(rendering: &Rendering) -> Vec<&str> {
    rendering.files.iter().map(|file| file.name.as_str()).collect()
}

fn only(kind: ReportKind) -> Selection {
    Selection { kinds: vec![kind], formats: vec![Format::Md, Format::Csv, Format::Svg], ..Selection::default() }
}

#[test]
fn a_six_line_sweep_has_a_heatmap_without_declaring_one() {
    let rendering = rendered(&first(), &only(ReportKind::Heatmap));
    assert_eq!(names(&rendering), ["main-heatmap.svg", "main-heatmap.csv", "README.md"]);
    let svg = text(&rendering, "main-heatmap.svg");
    for shown in ["accuracy", "loss", "0.93", "width", "128"] {
        assert!(svg.contains(shown), "{shown}");
    }
    assert!(text(&rendering, "README.md").contains("says which way is better"));
}

#[test]
fn everything_that_suits_is_reported_when_nothing_is_declared() {
    let rendering = rendered(&first(), &Selection { formats: vec![Format::Csv], ..Selection::default() });
    assert_eq!(names(&rendering), ["main-heatmap.csv", "main-scaling.csv", "main-correlation.csv", "main-table.csv"]);
}

#[test]
fn the_document_begins_with_the_command_and_the_versions() {
    let selection = Selection {
        command: "sweep report first --table\n# evil".to_owned(),
        versions: vec!["sweep 0.1.0".to_owned()],
        ..only(ReportKind::Table)
    };
    let rendering = rendered(&first(), &selection);
    let lines: Vec<&str> = text(&rendering, "README.md").lines().take(4).collect();
    assert_eq!(lines, ["    sweep report first --table # evil", "    sweep 0.1.0", "", "# first"]);
}

#[test]
fn the_same_evidence_gives_the_same_bytes() {
    let selection = Selection::default();
    assert_eq!(rendered(&first(), &selection).files, rendered(&first(), &selection).files);
}

#[test]
fn a_missing_run_stamps_the_report_and_says_why() {
    let mut world = first();
    world
        .observations
        .retain(|observation| observation.subject != crate::metric::Subject::Task(world_task(&first(), 5)));
    world.fail(5, "train", FailureReason::OutOfMemory);
    let rendering = rendered(&world, &only(ReportKind::Table));
    let document = text(&rendering, "README.md");
    assert!(document.contains("**partial: 5 of 6 runs**"), "{document}");
    assert!(document.contains("failed: out of memory"), "{document}");
    assert_eq!(rendering.items[0].partial.as_deref(), Some("partial: 5 of 6 runs"));
}

fn world_task(world: &World, cell: usize) -> crate::id::TaskId {
    world.task(cell, "train")
}

#[test]
fn a_third_axis_makes_panels_and_is_never_averaged_away() {
    let mut world = World::new(
        "name = \"three\"\ncommand = [\"t\", \"{a}\", \"{b}\", \"{c}\"]\n[vary]\na = [1, 2]\nb = [1, 2]\nc = [1, 2]\n",
    );
    for cell in 0..8 {
        world.measure(cell, "train", "accuracy", [10.0, 90.0][cell % 2]);
    }
    let svg = rendered(&world, &only(ReportKind::Heatmap));
    let svg = text(&svg, "main-heatmap.svg");
    assert!(svg.contains("90") && svg.contains("10") && !svg.contains(">50<"), "{svg}");
}

#[test]
fn correlations_stand_beside_those_within_levels() {
    let rendering = rendered(&first(), &only(ReportKind::Correlation));
    let document = text(&rendering, "README.md");
    assert!(document.contains("ρ within lr") && document.contains("ρ within width"), "{document}");
    assert!(document.contains("chosen, not sampled"), "{document}");
    let pair = &rendering.items[0].json["correlations"][0];
    assert_eq!(pair["pearson"]["n"], 6);
    assert_eq!(pair["within"][0]["axis"], "lr");
}

#[test]
fn what_cannot_be_reported_says_what_to_do() {
    let world = World::new(FIRST);
    let error = render(&world.evidence(), &Selection::default()).unwrap_err();
    assert_eq!(error.kind(), Kind::Incomplete);
    assert!(error.hints()[0].contains("sweep collect"), "{error}");

    let selection = Selection { name: Some("figure-9".to_owned()), ..Selection::default() };
    let error = render(&first().evidence(), &selection).unwrap_err();
    assert!(error.message().contains("declares no report `figure-9`"), "{error}");
}
