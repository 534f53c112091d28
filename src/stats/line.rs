//! The straight line through a cloud of points.

use super::Undefined;
use super::correlation::Moments;

/// `y = intercept + slope * x`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    pub slope: f64,
    pub intercept: f64,
}

/// The line with the least sum of squared vertical distances.
///
/// Source: Legendre 1805; `slope = Sxy / Sxx` over deviations from the means.
///
/// # Errors
/// Fewer than two points, one that is not finite, or all x equal.
pub fn least_squares(x: &[f64], y: &[f64]) -> Result<Line, Undefined> {
    let moments = Moments::of(x, y, 2)?;
    if moments.x_is_constant() {
        return Err(Undefined::Constant);
    }
    let slope = moments.sxy / moments.sxx;
    Ok(Line { slope, intercept: moments.mean_y - slope * moments.mean_x })
}
