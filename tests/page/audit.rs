//! What the audit found, in the page.

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::lab::Lab;

const STATUS: &str = "document.querySelector('#audit [role=status]').textContent";

fn audited(lab: &Lab) -> Vec<Value> {
    let value: Value = serde_json::from_str(&lab.sweep(&["audit", "--json"], 0)).unwrap();
    value["findings"].as_array().unwrap().clone()
}

#[test]
fn every_finding_stands_in_the_page_with_severity_rule_subject_evidence_and_advice() {
    let Some(mut browser) = Browser::start() else { return };
    let lab = Lab::paper();
    let findings = audited(&lab);
    browser.open_file(&lab.page());
    assert_eq!(browser.text(STATUS), format!("{} of {} findings", findings.len(), findings.len()));
    let told = "[...document.querySelectorAll('.finding')].map((node) => [
        node.querySelector('.severity').className.split(' ')[1], node.querySelector('h3').textContent,
        node.querySelector('p').textContent, [...node.querySelectorAll('.evidence li')].map((li) => li.textContent),
        node.querySelector('.advice').textContent, node.querySelector('.rule span').textContent])";
    let expected: Vec<Value> = findings
        .iter()
        .map(|f| {
            let advice = format!("Advice: {}", f["advice"].as_str().unwrap());
            json!([f["severity"], f["subject"], f["message"], f["evidence"], advice, f["rule"]])
        })
        .collect();
    assert_eq!(browser.eval(told), json!(expected));
    // The head says so, too.
    let warnings = findings.iter().filter(|finding| finding["severity"] == "warning").count();
    assert_eq!(browser.texts("#head .severity.warning"), [format!("▲ {warnings} warnings")]);
    assert_eq!(browser.problems(), Vec::<String>::new());
}

#[test]
fn findings_are_filtered_by_severity_rule_and_words_and_unfolded_by_keyboard() {
    let Some(mut browser) = Browser::start() else { return };
    let lab = Lab::paper();
    let findings = audited(&lab);
    browser.open_file(&lab.page());
    let count = |is: &dyn Fn(&Value) -> bool| findings.iter().filter(|finding| is(finding)).count();
    let status = |found: usize| format!("{found} of {} findings", findings.len());
    browser.set("audit-severity", "warning");
    assert_eq!(browser.text(STATUS), status(count(&|f| f["severity"] == "warning")));
    browser.set("audit-rule", "impossible-count");
    let both = count(&|f| f["severity"] == "warning" && f["rule"] == "impossible-count");
    assert!(both > 1);
    assert_eq!(browser.text(STATUS), status(both));
    browser.set("audit-text", "mmvp \"table\"");
    assert_eq!(browser.text(STATUS), status(0), "words are looked for as they are");
    browser.set("audit-text", "6, V*");
    assert_eq!(browser.text(STATUS), status(1));
    let hidden =
        "[...document.querySelectorAll('.finding .evidence li')].filter((line) => !line.checkVisibility()).length";
    assert_eq!(browser.number(hidden), 1.0, "seven lines, of which six are shown");
    browser.eval("document.querySelector('.finding .more').focus()");
    browser.press("Enter");
    assert_eq!(browser.number(hidden), 0.0);
    assert_eq!(browser.text("document.activeElement.getAttribute('aria-expanded')"), "true");
    browser.set("audit-text", "");
    browser.set("audit-rule", "");
    browser.set("audit-severity", "");
    assert_eq!(browser.text(STATUS), status(findings.len()));
    assert_eq!(browser.problems(), Vec::<String>::new());
}

#[test]
fn accepted_findings_are_told_apart_with_their_reason() {
    let Some(mut browser) = Browser::start() else { return };
    let lab = Lab::trained();
    let findings = audited(&lab);
    lab.sweep(&["audit", "--accept", "all", "--reason", "<b>known</b>"], 0);
    browser.open_file(&lab.page());
    assert_eq!(browser.texts("#head .severity"), [] as [&str; 0], "nothing is open");
    let accepted = format!("{} accepted", findings.len());
    assert_eq!(browser.texts("#audit .counts li"), ["nothing is open", &accepted]);
    assert_eq!(browser.texts(".finding .accepted")[0], "Accepted: <b>known</b>");
    assert_eq!(browser.problems(), Vec::<String>::new());
}

#[test]
fn paper_has_all_evidence_unfolded() {
    let Some(mut browser) = Browser::start() else { return };
    browser.open_file(&Lab::paper().page());
    browser.media("print", "light");
    let hidden =
        "[...document.querySelectorAll('.finding .evidence')].filter((list) => !list.checkVisibility()).length";
    assert_eq!(browser.number(hidden), 0.0);
}
