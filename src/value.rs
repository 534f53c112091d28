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
    /// Append the one encoding that identities are made of: a tag for the type, then the value with its length.
    ///
    /// Equal values have equal bytes and no encoding starts another, so a sequence of encodings is unambiguous. Floats
    /// are encoded by their bits, with -0 as 0; NaN never gets here.
    pub fn encode(&self, into: &mut Vec<u8>) {
        match self {
            Self::Bool(value) => into.extend([b'b', u8::from(*value)]),
            Self::Int(value) => {
                into.push(b'i');
                into.extend(value.to_le_bytes());
            }
            Self::Float(value) => {
                into.push(b'f');
                into.extend((if *value == 0.0 { 0.0 } else { *value }).to_bits().to_le_bytes());
            }
            Self::Text(value) => {
                into.push(b't');
                into.extend((value.len() as u64).to_le_bytes());
                into.extend(value.as_bytes());
            }
            Self::List(values) => {
                into.push(b'l');
                into.extend((values.len() as u64).to_le_bytes());
                values.iter().for_each(|value| value.encode(into));
            }
        }
    }

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

/// Read a size in bytes: `112GB`, `988 GB`, `16GiB`, `1.5TB`; `None` if the text is not one.
#[must_use]
pub fn parse_bytes(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 10] = [
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("TiB", 1 << 40),
        ("kB", 1_000),
        ("KB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("TB", 1_000_000_000_000),
        ("B", 1),
    ];
    let (number, scale) = UNITS.iter().find_map(|(unit, scale)| Some((text.strip_suffix(unit)?.trim_end(), *scale)))?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if !is_digits(whole) || !is_digits(fraction) || fraction.len() > 6 {
        return None;
    }
    let part = fraction.parse::<u64>().ok()?.checked_mul(scale)? / 10_u64.pow(u32::try_from(fraction.len()).ok()?);
    whole.parse::<u64>().ok()?.checked_mul(scale)?.checked_add(part)
}

/// Read a duration in seconds: `90s`, `30m`, `12h`, `2h30m`, `1d`, or `12:00:00` as Slurm writes it.
#[must_use]
pub fn parse_duration(text: &str) -> Option<u64> {
    if let [hours, minutes, seconds] = text.split(':').collect::<Vec<_>>()[..] {
        let in_hour = |part: &str| part.parse::<u64>().ok().filter(|&value| part.len() == 2 && value < 60);
        let hours = is_digits(hours).then(|| hours.parse::<u64>().ok())??;
        return hours.checked_mul(3600)?.checked_add(in_hour(minutes)? * 60 + in_hour(seconds)?);
    }
    let mut rest = text;
    let mut total = 0_u64;
    let mut largest = u64::MAX;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let scale = match rest.as_bytes().get(digits)? {
            b'd' => 86_400,
            b'h' => 3_600,
            b'm' => 60,
            b's' => 1,
            _ => return None,
        };
        // Each unit once, from large to small: `1m2h` is more likely a slip than a duration.
        if scale >= largest {
            return None;
        }
        largest = scale;
        total = total.checked_add(rest[..digits].parse::<u64>().ok()?.checked_mul(scale)?)?;
        rest = &rest[digits + 1..];
    }
    (!text.is_empty()).then_some(total)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
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

    #[test]
    fn sizes_have_a_unit() {
        let cases =
            [("112GB", 112_000_000_000), ("988 GB", 988_000_000_000), ("1.5kB", 1_500), ("2GiB", 2 << 30), ("7B", 7)];
        for (text, bytes) in cases {
            assert_eq!(parse_bytes(text), Some(bytes), "{text}");
        }
        for text in ["", "112", "GB", "-1GB", "1.GB", ".5GB", "1e3GB", "99999999999TB", "1 G B"] {
            assert_eq!(parse_bytes(text), None, "{text}");
        }
    }

    #[test]
    fn durations_are_written_as_people_or_slurm_write_them() {
        let cases =
            [("90s", 90), ("30m", 1_800), ("12h", 43_200), ("2h30m", 9_000), ("1d", 86_400), ("12:00:00", 43_200)];
        for (text, seconds) in cases {
            assert_eq!(parse_duration(text), Some(seconds), "{text}");
        }
        for text in ["", "12", "h", "1m2h", "1h1h", "12:60:00", "1:2:3", "-1h", "1.5h", "9999999999999999d", "1:00"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn encodings_tell_types_and_borders_apart() {
        let values = [
            Value::Int(1),
            Value::Float(1.0),
            Value::Bool(true),
            Value::Text("1".to_owned()),
            Value::List(vec![Value::Int(1)]),
            Value::List(vec![Value::Text("a".to_owned()), Value::Text("b".to_owned())]),
            Value::List(vec![Value::Text("ab".to_owned()), Value::Text(String::new())]),
        ];
        let mut encodings: Vec<Vec<u8>> = values.iter().map(encoded).collect();
        encodings.sort();
        encodings.dedup();
        assert_eq!(encodings.len(), values.len());
        assert_eq!(encoded(&Value::Float(-0.0)), encoded(&Value::Float(0.0)));
    }

    fn encoded(value: &Value) -> Vec<u8> {
        let mut bytes = Vec::new();
        value.encode(&mut bytes);
        bytes
    }
}
