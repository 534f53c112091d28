//! Least squares on several columns.

use serde::Serialize;

use super::Undefined;
use super::student::two_sided_p;
use super::undefined::{at_least, finite};

/// A regression.
#[derive(Debug, Clone, PartialEq)]
pub struct Regression {
    /// By column; `None` for a column that those before it already give.
    pub coefficients: Vec<Option<Coefficient>>,
    /// Sum of squared residuals.
    pub residual: f64,
    /// Degrees of freedom of the residuals.
    pub df: usize,
}

/// A coefficient with its test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Coefficient {
    pub value: f64,
    /// `None` without a degree of freedom left.
    pub stderr: Option<f64>,
    /// Two-sided, against zero.
    pub p: Option<f64>,
}

/// A column whose part that is new lies below this fraction of it is one that is given by those before.
const NEW: f64 = 1e-9;

/// The least-squares fit of `y` by `columns`; a constant is a column like others.
///
/// Source: orthogonalisation by Gram and Schmidt, twice over (Giraud, Langou & Rozložník 2005: as exact as reflections);
/// standard errors `s sqrt(((X'X)^-1)_jj)`.
///
/// # Errors
/// Fewer values than columns that count, or one that is not finite.
pub fn regress(columns: &[Vec<f64>], y: &[f64]) -> Result<Regression, Undefined> {
    finite(y)?;
    columns.iter().try_for_each(|column| finite(column))?;
    let mut basis: Vec<Vec<f64>> = Vec::new();
    // Upper triangular, by kept column: its parts along the basis.
    let mut triangle: Vec<Vec<f64>> = Vec::new();
    let mut kept = Vec::new();
    for (position, column) in columns.iter().enumerate() {
        let (rest, mut along) = remove(column, &basis);
        let norm = dot(&rest, &rest).sqrt();
        if norm > NEW * dot(column, column).sqrt() {
            basis.push(rest.iter().map(|value| value / norm).collect());
            along.push(norm);
            triangle.push(along);
            kept.push(position);
        }
    }
    at_least(basis.len(), y.len())?;
    let (rest, along) = remove(y, &basis);
    let (residual, df) = (dot(&rest, &rest), y.len() - basis.len());
    let variance = (df > 0).then(|| residual / df as f64);
    let values = solve(&triangle, &along);
    let mut coefficients = vec![None; columns.len()];
    for (row, (&position, &value)) in kept.iter().zip(&values).enumerate() {
        let stderr = variance.map(|variance| (variance * inverse_square(&triangle, row)).sqrt());
        let p = stderr.map(|stderr| two_sided_p(value / stderr, df as f64));
        coefficients[position] = Some(Coefficient { value, stderr, p });
    }
    Ok(Regression { coefficients, residual, df })
}

/// What of `column` no vector of the basis gives, and how much each of them gives.
fn remove(column: &[f64], basis: &[Vec<f64>]) -> (Vec<f64>, Vec<f64>) {
    let (mut rest, mut along) = (column.to_vec(), vec![0.0; basis.len()]);
    for _ in 0..2 {
        for (part, direction) in along.iter_mut().zip(basis) {
            let share = dot(&rest, direction);
            *part += share;
            rest.iter_mut().zip(direction).for_each(|(rest, direction)| *rest -= share * direction);
        }
    }
    (rest, along)
}

/// `R x = right`, where column j of the upper triangular R is `triangle[j]`.
fn solve(triangle: &[Vec<f64>], right: &[f64]) -> Vec<f64> {
    let mut x = right.to_vec();
    for row in (0..triangle.len()).rev() {
        let later: f64 = (row + 1..triangle.len()).map(|column| triangle[column][row] * x[column]).sum();
        x[row] = (x[row] - later) / triangle[row][row];
    }
    x
}

/// The diagonal entry of `(R'R)^-1`: the squared length of row `row` of `R^-1`.
fn inverse_square(triangle: &[Vec<f64>], row: usize) -> f64 {
    let unit = |at: usize| (0..triangle.len()).map(|entry| f64::from(u8::from(entry == at))).collect::<Vec<f64>>();
    (row..triangle.len()).map(|column| solve(triangle, &unit(column))[row].powi(2)).sum()
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}
