//! Analysis of variance by two factors with their interaction, and the same on logarithms of amounts.

use serde::Serialize;

use super::Undefined;
use super::beta::regularised;
use super::regression::{Coefficient, regress};
use super::undefined::at_least;

/// How much of the variation of a score goes with two factors.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TwoWay {
    pub first: Source,
    pub second: Source,
    /// `None` with one value a cell: the interaction cannot be told from the residual.
    pub interaction: Option<Source>,
    pub residual: Source,
}

/// One row of the analysis.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Source {
    /// Sum of squares.
    pub sum: f64,
    pub df: usize,
    /// Share of the total sum of squares, eta squared.
    pub share: f64,
    /// Against the residual; `None` for the residual itself, and where it has no degree of freedom.
    pub f: Option<f64>,
    pub p: Option<f64>,
}

/// Analysis of variance by the levels of two factors.
///
/// Sums of squares are of type II: what a factor adds to the other one (Yates 1934; in a balanced grid all types agree).
/// p assumes independent residuals of equal spread.
///
/// # Errors
/// No degree of freedom left, values that are not finite or all equal.
pub fn two_way(first: &[u32], second: &[u32], y: &[f64]) -> Result<TwoWay, Undefined> {
    let constant = vec![vec![1.0; y.len()]];
    let (a, b) = (indicators(first), indicators(second));
    let both: Vec<Vec<f64>> = a.iter().flat_map(|a| b.iter().map(move |b| product(a, b))).collect();
    let fit = |parts: &[&[Vec<f64>]]| regress(&parts.concat(), y);
    let total = fit(&[&constant])?.residual;
    if total <= 0.0 {
        return Err(Undefined::Constant);
    }
    let (only_a, only_b, added) = (fit(&[&constant, &a])?, fit(&[&constant, &b])?, fit(&[&constant, &a, &b])?);
    let full = fit(&[&constant, &a, &b, &both])?;
    let has_interaction = full.df > 0 && full.df < added.df;
    let rest = if has_interaction { &full } else { &added };
    at_least(1, rest.df)?;
    let source = |sum: f64, df: usize| {
        let f = sum / df as f64 / (rest.residual / rest.df as f64);
        let share = sum / total;
        Source { sum, df, share, f: Some(f), p: Some(f_tail(f, df as f64, rest.df as f64)) }
    };
    Ok(TwoWay {
        first: source(only_b.residual - added.residual, only_b.df - added.df),
        second: source(only_a.residual - added.residual, only_a.df - added.df),
        interaction: has_interaction.then(|| source(added.residual - full.residual, added.df - full.df)),
        residual: Source { sum: rest.residual, df: rest.df, share: rest.residual / total, f: None, p: None },
    })
}

/// Slopes on the binary logarithms of two amounts and on their product: per doubling of the first and of the second, each
/// at the geometric mean of the other, and how much the one changes with each doubling of the other.
///
/// # Errors
/// Values that are not finite, or amounts that the others give.
pub fn on_logarithms(first: &[f64], second: &[f64], y: &[f64]) -> Result<[Coefficient; 3], Undefined> {
    let log = |amounts: &[f64]| {
        let logs: Vec<f64> = amounts.iter().map(|amount| amount.log2()).collect();
        let middle = super::describe::mean(&logs);
        logs.into_iter().map(|log| log - middle).collect::<Vec<f64>>()
    };
    let (a, b) = (log(first), log(second));
    let both = product(&a, &b);
    let found = regress(&[vec![1.0; y.len()], a, b, both], y)?;
    match found.coefficients[..] {
        [_, Some(first), Some(second), Some(both)] => Ok([first, second, both]),
        _ => Err(Undefined::Constant),
    }
}

/// A column for each distinct level but the first.
fn indicators(levels: &[u32]) -> Vec<Vec<f64>> {
    let mut distinct = levels.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let column = |known: &u32| levels.iter().map(|level| f64::from(u8::from(level == known))).collect();
    distinct.iter().skip(1).map(column).collect()
}

fn product(x: &[f64], y: &[f64]) -> Vec<f64> {
    x.iter().zip(y).map(|(x, y)| x * y).collect()
}

/// P(F >= f) of Fisher's F distribution.
///
/// Source: Abramowitz & Stegun 26.6.2.
#[must_use]
pub fn f_tail(f: f64, above: f64, below: f64) -> f64 {
    let (x, rest) = (below / (below + above * f), above * f / (below + above * f));
    regularised(below / 2.0, above / 2.0, x, rest)
}
