//! `sweep score`: what stored predictions of a published benchmark are worth.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use score::benchmark::{self, Benchmark, Protocol, Report, Score};
use serde_json::{Value, json};

use crate::error::{Context, Error, Kind, Result};
use crate::text::{plural, visible};
use crate::ui;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sweep score mmvp predictions.jsonl --protocol official
  sweep score textvqa predictions.jsonl --protocol cambrian --json")]
pub struct ScoreArgs {
    /// mmbench-en, seed, vstar, mmvp, mmmu, chartqa, textvqa, scienceqa, realworldqa or mvbench
    benchmark: Benchmark,
    /// The predictions, one JSON object a line
    predictions: PathBuf,
    /// Whose rules decide: `cambrian` (most likely the paper's) or `official` (lmms-eval's)
    #[arg(long)]
    protocol: Protocol,
    /// Score what is there of a benchmark; the result says that it is a part
    #[arg(long)]
    partial: bool,
    /// Write the predictions with the answers and verdicts of this protocol
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print the scores as JSON
    #[arg(long)]
    json: bool,
}

impl ScoreArgs {
    /// Score the file and print what came of it.
    ///
    /// # Errors
    /// The file cannot be read, a prediction is broken or comes twice, or there are fewer or more than the benchmark has.
    pub fn run(self) -> Result<ExitCode> {
        let selection = Selection { benchmark: self.benchmark, protocol: self.protocol, partial: self.partial };
        let report = report(&selection, &self.predictions)?;
        if let Some(path) = &self.out {
            let text = benchmark::write(&report.answered, self.protocol).context(|| "cannot write JSON".to_owned())?;
            fs::write(path, text).context(|| format!("cannot write `{}`", path.display()))?;
        }
        let changed = report.changed();
        if !changed.is_empty() {
            let first = visible(changed[0].as_str());
            let count = plural(changed.len(), "stored verdict");
            ui::note(&format!(
                "{count} of this protocol and version differ from what is found now, first of `{first}`"
            ));
        }
        let text = if self.json { format!("{:#}\n", as_json(&report)) } else { as_text(&report) };
        ui::print_all(&text)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Which score of which predictions.
pub(super) struct Selection {
    pub benchmark: Benchmark,
    pub protocol: Protocol,
    /// Whether a part of the benchmark is scored too.
    pub partial: bool,
}

/// Score the predictions in `file`.
///
/// # Errors
/// The file cannot be read, a prediction is broken or comes twice, or there are fewer or more than the benchmark has.
pub(super) fn report(selection: &Selection, file: &Path) -> Result<Report> {
    let path = file.display();
    let bytes = fs::read(file).context(|| format!("cannot read `{path}`"))?;
    let text = std::str::from_utf8(&bytes).context(|| format!("`{path}` is not UTF-8"))?;
    let score = |rows: Vec<_>| {
        let of = if selection.partial { Report::part } else { Report::whole };
        of(selection.benchmark, selection.protocol, &rows, None)
    };
    benchmark::read(text).and_then(score).map_err(|error| explain(selection, file, &error))
}

fn explain(selection: &Selection, file: &Path, error: &benchmark::Error) -> Error {
    use benchmark::Error as Cause;
    let message = format!("cannot score `{}`: {}", file.display(), visible(&error.to_string()));
    match error {
        Cause::Rows { .. } | Cause::Missing { .. } => Error::new(Kind::Incomplete, message)
            .hint(format!("the benchmark is {}", selection.benchmark.definition().data))
            .hint("`sweep score --partial` scores what is there and says so"),
        Cause::Question { mistake: benchmark::Mistake::NoGold, .. } => {
            Error::usage(message).hint("each line needs `gold`, and `options` for multiple choice")
        }
        _ => Error::usage(message),
    }
}

/// The label of a score: its category, or its name.
fn label(score: &Score) -> String {
    match &score.category {
        Some(category) if score.name == "accuracy" => format!("  {}", visible(category)),
        Some(category) => format!("  {} ({})", visible(category), score.name),
        None => score.name.to_owned(),
    }
}

fn as_text(report: &Report) -> String {
    let part = if report.complete { "" } else { ", a part of the benchmark" };
    let title = report.benchmark.definition().title;
    let (protocol, version, reference) = (report.protocol, report.protocol.version(), report.protocol.reference());
    let mut text = format!(
        "{title}, protocol {protocol} version {version} ({reference}), {}{part}\n",
        plural(report.predictions as usize, "prediction")
    );
    for (count, why) in [
        (report.not_counted, "left out by the protocol"),
        (report.not_whole, "left out of `accuracy`, of groups that are not whole"),
    ] {
        if count > 0 {
            text += &format!("{} {why}\n", plural(count as usize, "prediction"));
        }
    }
    let labels: Vec<String> = report.scores.iter().map(label).collect();
    let width = labels.iter().map(|label| label.chars().count()).max().unwrap_or_default();
    for (score, label) in report.scores.iter().zip(&labels) {
        let estimate = score.estimate;
        let stderr = estimate.stderr.map_or_else(|| "–".to_owned(), |stderr| format!("{:.2}", 100.0 * stderr));
        text += &format!("{label:width$}  {:6.2} % ± {stderr}  n {}\n", 100.0 * estimate.value, estimate.n);
    }
    text
}

fn as_json(report: &Report) -> Value {
    let score = |score: &Score| {
        let Score { name, category, estimate } = score;
        let percent = |share: f64| 100.0 * share;
        json!({ "metric": name, "category": category, "value": percent(estimate.value), "unit": "%",
            "stderr": estimate.stderr.map(percent), "n": estimate.n, "direction": "maximize" })
    };
    json!({
        "schema_version": 1,
        "benchmark": report.benchmark.name(),
        "protocol": { "name": report.protocol.name(), "version": report.protocol.version(),
            "reference": report.protocol.reference() },
        "complete": report.complete,
        "predictions": report.predictions,
        "not_counted": report.not_counted,
        "not_whole": report.not_whole,
        "changed_verdicts": report.changed().len(),
        "scores": report.scores.iter().map(score).collect::<Vec<_>>(),
    })
}
