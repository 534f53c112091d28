//! The kernel distance between two sets of features (Binkowski et al. 2018): the squared maximum mean discrepancy under the
//! kernel `(x . y / d + 1)^3`, by its estimator without bias, so that it may be a little below zero.
//!
//! Unlike the Fréchet distance it is not biased by n. It is KID only if the features are those of FID's Inception network.

use nalgebra::{DMatrix, DMatrixView};

use crate::Estimate;

/// Why there is no kernel distance.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum Error {
    #[error("{len} values do not make rows of {dim} features")]
    Ragged { len: usize, dim: usize },
    #[error("the estimator needs at least two samples on each side, there are {n}")]
    TooFew { n: usize },
    #[error("the features do not make finite kernels: is one NaN, or has the network diverged?")]
    NotFinite,
}

/// The squared discrepancy of two sets of samples, one after the other in `left` and `right`, of `dim` features each.
///
/// # Errors
/// If there are fewer than two samples, a broken row, or a feature that is not finite.
pub fn discrepancy(dim: usize, left: &[f64], right: &[f64]) -> Result<f64, Error> {
    let (left, right) = (samples(dim, left)?, samples(dim, right)?);
    let (own, other) = (within(left), within(right));
    let across = kernel(left, right).sum() / (left.ncols() * right.ncols()) as f64;
    let value = own + other - 2.0 * across;
    if value.is_finite() { Ok(value) } else { Err(Error::NotFinite) }
}

/// The mean of discrepancies of pairs of subsets, and their standard deviation as torch-fidelity gives it (divisor: their
/// number). Subsets overlap, so the mean has no standard error of independent values. None for no subset.
pub fn over_subsets(values: &[f64]) -> Option<(Estimate, f64)> {
    let mean = Estimate::of(values)?;
    let squares: f64 = values.iter().map(|value| (value - mean.value).powi(2)).sum();
    Some((Estimate { stderr: None, ..mean }, (squares / values.len() as f64).sqrt()))
}

/// A sample a column.
fn samples(dim: usize, rows: &[f64]) -> Result<DMatrixView<'_, f64>, Error> {
    if dim == 0 || !rows.len().is_multiple_of(dim) {
        return Err(Error::Ragged { len: rows.len(), dim });
    }
    match rows.len() / dim {
        n @ 0..2 => Err(Error::TooFew { n }),
        n => Ok(DMatrixView::from_slice(rows, dim, n)),
    }
}

/// The mean kernel of two different samples of one set.
fn within(samples: DMatrixView<'_, f64>) -> f64 {
    let kernel = kernel(samples, samples);
    let n = samples.ncols() as f64;
    (kernel.sum() - kernel.trace()) / (n * (n - 1.0))
}

fn kernel(left: DMatrixView<'_, f64>, right: DMatrixView<'_, f64>) -> DMatrix<f64> {
    let scale = 1.0 / left.nrows() as f64;
    (left.transpose() * right).map(|product| (product * scale + 1.0).powi(3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discrepancy_by_hand() {
        // One feature: kernels of 0 and 1 are 1, of 1 and 1 are 8, of 2 and 1 are 27.
        assert_eq!(discrepancy(1, &[0.0, 1.0], &[1.0, 2.0]), Ok(1.0 + 27.0 - 2.0 * (1.0 + 1.0 + 8.0 + 27.0) / 4.0));
    }

    #[test]
    fn what_has_no_discrepancy_is_refused() {
        assert_eq!(discrepancy(2, &[0.0; 3], &[0.0; 4]), Err(Error::Ragged { len: 3, dim: 2 }));
        assert_eq!(discrepancy(2, &[0.0; 4], &[0.0; 2]), Err(Error::TooFew { n: 1 }));
        assert_eq!(discrepancy(1, &[0.0, f64::NAN], &[0.0, 1.0]), Err(Error::NotFinite));
        assert_eq!(over_subsets(&[]), None);
    }

    #[test]
    fn subsets_are_averaged_and_their_spread_is_told() {
        let (mean, spread) = over_subsets(&[1.0, 3.0]).unwrap();
        assert_eq!((mean.value, mean.n, spread), (2.0, 2, 1.0));
    }
}
