//! Numbers as programs write them: JSON's own, and `NaN`, `Infinity` and `-Infinity`, which JSON lacks.
//!
//! Python's `json.dump` writes those three bare. They arrive here as strings, because a diverged training is a result.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

/// A number that may be NaN or infinite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number(pub f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor).map(Self)
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            value if value.is_finite() => serializer.serialize_f64(value),
            value => serializer.serialize_str(name_of(value)),
        }
    }
}

/// For `#[serde(with = "number::lenient")]` on a field of type `f64`.
pub mod lenient {
    use super::{Deserialize, Deserializer, Number, Serialize, Serializer};

    /// # Errors
    /// The input is not a number.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        Number::deserialize(deserializer).map(|number| number.0)
    }

    /// # Errors
    /// The output refuses it.
    pub fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        Number(*value).serialize(serializer)
    }
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_f64<E>(self, value: f64) -> Result<f64, E> {
        Ok(value)
    }

    #[expect(clippy::cast_precision_loss, reason = "JSON has one kind of number; readers take the nearest double")]
    fn visit_i64<E>(self, value: i64) -> Result<f64, E> {
        Ok(value as f64)
    }

    #[expect(clippy::cast_precision_loss, reason = "JSON has one kind of number; readers take the nearest double")]
    fn visit_u64<E>(self, value: u64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<f64, E> {
        match text {
            "NaN" | "nan" => Ok(f64::NAN),
            "Infinity" | "inf" => Ok(f64::INFINITY),
            "-Infinity" | "-inf" => Ok(f64::NEG_INFINITY),
            _ => Err(E::invalid_type(de::Unexpected::Str(text), &self)),
        }
    }
}

/// How [`Number`] spells what JSON cannot.
fn name_of(value: f64) -> &'static str {
    match value {
        value if value.is_nan() => "NaN",
        value if value > 0.0 => "Infinity",
        _ => "-Infinity",
    }
}

/// `text` with every bare `NaN`, `Infinity` and `-Infinity` between quotes, so that a JSON parser takes it.
#[must_use]
pub fn quote_literals(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.iter().any(|byte| matches!(byte, b'N' | b'I')) {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        let taken = match first {
            b'"' => string_length(rest),
            _ => literal_length(rest),
        };
        if let Some((literal, tail)) = taken.and_then(|length| rest.split_at_checked(length)) {
            let quote: &[u8] = if first == b'"' { b"" } else { b"\"" };
            out.extend([quote, literal, quote].concat());
            rest = tail;
        } else {
            out.push(first);
            rest = tail;
        }
    }
    Cow::Owned(out)
}

/// Length of the JSON string that `text` starts with, both quotes included.
fn string_length(text: &[u8]) -> Option<usize> {
    let mut escaped = false;
    for (index, &byte) in text.iter().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(index + 1),
            _ => {}
        }
    }
    None
}

/// Length of the literal that `text` starts with.
fn literal_length(text: &[u8]) -> Option<usize> {
    ["NaN", "Infinity", "-Infinity"].iter().find(|name| text.starts_with(name.as_bytes())).map(|name| name.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(text: &str) -> String {
        String::from_utf8(quote_literals(text.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn literals_are_quoted_and_strings_left_alone() {
        let cases = [
            ("[NaN, -Infinity,Infinity]", r#"["NaN", "-Infinity","Infinity"]"#),
            (r#"{"NaN \" NaN": NaN}"#, r#"{"NaN \" NaN": "NaN"}"#),
            (r#"{"MMBench-EN": 1}"#, r#"{"MMBench-EN": 1}"#),
            (r#"{"torn NaN"#, r#"{"torn "NaN""#),
            ("[-1, 2]", "[-1, 2]"),
        ];
        for (text, expected) in cases {
            assert_eq!(quoted(text), expected, "{text}");
        }
    }

    #[test]
    fn numbers_read_back_what_they_write() {
        for value in [0.0, -0.0, 0.1, -1e300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let text = serde_json::to_string(&Number(value)).unwrap();
            let Number(read) = serde_json::from_str(&text).unwrap();
            assert_eq!(read.to_bits(), value.to_bits(), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_number_is_refused() {
        for text in ["null", "true", r#""0.5""#, "[1]", r#"{"a": 1}"#, "1e400"] {
            assert!(serde_json::from_str::<Number>(text).is_err(), "{text}");
        }
    }
}
