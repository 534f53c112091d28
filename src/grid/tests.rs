//! Sweep files as people write them, and the mistakes that they make.

use std::path::Path;

use super::*;
use crate::value::Value;

const FIRST: &str = r#"
name = "first"
command = ["python3", "train.py", "--lr", "{lr}", "--width", "{width}"]

[vary]
lr = [0.1, 0.01, 0.001]
width = [64, 128]
"#;

const FULL: &str = r#"
name = "full"

[defaults]
llm = "small"
vqa = "7M"
generation = "0"
loss = "cosine"
lr = 0.1

[factors.loss]
absent = "cosine"
label = "Loss"

[levels.data.none]
[levels.data.all]
vqa = "7067k"
generation = "5M"

[grids.data]
title = "Table 6"
vary = { vqa = ["1M", "7M"], generation = ["200k", "1M"] }
exclude = "vqa == 7M && generation == 1M"
include = [{ vqa = "10M", generation = "1M" }]
seeds = { values = [1, 2], redraw = ["finetune.init"] }

[grids.loss]
zip = { data = ["none", "all"], loss = ["l1", "cosine"] }
set = { llm = "large" }

[stages.evaluate]
kind = "measure"
needs = ["finetune"]
command = ["evaluate", "{config}", "{input.finetune}"]
applies = "vqa > 0"
at = ["25%", "last"]

[stages.finetune]
kind = "train"
needs = ["adapter"]
command = ["finetune", "{config}"]
uses = ["llm", "vqa", "generation", "loss", "lr", "seed"]
checkpoints = { every = "2h", keep_last = 2, on_success = "weights" }
[stages.finetune.resources]
gpus = 8
time = "12:00:00"
checkpoint = "112GB"
[stages.finetune.resources.when."llm == large"]
nodes = 4

[stages.adapter]
kind = "train"
uses = ["llm"]
command = ["adapter", "{config}"]

[metrics.fid]
direction = "minimize"
[metrics.score]
direction = "maximize"
range = [0, 100]

[reports.figure-7]
kind = "heatmap"
grid = "data"
x = "vqa"
y = "generation"
metrics = ["fid"]

[imports.table]
file = "table.csv"
source = "the paper"
grid = "data"
factors = { vqa = "vqa" }
fixed = { generation = "200k" }
metrics = { fid = "FID" }

[claims.one]
text = "more is better"
grid = "data"
improves = { along = "vqa", metrics = "fid" }
"#;

fn read(text: &str) -> crate::Result<Sweep> {
    parse(Path::new("sweeps/test.toml"), text)
}

fn names(sweep: &Sweep) -> Vec<&str> {
    sweep.stages.iter().map(|stage| stage.name.as_str()).collect()
}

#[test]
fn the_smallest_file_is_one_grid_and_one_stage_that_uses_everything() {
    let sweep = read(FIRST).unwrap();
    assert_eq!(sweep.grids.len(), 1);
    assert_eq!(sweep.grids[0].name, "main");
    let axes: Vec<_> = sweep.grids[0].axes.iter().map(|axis| (axis.name.as_str(), axis.levels.len())).collect();
    assert_eq!(axes, [("lr", 3), ("width", 2)]);
    assert_eq!(names(&sweep), ["train"]);
    assert_eq!(sweep.stages[0].uses, [0, 1]);
    assert_eq!(sweep.stages[0].kind, StageKind::Train);
    assert_eq!(sweep.factors[0].levels, [Value::Float(0.1), Value::Float(0.01), Value::Float(0.001)]);
}

#[test]
fn a_file_may_say_everything() {
    let sweep = read(FULL).unwrap();
    assert_eq!(names(&sweep), ["adapter", "finetune", "evaluate@25%", "evaluate"]);
    assert_eq!(sweep.stages[2].constants, [("at".to_owned(), Value::Text("25%".to_owned()))]);
    assert_eq!(sweep.stages[3].needs, [1]);
    assert_eq!([0, 1, 2].map(|stage| sweep.points(stage)), [vec![], vec!["25%"], vec![]]);
    let redraw = Value::List(vec![Value::Text("init".to_owned())]);
    assert_eq!(sweep.stages[1].constants, [("redraw".to_owned(), redraw)]);
    let data = &sweep.grids[0];
    assert_eq!(data.axes[0].levels.iter().map(|level| level.label.as_str()).collect::<Vec<_>>(), ["1M", "7M", "10M"]);
    assert_eq!((data.axes[0].multiplied, data.include.clone()), (2, vec![vec![2, 1]]));
    assert_eq!(dimensions(data), [vec![0], vec![1]]);
    assert_eq!(dimensions(&sweep.grids[1]), [vec![0, 1]]);
    let finetune = &sweep.stages[1];
    assert_eq!(finetune.resources.time_seconds, Some(43_200));
    assert_eq!((finetune.resources_when[0].1.nodes, finetune.resources_when[0].1.gpus), (4, 8));
    assert_eq!(sweep.imports[0].file, Path::new("sweeps/table.csv"));
    assert_eq!((sweep.claims[0].grid.as_str(), sweep.claims[0].relations.len()), ("data", 1));
    assert_eq!(sweep.metrics[1].range, Some((0.0, 100.0)));
}

#[test]
fn levels_may_be_any_text_and_stay_text() {
    let text = r#"
name = "odd"
command = ["echo", "{word}"]
[vary]
word = ["a b", "it's", "\"quoted\"", "$(reboot)", "two\nlines", "../../etc/passwd", "", "é"]
"#;
    let sweep = read(text).unwrap();
    assert_eq!(sweep.factors[0].levels.len(), 8);
    assert_eq!(sweep.factors[0].levels[3], Value::Text("$(reboot)".to_owned()));
}

/// A mistake: what is replaced in a good file, by what, the place, the message and the hint (each in part).
type Mistake = (&'static str, &'static str, &'static str, &'static str, &'static str);

const MISTAKES_IN_FIRST: &[Mistake] = &[
    ("command =", "comand =", "3:1", "unknown key `comand` in the sweep file", "did you mean `command`?"),
    ("name =", "nam =", "2:1", "unknown key `nam`", "did you mean `name`?"),
    ("name =", "title =", "1:1", "has no `name`", "write `name"),
    ("\"first\"", "\"fir/st\"", "2:8", "`fir/st` cannot be a name", "letters, digits"),
    ("0.001", "nan", "6:18", "`nan` is not a finite number", ""),
    ("0.001", "inf", "6:18", "`inf` is not a finite number", ""),
    ("0.001", "1979-05-27", "6:18", "dates are no values", "in quotes"),
    ("0.001", "\"0.001\"", "6:18", "this level of factor `lr` is `0.001`, not a number", ""),
    ("128", "128.5", "7:14", "is `128.5`, not a whole number", "decimal point"),
    ("128", "64", "7:9", "axis `width` lists the level `64` twice", "seeds"),
    ("[64, 128]", "[]", "7:9", "axis `width` is an empty list", ""),
    ("[64, 128]", "64", "7:9", "axis `width` is `64`, not a list", ""),
    (
        "{width}",
        "{widht}",
        "3:62",
        "`{widht}` in the command of stage `train` stands for nothing",
        "did you mean `width`?",
    ),
    ("\"--lr\"", "3", "3:11", "is a list, not a list of at least one text", ""),
    ("width = ", "width ", "7:7", "this is not TOML", ""),
    ("width = ", "lr = ", "7:1", "this is not TOML: duplicate key", ""),
    ("\"--lr\"", "\"\\u0000\"", "3:35", "holds the character NUL", ""),
    (
        "[\"python3\", \"train.py\", \"--lr\", \"{lr}\", \"--width\", \"{width}\"]",
        "\"python3 train.py\"",
        "3:11",
        "the command of the sweep file is one text",
        "[\"python3\", \"train.py\"]",
    ),
];

const MISTAKES_IN_FULL: &[Mistake] = &[
    ("vqa = \"7067k\"", "vqa = \"7O67k\"", "17:7", "is `7O67k`, not an amount", "kind = \"plain\""),
    ("[levels.data.all]\nvqa", "[levels.data.all]\nvqq", "17:1", "there is no factor `vqq`", "did you mean `vqa`?"),
    ("{ vqa = [\"1M\"", "{ vqaa = [\"1M\"", "22:10", "there is no factor `vqaa`", "did you mean `vqa`?"),
    (
        "needs = [\"finetune\"]",
        "needs = [\"finetun\"]",
        "33:10",
        "there is no stage `finetun`",
        "did you mean `finetune`?",
    ),
    (
        "uses = [\"llm\"]",
        "uses = [\"llm\"]\nneeds = [\"finetune\"]",
        "40:10",
        "stages need each other in a circle: `finetune` needs `adapter` needs `finetune`",
        "needs",
    ),
    ("uses = [\"llm\"]", "uses = [\"llm\"]\nneeds = [\"evaluate\"]", "54:10", "which measures", "of kind train"),
    ("\"loss\", \"lr\"", "\"loss\"", "9:1", "no stage uses the factor `lr`", "add `lr` to `uses`"),
    ("\"lr\", \"seed\"", "\"lr\"", "20:8", "stage `finetune` does not use `seed`", "add `seed`"),
    ("finetune.init", "fintune.init", "20:8", "`redraw` names `fintune.init`", "did you mean `finetune`?"),
    ("applies = \"vqa > 0\"", "applies = \"vqq > 0\"", "35:12", "there is no factor `vqq`", "did you mean `vqa`?"),
    ("applies = \"vqa > 0\"", "applies = \"vqa = 0\"", "35:16", "a comparison is written `==`", ""),
    (
        "applies = \"vqa > 0\"",
        "applies = \"llm == medium\"",
        "35:12",
        "`llm` has no level `medium`",
        "known are `small` and `large`",
    ),
    ("direction = \"minimize\"", "", "56:10", "metric `fid` has no `direction`", "no default"),
    (
        "direction = \"minimize\"",
        "direction = \"min\"",
        "57:13",
        "unknown `direction` `min`",
        "known are `maximize` and `minimize`",
    ),
    ("metrics = [\"fid\"]", "metrics = [\"fdi\"]", "67:12", "there is no metric `fdi`", "did you mean `fid`?"),
    ("grid = \"data\"\nx", "grid = \"date\"\nx", "64:8", "there is no grid `date`", "did you mean `data`?"),
    ("x = \"vqa\"", "x = \"vqb\"", "65:5", "grid `data` has no axis `vqb`", "did you mean `vqa`?"),
    (
        "data = [\"none\", \"all\"]",
        "data = [\"none\", \"al\"]",
        "28:25",
        "`data` has no level `al`",
        "did you mean `all`?",
    ),
    (
        "loss = [\"l1\", \"cosine\"]",
        "loss = [\"l1\"]",
        "28:7",
        "unequal lengths: `data` has 2, `loss` has 1",
        "each step",
    ),
    ("set = { llm", "set = { vqa = \"1M\", llm", "", "", ""),
    ("fixed = { generation = \"200k\" }", "", "69:10", "says nothing about the axis `generation`", "fixed"),
    ("generation = \"200k\" }", "generation = \"300k\" }", "74:24", "has no level `300k`", ""),
    (
        "include = [{ vqa = \"10M\", generation",
        "include = [{ vqa = \"10M\", generatio",
        "24:27",
        "`generatio` is no axis",
        "did you mean `generation`?",
    ),
    ("at = [\"25%\"", "at = [\"25\"", "36:7", "`25` is no point of a training", "`25%`"),
    ("{input.finetune}", "{input.adapter}", "34:36", "stands for nothing", "`input.finetune`"),
    ("time = \"12:00:00\"", "time = \"12 hours\"", "46:8", "is `12 hours`, not a duration", ""),
    ("checkpoint = \"112GB\"", "checkpoint = 112", "47:14", "is `112`, not a size", ""),
    ("[levels.data.none]", "[levels.loss.none]", "15:9", "`loss` names a factor and a composite", ""),
    ("range = [0, 100]", "range = [100, 0]", "60:9", "not two numbers, the smaller first", ""),
    ("kind = \"heatmap\"", "kind = \"heat\"", "63:8", "unknown `kind` `heat`", "heatmap"),
];

#[test]
fn each_mistake_has_its_place_and_a_hint() {
    let mut failures = Vec::new();
    for (good, mistakes) in [(FIRST, MISTAKES_IN_FIRST), (FULL, MISTAKES_IN_FULL)] {
        for (old, new, place, message, hint) in mistakes {
            assert!(good.contains(old), "{old} is not in the file");
            let text = good.replacen(old, new, 1);
            let result = read(&text);
            if message.is_empty() {
                assert!(result.is_ok(), "{new}: {}", result.unwrap_err());
                continue;
            }
            let Err(error) = result else {
                failures.push(format!("{new}: no error"));
                continue;
            };
            let shown = format!("{}\n{}\n{}", error.message(), error.shown_excerpt(), error.hints().join("\n"));
            let wanted = [*message, *hint, &format!("sweeps/test.toml:{place}:")].map(str::to_owned);
            if wanted.iter().any(|wanted| !shown.contains(wanted.as_str())) {
                failures.push(format!("{new}: wanted {wanted:?}, got {shown}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn several_mistakes_are_told_at_once() {
    let text = FIRST.replace("command =", "comand =").replace("0.001", "\"x\"");
    let error = read(&text).unwrap_err();
    assert_eq!(error.message(), "`sweeps/test.toml` has 2 mistakes");
    insta::assert_snapshot!(error.shown_excerpt());
}

#[test]
fn a_mistake_is_shown_with_its_line_and_a_caret() {
    let error = read(&FIRST.replace("[64, 128]", "[64, 64]")).unwrap_err();
    insta::assert_snapshot!(format!("{}\n{}{}", error.message(), error.shown_excerpt(), error.hints().join("\n")));
}

#[test]
fn a_grid_that_is_too_large_is_refused_before_it_is_expanded() {
    use std::fmt::Write;
    let mut text = "name = \"huge\"\ncommand = [\"x\"]\n[vary]\n".to_owned();
    for axis in 0..20 {
        let levels: Vec<String> = (0..1000).map(|level| level.to_string()).collect();
        writeln!(text, "a{axis} = [{}]", levels.join(",")).unwrap();
    }
    let error = read(&text).unwrap_err();
    assert!(error.message().contains("more than 10000000 cells"), "{error}");
}

#[test]
fn hostile_texts_are_errors_and_no_panics() {
    for text in [
        "",
        "=",
        "name = 1",
        "[grids]",
        "[[grids.a]]",
        "name=\"a\"\n[grids.a]\nvary=3",
        "\u{feff}name = \"a\"",
        "a.b.c = 1",
    ] {
        assert!(read(text).is_err(), "{text:?}");
    }
    let deep = format!("a = {}1{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(read(&deep).is_err());
}

#[test]
fn no_mistake_writes_control_characters_to_the_terminal() {
    for text in [
        "name = \"a\\u001b[31m\"\ncommand = [\"x\"]",
        "\"\\u001b[31mkey\" = 1\nname = \"a\"\ncommand = [\"x\"]",
        "name = \"a\"\ncommand = [\"x\"]\nexclude = \"\\u001b[31m == 1\"",
        "name = \"a\"\ncommand = [\"{\\u001b}\"]\n# \u{1b}[31m\nnope = 1 # \u{1b}[31m",
    ] {
        let error = read(text).unwrap_err();
        let shown = format!("{error}{}{}", error.shown_excerpt(), error.hints().join(""));
        assert!(!shown.contains('\u{1b}'), "{shown:?}");
    }
}

#[test]
fn a_file_may_extend_another_and_take_overrides() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("base.toml"), FIRST).unwrap();
    let path = folder.path().join("over.toml");
    std::fs::write(&path, "extends = \"base.toml\"\nname = \"over\"\n[vary]\nwidth = [256]\n").unwrap();
    let sweep = load(&path).unwrap();
    assert_eq!(sweep.name, "over");
    assert_eq!(sweep.grids[0].axes.iter().map(|axis| axis.levels.len()).collect::<Vec<_>>(), [3, 1]);
    let again = parse(&path, &sweep.text).unwrap();
    assert_eq!(again.grids[0].axes[1].levels[0].label, "256");
    let set = load_with(&path, &["threads=2".to_owned()]);
    assert!(set.unwrap_err().message().contains("there is no factor `threads`"));
    let set = load_with(&path, &["vary.lr=[0.5]".to_owned()]).unwrap();
    assert_eq!(set.grids[0].axes[0].levels[0].label, "0.5");
}

#[test]
fn a_file_that_extends_itself_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.toml");
    std::fs::write(&path, "extends = \"a.toml\"\n").unwrap();
    assert!(load(&path).unwrap_err().message().contains("extend each other"));
    std::fs::write(&path, "extends = \"missing.toml\"\n").unwrap();
    let error = load(&path).unwrap_err();
    assert!(error.message().contains(":1:11: cannot extend this file"), "{error}");
}
