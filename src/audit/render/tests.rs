use super::super::baseline::Judged;
use super::super::finding::{Finding, Place, Severity};
use super::*;

fn finding(rule: &'static str, severity: Severity, subject: &str) -> Finding {
    Finding {
        rule,
        severity,
        subject: subject.to_owned(),
        message: "it is off".to_owned(),
        evidence: vec!["1 and 2".to_owned()],
        advice: "look".to_owned(),
        place: None,
    }
}

fn judged() -> Judged {
    let mut placed = finding("average-off", Severity::Warning, "Table <6>\u{1b}[2J");
    placed.place = Some(Place { file: "a table.csv".into(), line: Some(7) });
    Judged {
        open: vec![finding("scores-edited", Severity::Error, "task 1"), placed],
        accepted: vec![(finding("doubts", Severity::Note, "Table 4"), "as printed".to_owned())],
        stale: Vec::new(),
    }
}

fn with<T>(look: impl Fn(&Audit<'_>) -> T) -> T {
    let (judged, versions, coverage) = (judged(), ["sweep 0.1.0".to_owned()], ["6 runs".to_owned()]);
    look(&Audit {
        sweep: "small",
        file: "sweeps/small.toml",
        command: "sweep audit small.toml",
        versions: &versions,
        coverage: &coverage,
        judged: &judged,
    })
}

#[test]
fn a_terminal_gets_every_open_finding_and_no_control_characters_of_others() {
    let shown = with(text);
    assert!(shown.contains("task 1: it is off\n    1 and 2\n    advice: look\n"), "{shown}");
    assert!(shown.ends_with("1 error, 1 warning; 1 accepted\n") && shown.contains("6 runs\n"), "{shown}");
    assert!(!shown.contains("\u{1b}[2J") && shown.contains("a table.csv:7"), "{shown}");
    assert!(!shown.contains("Table 4"), "{shown}");
}

#[test]
fn a_document_has_its_command_first_and_escapes_what_it_shows() {
    let shown = with(markdown);
    assert!(shown.starts_with("    sweep audit small.toml\n    sweep 0.1.0\n\n# Audit of small\n"), "{shown}");
    assert!(shown.contains("### Table &lt;6&gt;") && !shown.contains('\u{1b}'), "{shown}");
    assert!(shown.contains("- Table 4: it is off (doubts). Accepted: as printed"), "{shown}");
}

#[test]
fn machines_get_accepted_findings_with_their_reason() {
    let value = with(json);
    assert_eq!(value["schema_version"], 1);
    let reasons: Vec<_> = value["findings"].as_array().unwrap().iter().map(|finding| &finding["accepted"]).collect();
    assert_eq!(reasons, [&serde_json::Value::Null, &serde_json::Value::Null, &"as printed".into()]);
    assert_eq!(value["findings"][1]["place"]["line"], 7);
}

#[test]
fn sarif_has_what_the_standard_requires_and_places_that_hosts_can_show() {
    let value = with(sarif);
    assert_eq!(value["version"], "2.1.0");
    let run = &value["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for result in run["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(result["message"]["text"].is_string());
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
    }
    let placed = &run["results"][1]["locations"][0]["physicalLocation"];
    assert_eq!(placed["artifactLocation"]["uri"], "a%20table.csv");
    assert_eq!(placed["region"]["startLine"], 7);
    assert_eq!(run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "sweeps/small.toml");
    assert_eq!(run["results"][2]["suppressions"][0]["justification"], "as printed");
}
