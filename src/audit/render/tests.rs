use super::super::baseline::Judged;
use super::super::finding::{Finding, Place, Severity};
use super::*;
use crate::claim::{Conclusion, Decision, Part};
use crate::grid::claim::{By, Region};
use crate::stats::Interval;

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

fn conclusion() -> Conclusion {
    let part = Part {
        says: "accuracy of <a>\u{1b}[2J".to_owned(),
        estimate: Some(-0.25),
        decimals: 2,
        region: Region { low: Some(0.0), high: None, strict: true },
        interval: Some(Interval { low: -0.5, high: -0.125 }),
        level: 0.95,
        p: Some(0.01),
        method: "t",
        cells: 2,
        runs: 6,
        as_claimed: Some(false),
        decision: Decision::Fails,
        reason: None,
        seeds_needed: None,
        asides: Vec::new(),
    };
    Conclusion {
        claim: "more".to_owned(),
        text: "More <is> better".to_owned(),
        grid: "main".to_owned(),
        filter: None,
        by: By::Interval,
        decision: Decision::Fails,
        reason: "the interval lies wholly on the other side".to_owned(),
        as_claimed: 0,
        cells: 2,
        runs: vec!["r1".to_owned(), "r2".to_owned()],
        sources: vec!["measured".to_owned()],
        analyses: Vec::new(),
        notes: Vec::new(),
        parts: vec![part],
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
        conclusions: &[conclusion()],
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
fn each_claim_has_its_verdict_estimate_interval_n_and_runs_in_every_form() {
    let part = "−0.25, interval −0.50 to −0.12, claimed > 0, 2 cells, 6 runs: fails";
    let shown = with(text);
    assert!(shown.starts_with("claim `more`: More <is> better\n"), "{shown}");
    assert!(shown.contains("fails\u{1b}[0m: the interval lies wholly on the other side (2 runs)\n"), "{shown}");
    assert!(shown.contains(part), "{shown}");
    let shown = with(markdown);
    assert!(shown.contains("## Claims") && shown.contains("### more: More &lt;is&gt; better\n\n**fails**"), "{shown}");
    assert!(shown.contains("- accuracy of &lt;a&gt;") && shown.contains(&part.replace('>', "&gt;")), "{shown}");
    let value = with(json);
    let part = &value["conclusions"][0]["parts"][0];
    assert_eq!(
        (&part["estimate"], &part["interval"]["high"], &part["cells"], &part["decision"]),
        (&(-0.25).into(), &(-0.125).into(), &2.into(), &"fails".into())
    );
    assert_eq!(value["conclusions"][0]["runs"], serde_json::json!(["r1", "r2"]));
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
