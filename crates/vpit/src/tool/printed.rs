//! What the commands print.

/// A report as text, or as JSON.
pub(super) fn printed<R: serde::Serialize + std::fmt::Display>(
    report: &R,
    json: bool,
) -> Result<String, serde_json::Error> {
    if json { serde_json::to_string_pretty(report).map(|text| text + "\n") } else { Ok(report.to_string()) }
}
