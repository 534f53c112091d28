//! Weighted sums of cell means over replicates: differences, effects, steps, shares.

use super::Undefined;
use super::describe::summarize;
use super::estimate::{Estimate, Spread};
use super::undefined::{at_least, finite};

/// One cell of a contrast.
#[derive(Debug, Clone, Copy)]
pub struct Term<'a> {
    pub weight: f64,
    /// (seed, value) of each replicate, each seed once.
    pub replicates: &'a [(i64, f64)],
}

/// `sum of weight * mean` over the cells, with Student's t.
///
/// Where all cells have the same seeds, two or more, the contrast is taken within each seed and its replicates are these
/// paired values: what a seed shares among cells cancels, whether much or nothing (Student 1908, the paired t). Where
/// they have different seeds the cells count as independent, with variance `sum of weight^2 sd^2 / n` and the degrees of
/// freedom of Welch 1947 and Satterthwaite 1946. A cell with a single replicate leaves no spread.
///
/// # Errors
/// No cell, a cell without a value, or one that is not finite.
pub fn contrast(terms: &[Term<'_>]) -> Result<Estimate, Undefined> {
    at_least(1, terms.len())?;
    let mut value = 0.0;
    for term in terms {
        let values: Vec<f64> = term.replicates.iter().map(|(_, value)| *value).collect();
        value += term.weight * summarize(&values)?.mean;
    }
    finite(&[value])?;
    let spread = match paired(terms) {
        Some(values) => student(&values)?,
        None => welch(terms)?,
    };
    Ok(Estimate { value, spread })
}

/// The contrast within each seed, where all cells have the same ones.
fn paired(terms: &[Term<'_>]) -> Option<Vec<f64>> {
    let first = terms.first()?.replicates;
    let of = |term: &Term<'_>, seed: i64| term.replicates.iter().find(|(own, _)| *own == seed).map(|(_, value)| *value);
    if first.len() < 2 || terms.iter().any(|term| term.replicates.len() != first.len()) {
        return None;
    }
    let within = |seed: i64| terms.iter().map(|term| Some(term.weight * of(term, seed)?)).sum::<Option<f64>>();
    first.iter().map(|(seed, _)| within(*seed)).collect()
}

fn student(values: &[f64]) -> Result<Spread, Undefined> {
    let summary = summarize(values)?;
    let stderr = summary.stderr().ok_or(Undefined::TooFew { n: summary.n, needed: 2 })?;
    Ok(Spread::Student { stderr, df: (summary.n - 1) as f64 })
}

fn welch(terms: &[Term<'_>]) -> Result<Spread, Undefined> {
    let (mut variance, mut weights) = (0.0, 0.0);
    for term in terms.iter().filter(|term| term.weight != 0.0) {
        let values: Vec<f64> = term.replicates.iter().map(|(_, value)| *value).collect();
        let Some(stderr) = summarize(&values)?.stderr() else { return Ok(Spread::Unknown) };
        let part = (term.weight * stderr).powi(2);
        variance += part;
        weights += part * part / (values.len() - 1) as f64;
    }
    finite(&[variance])?;
    let fewest = terms.iter().map(|term| term.replicates.len() - 1).min().unwrap_or(1);
    let df = if weights > 0.0 { variance * variance / weights } else { fewest as f64 };
    Ok(Spread::Student { stderr: variance.sqrt(), df: df.max(1.0) })
}
