//! SARIF 2.1.0, which code hosts show beside the lines of a file (OASIS standard, 27 March 2020).

use serde_json::{Value, json};

use super::super::finding::{Finding, Severity};
use super::super::rules::RULES;
use super::Audit;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
/// Our fingerprints, with the version of how they are made.
const FINGERPRINT: &str = "sweepFinding/v1";

/// The audit as a log with one run. Accepted findings are suppressed results.
#[must_use]
pub fn sarif(audit: &Audit<'_>) -> Value {
    let rules: Vec<Value> =
        RULES.iter().map(|rule| json!({ "id": rule.name, "shortDescription": { "text": rule.what } })).collect();
    let open = audit.judged.open.iter().map(|finding| result(audit, finding, None));
    let accepted = audit.judged.accepted.iter().map(|(finding, reason)| result(audit, finding, Some(reason)));
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "sweep", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "columnKind": "unicodeCodePoints",
            "results": open.chain(accepted).collect::<Vec<_>>(),
        }],
    })
}

fn result(audit: &Audit<'_>, finding: &Finding, accepted: Option<&str>) -> Value {
    let level = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let (file, line) = match &finding.place {
        Some(place) => (place.file.to_string_lossy().into_owned(), place.line),
        // What is in no file is shown at the sweep's own.
        None => (audit.file.to_owned(), None),
    };
    let mut physical = json!({ "artifactLocation": { "uri": uri(&file) } });
    if let Some(line) = line {
        physical["region"] = json!({ "startLine": line });
    }
    let text: Vec<&str> =
        std::iter::once(finding.message.as_str()).chain(finding.evidence.iter().map(String::as_str)).collect();
    let mut result = json!({
        "ruleId": finding.rule,
        "ruleIndex": RULES.iter().position(|rule| rule.name == finding.rule),
        "level": level,
        "message": { "text": format!("{}: {}. Advice: {}.", finding.subject, text.join("; "), finding.advice) },
        "locations": [{
            "physicalLocation": physical,
            "logicalLocations": [{ "fullyQualifiedName": finding.subject }],
        }],
        "partialFingerprints": { FINGERPRINT: finding.fingerprint() },
    });
    if let Some(reason) = accepted {
        result["suppressions"] = json!([{ "kind": "external", "justification": reason }]);
    }
    result
}

/// A path as a URI reference: relative ones stay so (RFC 3986).
fn uri(path: &str) -> String {
    let encoded: String = path
        .bytes()
        .map(|byte| match byte {
            b'/' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect();
    if path.starts_with('/') { format!("file://{encoded}") } else { encoded }
}
