//! Stored predictions of published benchmarks, scored again.

use std::path::Path;

use score::benchmark::{self, Benchmark, Protocol, Report};

use crate::audit::{Attempt, Rescored};
use crate::worker::read_regular;

/// Where a program leaves the predictions of a benchmark: `predictions/mmvp.jsonl`.
const FOLDER: &str = "predictions/";
const ENDING: &str = ".jsonl";
/// Largest file of predictions that is scored.
const LARGEST: u64 = 256 << 20;

/// Score the predictions that an attempt left in `folder` again, by every protocol.
pub(super) fn rescore(folder: &Path, position: usize, attempt: &Attempt) -> Vec<Rescored> {
    let of_benchmark = |path: &str| path.strip_prefix(FOLDER)?.strip_suffix(ENDING)?.parse::<Benchmark>().ok();
    let present = attempt.artifacts.iter().filter(|artifact| !artifact.deleted && artifact.bytes <= LARGEST);
    present
        .filter_map(|artifact| {
            let benchmark = of_benchmark(&artifact.path)?;
            let shares = read_regular(&folder.join(&artifact.path), LARGEST)
                .map_err(|error| error.to_string())
                .and_then(|bytes| shares(benchmark, &bytes));
            Some(Rescored {
                attempt: position,
                benchmark: benchmark.name().to_owned(),
                path: artifact.path.clone(),
                shares,
            })
        })
        .collect()
}

/// The share of right answers by each protocol that can judge the predictions.
fn shares(benchmark: Benchmark, bytes: &[u8]) -> Result<Vec<(String, f64)>, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let rows = benchmark::read(text).map_err(|error| error.to_string())?;
    let of = |protocol: Protocol| {
        let report = Report::part(benchmark, protocol, &rows, None).map_err(|error| error.to_string())?;
        Ok((protocol.name().to_owned(), report.accuracy().value))
    };
    let (good, bad): (Vec<_>, Vec<_>) = Protocol::ALL.into_iter().map(of).partition(Result::is_ok);
    let good: Vec<(String, f64)> = good.into_iter().filter_map(Result::ok).collect();
    match bad.into_iter().find_map(Result::err) {
        Some(error) if good.is_empty() => Err(error),
        _ => Ok(good),
    }
}
