//! An estimate with what is known of its uncertainty: intervals at any level, and how far a boundary is from it.

use super::Interval;
use super::student::{quantile, two_sided_p};

/// A value and the distribution around it.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    pub value: f64,
    pub spread: Spread,
}

/// How an estimate would vary with other seeds.
#[derive(Debug, Clone, PartialEq)]
pub enum Spread {
    /// Nothing to tell it from: one run a cell.
    Unknown,
    /// By Student's t.
    Student { stderr: f64, df: f64 },
    /// By resampling: values that the truth may have, ascending.
    Draws(Vec<f64>),
}

impl Estimate {
    /// The interval that covers the truth with probability `level`; `None` without any spread.
    #[must_use]
    pub fn interval(&self, level: f64) -> Option<Interval> {
        match &self.spread {
            Spread::Unknown => None,
            Spread::Student { stderr, df } => {
                let half = quantile(f64::midpoint(1.0, level), *df)? * stderr;
                Some(Interval { low: self.value - half, high: self.value + half })
            }
            Spread::Draws(draws) => {
                let tail = (1.0 - level) / 2.0;
                Some(Interval { low: sorted_quantile(draws, tail)?, high: sorted_quantile(draws, 1.0 - tail)? })
            }
        }
    }

    /// The two-sided p of the truth being at `boundary`: the largest `1 - level` of an interval that leaves it out.
    ///
    /// For draws with one added on both sides of the fraction, so that none of 9,999 is 0.0002 and not 0 (Davison &
    /// Hinkley 1997, "Bootstrap methods and their application", section 4.2).
    #[must_use]
    pub fn p(&self, boundary: f64) -> Option<f64> {
        match &self.spread {
            Spread::Unknown => None,
            // All replicates agree to the bit: no doubt is left but at the boundary itself.
            Spread::Student { stderr, .. } if *stderr <= 0.0 => Some(f64::from(u8::from(self.value == boundary))),
            Spread::Student { stderr, df } => Some(two_sided_p((self.value - boundary) / stderr, *df)),
            Spread::Draws(draws) => {
                let below = draws.partition_point(|draw| *draw < boundary);
                let above = draws.len() - draws.partition_point(|draw| *draw <= boundary);
                let ties = draws.len() - below - above;
                let tail = (below.min(above) + ties + 1) as f64 / (draws.len() + 1) as f64;
                Some((2.0 * tail).min(1.0))
            }
        }
    }

    /// The middle of what the truth may be: the value itself, or the median of the draws, which lies off the value where
    /// noise shifts it.
    #[must_use]
    pub fn center(&self) -> f64 {
        match &self.spread {
            Spread::Unknown | Spread::Student { .. } => self.value,
            Spread::Draws(draws) => sorted_quantile(draws, 0.5).unwrap_or(self.value),
        }
    }

    /// Standard error; `None` without any spread.
    #[must_use]
    pub fn stderr(&self) -> Option<f64> {
        match &self.spread {
            Spread::Unknown => None,
            Spread::Student { stderr, .. } => Some(*stderr),
            Spread::Draws(draws) => super::summarize(draws).ok()?.std_dev,
        }
    }
}

/// The quantile of ascending values, linear between them.
///
/// Source: Hyndman & Fan 1996, "Sample quantiles in statistical packages", definition 7 (numpy's default).
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a position within the values")]
pub fn sorted_quantile(values: &[f64], p: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let place = (p.clamp(0.0, 1.0)) * last as f64;
    let below = (place.floor() as usize).min(last);
    let (low, high) = (values.get(below)?, values.get((below + 1).min(last))?);
    Some(low + (place - below as f64) * (high - low))
}
