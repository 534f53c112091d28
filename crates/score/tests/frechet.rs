//! Fréchet distances against numpy and scipy; `golden/frechet.py` made the numbers.

use score::frechet::{Moments, distance};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    dim: usize,
    left: Vec<f64>,
    right: Vec<f64>,
    distance: f64,
    by_eigenvalues: f64,
}

/// Relative. Where the covariances are singular, scipy's own two ways differ by more than rounding.
fn tolerance(case: &Case) -> f64 {
    if case.left.len() / case.dim > case.dim { 1e-10 } else { 1e-6 }
}

#[test]
fn distances_agree_with_scipy() {
    let golden: Golden = serde_json::from_str(include_str!("golden/frechet.json")).unwrap();
    assert_eq!(golden.cases.len(), 3);
    for case in golden.cases {
        let moments = |rows: &[f64]| {
            let mut moments = Moments::new(case.dim);
            moments.extend(rows).unwrap();
            moments
        };
        let ours = distance(&moments(&case.left), &moments(&case.right)).unwrap();
        for theirs in [case.distance, case.by_eigenvalues] {
            let error = (ours - theirs).abs() / theirs;
            assert!(error < tolerance(&case), "{}: {ours} and {theirs} differ by {error:e}", case.name);
        }
    }
}
