//! Pearson's correlation, and the same within the levels of a factor.

use super::describe::mean;
use super::student::two_sided_p;
use super::undefined::{at_least, finite};
use super::{Interval, Undefined};

/// A correlation with what is needed to judge it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Correlation {
    /// -1 to 1.
    pub rho: f64,
    /// Number of points.
    pub n: usize,
    /// Degrees of freedom of the test.
    pub df: usize,
    /// Two-sided, against no correlation. It assumes independent points with normal residuals: over the chosen cells of
    /// a designed grid it is a description, not a test.
    pub p: f64,
    /// At the level [`super::LEVEL`], by Fisher's z; `None` with too few points for its standard error.
    pub interval: Option<Interval>,
}

/// 97.5% point of the normal distribution: the interval's level is [`super::LEVEL`].
const Z_975: f64 = 1.959_963_984_540_054;

/// Spread below this fraction of the mean is rounding, not data (the bound of `scipy.stats.pearsonr`).
const CONSTANT: f64 = 1e-13;

/// Pearson's product-moment correlation.
///
/// Sources: Pearson 1895; p by `t = rho sqrt(df / (1 - rho^2))` with n - 2 degrees of freedom; the interval by Fisher
/// 1921, `tanh(atanh(rho) ± z / sqrt(n - 3))`.
///
/// # Errors
/// Fewer than three points, one that is not finite, or a side without spread.
pub fn pearson(x: &[f64], y: &[f64]) -> Result<Correlation, Undefined> {
    let moments = Moments::of(x, y, 3)?;
    moments.correlation(0)
}

/// Correlation of x and y within the levels of a factor: of what is left after each level's own means are taken away.
///
/// `level[i]` names the level of point i. Equal to the partial correlation given the factor's indicator variables, so
/// that k levels cost k - 1 degrees of freedom. Where the factor moves both sides (more VQA data improves accuracy and
/// FID alike), the plain correlation mixes its effect in, and this one does not.
///
/// Source: Kendall & Stuart, "The advanced theory of statistics" vol. 2, ch. 27 (partial correlation; Fisher's z with
/// the number of controlled variables taken off n).
///
/// # Errors
/// As [`pearson`], and when the levels leave no degree of freedom.
pub fn within(x: &[f64], y: &[f64], level: &[u32]) -> Result<Correlation, Undefined> {
    finite(x)?;
    finite(y)?;
    let mut levels: Vec<u32> = level.to_vec();
    levels.sort_unstable();
    levels.dedup();
    at_least(levels.len() + 2, x.len())?;
    let of = |level: &u32| levels.binary_search(level).unwrap_or_default();
    let groups: Vec<usize> = level.iter().map(of).collect();
    let (x, y) = (residuals(x, &groups, levels.len()), residuals(y, &groups, levels.len()));
    let scale = (x.scale, y.scale);
    Moments { scale, ..Moments::of(&x.values, &y.values, 3)? }.correlation(levels.len() - 1)
}

struct Residuals {
    values: Vec<f64>,
    /// Size of the values before their means were taken away, to tell spread from rounding.
    scale: f64,
}

fn residuals(values: &[f64], groups: &[usize], count: usize) -> Residuals {
    let mut sums = vec![(0.0, 0.0); count];
    for (&group, value) in groups.iter().zip(values) {
        sums[group].0 += value;
        sums[group].1 += 1.0;
    }
    let values = groups.iter().zip(values).map(|(&group, value)| value - sums[group].0 / sums[group].1).collect();
    let scale = sums.iter().map(|(sum, n)| (sum / n).abs()).fold(0.0, f64::max);
    Residuals { values, scale }
}

/// Means and sums of products of deviations.
pub(super) struct Moments {
    n: usize,
    pub(super) mean_x: f64,
    pub(super) mean_y: f64,
    pub(super) sxx: f64,
    pub(super) sxy: f64,
    syy: f64,
    scale: (f64, f64),
}

impl Moments {
    pub(super) fn of(x: &[f64], y: &[f64], needed: usize) -> Result<Self, Undefined> {
        let n = x.len().min(y.len());
        at_least(needed, n)?;
        finite(x)?;
        finite(y)?;
        let (mean_x, mean_y) = (mean(x), mean(y));
        let (mut sxx, mut sxy, mut syy) = (0.0, 0.0, 0.0);
        for (x, y) in x.iter().zip(y) {
            let (dx, dy) = (x - mean_x, y - mean_y);
            sxx += dx * dx;
            sxy += dx * dy;
            syy += dy * dy;
        }
        finite(&[sxx, sxy, syy])?;
        Ok(Self { n, mean_x, mean_y, sxx, sxy, syy, scale: (mean_x.abs(), mean_y.abs()) })
    }

    pub(super) fn x_is_constant(&self) -> bool {
        self.sxx.sqrt() <= CONSTANT * self.scale.0
    }

    fn y_is_constant(&self) -> bool {
        self.syy.sqrt() <= CONSTANT * self.scale.1
    }

    /// `controlled`: number of variables whose effect was taken away before.
    fn correlation(&self, controlled: usize) -> Result<Correlation, Undefined> {
        if self.x_is_constant() || self.y_is_constant() {
            return Err(Undefined::Constant);
        }
        at_least(controlled + 3, self.n)?;
        let rho = (self.sxy / self.sxx.sqrt() / self.syy.sqrt()).clamp(-1.0, 1.0);
        let df = self.n - 2 - controlled;
        let t = rho * (df as f64 / ((1.0 - rho) * (1.0 + rho))).sqrt();
        Ok(Correlation { rho, n: self.n, df, p: two_sided_p(t, df as f64), interval: fisher(rho, df) })
    }
}

/// Fisher's interval; its standard error needs one degree of freedom more than the test.
fn fisher(rho: f64, df: usize) -> Option<Interval> {
    let free = df.checked_sub(1).filter(|&free| free > 0)?;
    let half = Z_975 / (free as f64).sqrt();
    let z = rho.atanh();
    Some(Interval { low: (z - half).tanh(), high: (z + half).tanh() })
}
