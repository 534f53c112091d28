//! What a result may depend on beside its task: program, libraries, instructions, device, threads.

use serde_json::{Map, Value};

/// Facts that decide bits, by their key in the provenance, with the words for a person.
///
/// The host and its kernel are not among them: a result that depends on those is what a rerun is to find.
const FACTS: [(&str, &str); 11] = [
    ("program", "program"),
    ("libraries", "libraries"),
    ("code", "code"),
    ("kept", "stored program"),
    ("effective", "configuration that took effect"),
    ("cpu_capability", "CPU capability"),
    ("cpu", "processor"),
    ("device", "device"),
    ("driver", "driver"),
    ("threads", "threads"),
    ("world_size", "processes"),
];

/// Recorded variables by which libraries choose how they compute.
const VARIABLES: [&str; 3] = ["CUBLAS_WORKSPACE_CONFIG", "NVIDIA_TF32_OVERRIDE", "PYTHONHASHSEED"];

/// Something that was different the second time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    pub what: String,
    pub before: String,
    pub now: String,
}

/// What differs between two provenances. What an older program did not record is not compared.
#[must_use]
pub fn changes(before: &Map<String, Value>, now: &Map<String, Value>) -> Vec<Change> {
    let mut changes: Vec<Change> =
        FACTS.iter().filter_map(|(key, what)| change(what, before.get(*key)?, now.get(*key)?)).collect();
    let variable = |facts: &Map<String, Value>, name: &str| {
        facts.get("environment").and_then(|variables| variables.get(name)).cloned().unwrap_or(Value::Null)
    };
    changes.extend(VARIABLES.iter().filter_map(|name| change(name, &variable(before, name), &variable(now, name))));
    changes
}

fn change(what: &str, before: &Value, now: &Value) -> Option<Change> {
    (before != now).then(|| Change { what: what.to_owned(), before: spell(before), now: spell(now) })
}

/// A value for a person: digests by their first digits.
fn spell(value: &Value) -> String {
    match value {
        Value::Null => "not set".to_owned(),
        Value::String(text) if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            text.chars().take(12).collect()
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
