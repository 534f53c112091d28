//! Nothing that a grid, a file of results or a log says becomes markup.

use serde_json::json;

use crate::browser::Browser;
use crate::lab::Lab;

/// Ends a script, opens an element, and would tell us.
const EVIL: &str = "</script><img src=x onerror=hacked=1><!--\u{2028}";

/// A sweep in which every text that is free is hostile.
fn grid() -> String {
    format!(
        r#"name = "evil"
title = "{EVIL}title"
[defaults]
lr = 0.1
kind = "{EVIL}level"
[factors.lr]
label = "{EVIL}factor"
[grids.main]
title = "{EVIL}grid"
vary = {{ lr = [0.1, 0.01, 0.001], kind = ["{EVIL}level", "plain"] }}
[stages.train]
kind = "train"
uses = ["lr", "kind"]
command = ["sh", "train.sh", "{{lr}}"]
[metrics.accuracy]
label = "{EVIL}metric"
unit = "{EVIL}unit"
group = "{EVIL}group"
direction = "maximize"
[metrics.loss]
label = "{EVIL}loss"
group = "{EVIL}other"
direction = "minimize"
[anchors.chance]
label = "{EVIL}anchor"
metrics = "accuracy"
value = 0.1
[reports.map]
title = "{EVIL}report"
kind = "heatmap"
grid = "main"
x = "lr"
y = "kind"
[reports.pairs]
kind = "correlation"
grid = "main"
x = "loss"
[reports.curve]
kind = "scaling"
grid = "main"
x = "lr"
"#
    )
}

/// A training whose log and whose last words are.
fn training() -> String {
    format!(
        "if [ $1 = 0.001 ]; then echo '{EVIL}failure' >&2; exit 3; fi\n\
             echo '{{\"step\": 1, \"{EVIL}series\": 2}}' > metrics.jsonl\n\
             echo '{{\"accuracy\": '$1', \"loss\": 2}}' > scores.json\n"
    )
}

#[test]
fn no_name_and_no_text_runs() {
    let Some(mut browser) = Browser::start() else { return };
    let lab = Lab::new();
    lab.write("grid.toml", &grid());
    lab.write("train.sh", &training());
    lab.sweep(&["submit", "grid.toml"], 4);
    lab.sweep(&["report", "--note", &format!("{EVIL}note"), "--out", "report"], 0);
    browser.open_file(&lab.path().join("report/index.html"));
    // Everything once, as a reader would.
    for key in ["ArrowRight", "ArrowDown", "Home"] {
        browser.eval("document.querySelectorAll('svg.plot').forEach((plot) => plot.focus())");
        browser.press(key);
    }
    browser.point_at("#map .heat td[tabindex]");
    browser.eval("document.querySelectorAll('summary').forEach((summary) => summary.click())");
    browser.eval("document.querySelectorAll('#runs input[type=checkbox]').forEach((box) => box.click())");
    browser.eval("new Promise((done) => setTimeout(done, 100))");
    assert_eq!(browser.eval("typeof window.hacked"), json!("undefined"));
    assert_eq!(browser.number("document.images.length + document.scripts.length"), 2.0, "the data and the script");
    assert_eq!(browser.problems(), Vec::<String>::new());
    // The audit misses what failed, and names it.
    assert!(browser.text("document.getElementById('audit').textContent").contains(EVIL.trim_end_matches('\u{2028}')));
    let shown = browser.text("document.body.textContent");
    for part in ["title", "factor", "level", "metric", "unit", "group", "anchor", "report", "failure", "series", "note"]
    {
        assert!(
            shown.contains(&format!("onerror=hacked=1><!--\u{2028}{part}"))
                || shown.contains(&format!("onerror=hacked=1><!-- {part}")),
            "{part}"
        );
    }
}

#[test]
fn the_browser_itself_refuses_markup_scripts_and_networks() {
    let Some(mut browser) = Browser::start() else { return };
    browser.open_file(&Lab::trained().page());
    for (attempt, refusal) in
        [("document.body.innerHTML = '<p>x</p>'", "TrustedHTML"), ("eval('1')", "Content Security Policy")]
    {
        let outcome = browser.text(&format!(
            "(() => {{ try {{ {attempt}; return 'done'; }} catch (error) {{ return String(error); }} }})()"
        ));
        assert!(outcome.contains(refusal), "{attempt}: {outcome}");
    }
    let fetched = browser.text("fetch('http://127.0.0.1:9/').then(() => 'done', (error) => String(error))");
    assert!(fetched.contains("Failed to fetch"), "{fetched}");
    assert!(
        browser.problems().iter().any(|problem| problem.contains("Content Security Policy")),
        "{:?}",
        browser.problems()
    );
    browser.eval(
        "document.head.append(Object.assign(document.createElement('style'), { textContent: 'h1 { display: none }' }))",
    );
    assert_ne!(browser.text("getComputedStyle(document.querySelector('h1')).display"), "none");
}
