//! Enums as the database spells them: the way that serde does, so that there is one spelling everywhere.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The spelling of a variant without fields.
pub(super) fn spell<T: Serialize>(value: &T) -> Option<String> {
    serde_json::to_value(value).ok()?.as_str().map(str::to_owned)
}

/// The variant that `text` spells.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> sqlx::Result<T> {
    serde_json::from_value(serde_json::Value::String(text.to_owned()))
        .map_err(|error| sqlx::Error::Decode(error.into()))
}

/// A value as its two columns: SQLite has no NaN, so what is not finite is NULL and named beside it.
pub(super) fn split(value: f64) -> (Option<f64>, Option<&'static str>) {
    match value {
        value if value.is_finite() => (Some(value), None),
        value if value.is_nan() => (None, Some("NaN")),
        value if value > 0.0 => (None, Some("inf")),
        _ => (None, Some("-inf")),
    }
}

/// The value that two columns hold.
pub(super) fn join(value: Option<f64>, not_finite: Option<&str>) -> f64 {
    match (value, not_finite) {
        (Some(value), _) => value,
        (None, Some("inf")) => f64::INFINITY,
        (None, Some("-inf")) => f64::NEG_INFINITY,
        (None, _) => f64::NAN,
    }
}
