//! How many seeds would decide.

use std::f64::consts::SQRT_2;

use libm::lgamma as ln_gamma;

use super::beta::regularised;
use super::student::quantile;

/// Farther than this in standard errors, a mean is told from the boundary whatever the level.
const FARTHEST: f64 = 1000.0;

/// Chance that `n` replicates tell a mean from a boundary at the two-sided `alpha`, when it truly lies `effect`
/// standard deviations from it; `None` for fewer than two.
///
/// Source: the noncentral t distribution (Cohen 1988, "Statistical power analysis for the behavioral sciences", ch. 2).
#[must_use]
pub fn power(effect: f64, n: usize, alpha: f64) -> Option<f64> {
    let df = n.checked_sub(1).filter(|&df| df > 0)? as f64;
    let critical = quantile(1.0 - alpha / 2.0, df)?;
    let shift = (effect.abs() * (n as f64).sqrt()).min(FARTHEST);
    Some(1.0 - noncentral_t(critical, df, shift) + noncentral_t(-critical, df, shift))
}

/// The number of seeds with which the chance of a decision reaches `wanted`; `None` where more than 10,000 would be
/// needed.
#[must_use]
pub fn seeds_needed(effect: f64, alpha: f64, wanted: f64) -> Option<usize> {
    const MOST: usize = 10_000;
    let enough = |n: usize| power(effect, n, alpha).is_some_and(|power| power >= wanted);
    // Doubling first: a large effect is decided by few, and the sum below is long where effect and number are large.
    let mut high = 2;
    while effect.is_finite() && high < MOST && !enough(high) {
        high *= 2;
    }
    let mut low = high / 2;
    if !effect.is_finite() || high > MOST {
        return None;
    }
    while high - low > 1 {
        let middle = usize::midpoint(low, high);
        if enough(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

/// P(T <= t) for the noncentral t distribution.
///
/// Source: Lenth 1989, "Algorithm AS 243": a sum over Poisson weights of incomplete beta functions, here from the weights
/// around the largest.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "positions of weights are small and positive"
)]
fn noncentral_t(t: f64, df: f64, shift: f64) -> f64 {
    if t < 0.0 {
        return 1.0 - noncentral_t(-t, df, -shift);
    }
    let (x, rest) = (t * t / (t * t + df), df / (t * t + df));
    let half = shift * shift / 2.0;
    let width = 10.0 * half.sqrt() + 40.0;
    let mut sum = 0.0;
    for j in (half - width).max(0.0) as u64..=(half + width) as u64 {
        let j = j as f64;
        let weight = |extra: f64| if half > 0.0 { (j * half.ln() - half - ln_gamma(j + extra)).exp() } else { 0.0 };
        let p = if half > 0.0 { weight(1.0) } else { f64::from(u8::from(j == 0.0)) };
        let q = shift / SQRT_2 * weight(1.5);
        sum += p * regularised(j + 0.5, df / 2.0, x, rest) + q * regularised(j + 1.0, df / 2.0, x, rest);
    }
    (normal_below(-shift) + sum / 2.0).clamp(0.0, 1.0)
}

/// P(Z <= z) of the standard normal distribution.
fn normal_below(z: f64) -> f64 {
    libm::erfc(-z / SQRT_2) / 2.0
}
