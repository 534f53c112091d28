//! For machines: one value with a schema version.

use serde_json::{Value, json};

use super::super::finding::Finding;
use super::super::rules::RULES;
use super::Audit;

/// Every finding with its fingerprint, accepted ones with their reason.
#[must_use]
pub fn json(audit: &Audit<'_>) -> Value {
    let open = audit.judged.open.iter().map(|finding| one(finding, None));
    let accepted = audit.judged.accepted.iter().map(|(finding, reason)| one(finding, Some(reason)));
    let stale: Vec<Value> = audit
        .judged
        .stale
        .iter()
        .map(|stale| json!({ "fingerprint": stale.fingerprint, "rule": stale.rule, "subject": stale.subject, "reason": stale.reason }))
        .collect();
    json!({
        "schema_version": 1,
        "sweep": audit.sweep,
        "coverage": audit.coverage,
        "conclusions": audit.conclusions,
        "rules": RULES.iter().map(|rule| json!({ "name": rule.name, "what": rule.what })).collect::<Vec<_>>(),
        "findings": open.chain(accepted).collect::<Vec<_>>(),
        "stale": stale,
    })
}

fn one(finding: &Finding, accepted: Option<&str>) -> Value {
    let place = finding.place.as_ref().map(|place| json!({ "file": place.file, "line": place.line }));
    json!({
        "rule": finding.rule,
        "severity": finding.severity.word(),
        "fingerprint": finding.fingerprint(),
        "subject": finding.subject,
        "message": finding.message,
        "evidence": finding.evidence,
        "advice": finding.advice,
        "place": place,
        "accepted": accepted,
    })
}
