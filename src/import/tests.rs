use std::path::PathBuf;

use super::*;
use crate::grid;
use crate::plan::{Selection, build};

const SWEEP: &str = r#"
name = "small"

[defaults]
vqa = "1M"
generation = "200k"

[grids.data]
vary = { vqa = ["1M", "7M"], generation = ["200k", "500k"] }
exclude = ["vqa == 1M && generation == 500k"]

[grids.seeded]
vary = { vqa = ["1M"] }
seeds = { values = [1, 2] }

[stages.train]
kind = "train"
uses = ["vqa", "generation", "seed"]
command = ["train"]

[metrics.fid]
direction = "minimize"
range = [0, 1000]

[metrics.general]
direction = "maximize"
score = "accuracy"
benchmark = "mmbench"
"#;

fn spec() -> ImportSpec {
    let pairs = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<Vec<_>>()
    };
    ImportSpec {
        name: "table".to_owned(),
        file: PathBuf::from("table.csv"),
        source: "Table 6".to_owned(),
        grid: "data".to_owned(),
        factors: pairs(&[("vqa", "vqa"), ("generation", "gen")]),
        levels: Vec::new(),
        metrics: pairs(&[("fid", "FID"), ("general", "MMBench")]),
        fixed: Vec::new(),
        rows: Vec::new(),
        notes: Some("notes".to_owned()),
    }
}

fn import(spec: &ImportSpec, text: &str) -> Result<Matched> {
    let sweep = grid::parse(Path::new("small.toml"), SWEEP).unwrap();
    let plan = build(&sweep, &Selection::default()).unwrap();
    read(&sweep, &plan, spec, (text.as_bytes(), Origin::Table))
}

const HEADER: &str = "vqa,gen,FID,MMBench,notes\n";

fn fails(row: &str) -> (String, Vec<String>) {
    let error = import(&spec(), &format!("{HEADER}7M,200k,18.2,73.1,\n{row}\n")).unwrap_err();
    (error.message().to_owned(), error.hints().to_vec())
}

#[test]
fn rows_become_scores_of_the_runs_of_their_cells() {
    let matched = import(&spec(), &format!("{HEADER}7M,200k,18.2,73.1,doubtful\n1M, 200000 ,28.3,-,\n")).unwrap();
    assert_eq!((matched.rows, matched.empty), (2, 1));
    let scores: Vec<_> = matched
        .import
        .scores
        .iter()
        .map(|score| (score.metric.as_str(), score.benchmark.as_str(), score.value, score.line, score.note.as_deref()))
        .collect();
    assert_eq!(
        scores,
        [
            ("fid", "", 18.2, 2, Some("doubtful")),
            ("accuracy", "mmbench", 73.1, 2, Some("doubtful")),
            ("fid", "", 28.3, 3, None)
        ]
    );
    assert_eq!(matched.import.scores[0].run, matched.import.scores[1].run);
    assert_ne!(matched.import.scores[0].run, matched.import.scores[2].run);
}

#[test]
fn mistakes_name_file_line_and_column() {
    let cases = [
        ("7M,500k,1O.5,1,", "table.csv:3:9: `1O.5` is not a number"),
        ("7M,500k,\"116,4\",1,", "table.csv:3:9: `116,4` is not a number"),
        ("7M,500k,15.2 .,1,", "table.csv:3:9: `15.2 .` is not a number"),
        ("7M,500k,NaN,1,", "table.csv:3:9: `NaN` is not a finite number"),
        ("7M,500k,1e400,1,", "table.csv:3:9: `1e400` is not a finite number"),
        ("7M,500k,1,\"a\nb\",", "table.csv:3:11: `a\\nb` is not a number"),
        ("7M,500k,-1,1,", "table.csv:3:9: -1 is outside the range of `fid`, 0 to 1000"),
        ("8M,500k,1,1,", "table.csv:3:1: `8M` is not a level of axis `vqa`"),
        ("7M,5OOk,1,1,", "table.csv:3:4: `5OOk` is not a level of axis `generation`"),
        ("7M,500k,1,1", "table.csv:3: 4 fields, while the header has 5"),
    ];
    for (row, message) in cases {
        assert_eq!(fails(row).0, message);
    }
}

#[test]
fn a_row_without_a_cell_names_the_nearest_one() {
    let (message, hints) = fails("1M,500k,1,1,");
    assert_eq!(message, "table.csv:3:1: `vqa = 1M`, `generation = 500k` is not a cell of grid `data`");
    assert_eq!(hints, ["the nearest cell is `vqa = 1M`, `generation = 200k`"]);
}

#[test]
fn columns_that_are_not_there_are_named_with_the_nearest() {
    let error = import(&spec(), "vqa,gen,fid,MMBench,notes\n").unwrap_err();
    assert_eq!(error.message(), "table.csv:1: there is no column `FID`");
    assert_eq!(error.hints(), ["did you mean `fid`?"]);
    let error = import(&spec(), "vqa,gen,FID,FID,notes\n").unwrap_err();
    assert_eq!(error.message(), "table.csv:1: two columns are called `FID`");
    let error = import(&spec(), "").unwrap_err();
    assert_eq!(error.message(), "table.csv: the file is empty");
}

#[test]
fn a_cell_with_replicates_cannot_be_imported_into() {
    let mut spec = spec();
    spec.grid = "seeded".to_owned();
    spec.factors.truncate(1);
    let error = import(&spec, &format!("{HEADER}1M,200k,1,1,\n")).unwrap_err();
    assert_eq!(error.message(), "table.csv:2:1: `vqa = 1M` has 2 replicates");
}

#[test]
fn other_words_for_levels_fixed_axes_and_chosen_rows() {
    let mut spec = spec();
    spec.factors = vec![("vqa".to_owned(), "gen".to_owned())];
    spec.levels = vec![("vqa".to_owned(), vec![("lots".to_owned(), "7M".to_owned())])];
    spec.fixed = vec![("generation".to_owned(), "200k".to_owned())];
    spec.rows = vec![("vqa".to_owned(), vec!["ours".to_owned(), "mine".to_owned()])];
    let matched = import(&spec, &format!("{HEADER}ours,lots,1,1,\ntheirs,little,1,1,\n")).unwrap();
    assert_eq!((matched.rows, matched.import.scores.len()), (1, 2));
}

#[test]
fn an_axis_that_nobody_mentions_is_an_error() {
    let mut spec = spec();
    spec.factors.pop();
    let error = import(&spec, HEADER).unwrap_err();
    assert_eq!(error.message(), "import `table` says nothing about the axis `generation`");
}
