//! `metrics.jsonl`: time series, one JSON object a line, `{"step": 10, "loss": 1.25, "lr": 0.001}`.

use std::borrow::Cow;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::number::{Number, quote_literals};
use crate::{Error, Result};

/// Name of the file in the job's folder.
pub const FILE: &str = "metrics.jsonl";

/// Appends points to the job's time series.
///
/// Each point is one `write` of one line, so that a reader of a growing file sees whole lines, at worst a torn last one.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    file: File,
}

impl Writer {
    /// Open the series in `folder` for appending.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(|source| Error::Write { path: path.clone(), source })?;
        Ok(Self { path, file })
    }

    /// Append one point; a value that is not finite is written as the string that names it.
    ///
    /// # Errors
    /// The line cannot be written.
    pub fn push(&mut self, step: u64, values: &[(&str, f64)]) -> Result<()> {
        let mut point = Map::new();
        point.insert("step".to_owned(), step.into());
        for &(name, value) in values {
            let value = serde_json::Number::from_f64(value).map_or_else(|| value.to_string().into(), Value::Number);
            point.insert(name.to_owned(), value);
        }
        let mut line = Value::Object(point).to_string();
        line.push('\n');
        self.file.write_all(line.as_bytes()).map_err(|source| Error::Write { path: self.path.clone(), source })
    }
}

/// Longest line that is read; a longer one is not a point of a time series.
pub const LONGEST_LINE: usize = 1 << 20;

/// One value of one series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Index into [`Series::names`].
    pub name: u32,
    pub step: u64,
    /// May be NaN or infinite.
    pub value: f64,
}

/// Everything that a job logged, as columns of numbers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    pub names: Vec<String>,
    /// In the file's order.
    pub points: Vec<Point>,
}

/// A line that is not a point: its number, from 1, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    pub line: u64,
    pub message: String,
}

impl Series {
    /// Read points to the end of `reader`, and the lines that are none.
    ///
    /// A last line without its newline that does not parse is a torn write: it is left out and not an error.
    ///
    /// # Errors
    /// `reader` fails.
    pub fn read(mut reader: impl BufRead) -> io::Result<(Self, Vec<BadLine>)> {
        let (mut series, mut bad, mut line, mut number) = (Self::default(), Vec::new(), Vec::new(), 0);
        while read_line(&mut reader, &mut line)? > 0 {
            number += 1;
            let torn = line.last() != Some(&b'\n');
            if let Err(message) = series.push_line(&line)
                && !torn
            {
                bad.push(BadLine { line: number, message });
            }
        }
        Ok((series, bad))
    }

    /// Take one line; nothing of a bad one is kept.
    fn push_line(&mut self, line: &[u8]) -> std::result::Result<(), String> {
        if line.len() > LONGEST_LINE {
            return Err(format!("longer than {LONGEST_LINE} bytes"));
        }
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        let before = self.points.len();
        let result = parse_line(&quote_literals(line), self, before);
        result.inspect_err(|_| self.points.truncate(before)).map_err(|error| {
            let text = error.to_string();
            text.split(" at line ").next().map_or_else(|| text.clone(), str::to_owned)
        })
    }

    /// A line has few names and they repeat from line to line, so that a search from the front is the fast one.
    fn name(&mut self, name: &str) -> u32 {
        let index = self.names.iter().position(|known| known == name).unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        u32::try_from(index).unwrap_or(u32::MAX)
    }
}

/// Read up to a newline, keeping at most one byte more than [`LONGEST_LINE`]; returns the number of bytes passed.
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<usize> {
    line.clear();
    let mut passed = 0;
    loop {
        let buffer = reader.fill_buf()?;
        let end = buffer.iter().position(|&byte| byte == b'\n').map(|index| index + 1);
        let taken = end.unwrap_or(buffer.len());
        let room = (LONGEST_LINE + 1).saturating_sub(line.len());
        line.extend_from_slice(buffer.get(..taken.min(room)).unwrap_or_default());
        reader.consume(taken);
        passed += taken;
        if end.is_some() || taken == 0 {
            if end.is_some() && line.last() != Some(&b'\n') {
                line.push(b'\n');
            }
            return Ok(passed);
        }
    }
}

fn parse_line(line: &[u8], series: &mut Series, first: usize) -> serde_json::Result<()> {
    let mut deserializer = serde_json::Deserializer::from_slice(line);
    LineSeed { series, first }.deserialize(&mut deserializer)?;
    deserializer.end()
}

/// Pushes the points of one line onto the series without a map in between.
struct LineSeed<'a> {
    series: &'a mut Series,
    /// Where the line's points start; their step is known only when the whole line is read.
    first: usize,
}

impl<'de> DeserializeSeed<'de> for LineSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for LineSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object like `{\"step\": 10, \"loss\": 1.25}`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<(), A::Error> {
        let mut step = None;
        while let Some(Key(key)) = map.next_key()? {
            let Number(value) = map.next_value()?;
            if key == "step" {
                let known =
                    step.replace(whole(value).ok_or_else(|| de::Error::custom("`step` is not a whole number"))?);
                if known.is_some() {
                    return Err(de::Error::custom("`step` is given twice"));
                }
                continue;
            }
            let name = self.series.name(&key);
            if self.series.points.iter().skip(self.first).any(|point| point.name == name) {
                return Err(de::Error::custom(format!("`{key}` is given twice")));
            }
            self.series.points.push(Point { name, step: 0, value });
        }
        let step = step.ok_or_else(|| de::Error::custom("`step` is missing"))?;
        self.series.points.iter_mut().skip(self.first).for_each(|point| point.step = step);
        Ok(())
    }
}

/// The number as a step, if it is one; 2^53 bounds what a double counts exactly.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
fn whole(value: f64) -> Option<u64> {
    (value.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&value)).then_some(value as u64)
}

/// A key that is copied only when it holds escapes.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Series, Vec<BadLine>) {
        Series::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn points_keep_the_order_of_the_file() {
        let (series, bad) = read("{\"step\": 1, \"loss\": 2.5}\n\n{\"loss\": NaN, \"step\": 2.0, \"lr\": 1}\n");
        assert!(bad.is_empty(), "{bad:?}");
        assert_eq!(series.names, ["loss", "lr"]);
        let steps: Vec<_> = series.points.iter().map(|point| (point.name, point.step)).collect();
        assert_eq!(steps, [(0, 1), (0, 2), (1, 2)]);
        assert!(series.points[1].value.is_nan());
    }

    #[test]
    fn a_file_torn_at_any_byte_keeps_its_whole_lines() {
        let text = "{\"step\": 1, \"loss\": 2}\n{\"step\": 22, \"loss\": 0.125}\n";
        for length in 0..=text.len() {
            let (series, bad) = read(&text[..length]);
            let whole_lines = text[..length].matches('}').count();
            assert_eq!((series.points.len(), bad.len()), (whole_lines, 0), "{length}");
        }
    }

    #[test]
    fn a_bad_line_is_named_and_the_others_are_kept() {
        let lines = [
            (r#"{"step": 1, "loss": "low"}"#, "invalid type: string \"low\", expected a number"),
            (r#"{"step": 1, "loss": null}"#, "invalid type: null, expected a number"),
            (r#"{"step": 1, "loss": {"a": 1}}"#, "invalid type: map, expected a number"),
            (r#"{"step": 1, "loss": 1, "loss": 2}"#, "`loss` is given twice"),
            (r#"{"loss": 1}"#, "`step` is missing"),
            (r#"{"step": -1, "loss": 1}"#, "`step` is not a whole number"),
            (r#"{"step": 1} {"step": 2}"#, "trailing characters"),
            ("step 1", "expected value"),
        ];
        for (line, message) in lines {
            let (series, bad) = read(&format!("{{\"step\": 0, \"loss\": 3}}\n{line}\n{{\"step\": 2, \"loss\": 1}}\n"));
            assert_eq!(bad, [BadLine { line: 2, message: message.to_owned() }]);
            assert_eq!(series.points.len(), 2, "{line}");
        }
    }

    #[test]
    fn a_line_beyond_the_limit_is_skipped_without_being_held() {
        let long = format!("{{\"step\": 1, \"{}\": 1}}", "x".repeat(3 * LONGEST_LINE));
        let (series, bad) = read(&format!("{long}\n{{\"step\": 2, \"loss\": 1}}\n"));
        assert_eq!(bad, [BadLine { line: 1, message: format!("longer than {LONGEST_LINE} bytes") }]);
        assert_eq!(series.points.len(), 1);
    }
}
