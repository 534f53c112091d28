//! `sweep average`: what stored predictions of several published benchmarks are worth together.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use score::Estimate;
use score::benchmark::{self, Benchmark, Group, Protocol, Report};
use serde_json::{Value, json};

use super::score::{Selection, report};
use crate::error::{Error, Kind, Result};
use crate::ui;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sweep average predictions/ --protocol cambrian
  sweep average predictions/ --protocol official --json")]
pub struct AverageArgs {
    /// Folder with the predictions of each benchmark, in files that are named `mmvp.jsonl` and so on
    predictions: PathBuf,
    /// Whose rules decide: `cambrian` (most likely the paper's) or `official` (lmms-eval's)
    #[arg(long)]
    protocol: Protocol,
    /// Print the means as JSON
    #[arg(long)]
    json: bool,
}

/// A mean, or which benchmarks it lacks.
struct Mean {
    name: &'static str,
    members: Vec<Benchmark>,
    found: std::result::Result<Estimate, Vec<Benchmark>>,
}

impl AverageArgs {
    /// Score what is there, and print the means.
    ///
    /// # Errors
    /// There are no predictions, those of a benchmark cannot be scored or are of a part of it, or the mean of all nine lacks
    /// a member.
    pub fn run(self) -> Result<ExitCode> {
        let reports = self.reports()?;
        let groups = Group::ALL.map(|group| (group.name(), group.members()));
        let means = groups.into_iter().chain([("Average", Group::all_members())]);
        let means: Vec<Mean> = means.map(|(name, members)| mean(name, members, &reports)).collect::<Result<_>>()?;
        let text = if self.json {
            format!("{:#}\n", as_json(self.protocol, &reports, &means))
        } else {
            as_text(self.protocol, &reports, &means)
        };
        ui::print_all(&text)?;
        let complete = means.iter().all(|mean| mean.found.is_ok());
        Ok(if complete { ExitCode::SUCCESS } else { Kind::Incomplete.exit_code() })
    }

    fn reports(&self) -> Result<Vec<Report>> {
        let mut reports = Vec::new();
        for benchmark in Group::all_members() {
            let path = self.predictions.join(format!("{}.jsonl", benchmark.name()));
            if path.exists() {
                reports.push(report(&Selection { benchmark, protocol: self.protocol, partial: false }, &path)?);
            }
        }
        if reports.is_empty() {
            let message = format!("`{}` has no predictions of a published benchmark", self.predictions.display());
            let names: Vec<String> =
                Group::all_members().into_iter().map(|benchmark| format!("`{}.jsonl`", benchmark.name())).collect();
            return Err(Error::usage(message).hint(format!("files are named {}", names.join(", "))));
        }
        Ok(reports)
    }
}

fn mean(name: &'static str, members: Vec<Benchmark>, reports: &[Report]) -> Result<Mean> {
    let found = match benchmark::average(&members, reports) {
        Ok(estimate) => Ok(estimate),
        Err(benchmark::Error::NoMean { missing }) => Err(missing),
        Err(error) => return Err(Error::usage(format!("there is no mean for {name}: {error}"))),
    };
    Ok(Mean { name, members, found })
}

fn names(benchmarks: &[Benchmark]) -> Vec<&'static str> {
    benchmarks.iter().map(|benchmark| benchmark.name()).collect()
}

fn as_text(protocol: Protocol, reports: &[Report], means: &[Mean]) -> String {
    let scored = reports.iter().map(|report| (report.benchmark.name(), shown(&report.accuracy())));
    let averaged = means.iter().map(|mean| {
        let text = match &mean.found {
            Ok(estimate) => format!("{}  of {}", shown(estimate), names(&mean.members).join(", ")),
            Err(missing) => format!("  –      without {}", names(missing).join(", ")),
        };
        (mean.name, text)
    });
    let title = format!("protocol {protocol} version {} ({})\n", protocol.version(), protocol.reference());
    let lines = scored.chain(averaged).map(|(name, text)| format!("{name:15}  {text}\n"));
    std::iter::once(title).chain(lines).collect()
}

fn shown(estimate: &Estimate) -> String {
    let stderr = estimate.stderr.map_or_else(|| "–".to_owned(), |stderr| format!("{:.2}", 100.0 * stderr));
    format!("{:6.2} % ± {stderr}  n {}", 100.0 * estimate.value, estimate.n)
}

fn as_json(protocol: Protocol, reports: &[Report], means: &[Mean]) -> Value {
    let numbers = |estimate: &Estimate| {
        json!({ "value": 100.0 * estimate.value, "stderr": estimate.stderr.map(|stderr| 100.0 * stderr), "unit": "%",
            "n": estimate.n, "direction": "maximize" })
    };
    let score = |report: &Report| json!({ "benchmark": report.benchmark.name(), "score": numbers(&report.accuracy()) });
    let mean = |mean: &Mean| {
        json!({ "name": mean.name, "members": names(&mean.members), "score": mean.found.as_ref().ok().map(numbers),
            "missing": mean.found.as_ref().err().map_or_else(Vec::new, |missing| names(missing)) })
    };
    json!({
        "schema_version": 1,
        "protocol": { "name": protocol.name(), "version": protocol.version(), "reference": protocol.reference() },
        "scores": reports.iter().map(score).collect::<Vec<_>>(),
        "means": means.iter().map(mean).collect::<Vec<_>>(),
    })
}
