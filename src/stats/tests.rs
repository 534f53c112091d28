//! Against scipy and numpy: `tests/golden/stats/generate.py`.

mod inference;

use serde::Deserialize;

use super::*;

/// Relative; scipy computes with other series and other orders of summation.
const TOLERANCE: f64 = 1e-9;

#[derive(Deserialize)]
struct Golden {
    correlations: Vec<Pair>,
    means: Vec<Mean>,
    student: Vec<Tail>,
    quantiles: Vec<Quantile>,
}

#[derive(Deserialize)]
struct Pair {
    x: Vec<f64>,
    y: Vec<f64>,
    level: Vec<u32>,
    pearson: Expected,
    line: ExpectedLine,
    within: Option<Expected>,
}

#[derive(Deserialize)]
struct Expected {
    rho: f64,
    p: f64,
    df: Option<usize>,
    low: Option<f64>,
    high: Option<f64>,
}

#[derive(Deserialize)]
struct ExpectedLine {
    slope: f64,
    intercept: f64,
}

#[derive(Deserialize)]
struct Mean {
    values: Vec<f64>,
    mean: f64,
    std_dev: Option<f64>,
    stderr: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
}

#[derive(Deserialize)]
struct Tail {
    t: f64,
    df: f64,
    two_sided_p: f64,
}

#[derive(Deserialize)]
struct Quantile {
    p: f64,
    df: f64,
    t: f64,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../../tests/golden/stats/stats.json")).unwrap()
}

#[track_caller]
fn close(ours: f64, theirs: f64) {
    assert!((ours - theirs).abs() <= TOLERANCE * theirs.abs().max(1e-300), "{ours} is not {theirs}");
}

#[track_caller]
fn same(ours: &Correlation, theirs: &Expected) {
    close(ours.rho, theirs.rho);
    close(ours.p, theirs.p);
    assert_eq!(ours.interval.map(|interval| interval.low).is_some(), theirs.low.is_some());
    if let (Some(ours), Some(low), Some(high)) = (ours.interval, theirs.low, theirs.high) {
        close(ours.low, low);
        close(ours.high, high);
    }
}

#[test]
fn correlations_and_lines_agree_with_scipy() {
    for case in golden().correlations {
        same(&pearson(&case.x, &case.y).unwrap(), &case.pearson);
        let line = least_squares(&case.x, &case.y).unwrap();
        close(line.slope, case.line.slope);
        close(line.intercept, case.line.intercept);
    }
}

#[test]
fn correlations_within_levels_agree_with_regression_on_indicators() {
    let cases: Vec<_> = golden().correlations.into_iter().filter(|case| case.within.is_some()).collect();
    assert!(cases.len() >= 3);
    for case in cases {
        let expected = case.within.unwrap();
        let ours = within(&case.x, &case.y, &case.level).unwrap();
        same(&ours, &expected);
        assert_eq!(Some(ours.df), expected.df);
    }
}

#[test]
fn means_and_t_intervals_agree_with_scipy() {
    for case in golden().means {
        let summary = summarize(&case.values).unwrap();
        close(summary.mean, case.mean);
        assert_eq!(summary.std_dev.is_some(), case.std_dev.is_some());
        if let (Some(std_dev), Some(stderr), Some(low), Some(high)) = (case.std_dev, case.stderr, case.low, case.high) {
            close(summary.std_dev.unwrap(), std_dev);
            close(summary.stderr().unwrap(), stderr);
            let interval = t_interval(&case.values, LEVEL).unwrap();
            close(interval.low, low);
            close(interval.high, high);
        }
    }
}

#[test]
fn tails_and_quantiles_of_student_agree_with_scipy() {
    for case in golden().student {
        close(two_sided_p(case.t, case.df), case.two_sided_p);
    }
    for case in golden().quantiles {
        let ours = quantile(case.p, case.df).unwrap();
        assert!((ours - case.t).abs() <= 1e-8 * case.t.abs().max(1.0), "{ours} is not {} for {}", case.t, case.df);
    }
}

#[test]
fn what_has_no_value_says_why() {
    assert_eq!(t_interval(&[55.8], LEVEL), Err(Undefined::TooFew { n: 1, needed: 2 }));
    assert_eq!(summarize(&[]), Err(Undefined::TooFew { n: 0, needed: 1 }));
    assert_eq!(summarize(&[1.0, f64::NAN]), Err(Undefined::NotFinite));
    assert_eq!(pearson(&[1.0, 2.0], &[1.0, 2.0]), Err(Undefined::TooFew { n: 2, needed: 3 }));
    assert_eq!(pearson(&[0.1; 5], &[1.0, 2.0, 3.0, 4.0, 5.0]), Err(Undefined::Constant));
    assert_eq!(pearson(&[1.0, 2.0, f64::INFINITY], &[1.0, 2.0, 3.0]), Err(Undefined::NotFinite));
    assert_eq!(pearson(&[1e300, -1e300, 0.0], &[1.0, 2.0, 3.0]), Err(Undefined::NotFinite));
    assert_eq!(least_squares(&[2.0; 4], &[1.0, 2.0, 3.0, 4.0]), Err(Undefined::Constant));
}

#[test]
fn levels_that_explain_everything_leave_nothing_to_correlate() {
    let (x, y) = ([1.1, 1.1, 2.3, 2.3, 3.7, 3.7], [5.0, 4.0, 3.0, 2.0, 2.0, 1.0]);
    assert_eq!(within(&x, &y, &[0, 0, 1, 1, 2, 2]), Err(Undefined::Constant));
    assert_eq!(within(&x, &y, &[0, 1, 2, 3, 4, 5]), Err(Undefined::TooFew { n: 6, needed: 8 }));
}

#[test]
fn a_perfect_line_has_no_doubt_left() {
    let perfect = pearson(&[1.0, 2.0, 3.0, 4.0], &[2.0, 4.0, 6.0, 8.0]).unwrap();
    assert_eq!((perfect.rho, perfect.p), (1.0, 0.0));
    assert_eq!(perfect.interval, Some(Interval { low: 1.0, high: 1.0 }));
}

/// Simpson's paradox by hand: each level falls, the whole rises.
#[test]
fn correlation_within_levels_can_have_the_other_sign() {
    let x = [1.0, 2.0, 3.0, 11.0, 12.0, 13.0];
    let y = [3.0, 2.0, 1.0, 13.0, 12.0, 11.0];
    assert!(pearson(&x, &y).unwrap().rho > 0.9);
    close(within(&x, &y, &[0, 0, 0, 1, 1, 1]).unwrap().rho, -1.0);
}
