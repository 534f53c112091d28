//! The sweep that all comparisons share: three factors, three stages, one grid.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::Result;

/// Number of metrics of the report's comparison.
pub const METRICS: usize = 12;

/// What a training uses, as TOML.
const USES: &str = r#"["a", "b", "c", "batch", "learning_rate", "loss", "model"]"#;

/// Levels of each factor; their product is `runs`, which is a power of ten from a thousand to a million.
pub fn sides(runs: u64) -> [u64; 3] {
    match runs {
        1_000 => [10, 10, 10],
        10_000 => [10, 10, 100],
        100_000 => [10, 100, 100],
        _ => [100, 100, runs / 10_000],
    }
}

/// A sweep whose trainings share a preparation by their first factor, and are measured one by one.
pub fn write_three_stages(path: &Path, runs: u64) -> Result<()> {
    let stages = r#"
[stages.prepare]
kind = "train"
uses = ["a"]
command = ["true"]

[stages.train]
kind = "train"
needs = ["prepare"]
uses = ["a", "b", "c", "batch", "learning_rate", "loss", "model"]
command = ["true"]

[stages.measure]
kind = "measure"
needs = ["train"]
command = ["true"]
"#;
    Ok(fs::write(path, head(runs) + stages)?)
}

/// A sweep of one stage with `command`, given as TOML.
pub fn write_one_stage(path: &Path, runs: u64, command: &str) -> Result<()> {
    Ok(fs::write(path, head(runs) + &one_stage(command))?)
}

fn one_stage(command: &str) -> String {
    format!("\n[stages.train]\nkind = \"train\"\nuses = {USES}\ncommand = {command}\n")
}

/// A sweep whose results come from `scores.csv` beside it; one slice of them is drawn as heatmaps and correlations.
pub fn write_reports(path: &Path, runs: u64) -> Result<()> {
    let metrics = metrics();
    let reports = format!(
        "\n[reports.heatmaps]\nkind = \"heatmap\"\ngrid = \"all\"\nx = \"a\"\ny = \"b\"\nwhere = \"c == 0\"\n\
         metrics = {metrics:?}\n\n[reports.correlations]\nkind = \"correlation\"\ngrid = \"all\"\nx = \"m0\"\n\
         where = \"c == 0\"\nmetrics = {:?}\n",
        &metrics[1..]
    );
    Ok(fs::write(path, imported(runs)? + &reports)?)
}

/// The same, drawn whole in every kind of figure with all metrics, and with two claims.
pub fn write_figures(path: &Path, runs: u64) -> Result<()> {
    let metrics = metrics();
    let others = &metrics[1..];
    let mut text = imported(runs)?;
    for (kind, axes) in [
        ("heatmap", "x = \"a\"\ny = \"b\"\nwhere = \"c == 0\""),
        ("scaling", "x = \"a\"\nby = \"b\"\nwhere = \"c == 0\""),
        ("bars", "x = \"a\"\nby = \"b\"\nwhere = \"c == 0\""),
        ("table", ""),
    ] {
        write!(text, "\n[reports.{kind}]\nkind = \"{kind}\"\ngrid = \"all\"\n{axes}\nmetrics = {metrics:?}\n")?;
    }
    for kind in ["correlation", "scatter"] {
        write!(text, "\n[reports.{kind}]\nkind = \"{kind}\"\ngrid = \"all\"\nx = \"m0\"\nmetrics = {others:?}\n")?;
    }
    write!(
        text,
        "\n[claims.pairs]\ntext = \"All go together\"\ngrid = \"all\"\n\
         correlation = {{ x = \"m0\", y = {{ all_of = {others:?} }}, above = 0 }}\n\
         \n[claims.more]\ntext = \"More is better\"\ngrid = \"all\"\n\
         better = {{ is = \"b == 9\", than = \"b == 0\", metrics = {{ all_of = {metrics:?} }} }}\n"
    )?;
    Ok(fs::write(path, text)?)
}

fn metrics() -> Vec<String> {
    (0..METRICS).map(|metric| format!("m{metric}")).collect()
}

/// A sweep of one stage whose results come from `scores.csv` beside it.
fn imported(runs: u64) -> Result<String> {
    let metrics = metrics();
    let mut text = head(runs) + &one_stage("[\"true\"]");
    for metric in &metrics {
        write!(text, "\n[metrics.{metric}]\ndirection = \"maximize\"\n")?;
    }
    let columns: Vec<String> = metrics.iter().map(|metric| format!("{metric} = \"{metric}\"")).collect();
    write!(
        text,
        "\n[imports.scores]\nfile = \"scores.csv\"\nsource = \"made for this comparison\"\ngrid = \"all\"\n\
         factors = {{ a = \"a\", b = \"b\", c = \"c\" }}\nmetrics = {{ {} }}\n",
        columns.join(", ")
    )?;
    Ok(text)
}

/// One line a run with a value for each metric: a plane with a ripple, different for each.
pub fn write_scores(path: &Path, runs: u64) -> Result<()> {
    let mut csv = String::from("a,b,c");
    for metric in 0..METRICS {
        write!(csv, ",m{metric}")?;
    }
    csv.push('\n');
    let [first, second, third] = sides(runs);
    for (a, b, c) in (0..first).flat_map(|a| (0..second).flat_map(move |b| (0..third).map(move |c| (a, b, c)))) {
        write!(csv, "{a},{b},{c}")?;
        for metric in 0..METRICS as u64 {
            let ripple = (a * 31 + b * 17 + c * 7 + metric * 13) % 101;
            write!(csv, ",{}.{ripple:03}", a * metric + b)?;
        }
        csv.push('\n');
    }
    Ok(fs::write(path, csv)?)
}

fn head(runs: u64) -> String {
    let levels = |side: u64| (0..side).map(|level| level.to_string()).collect::<Vec<_>>().join(", ");
    let [a, b, c] = sides(runs).map(levels);
    let defaults = "a = 0\nb = 0\nc = 0\nbatch = 256\nlearning_rate = 1e-5\nloss = \"cosine\"\nmodel = \"llama-3-8b\"";
    format!("name = \"bench\"\n\n[defaults]\n{defaults}\n\n[grids.all]\nvary = {{ a = [{a}], b = [{b}], c = [{c}] }}\n")
}
