//! Student's t distribution, with one degree of freedom or more.

use std::f64::consts::PI;

use super::beta;

/// Probability of |T| >= |t| with `df` degrees of freedom: the p of a two-sided test.
///
/// Source: Abramowitz & Stegun 26.7.1, as the regularised incomplete beta function `I_x(df/2, 1/2)` at
/// `x = df / (df + t^2)`. Unlike `2 (1 - cdf(t))` it keeps its digits far out in the tail.
#[must_use]
pub fn two_sided_p(t: f64, df: f64) -> f64 {
    if t.is_infinite() {
        return 0.0;
    }
    let (a, odds) = (df / 2.0, t * t / df);
    let (x, rest) = (1.0 / (1.0 + odds), odds / (1.0 + odds));
    // x^a (1 - x)^(1/2) / B(a, 1/2), with the digits of large a kept.
    let front = (-a * odds.ln_1p()).exp() * rest.sqrt() * gamma_ratio(a) / PI.sqrt();
    // The continued fraction converges fast on the side of the mean where x lies.
    if x < (a + 1.0) / (a + 2.5) {
        front * beta::fraction(a, 0.5, x) / a
    } else {
        1.0 - front * beta::fraction(0.5, a, rest) / 0.5
    }
}

/// The t below which the probability `p` lies; `None` unless 0 < p < 1 and `df` >= 1.
///
/// By halving: [`two_sided_p`] falls from 1 to 0, so that the answer cannot be missed.
#[must_use]
pub fn quantile(p: f64, df: f64) -> Option<f64> {
    if !(p > 0.0 && p < 1.0 && df >= 1.0) {
        return None;
    }
    let tails = 2.0 * p.min(1.0 - p);
    let mut high = 1.0;
    while two_sided_p(high, df) > tails {
        high *= 2.0;
    }
    let mut low = 0.0;
    loop {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            return Some(if p < 0.5 { -middle } else { middle });
        }
        if two_sided_p(middle, df) > tails { low = middle } else { high = middle }
    }
}

/// `Γ(x + 1/2) / Γ(x)` for x > 0, relative error about 1e-15.
///
/// Source: Tricomi & Erdélyi 1951, the series in 1/x, after the recurrence has made x large enough for it.
fn gamma_ratio(x: f64) -> f64 {
    let (mut x, mut factor) = (x, 1.0);
    while x < 30.0 {
        factor *= x / (x + 0.5);
        x += 1.0;
    }
    let series = [-1.0 / 8.0, 1.0 / 128.0, 5.0 / 1024.0, -21.0 / 32768.0, -399.0 / 262_144.0, 869.0 / 4_194_304.0];
    let sum = series.iter().rev().fold(0.0, |sum, term| (sum + term) / x);
    factor * x.sqrt() * (1.0 + sum)
}
