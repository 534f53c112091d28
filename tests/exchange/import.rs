//! `sweep import` of what other programs, and other projects, wrote.

use std::fs;

use crate::finished;
use crate::project::Project;

/// The same sweep without results, and whatever `from` exports to.
fn empty_beside(from: &Project) -> Project {
    let project = Project::new(&from.read("grid.toml"));
    let _ = project.sweep(&["plan", "grid.toml"]).with(0);
    project
}

fn copied(from: &Project, folder: &str, to: &Project) {
    let files = from.glob(folder).into_iter().chain(from.glob(&format!("{folder}/**/*")));
    for path in files.filter(|path| path.is_file()) {
        let target = to.path().join(path.strip_prefix(from.path()).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(&path, target).unwrap();
    }
}

/// Run, metric, benchmark, value, n and source of every score, as the store says them.
fn scores(project: &Project) -> Vec<Vec<String>> {
    let lines = project.sweep(&["export", "--to", "jsonl"]).with(0).out;
    let line = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        ["run", "metric", "benchmark", "value", "n", "source"].map(|key| value[key].to_string()).to_vec()
    };
    let mut scores: Vec<_> = lines.lines().map(line).collect();
    scores.sort();
    scores
}

#[test]
fn a_bundle_brings_its_scores_with_their_source_and_only_once() {
    let from = finished();
    let _ = from.sweep(&["bundle", "--out", "bundle"]).with(0);
    for plans_first in [true, false] {
        let to = if plans_first { empty_beside(&from) } else { Project::new("") };
        copied(&from, "bundle", &to);
        let first = to.sweep(&["import", "bundle"]).with(0).err;
        assert!(first.contains(": 12 scores new, 0 known\n"), "{first}");
        let source = first.lines().last().unwrap().split(": ").next().unwrap().to_owned();
        assert!(source.starts_with("store "), "{first}");
        assert!(to.sweep(&["import", "bundle"]).with(0).err.contains(": 0 scores new, 12 known\n"));
        let mut expected = scores(&from);
        expected.iter_mut().for_each(|score| score[5] = format!("\"{source}\""));
        assert_eq!(scores(&to), expected, "value and n come through");
        let dump = to.sweep(&["db", "dump"]).with(0).out;
        let _ = to.sweep(&["db", "rebuild"]).with(0);
        assert_eq!(to.sweep(&["db", "dump"]).with(0).out, dump);
    }
}

#[test]
fn a_bundle_that_was_altered_or_is_of_other_runs_brings_nothing() {
    let from = finished();
    let _ = from.sweep(&["bundle", "--out", "bundle"]).with(0);
    let to = Project::new(&from.read("grid.toml").replace("lr = [0.1, 0.01]", "lr = [5, 6]"));
    let _ = to.sweep(&["plan", "grid.toml"]).with(0);
    copied(&from, "bundle", &to);
    let ended = to.sweep(&["import", "bundle"]).with(0);
    assert!(ended.err.contains("left out: scores of 4 runs that no plan of this project holds"), "{}", ended.err);
    to.write("bundle/scores.jsonl", &from.read("bundle/scores.jsonl").replace("0.1", "0.9"));
    let ended = to.sweep(&["import", "bundle"]).with(6);
    assert!(ended.err.contains("scores.jsonl` is not what the bundle's list says"), "{}", ended.err);
}

#[test]
fn what_is_exported_comes_back_through_every_format() {
    let from = finished();
    let expected: Vec<Vec<String>> =
        scores(&from).into_iter().filter(|score| score[1] == "\"accuracy\"" && score[2] == "null").collect();
    for (format, path, factor, metric) in [
        ("csv", "t.csv", ["parameter.lr", "parameter.seed"], "value"),
        ("mlflow", "mlruns", ["params.lr", "params.seed"], "metrics.accuracy/value"),
        ("tensorboard", "tb", ["hparams.lr", "hparams.seed"], "accuracy"),
    ] {
        let _ = from.sweep(&["export", "--to", format, "--out", path]).with(0);
        let to = Project::new(&flat(&from.read("grid.toml")));
        copied(&from, path, &to);
        let maps = [format!("lr={}", factor[0]), format!("seed={}", factor[1]), format!("accuracy={metric}")];
        let mut arguments = vec!["import", path, "--sweep", "grid.toml", "--grid", "main", "--source", "there"];
        arguments.extend(["--factor", &maps[0], "--factor", &maps[1], "--metric", &maps[2]]);
        if format == "csv" {
            arguments.extend(["--row", "metric=accuracy", "--row", "benchmark="]);
        }
        let ended = to.sweep(&arguments).with(0);
        assert!(ended.err.contains("4 scores in 4 rows"), "{format}: {}", ended.err);
        let values = |scores: &[Vec<String>]| scores.iter().map(|score| score[3].clone()).collect::<Vec<_>>();
        let (mut there, mut here) = (values(&expected), values(&scores(&to)));
        there.sort();
        here.sort();
        assert_eq!(here, there, "{format}");
        assert!(to.sweep(&arguments).with(0).err.contains("all known"));
    }
}

/// The sweep with its seeds as an axis: a table cannot say which replicate it speaks of.
fn flat(sweep: &str) -> String {
    sweep
        .replace("vary = { lr = [0.1, 0.01] }", "vary = { lr = [0.1, 0.01], seed = [1, 2] }")
        .replace("seeds = { values = [1, 2], redraw = [\"train.init\"] }", "")
}

#[test]
fn json_lines_and_tables_of_w_and_b_are_mapped_like_any_table() {
    let sweep =
        "name = \"one\"\ncommand = [\"true\"]\n[vary]\nlr = [0.1, 0.01]\n[metrics.fid]\ndirection = \"minimize\"\n";
    let project = Project::new(sweep);
    project.write("runs.jsonl", "{\"config\": {\"lr\": 0.1}, \"summary\": {\"fid\": 7.5}}\n\n{\"config\": {\"lr\": 0.01}, \"summary\": {\"fid\": null}}\n");
    let json = ["import", "runs.jsonl", "--sweep", "grid.toml", "--grid", "main", "--source", "their log"];
    let maps = ["--factor", "lr=config.lr", "--metric", "fid=summary.fid"];
    let ended = project.sweep(&[&json[..], &maps].concat()).with(0);
    assert!(ended.err.contains("1 score in 2 rows of runs.jsonl, 1 field empty"), "{}", ended.err);
    // As the table of a W&B workspace is downloaded.
    project.write("wandb.csv", "\"Name\",\"State\",\"lr\",\"fid\"\n\"warm-sun-1\",\"finished\",\"0.1\",\"7.25\"\n\"calm-sea-2\",\"crashed\",\"0.01\",\"\"\n");
    let table = ["import", "wandb.csv", "--sweep", "grid.toml", "--grid", "main", "--source", "W&B"];
    let ended =
        project.sweep(&[&table[..], &["--factor", "lr=lr", "--metric", "fid=fid", "--row", "State=finished"]].concat());
    assert!(ended.with(0).err.contains("1 score in 1 row"));
    assert_eq!(scores(&project).iter().map(|score| score[3].clone()).collect::<Vec<_>>(), ["7.25", "7.5"]);
}

/// `tests/golden/exchange/write.py` wrote these with the programs' own writers.
#[test]
fn what_tensorboard_mlflow_and_w_and_b_wrote_is_read() {
    let sweep =
        "name = \"one\"\ncommand = [\"true\"]\n[vary]\nlr = [0.1, 0.01]\n[metrics.fid]\ndirection = \"minimize\"\n";
    let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/exchange");
    for (path, factor, metric) in [
        ("tb", "lr=hparams.lr", "fid=eval/fid"),
        ("mlruns", "lr=params.lr", "fid=metrics.eval/fid"),
        ("wandb", "lr=config.lr", "fid=summary.eval/fid"),
    ] {
        let project = Project::new(sweep);
        let path = golden.join(path);
        let words = ["import", path.to_str().unwrap(), "--sweep", "grid.toml", "--grid", "main", "--source", "theirs"];
        let ended = project.sweep(&[&words[..], &["--factor", factor, "--metric", metric]].concat()).with(0);
        assert!(ended.err.contains("2 scores in 2 rows"), "{}", ended.err);
        let values: Vec<String> = scores(&project).iter().map(|score| score[3].clone()).collect();
        assert!(values.contains(&"7.5".to_owned()) && values.contains(&"8.25".to_owned()), "the last step: {values:?}");
    }
}

#[test]
fn mistakes_of_foreign_files_have_their_place() {
    let sweep =
        "name = \"one\"\ncommand = [\"true\"]\n[vary]\nlr = [0.1, 0.01]\n[metrics.fid]\ndirection = \"minimize\"\n";
    let project = Project::new(sweep);
    let import = |path: &str| {
        let words = ["import", path, "--sweep", "grid.toml", "--grid", "main", "--source", "x"];
        project.sweep(&[&words[..], &["--factor", "lr=lr", "--metric", "fid=fid"]].concat()).with(2).err
    };
    project.write("a.jsonl", "{\"lr\": 0.1, \"fid\": 1}\n{\"lr\": 0.3, \"fid\": 1}\n");
    assert!(
        import("a.jsonl").contains("a.jsonl: record 2: `0.3` is not a level of axis `lr`"),
        "{}",
        import("a.jsonl")
    );
    project.write("b.jsonl", "{\"lr\": 0.1, \"fid\": 1}\n{\"lr\": \n");
    assert!(import("b.jsonl").contains("b.jsonl:2: EOF"), "{}", import("b.jsonl"));
    fs::create_dir(project.path().join("empty")).unwrap();
    assert!(
        import("empty").contains("holds no run of MLflow, TensorBoard or W&B and is no bundle"),
        "{}",
        import("empty")
    );
}
