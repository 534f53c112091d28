//! Spearman's rank correlation.

use super::Undefined;
use super::correlation::pearson;
use super::random::Random;
use super::undefined::{at_least, finite};

/// A rank correlation with its test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankCorrelation {
    /// -1 to 1.
    pub rho: f64,
    pub n: usize,
    /// Two-sided, against any order being as likely as any other.
    pub p: f64,
    /// Standard error of p from drawing orders at random; `None` where all were counted.
    pub monte_carlo_error: Option<f64>,
}

/// All orders of up to this many are counted: 362,880.
const MOST_COUNTED: usize = 9;

/// Orders that are drawn where there are more.
const DRAWN: u32 = 9_999;

/// Spearman's rank correlation; equal values share the mean of their ranks.
///
/// Without equal values and with n <= 9, p is exact: the share of all n! orders with a correlation at least as strong.
/// Else it is the same share of 9,999 orders drawn by `seed`, the observed one counted in, and comes with the standard
/// error of that draw.
///
/// Sources: Spearman 1904; Pitman 1937 (the permutation test); Phipson & Smyth 2010 (why the observed order counts).
///
/// # Errors
/// Fewer than three points, one that is not finite, or a side of equal values.
pub fn spearman(x: &[f64], y: &[f64], seed: u64) -> Result<RankCorrelation, Undefined> {
    finite(x)?;
    finite(y)?;
    let n = x.len().min(y.len());
    at_least(3, n)?;
    let (x, y) = (ranks(&x[..n]), ranks(&y[..n]));
    let rho = pearson(&x, &y)?.rho;
    let center = (n + 1) as f64 / 2.0;
    let covariance = |y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - center) * (y - center)).sum::<f64>();
    // Sums of halves and quarters are exact, but for their order of magnitude.
    let observed = covariance(&y).abs() - 1e-9;
    let ties = has_ties(&x) || has_ties(&y);
    let (p, monte_carlo_error) = if !ties && n <= MOST_COUNTED {
        (exact(&y, |y| covariance(y).abs() >= observed), None)
    } else {
        let p = drawn(&y, seed, |y| covariance(y).abs() >= observed);
        (p, Some((p * (1.0 - p) / f64::from(DRAWN)).sqrt()))
    };
    Ok(RankCorrelation { rho, n, p, monte_carlo_error })
}

/// The rank of each value from 1; equal values share the mean of theirs.
#[must_use]
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&left, &right| values[left].total_cmp(&values[right]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    for equal in order.chunk_by(|&left, &right| values[left] == values[right]) {
        let rank = (2 * start + equal.len() + 1) as f64 / 2.0;
        equal.iter().for_each(|&position| ranks[position] = rank);
        start += equal.len();
    }
    ranks
}

fn has_ties(ranks: &[f64]) -> bool {
    let mut sorted = ranks.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.windows(2).any(|pair| pair[0] == pair[1])
}

/// The share of all orders that are `as_strong`, by Heap's method (Heap 1963): each order is one swap from the last.
fn exact(y: &[f64], as_strong: impl Fn(&[f64]) -> bool) -> f64 {
    let mut y = y.to_vec();
    let mut counters = vec![0_usize; y.len()];
    let (mut strong, mut all) = (u32::from(as_strong(&y)), 1_u32);
    let mut at = 1;
    while at < y.len() {
        if counters[at] < at {
            y.swap(if at.is_multiple_of(2) { 0 } else { counters[at] }, at);
            strong += u32::from(as_strong(&y));
            all += 1;
            counters[at] += 1;
            at = 1;
        } else {
            counters[at] = 0;
            at += 1;
        }
    }
    f64::from(strong) / f64::from(all)
}

fn drawn(y: &[f64], seed: u64, as_strong: impl Fn(&[f64]) -> bool) -> f64 {
    let mut y = y.to_vec();
    let mut random = Random::new(seed, 0);
    let strong = (0..DRAWN)
        .filter(|_| {
            random.shuffle(&mut y);
            as_strong(&y)
        })
        .count();
    (strong + 1) as f64 / f64::from(DRAWN + 1)
}
