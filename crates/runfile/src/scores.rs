//! `scores.json`: what a job measured.
//!
//! Two spellings are read. The short one, `{"accuracy": 0.93}`, is for a script of ten lines; the long one is
//! `{"scores": [{"metric": "accuracy", "benchmark": "digits/general", "value": 0.93, "n": 400, "stderr": 0.0128}]}`.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::number::{self, Number, quote_literals};
use crate::{Error, Result, files};

/// Name of the file in the job's folder.
pub const FILE: &str = "scores.json";

/// One measured value with what is needed to judge it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Score {
    pub metric: String,
    /// Data set and protocol; empty when the metric has only one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub benchmark: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub split: String,
    /// Training step of the checkpoint; absent means the final one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u64>,
    /// May be NaN or infinite: a diverged training is a result.
    #[serde(with = "number::lenient")]
    pub value: f64,
    /// Number of items behind the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u64>,
    /// Standard error of the value, in its own unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stderr: Option<f64>,
}

impl Score {
    /// A final score of `metric` on `benchmark` over `n` items.
    #[must_use]
    pub fn new(metric: &str, benchmark: &str, value: f64) -> Self {
        Self {
            metric: metric.to_owned(),
            benchmark: benchmark.to_owned(),
            split: String::new(),
            step: None,
            value,
            n: None,
            stderr: None,
        }
    }

    /// A share of right answers with its binomial standard error, `sqrt(p (1 - p) / n)`.
    #[must_use]
    pub fn share(metric: &str, benchmark: &str, right: u64, n: u64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "benchmarks have far fewer than 2^53 items")]
        let (right, items) = (right as f64, n as f64);
        let p = right / items;
        Self { n: Some(n), stderr: Some((p * (1.0 - p) / items).sqrt()), ..Self::new(metric, benchmark, p) }
    }
}

/// Write `scores` into the job's folder, whole or not at all.
///
/// # Errors
/// The file cannot be written.
pub fn write(folder: &Path, scores: &[Score]) -> Result<()> {
    #[derive(Serialize)]
    struct Long<'a> {
        scores: &'a [Score],
    }
    files::write_json(&folder.join(FILE), &Long { scores })
}

/// Read the scores in `bytes`, the content of the file at `path`.
///
/// # Errors
/// The text is neither spelling, a value is not a number, or one score is given twice.
pub fn parse(path: &Path, bytes: &[u8]) -> Result<Vec<Score>> {
    let Document(scores) =
        serde_json::from_slice(&quote_literals(bytes)).map_err(|error| Error::syntax(path, &error))?;
    let mut seen = HashMap::new();
    for (position, score) in (1..).zip(&scores) {
        if let Some(first) = seen.insert((&score.metric, &score.benchmark, &score.split, score.step), position) {
            return Err(Error::Twice { path: path.to_owned(), score: score.to_string(), first, second: position });
        }
    }
    Ok(scores)
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.metric)?;
        [&self.benchmark, &self.split]
            .iter()
            .filter(|part| !part.is_empty())
            .try_for_each(|part| write!(f, "/{part}"))?;
        self.step.map_or(Ok(()), |step| write!(f, " at step {step}"))
    }
}

/// Either spelling of the file.
struct Document(Vec<Score>);

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_map(DocumentVisitor).map(Self)
    }
}

/// Reads keys one by one: a map type would silently keep the last of two equal ones.
struct DocumentVisitor;

impl<'de> Visitor<'de> for DocumentVisitor {
    type Value = Vec<Score>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object: `{\"accuracy\": 0.93}` or `{\"scores\": [...]}`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Vec<Score>, A::Error> {
        let mut scores = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            if key == "scores" {
                scores.extend(map.next_value::<Vec<Score>>()?);
            } else {
                let Number(value) = map.next_value()?;
                scores.push(Score::new(&key, "", value));
            }
        }
        Ok(scores)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Score>> {
        parse(Path::new("scores.json"), text.as_bytes())
    }

    #[test]
    fn both_spellings_are_read() {
        assert_eq!(read(r#"{"accuracy": 1}"#).unwrap(), [Score::new("accuracy", "", 1.0)]);
        let long =
            r#"{"scores": [{"metric": "accuracy", "benchmark": "digits", "value": 0.5, "n": 4, "stderr": 0.25}]}"#;
        assert_eq!(read(long).unwrap(), [Score::share("accuracy", "digits", 2, 4)]);
    }

    #[test]
    fn python_writes_nan_bare() {
        let scores = read(r#"{"loss": NaN, "ppl": Infinity}"#).unwrap();
        assert!(scores[0].value.is_nan());
        assert_eq!(scores[1].value, f64::INFINITY);
    }

    #[test]
    fn mistakes_name_their_place() {
        let cases = [
            (
                r#"{"accuracy": 1, "loss": 2, "accuracy": 1}"#,
                "scores.json: `accuracy` is given twice, as score 1 and as score 3; \
                 `benchmark`, `split` and `step` tell scores of one metric apart",
            ),
            ("{\"accuracy\":\n \"high\"}", "scores.json:2:7: invalid type: string \"high\", expected a number"),
            (r#"{"accuracy": null}"#, "scores.json:1:17: invalid type: null, expected a number"),
            (r#"{"accuracy": 0.9"#, "scores.json:1:16: the file ends in the middle of an object"),
            (
                "[0.9]",
                "scores.json:1:1: invalid type: sequence, expected an object: `{\"accuracy\": 0.93}` or `{\"scores\": [...]}`",
            ),
        ];
        for (text, message) in cases {
            assert_eq!(read(text).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn written_scores_are_read_back() {
        let folder = std::env::temp_dir().join(format!("runfile-scores-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let scores = [Score::share("accuracy", "digits", 3, 4), Score::new("fid", "", f64::NEG_INFINITY)];
        write(&folder, &scores).unwrap();
        let bytes = std::fs::read(folder.join(FILE)).unwrap();
        assert_eq!(parse(Path::new(FILE), &bytes).unwrap(), scores);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
