//! The incomplete beta function, on which the distributions of t and F rest.

use libm::lgamma;

/// The regularised incomplete beta function `I_x(a, b)`, for `a`, `b` > 0 and `0 <= x <= 1`; `rest` is `1 - x`, given
/// apart since it may have more digits.
///
/// Source: Abramowitz & Stegun 26.5.8 and the symmetry 26.5.2.
#[must_use]
pub fn regularised(a: f64, b: f64, x: f64, rest: f64) -> f64 {
    if x <= 0.0 || rest <= 0.0 {
        return f64::from(u8::from(rest <= 0.0));
    }
    let front = (a * x.ln() + b * rest.ln() - ln_beta(a, b)).exp();
    // The continued fraction converges fast on the side of the mean where x lies.
    if x < (a + 1.0) / (a + b + 2.0) { front * fraction(a, b, x) / a } else { 1.0 - front * fraction(b, a, rest) / b }
}

/// `ln B(a, b)`.
fn ln_beta(a: f64, b: f64) -> f64 {
    lgamma(a) + lgamma(b) - lgamma(a + b)
}

/// The continued fraction of the incomplete beta function, by Lentz's method.
///
/// Source: Abramowitz & Stegun 26.5.8; Press et al., "Numerical recipes", section 6.4.
#[must_use]
pub fn fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away_from_zero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let (mut c, mut fraction) = (1.0, d);
    // It takes about sqrt(max(a, b)) steps: enough for more degrees of freedom than there are runs anywhere.
    for step in 1..100_000_u32 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let before = fraction;
        for term in [even, odd] {
            d = 1.0 / away_from_zero(1.0 + term * d);
            c = away_from_zero(1.0 + term / c);
            fraction *= c * d;
        }
        if (fraction - before).abs() <= f64::EPSILON * fraction.abs() {
            break;
        }
    }
    fraction
}
