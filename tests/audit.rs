//! `sweep audit` on the paper's own tables: everything that there is to find, each figure checked by hand
//! (`tests/golden/audit/check.py`), and no more.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

fn sweep(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("sweep").unwrap();
    command.current_dir(folder).env_clear().args(arguments);
    command
}

/// (severity, rule, subject, first line of evidence) of each finding.
fn findings() -> Vec<(String, String, String, Vec<String>)> {
    let folder = tempfile::tempdir().unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("sweeps/metamorph.toml");
    sweep(folder.path(), &["import", file.to_str().unwrap()]).assert().success();
    let output = sweep(folder.path(), &["audit", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let one = |finding: &Value| {
        let evidence = finding["evidence"].as_array().unwrap().iter().map(text).collect();
        (text(&finding["severity"]), text(&finding["rule"]), text(&finding["subject"]), evidence)
    };
    value["findings"].as_array().unwrap().iter().map(one).collect()
}

fn of<'a>(findings: &'a [(String, String, String, Vec<String>)], rule: &str) -> Vec<(&'a str, &'a [String])> {
    let of_rule = findings.iter().filter(|(_, name, ..)| name == rule);
    of_rule.map(|(_, _, subject, evidence)| (subject.as_str(), evidence.as_slice())).collect()
}

#[test]
fn the_published_tables_are_found_to_hold_what_they_hold() {
    let findings = findings();
    assert!(
        findings.iter().all(|(severity, ..)| severity != "error"),
        "printed numbers contradict nothing that we have"
    );

    let [(subject, evidence)] = of(&findings, "correlation-off")[..] else { panic!("{findings:#?}") };
    assert_eq!(subject, "printed values of report `figure-8`");
    assert!(
        evidence[0].starts_with("MMMU and CLIP score: printed -0.26, computed -0.347 over 18 cells"),
        "{evidence:?}"
    );
    assert!(evidence[1].starts_with("MMMU and FID: printed 0.23, computed 0.328 over 18 cells"), "{evidence:?}");
    assert_eq!(evidence.len(), 2, "the other 16 follow from the table");

    let counts = of(&findings, "impossible-count");
    let count =
        |subject: &str| counts.iter().find(|(known, _)| *known == subject).unwrap_or_else(|| panic!("{counts:#?}")).1;
    assert!(count("MetaMorph, Table 1, MMVP")[0].contains("48.3 lies between 72/150 = 48.000 and 73/150 = 48.667"));
    let pairs = count("MetaMorph, Table 6, MMVP");
    let values: Vec<&str> =
        pairs.iter().filter_map(|line| line.split(": ").nth(2)?.split(' ').next()).take(4).collect();
    assert_eq!(values, ["24.3", "30.3", "33.0", "31.0"]);
    assert!(pairs[4].starts_with("300 items would fit all 18 values"), "{pairs:?}");
    assert_eq!(count("MetaMorph, Table 6, V*").len(), 5 + 2);

    let disagreements = of(&findings, "sources-disagree");
    let lines: Vec<&str> = disagreements.iter().flat_map(|(_, evidence)| evidence.iter()).map(String::as_str).collect();
    assert_eq!(lines.len(), 3, "{disagreements:#?}");
    assert!(lines.iter().any(|line| line.starts_with("CLIP score") && line.ends_with("22.0 and 22.3")), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("FID") && line.ends_with("110.7 and 110.5")), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("FID") && line.ends_with("18.9 and 18.2")), "{lines:?}");

    let [(subject, _)] = of(&findings, "duplicate-cells")[..] else { panic!("{findings:#?}") };
    assert_eq!(subject, "MetaMorph, Table 6, data: vqa=4M generation=500k and data: vqa=4M generation=1M");
    assert_eq!(of(&findings, "average-off"), [], "every printed average follows from its parts");
}

#[test]
fn an_audit_gives_each_claim_the_verdict_of_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("sweeps/metamorph.toml");
    sweep(folder.path(), &["import", file.to_str().unwrap()]).assert().success();
    let run = |arguments: &[&str]| String::from_utf8(sweep(folder.path(), arguments).output().unwrap().stdout).unwrap();
    let json = |arguments: &[&str]| -> Value { serde_json::from_str(&run(arguments)).unwrap() };
    let (audit, report) = (json(&["audit", "--json"]), json(&["report", "--json", "--format", "csv"]));
    let claims = audit["conclusions"].as_array().unwrap();
    assert_eq!(audit["conclusions"], report["conclusions"]);
    let text = run(&["audit"]);
    for claim in claims {
        let (name, says) = (claim["claim"].as_str().unwrap(), claim["text"].as_str().unwrap());
        assert!(text.contains(&format!("claim `{name}`: {says}\n")), "{name}: {text}");
    }
    assert!(
        text.contains(
            "5k generation samples suffice for good images when training jointly\n    as claimed (descriptive)"
        )
    );
    assert!(json(&["audit", "--json", "--rule", "average-off"])["conclusions"].as_array().unwrap().is_empty());
}
