//! Values of factors: scalars and lists as TOML has them, with amounts of data read as integers.

use std::fmt;

/// One value of a factor. Floats are finite: NaN and infinity are refused where a file is read.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Bool(bool),
    /// Integers and amounts: `"200k"` and `200000` are the same value.
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Value>),
}

impl Value {
    /// The value as a job's configuration has it.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Bool(value) => (*value).into(),
            Self::Int(value) => (*value).into(),
            Self::Float(value) => (*value).into(),
            Self::Text(value) => value.as_str().into(),
            Self::List(values) => values.iter().map(Self::to_json).collect(),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value}"),
            Self::Text(value) => f.write_str(value),
            Self::List(values) => {
                f.write_str("[")?;
                for (index, value) in values.iter().enumerate() {
                    let separator = if index == 0 { "" } else { ", " };
                    write!(f, "{separator}{value}")?;
                }
                f.write_str("]")
            }
        }
    }
}

/// Read an amount of data: `200k`, `7M`, `1.5M`, `7067k`; `None` if the text is not one.
///
/// The suffixes are decimal (k = 1,000, M = 1,000,000, G = 1,000,000,000), as the field counts samples.
#[must_use]
pub fn parse_amount(text: &str) -> Option<i64> {
    let (digits, scale) = match text.strip_suffix(['k', 'M', 'G'])? {
        digits if text.ends_with('k') => (digits, 3),
        digits if text.ends_with('M') => (digits, 6),
        digits => (digits, 9),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction_is_empty_after_point = digits.contains('.') && fraction.is_empty();
    if whole.is_empty() || fraction_is_empty_after_point || fraction.len() > scale {
        return None;
    }
    if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    format!("{whole}{fraction:0<scale$}").parse().ok()
}

/// The shortest spelling of an amount: `200000` is `200k`, `7067000` is `7067k`, `1234` stays `1234`.
#[must_use]
pub fn format_amount(amount: i64) -> String {
    match amount {
        0 => "0".to_owned(),
        amount if amount % 1_000_000_000 == 0 => format!("{}G", amount / 1_000_000_000),
        amount if amount % 1_000_000 == 0 => format!("{}M", amount / 1_000_000),
        amount if amount % 1_000 == 0 => format!("{}k", amount / 1_000),
        amount => amount.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_decimal() {
        let cases = [
            ("200k", 200_000),
            ("7M", 7_000_000),
            ("1.5M", 1_500_000),
            ("7067k", 7_067_000),
            ("0.5k", 500),
            ("2G", 2_000_000_000),
        ];
        for (text, amount) in cases {
            assert_eq!(parse_amount(text), Some(amount), "{text}");
        }
    }

    #[test]
    fn what_is_not_an_amount_is_none() {
        for text in ["", "k", "2O0k", "-1k", "1.k", ".5k", "1.0005k", "200", "200K", "1e3k", "1 k", "99999999999G"] {
            assert_eq!(parse_amount(text), None, "{text}");
        }
    }

    #[test]
    fn amounts_read_back_what_they_print() {
        for amount in [0, 1, 999, 1_000, 1_500, 200_000, 7_067_000, 5_000_000_000] {
            let text = format_amount(amount);
            assert_eq!(parse_amount(&text).or_else(|| text.parse().ok()), Some(amount), "{text}");
        }
    }
}
