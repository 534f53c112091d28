//! Tests, corrections, power and effects against scipy, statsmodels and numpy: `tests/golden/stats/inference.py`.

use serde::Deserialize;

use super::super::*;

/// Relative, as in the other tests.
const TOLERANCE: f64 = 1e-9;

#[derive(Deserialize)]
struct Golden {
    rank_correlations: Vec<Ranked>,
    corrections: Vec<Corrected>,
    differences: Vec<Difference>,
    powers: Vec<Power>,
    needs: Vec<Need>,
    two_ways: Vec<Analysed>,
    resampled: Vec<Resampled>,
}

#[derive(Deserialize)]
struct Ranked {
    x: Vec<f64>,
    y: Vec<f64>,
    rho: f64,
    exact: bool,
    p: f64,
    all_counted: bool,
}

#[derive(Deserialize)]
struct Corrected {
    p: Vec<f64>,
    holm: Vec<f64>,
    benjamini_hochberg: Vec<f64>,
}

#[derive(Deserialize)]
struct Difference {
    left: Vec<f64>,
    right: Vec<f64>,
    shared: bool,
    boundary: f64,
    value: f64,
    p: f64,
    low: f64,
    high: f64,
}

#[derive(Deserialize)]
struct Power {
    effect: f64,
    n: usize,
    alpha: f64,
    power: f64,
}

#[derive(Deserialize)]
struct Need {
    effect: f64,
    n: usize,
}

#[derive(Deserialize)]
struct Analysed {
    name: String,
    a: Vec<f64>,
    b: Vec<f64>,
    y: Vec<f64>,
    anova: Vec<Row>,
    logs: Vec<Slope>,
}

#[derive(Deserialize)]
struct Row {
    df: f64,
    sum: f64,
    f: Option<f64>,
    p: Option<f64>,
}

#[derive(Deserialize)]
struct Slope {
    coefficient: f64,
    stderr: f64,
    p: f64,
}

#[derive(Deserialize)]
struct Resampled {
    x: Vec<Vec<f64>>,
    y: Vec<Vec<f64>>,
    rho: f64,
    low: f64,
    high: f64,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../../../tests/golden/stats/inference.json")).unwrap()
}

#[track_caller]
fn close(ours: f64, theirs: f64) {
    near(ours, theirs, TOLERANCE);
}

#[track_caller]
fn near(ours: f64, theirs: f64, tolerance: f64) {
    assert!((ours - theirs).abs() <= tolerance * theirs.abs().max(1e-300), "{ours} is not {theirs}");
}

#[test]
fn rank_correlations_agree_with_scipy() {
    for case in golden().rank_correlations {
        let ours = spearman(&case.x, &case.y, 1).unwrap();
        close(ours.rho, case.rho);
        assert_eq!(ours.monte_carlo_error.is_none(), case.exact);
        if case.all_counted {
            close(ours.p, case.p);
        } else {
            // Theirs is drawn with 20,000 orders, ours counted or drawn with half as many.
            let error = (case.p.max(1e-4) / 20_000.0).sqrt() + ours.monte_carlo_error.unwrap_or(0.0) + 1e-4;
            assert!((ours.p - case.p).abs() < 5.0 * error, "{} is not {}", ours.p, case.p);
        }
    }
}

#[test]
fn the_same_orders_are_drawn_every_time() {
    let case = golden().rank_correlations.pop().unwrap();
    assert_eq!(spearman(&case.x, &case.y, 1), spearman(&case.x, &case.y, 1));
    assert_ne!(spearman(&case.x, &case.y, 1).unwrap().p, spearman(&case.x, &case.y, 2).unwrap().p);
}

#[test]
fn corrections_for_many_comparisons_agree_with_statsmodels() {
    for case in golden().corrections {
        holm(&case.p).iter().zip(&case.holm).for_each(|(ours, theirs)| close(*ours, *theirs));
        let rates = benjamini_hochberg(&case.p);
        rates.iter().zip(&case.benjamini_hochberg).for_each(|(ours, theirs)| close(*ours, *theirs));
    }
}

/// What an interval at its level says and what the adjusted p says must never differ.
#[test]
fn the_levels_of_intervals_decide_as_holm_does() {
    for case in golden().corrections {
        let decided = holm(&case.p).into_iter().map(|p| p <= 0.05);
        let levels = holm_levels(&case.p, 0.95);
        let excluded = case.p.iter().zip(&levels).map(|(p, level)| *p <= 1.0 - level);
        assert_eq!(decided.collect::<Vec<_>>(), excluded.collect::<Vec<_>>(), "{:?}", case.p);
    }
}

#[test]
fn differences_agree_with_scipy_and_statsmodels() {
    for case in golden().differences {
        let replicates = |values: &[f64], from: i64| (from..).zip(values.iter().copied()).collect::<Vec<(i64, f64)>>();
        let (left, right) = (replicates(&case.left, 1), replicates(&case.right, if case.shared { 1 } else { 100 }));
        let terms = [Term { weight: 1.0, replicates: &left }, Term { weight: -1.0, replicates: &right }];
        let ours = contrast(&terms).unwrap();
        close(ours.value, case.value);
        close(ours.p(case.boundary).unwrap(), case.p);
        let interval = ours.interval(0.95).unwrap();
        near(interval.low, case.low, 1e-8);
        near(interval.high, case.high, 1e-8);
    }
}

#[test]
fn power_and_the_number_of_seeds_agree_with_statsmodels() {
    for case in golden().powers {
        near(power(case.effect, case.n, case.alpha).unwrap(), case.power, 1e-7);
    }
    for case in golden().needs {
        assert_eq!(seeds_needed(case.effect, 0.05, 0.8), Some(case.n), "{}", case.effect);
    }
    assert_eq!(seeds_needed(0.0, 0.05, 0.8), None);
    assert_eq!(seeds_needed(1e9, 0.05, 0.8), Some(2));
}

#[test]
fn effects_of_two_factors_agree_with_statsmodels() {
    for case in golden().two_ways {
        let level = |values: &[f64]| values.iter().map(|value| (value * 10.0) as u32).collect::<Vec<_>>();
        let ours = two_way(&level(&case.a), &level(&case.b), &case.y).unwrap();
        let sources: Vec<Source> = [Some(ours.first), Some(ours.second), ours.interaction, Some(ours.residual)]
            .into_iter()
            .flatten()
            .collect();
        assert_eq!(sources.len(), case.anova.len(), "{}", case.name);
        for (ours, theirs) in sources.iter().zip(&case.anova) {
            assert_eq!(ours.df as f64, theirs.df, "{}", case.name);
            near(ours.sum, theirs.sum, 1e-7);
            assert_eq!(ours.f.is_some(), theirs.f.is_some());
            if let (Some(f), Some(p), Some(their_f), Some(their_p)) = (ours.f, ours.p, theirs.f, theirs.p) {
                near(f, their_f, 1e-7);
                near(p, their_p, 1e-6);
            }
        }
        let slopes = on_logarithms(&case.a, &case.b, &case.y).unwrap();
        for (ours, theirs) in slopes.iter().zip(&case.logs) {
            near(ours.value, theirs.coefficient, 1e-8);
            near(ours.stderr.unwrap(), theirs.stderr, 1e-8);
            near(ours.p.unwrap(), theirs.p, 1e-6);
        }
    }
}

/// Against 40,000 resamples of another program; both ends within a fortieth of the interval's width.
#[test]
fn resampled_correlations_agree_with_numpy() {
    for case in golden().resampled {
        let replicates = Replicates {
            columns: vec![case.x.concat(), case.y.concat()],
            sizes: case.x.iter().map(Vec::len).collect(),
            levels: vec![0; case.x.len()],
            ranked: false,
        };
        let ours = correlations(&replicates, &[(0, 1)], RESAMPLES, 1).pop().unwrap().unwrap();
        close(ours.value, case.rho);
        let (interval, width) = (ours.interval(0.95).unwrap(), case.high - case.low);
        let ends = [(interval.low, case.low), (interval.high, case.high)];
        assert!(ends.iter().all(|(ours, theirs)| (ours - theirs).abs() < width / 40.0), "{ends:?}");
        let again = correlations(&replicates, &[(0, 1)], RESAMPLES, 1).pop().unwrap().unwrap();
        assert_eq!(ours, again);
    }
}

/// Noise of the seeds pulls the correlation of cell means towards zero: the interval covers the correlation without it,
/// where that of the means does not.
#[test]
fn the_interval_takes_the_pull_of_noise_away() {
    let mut random = Random::new(7, 0);
    let mut uniform = || random.below(1 << 20) as f64 / f64::from(1 << 20);
    let (mut columns, mut truth) = (vec![Vec::new(), Vec::new()], (Vec::new(), Vec::new()));
    for _ in 0..400 {
        let shared = uniform();
        let (x, y) = (shared + 0.3 * uniform(), shared + 0.3 * uniform());
        truth.0.push(x);
        truth.1.push(y);
        columns[0].extend((0..4).map(|_| x + 0.5 * uniform()));
        columns[1].extend((0..4).map(|_| y + 0.5 * uniform()));
    }
    let truth = pearson(&truth.0, &truth.1).unwrap().rho;
    let data = Replicates { columns, sizes: vec![4; 400], levels: vec![0; 400], ranked: false };
    let ours = correlations(&data, &[(0, 1)], RESAMPLES, 1).pop().unwrap().unwrap();
    assert!((ours.center() - truth).abs() < (ours.value - truth).abs() / 2.0, "{} {truth}", ours.value);
}

#[test]
fn without_replicates_there_is_no_spread() {
    let single = Replicates {
        columns: vec![vec![1.0, 2.0, 3.0, 4.5], vec![2.0, 1.0, 4.0, 5.0]],
        sizes: vec![1; 4],
        levels: vec![0; 4],
        ranked: false,
    };
    let ours = correlations(&single, &[(0, 1)], RESAMPLES, 1).pop().unwrap().unwrap();
    assert_eq!(ours.spread, Spread::Unknown);
    assert_eq!((ours.interval(0.95), ours.p(0.0)), (None, None));
    let one = [(1, 3.0)];
    assert_eq!(contrast(&[Term { weight: 1.0, replicates: &one }]).unwrap().spread, Spread::Unknown);
}

#[test]
fn what_has_no_effect_or_no_order_says_why() {
    assert_eq!(two_way(&[0, 0, 1, 1], &[0, 1, 0, 1], &[1.0; 4]), Err(Undefined::Constant));
    assert_eq!(two_way(&[0, 1], &[0, 1], &[1.0, 2.0]), Err(Undefined::TooFew { n: 0, needed: 1 }));
    assert_eq!(spearman(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0], 1), Err(Undefined::Constant));
    assert_eq!(spearman(&[1.0, 2.0], &[1.0, 2.0], 1), Err(Undefined::TooFew { n: 2, needed: 3 }));
    assert_eq!(contrast(&[]), Err(Undefined::TooFew { n: 0, needed: 1 }));
}
