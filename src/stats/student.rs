//! Student's t distribution.

use statrs::distribution::{Continuous, ContinuousCDF, StudentsT};
use statrs::function::beta::beta_reg;

/// Probability of |T| >= |t| with `df` degrees of freedom: the p of a two-sided test.
///
/// Source: Abramowitz & Stegun 26.7.1, as the regularised incomplete beta function `I_x(df/2, 1/2)` at
/// `x = df / (df + t^2)`. Unlike `2 (1 - cdf(t))` it keeps its digits far out in the tail.
#[must_use]
pub fn two_sided_p(t: f64, df: f64) -> f64 {
    if t.is_infinite() {
        return 0.0;
    }
    beta_reg(df / 2.0, 0.5, df / (df + t * t))
}

/// The t below which the probability `p` (0 to 1, both excluded) lies; `None` for degrees of freedom that are not positive.
///
/// Two Newton steps on the distribution polish the library's inverse, which is good to five digits for 100,000 degrees
/// of freedom.
#[must_use]
pub fn quantile(p: f64, df: f64) -> Option<f64> {
    let student = StudentsT::new(0.0, 1.0, df).ok()?;
    let polish = |t: f64| t - (below(t, df) - p) / student.pdf(t);
    (p > 0.0 && p < 1.0).then(|| polish(polish(student.inverse_cdf(p))))
}

/// Probability of T <= t.
fn below(t: f64, df: f64) -> f64 {
    let tail = two_sided_p(t, df) / 2.0;
    if t > 0.0 { 1.0 - tail } else { tail }
}
