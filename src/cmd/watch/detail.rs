//! What the last attempt at a task has left so far.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use runfile::{Outcome, Series, Verdict, outcome, series};

use crate::text::visible;
use crate::worker::claim::{ATTEMPTS, last_attempt};
use crate::worker::{LARGEST_OUTCOME, open_regular, read_regular};

/// Of a log, the end.
const TAIL: u64 = 32 << 10;
/// Larger series are not drawn while they grow.
const LARGEST_SERIES: u64 = 16 << 20;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Detail {
    /// Number of the attempt; 0 if there was none.
    pub attempt: u32,
    /// How it ended, if it has.
    pub end: String,
    pub log: String,
    pub curves: Vec<Curve>,
}

/// A series with what can be drawn of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    pub name: String,
    /// (step, value), never empty.
    pub points: Vec<(f64, f64)>,
}

impl Detail {
    /// Read what is in the folder of a task; what cannot be read is not there yet.
    pub fn read(task: &Path) -> Self {
        let number = last_attempt(task).unwrap_or(0);
        let attempt = task.join(ATTEMPTS).join(number.to_string());
        let logs = ["stdout.log", "stderr.log"].map(|name| tail(&attempt.join(name)).unwrap_or_default());
        let bytes = read_regular(&attempt.join("out").join(series::FILE), LARGEST_SERIES).unwrap_or_default();
        let (series, _) = Series::read(bytes.as_slice()).unwrap_or_default();
        Self { attempt: number, end: end(&attempt), log: visible(&logs.concat()), curves: curves(&series) }
    }
}

fn end(attempt: &Path) -> String {
    let path = attempt.join(outcome::FILE);
    let outcome = read_regular(&path, LARGEST_OUTCOME).ok().and_then(|bytes| Outcome::parse(&path, &bytes).ok());
    let Some(Outcome { verdict, reason, message, .. }) = outcome else { return String::new() };
    let what = match (verdict, reason) {
        (Verdict::Succeeded, _) => "succeeded".to_owned(),
        (Verdict::Cancelled, _) => "was stopped".to_owned(),
        (Verdict::Failed, reason) => format!("failed ({})", reason.map_or("unknown", |reason| reason.as_str())),
    };
    let message = visible(message.lines().next().unwrap_or_default());
    if message.is_empty() { what } else { format!("{what}: {message}") }
}

#[expect(clippy::cast_precision_loss, reason = "a drawing")]
fn curves(series: &Series) -> Vec<Curve> {
    let mut curves: Vec<Curve> =
        series.names.iter().map(|name| Curve { name: visible(name), points: Vec::new() }).collect();
    for point in series.points.iter().filter(|point| point.value.is_finite()) {
        if let Some(curve) = curves.get_mut(point.name as usize) {
            curve.points.push((point.step as f64, point.value));
        }
    }
    curves.retain(|curve| !curve.points.is_empty());
    // The loss is what one looks for first.
    curves.sort_by_key(|curve| !curve.name.contains("loss"));
    curves
}

fn tail(path: &Path) -> std::io::Result<String> {
    let mut file: File = open_regular(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_attempt_has_left_is_shown_and_what_it_has_not_is_not_missed() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Detail::read(folder.path()), Detail::default());
        let attempt = folder.path().join("attempts/2");
        std::fs::create_dir_all(attempt.join("out")).unwrap();
        for (name, text) in [
            ("claim", ""),
            ("stderr.log", "step \u{1b}[31m1\n"),
            ("out/metrics.jsonl", "{\"step\": 1, \"lr\": 0.1, \"loss\": 2.0}\n{\"step\": 2, \"loss\": \"NaN\"}\n{\"st"),
        ] {
            std::fs::write(attempt.join(name), text).unwrap();
        }
        let detail = Detail::read(folder.path());
        assert_eq!((detail.attempt, detail.log.as_str(), detail.end.as_str()), (2, "step \\u{1b}[31m1\n", ""));
        let names: Vec<&str> = detail.curves.iter().map(|curve| curve.name.as_str()).collect();
        assert_eq!((names, detail.curves[0].points.as_slice()), (vec!["loss", "lr"], &[(1.0, 2.0)][..]));
    }
}
