//! Figures: what they show, what they answer.

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::lab::Lab;

#[test]
fn every_report_of_the_paper_is_drawn_and_nothing_is_asked_of_a_network() {
    let Some(mut browser) = Browser::start() else { return };
    let lab = Lab::paper();
    let page = lab.page();
    browser.open_file(&page);
    assert_eq!(browser.problems(), Vec::<String>::new());
    let own = format!("file://{}", page.display());
    assert!(browser.requests().iter().all(|address| *address == own || address.starts_with("data:")));
    let drawn = browser.number("document.querySelectorAll('#figures figure').length");
    let json: Value = serde_json::from_str(&lab.sweep(&["report", "--json", "--format", "csv"], 0)).unwrap();
    assert_eq!(drawn, json["reports"].as_array().unwrap().len() as f64);
    let empty = "[...document.querySelectorAll('#figures .body')].filter((body) => body.children.length === 0).length";
    assert_eq!(browser.number(empty), 0.0);
}

#[test]
fn correlations_are_those_of_the_report() {
    let Some(mut browser) = Browser::start() else { return };
    let lab = Lab::paper();
    browser.open_file(&lab.page());
    let json: Value = serde_json::from_str(&lab.sweep(&["report", "--json", "--name", "figure-8"], 0)).unwrap();
    let pairs = json["reports"][0]["correlations"].as_array().unwrap();
    assert_eq!(pairs.len(), 18);
    for within in [None, Some("vqa"), Some("generation")] {
        browser.set("figure-8-within", within.unwrap_or(""));
        let labels =
            "[...document.querySelectorAll('#figure-8 .matrix button')].map((b) => b.getAttribute('aria-label'))";
        let mut shown: Vec<String> =
            browser.eval(labels).as_array().unwrap().iter().map(|label| rest_of(label.as_str().unwrap())).collect();
        let mut expected: Vec<String> = pairs.iter().map(|pair| as_shown(pair, within)).collect();
        shown.sort();
        expected.sort();
        assert_eq!(shown, expected, "within {within:?}");
    }
}

/// Without the names, which the report's data spell otherwise.
fn rest_of(label: &str) -> String {
    label.rsplit_once(": ").unwrap().1.to_owned()
}

fn as_shown(pair: &Value, within: Option<&str>) -> String {
    let found = match within {
        None => &pair["pearson"],
        Some(axis) => {
            let all = pair["within"].as_array().unwrap();
            &all.iter().find(|within| within["axis"] == axis).unwrap()["pearson"]
        }
    };
    let [rho, low, high] = ["rho", "low", "high"]
        .map(|key| format!("{:.2}", found[key].as_f64().unwrap()).replace('-', "−").replace("−0.00", "0.00"));
    format!("ρ = {rho} [{low}, {high}], n = {}", found["n"])
}

#[test]
fn a_cell_says_its_value_interval_seeds_and_runs_to_pointer_and_keyboard() {
    let Some(mut browser) = Browser::start() else { return };
    browser.open_file(&Lab::trained().page());
    browser.set("map-metric", "0");
    assert_eq!(browser.texts("#map .heat td[tabindex]"), ["0.322", "0.322", "0.641", "×"]);
    browser.point_at("#map .heat td[tabindex]");
    let told = browser.text("document.getElementById('tip').innerText");
    // 0.3215 over two seeds; t with one degree of freedom is 12.706.
    for part in ["accuracy: 0.322 ± 0.006", "seeds", "measured (train)", "runs"] {
        assert!(told.contains(part), "{told}");
    }
    browser.eval("document.querySelector('#map .heat td[tabindex=\"0\"]').focus()");
    for (key, text) in [("ArrowRight", "0.322"), ("ArrowDown", "×"), ("ArrowLeft", "0.641"), ("ArrowLeft", "0.641")] {
        browser.press(key);
        assert_eq!(browser.text("document.activeElement.textContent"), text, "after {key}");
    }
    browser.press("ArrowRight");
    assert!(browser.text("document.getElementById('say').textContent").contains("failed: exit code"));
    browser.press("Enter");
    assert_eq!(browser.text("document.querySelector('#runs [role=status]').textContent"), "2 of 8 runs");
    assert_eq!(browser.problems(), Vec::<String>::new());
}

#[test]
fn metrics_axes_and_series_can_be_chosen() {
    let Some(mut browser) = Browser::start() else { return };
    browser.open_file(&Lab::trained().page());
    browser.set("map-x", "width");
    let corner = browser.texts("#map .heat .corner");
    assert_eq!(corner[0], "lr ↓width →");
    browser.set("explore-scaling-metric", "1");
    assert_eq!(
        browser.text("document.querySelector('#explore-scaling svg').getAttribute('aria-label')").find("loss by"),
        Some(0)
    );
    let marks = "document.querySelectorAll('#explore-scaling .marks').length";
    let before = browser.number(marks);
    browser.click("#explore-scaling .legend button");
    // One series less; its entry stays in the legend.
    assert_eq!(browser.number(marks), before - 1.0);
    assert_eq!(browser.texts("#explore-scaling .legend [aria-pressed=false]").len(), 1);
    assert_eq!(browser.problems(), Vec::<String>::new());
}

#[test]
fn a_plot_is_walked_through_with_the_arrow_keys() {
    let Some(mut browser) = Browser::start() else { return };
    browser.open_file(&Lab::trained().page());
    browser.eval("document.querySelector('#explore-scaling svg.plot').focus()");
    browser.press("End");
    let last = browser.text("document.getElementById('say').textContent");
    browser.press("Home");
    let first = browser.text("document.getElementById('say').textContent");
    assert!(first.starts_with("accuracy: ") && last.starts_with("accuracy: ") && first != last, "{first}; {last}");
    assert_eq!(browser.eval("document.getElementById('tip').hidden"), json!(false));
    browser.press("Escape");
    assert_eq!(browser.eval("document.getElementById('tip').hidden"), json!(true));
}

#[test]
fn trainings_draw_what_they_logged() {
    let Some(mut browser) = Browser::start() else { return };
    browser.open_file(&Lab::trained().page());
    // Three cells of two seeds; the trainings that failed do not count.
    assert!(browser.texts("#training .result")[0].starts_with("6 trainings"));
    browser.eval("document.querySelector('#training svg.plot').focus()");
    browser.press("Home");
    assert!(browser.text("document.getElementById('say').textContent").starts_with("loss 10, step 0"));
    browser.click("#training summary");
    assert_eq!(browser.texts("#training tbody tr").len(), 6);
}

#[test]
fn conclusions_stand_first_and_are_those_of_the_report() {
    let Some(mut browser) = Browser::start() else { return };
    let lab = Lab::paper();
    browser.open_file(&lab.page());
    assert_eq!(browser.text("document.querySelector('main > section:not([hidden])').id"), "conclusions");
    let json: Value = serde_json::from_str(&lab.sweep(&["report", "--json", "--format", "csv"], 0)).unwrap();
    let conclusions = json["conclusions"].as_array().unwrap();
    assert!(!conclusions.is_empty());
    let shown = "[...document.querySelectorAll('.claim')].map((claim) => [claim.querySelector('h3').textContent,
        claim.querySelector('.decision').className.split(' ')[1], claim.querySelector('p').textContent])";
    let expected: Vec<Value> = conclusions.iter().map(|c| json!([c["text"], c["decision"], c["reason"]])).collect();
    assert_eq!(browser.eval(shown), json!(expected));
    browser.click(".claim summary");
    let parts = conclusions[0]["parts"].as_array().unwrap();
    assert_eq!(browser.texts(".claim:first-of-type tbody tr").len(), parts.len());
    assert!(browser.texts(".claim tbody th")[0] == parts[0]["says"].as_str().unwrap());
    assert_eq!(browser.problems(), Vec::<String>::new());
}
