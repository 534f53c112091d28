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

/// Four cells that share the task of the anchors, which lacks nothing but its scores.
fn anchored(extra: &str) -> World {
    let text = format!(
        "name = \"anchored\"\n\
         [defaults]\nlr = 0.1\nwidth = 64\n\
         [grids.main]\nvary = {{ lr = [0.1, 0.01], width = [64, 128] }}\n\
         [stages.train]\nkind = \"train\"\nuses = [\"lr\", \"width\"]\ncommand = [\"train\"]\n\
         [stages.anchors]\nkind = \"measure\"\ncommand = [\"anchors\"]\n\
         [metrics.accuracy]\ndirection = \"maximize\"\nbenchmark = \"test\"\n\
         [metrics.loss]\ndirection = \"minimize\"\n\
         [anchors.chance]\nmetrics = \"accuracy\"\nvalue = 0.1\n\
         [anchors.blind]\nlabel = \"text only\"\nmetrics = \"accuracy\"\nbenchmark = \"text_only/{{benchmark}}\"\n{extra}"
    );
    let mut world = World::new(&text);
    for (cell, value) in [0.5, 0.6, 0.7, 0.8].into_iter().enumerate() {
        world.measure(cell, "train", "accuracy/test", value);
        world.measure(cell, "train", "loss", 1.0 - value);
    }
    world
}

#[test]
fn anchors_stand_below_the_cells_of_a_table() {
    let mut world = anchored("");
    world.measure(0, "anchors", "accuracy/text_only/test", 0.333);
    let rendering = rendered(&world, &only(ReportKind::Table));
    let table = text(&rendering, "README.md");
    assert!(
        table.contains("| **0.80** | **0.20** |\n| chance |  | 0.10 |  |\n| text only |  | 0.33 |  |\n"),
        "{table}"
    );
    let json = &rendering.items[0].json["anchors"];
    assert_eq!(json["blind"]["accuracy"], serde_json::json!([0.333, 0.333]));
    assert_eq!(json["chance"], serde_json::json!({ "accuracy": [0.1, 0.1] }));
}

#[test]
fn anchors_are_printed_with_every_kind_of_figure() {
    let mut world = anchored("");
    world.measure(0, "anchors", "accuracy/text_only/test", 0.333);
    for kind in [ReportKind::Heatmap, ReportKind::Scaling, ReportKind::Correlation] {
        let rendering = rendered(&world, &only(kind));
        let svg = text(&rendering, &format!("main-{}.svg", kind.word()));
        assert!(svg.contains("For comparison: accuracy: chance 0.10, text only 0.33."), "{}: {svg}", kind.word());
        let document = text(&rendering, "README.md");
        assert!(document.contains("| anchor | accuracy ↑ |"), "{}: {document}", kind.word());
    }
    let scaling = rendered(&world, &only(ReportKind::Scaling));
    let svg = text(&scaling, "main-scaling.svg");
    assert_eq!(svg.matches("text only 0.33").count(), 2, "beside its line and in the note: {svg}");
    assert!(!text(&scaling, "main-scaling-loss.svg").contains("text only"), "an anchor of another metric");
}

#[test]
fn an_anchor_that_nobody_measured_says_so() {
    let rendering = rendered(&anchored(""), &only(ReportKind::Table));
    assert!(text(&rendering, "README.md").contains("| text only |  | not run |  |"));
    assert_eq!(rendering.items[0].json["anchors"]["blind"]["accuracy"], serde_json::Value::Null);
}

#[test]
fn an_anchor_that_differs_among_cells_is_a_range() {
    let mut world = anchored("[anchors.own]\nmetrics = \"accuracy\"\nbenchmark = \"train\"\n");
    for (cell, value) in [0.9, 0.95, 0.99, 0.91].into_iter().enumerate() {
        world.measure(cell, "train", "accuracy/train", value);
    }
    let rendering = rendered(&world, &only(ReportKind::Table));
    assert!(text(&rendering, "README.md").contains("| own |  | 0.90 to 0.99 |  |"));
}

#[test]
fn a_report_may_have_decimals_of_its_own() {
    let report = "[reports.fine]\nkind = \"table\"\ngrid = \"main\"\ndecimals = 4\n";
    let rendering = rendered(&anchored(report), &only(ReportKind::Table));
    let document = text(&rendering, "README.md");
    assert!(document.contains("| **0.8000** | **0.2000** |"), "{document}");
    assert!(document.contains("| chance |  | 0.1000 |"), "{document}");
}

#[test]
fn a_report_without_a_title_says_what_it_shows() {
    let titles = |world: &World| -> Vec<String> {
        let rendering = rendered(world, &Selection { formats: vec![Format::Md], ..Selection::default() });
        rendering.items.iter().map(|item| item.json["title"].as_str().unwrap().to_owned()).collect()
    };
    let expected = [
        "accuracy and loss by lr and width",
        "accuracy and loss by lr",
        "Correlation of loss with accuracy",
        "All cells of grid main",
    ];
    assert_eq!(titles(&first()), expected);
}
