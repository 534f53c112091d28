//! The table of runs: order, filter, comparison, ten thousand rows.

use serde_json::json;

use crate::browser::Browser;
use crate::lab::Lab;

const STATUS: &str = "document.querySelector('#runs [role=status]').textContent";

#[test]
fn runs_are_sorted_filtered_and_compared() {
    let Some(mut browser) = Browser::start() else { return };
    browser.open_file(&Lab::trained().page());
    assert_eq!(browser.text(STATUS), "8 of 8 runs");
    let accuracy = "#runs tbody td:nth-child(7)";
    assert!(browser.texts("#runs thead th:nth-child(7)")[0].starts_with("accuracy"));
    // Better first, then worse first; what is missing comes last both times.
    browser.click("#runs thead th:nth-child(7) button");
    assert_eq!(browser.texts(accuracy), ["0.642", "0.641", "0.322", "0.322", "0.321", "0.321", "", ""]);
    browser.click("#runs thead th:nth-child(7) button");
    assert_eq!(browser.texts(accuracy), ["0.321", "0.321", "0.322", "0.322", "0.641", "0.642", "", ""]);
    assert_eq!(browser.text("document.querySelector('#runs th[aria-sort=ascending]').textContent"), "accuracy ↑");

    for (filter, status) in [
        ("accuracy > 0.5", "2 of 8 runs"),
        ("accuracy>0.3 && width==64", "4 of 8 runs"),
        ("failed", "2 of 8 runs"),
        ("standing != failed seed = 1", "3 of 8 runs"),
        ("nothing-of-it", "0 of 8 runs"),
    ] {
        browser.set("runs-filter", filter);
        assert_eq!(browser.text(STATUS), status, "{filter}");
    }
    browser.set("runs-filter", "acuracy > 0.5");
    let told = browser.text(STATUS);
    assert!(told.starts_with("there is no column `acuracy`; the columns are run, standing, lr"), "{told}");
    browser.set("runs-filter", "accuracy > ");
    assert_eq!(browser.text(STATUS), "`accuracy >` has no value after it");
    assert_eq!(browser.problems(), Vec::<String>::new());
}

#[test]
fn two_runs_are_compared_by_what_was_set_and_what_came_out() {
    let Some(mut browser) = Browser::start() else { return };
    browser.open_file(&Lab::trained().page());
    browser.set("runs-filter", "lr == 0.1 && seed == 1");
    assert_eq!(browser.text(STATUS), "2 of 8 runs");
    browser.click("#runs tbody tr:nth-child(1) input");
    assert!(browser.texts("#runs").concat().contains("choose another one"));
    browser.click("#runs tbody tr:nth-child(2) input");
    assert_eq!(browser.texts(".difference .differs"), ["width64128"]);
    assert!(browser.texts(".difference p")[0].starts_with("1 setting differs. They share no task."));
    assert_eq!(
        browser.texts(".difference table:nth-of-type(2) tbody tr"),
        ["accuracy ↑0.3210.641+0.320 better", "loss ↓1.101.100.00"]
    );
    assert_eq!(browser.problems(), Vec::<String>::new());
}

#[test]
fn ranges_on_axes_choose_runs() {
    let Some(mut browser) = Browser::start() else { return };
    browser.open_file(&Lab::trained().page());
    browser.click("#parallel summary");
    browser.set("parallel-m0-0", "0.5");
    assert!(browser.texts("#parallel .result")[0].starts_with("2 of 8 runs in the ranges"));
    assert_eq!(browser.text(STATUS), "2 of 8 runs");
    browser.click("[data-key=parallel-clear]");
    assert_eq!(browser.text(STATUS), "8 of 8 runs");
    assert_eq!(browser.problems(), Vec::<String>::new());
}

#[test]
fn costs_and_failures_are_told() {
    let Some(mut browser) = Browser::start() else { return };
    browser.open_file(&Lab::trained().page());
    let row = browser.texts("#costs tbody tr td");
    assert_eq!(row[..4], ["train", "8", "6", "12"]);
    assert_eq!(browser.texts("#failures tbody tr").len(), 2);
    let failure = browser.texts("#failures tbody tr")[0].clone();
    assert!(failure.contains("exit code") && failure.contains("no <b>memory</b> left"), "{failure}");
    assert_eq!(browser.texts("#failures b").len(), 0);
}

#[test]
fn ten_thousand_runs_are_a_page_of_few_elements() {
    let Some(mut browser) = Browser::start() else { return };
    browser.open_file(&Lab::large().page());
    assert_eq!(browser.text(STATUS), "10,000 of 10,000 runs");
    let rows = "document.querySelectorAll('#runs tbody tr').length";
    assert!(browser.number(rows) < 100.0);
    // Half of all rows further down, the row says which one it is.
    browser.eval("document.querySelector('#runs .scroller').scrollTop = 30 * 5000");
    browser.settle();
    let middle = browser.eval(
        "[...document.querySelectorAll('#runs tbody tr')].some((row) => row.getAttribute('aria-rowindex') === '5002')",
    );
    assert_eq!(middle, json!(true));
    assert!(browser.number(rows) < 100.0);
    browser.set("runs-filter", "accuracy >= 0.99");
    assert_eq!(browser.text(STATUS), "3 of 10,000 runs");
    // All points of a scatter plot are one element a group.
    assert!(browser.number("document.querySelectorAll('svg.plot *').length") < 3000.0);
    assert_eq!(browser.problems(), Vec::<String>::new());
}
