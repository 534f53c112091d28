//! The Fréchet distance between two sets of feature vectors, each taken as a normal distribution (Heusel et al. 2017):
//! `|m1 - m2|^2 + tr C1 + tr C2 - 2 tr (C1 C2)^(1/2)`.
//!
//! Means and covariances (divisor n - 1) agree with numpy's `cov`. The last trace is computed as the sum of the square
//! roots of the eigenvalues of the symmetric `L^T C2 L` with `C1 = L L^T`, which are those of `C1 C2`: no matrix square
//! root of an unsymmetric product, so no complex rounding to throw away, and no eigenvectors. Where both covariances are
//! singular, `L` has as many columns as `C1` has rank. The distance is biased upwards for small n (and rank-deficient for n at or
//! below the dimension): report n beside it and compare equal n only.
//!
//! It is a FID only if the features are those of FID's Inception network.

use nalgebra::{DMatrix, DMatrixView, DVector};

use crate::linear;

/// Why there is no Fréchet distance.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum Error {
    #[error("cannot compare features of {left} dimensions with features of {right}: they come from different networks")]
    Dimension { left: usize, right: usize },
    #[error("{len} values do not make rows of {dim} features")]
    Ragged { len: usize, dim: usize },
    #[error("feature {column} of row {row} is {value}")]
    NotFinite { row: u64, column: usize, value: f64 },
    #[error("a covariance needs at least two samples, there are {n}")]
    TooFew { n: u64 },
    #[error("the features are too large for a covariance in 64 bits: has the network diverged?")]
    Overflow,
    #[error("{n} samples of {dim} features make a singular covariance: more samples than features are needed")]
    Singular { n: u64, dim: usize },
    #[error("distances of {left} and {right} samples are not comparable: the distance is biased by their number")]
    UnequalN { left: u64, right: u64 },
    #[error("a mean of {mean} features and a covariance of {covariance} numbers do not belong together")]
    Shape { mean: usize, covariance: usize },
    #[error("the stored statistics are not those of features: {problem}")]
    Statistics { problem: &'static str },
}

/// A normal distribution: what a set of features is to the distance, and what a file of statistics holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Normal {
    mean: DVector<f64>,
    covariance: DMatrix<f64>,
}

impl Normal {
    /// The distribution with this mean and this covariance, row by row.
    ///
    /// # Errors
    /// If the sizes differ, a number is not finite, or the covariance is not symmetric beyond rounding.
    pub fn new(mean: Vec<f64>, covariance: Vec<f64>) -> Result<Self, Error> {
        let dim = mean.len();
        if dim == 0 || covariance.len() != dim * dim {
            return Err(Error::Shape { mean: dim, covariance: covariance.len() });
        }
        let covariance = DMatrix::from_vec(dim, dim, covariance);
        let largest = covariance.amax();
        let problem = if mean.iter().chain(covariance.iter()).any(|number| !number.is_finite()) {
            "a number is not finite"
        } else if (&covariance - covariance.transpose()).amax() > 1e-6 * largest {
            "the covariance is not symmetric"
        } else if covariance.diagonal().iter().any(|&variance| variance < 0.0) {
            "a variance is negative"
        } else {
            return Ok(Self { mean: DVector::from_vec(mean), covariance });
        };
        Err(Error::Statistics { problem })
    }

    /// The mean of each feature.
    pub fn mean(&self) -> &[f64] {
        self.mean.as_slice()
    }

    /// The covariance, row by row.
    pub fn covariance(&self) -> &[f64] {
        self.covariance.as_slice()
    }
}

/// Mean and covariance of a stream of feature vectors, in f64 and without keeping the vectors.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    n: u64,
    mean: DVector<f64>,
    /// Sum over samples of the outer product of the deviation from the mean.
    scatter: DMatrix<f64>,
}

/// Above this the product of two covariances leaves the range of f64, and an eigenvalue search over infinities never ends.
const LARGEST: f64 = 1e140;

/// Rows that are centred and multiplied at once: enough for a matrix product, little enough to stay in cache.
const BLOCK: usize = 256;

impl Moments {
    /// No samples yet of `dim` features.
    pub fn new(dim: usize) -> Self {
        Self { n: 0, mean: DVector::zeros(dim), scatter: DMatrix::zeros(dim, dim) }
    }

    /// How many samples were added.
    pub fn n(&self) -> u64 {
        self.n
    }

    /// How many features a sample has.
    pub fn dim(&self) -> usize {
        self.mean.len()
    }

    /// Adds samples, one after the other in `rows`.
    ///
    /// # Errors
    /// If `rows` is not a multiple of the dimension, or a feature is NaN or infinite; nothing is added then.
    pub fn extend<T: Copy + Into<f64>>(&mut self, rows: &[T]) -> Result<(), Error> {
        let dim = self.dim();
        if dim == 0 || !rows.len().is_multiple_of(dim) {
            return Err(Error::Ragged { len: rows.len(), dim });
        }
        let values: Vec<f64> = rows.iter().map(|&value| value.into()).collect();
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            let row = self.n + (index / dim) as u64;
            return Err(Error::NotFinite { row, column: index % dim, value: values[index] });
        }
        values.chunks(BLOCK * dim).try_for_each(|block| self.merge(&Self::of_block(dim, block)))
    }

    /// The moments of a few samples by two passes.
    fn of_block(dim: usize, rows: &[f64]) -> Self {
        // Column-major with a sample a column: the layout of `rows` as it is.
        let samples = DMatrixView::from_slice(rows, dim, rows.len() / dim);
        let mean = samples.column_mean();
        let mut centred = samples.into_owned();
        centred.column_iter_mut().for_each(|mut sample| sample -= &mean);
        Self { n: centred.ncols() as u64, mean, scatter: &centred * centred.transpose() }
    }

    /// Adds the samples of `other` (Chan, Golub and LeVeque 1979).
    ///
    /// # Errors
    /// If the dimensions differ.
    pub fn merge(&mut self, other: &Self) -> Result<(), Error> {
        check_dimensions(self.dim(), other.dim())?;
        let n = self.n + other.n;
        if other.n == 0 {
            return Ok(());
        }
        let (ours, theirs) = (self.n as f64, other.n as f64);
        let shift = &other.mean - &self.mean;
        self.scatter += &other.scatter;
        self.scatter.ger(ours * theirs / n as f64, &shift, &shift, 1.0);
        self.mean.axpy(theirs / n as f64, &shift, 1.0);
        self.n = n;
        Ok(())
    }

    /// The moments of the samples that were added after those of `earlier`.
    ///
    /// # Errors
    /// If the dimensions differ, or there are no more samples than in `earlier`.
    pub fn without(&self, earlier: &Self) -> Result<Self, Error> {
        check_dimensions(self.dim(), earlier.dim())?;
        let n = self.n.checked_sub(earlier.n).filter(|&n| n > 0).ok_or(Error::TooFew { n: 0 })?;
        let (all, before, rest) = (self.n as f64, earlier.n as f64, n as f64);
        let mean = (&self.mean * all - &earlier.mean * before) / rest;
        let shift = &mean - &earlier.mean;
        let mut scatter = &self.scatter - &earlier.scatter;
        scatter.ger(-before * rest / all, &shift, &shift, 1.0);
        Ok(Self { n, mean, scatter })
    }

    /// The mean of each feature.
    pub fn mean(&self) -> &[f64] {
        self.mean.as_slice()
    }

    /// Mean and covariance with divisor n - 1.
    ///
    /// # Errors
    /// For fewer than two samples.
    pub fn normal(&self) -> Result<Normal, Error> {
        if self.n < 2 {
            return Err(Error::TooFew { n: self.n });
        }
        Ok(Normal { mean: self.mean.clone(), covariance: &self.scatter / (self.n - 1) as f64 })
    }
}

/// The Fréchet distance, never negative.
///
/// # Errors
/// If the dimensions differ, one side has fewer than two samples, or the features overflow.
pub fn distance(left: &Moments, right: &Moments) -> Result<f64, Error> {
    check_dimensions(left.dim(), right.dim())?;
    between(&left.normal()?, &right.normal()?)
}

/// The Fréchet distance of two normal distributions, never negative.
///
/// # Errors
/// If the dimensions differ or the product of the covariances overflows.
pub fn between(left: &Normal, right: &Normal) -> Result<f64, Error> {
    check_dimensions(left.mean.len(), right.mean.len())?;
    let shift = (&left.mean - &right.mean).norm_squared();
    let traces = left.covariance.trace() + right.covariance.trace();
    if (shift + traces).is_nan() || shift + traces > LARGEST {
        return Err(Error::Overflow);
    }
    // The distance of equal distributions is zero, and rounding may carry it a little below.
    Ok((shift + traces - 2.0 * trace_of_root(&left.covariance, &right.covariance)?).max(0.0))
}

/// As [`distance`], for numbers that are to be reported: both sides of the same n, and n above the dimension.
///
/// # Errors
/// Also if n is unequal, or not above the dimension.
pub fn comparable_distance(left: &Moments, right: &Moments) -> Result<f64, Error> {
    check_dimensions(left.dim(), right.dim())?;
    if left.n != right.n {
        return Err(Error::UnequalN { left: left.n, right: right.n });
    }
    if left.n <= left.dim() as u64 {
        return Err(Error::Singular { n: left.n, dim: left.dim() });
    }
    distance(left, right)
}

/// The distance in the limit of many samples, from distances at several n (Chong and Forsyth 2020): the intercept of the
/// line through them over 1 / n. None for fewer than two different n.
pub fn extrapolated(points: &[(u64, f64)]) -> Option<f64> {
    let k = points.len() as f64;
    let over = |n: u64| 1.0 / n as f64;
    let mean_x = points.iter().map(|&(n, _)| over(n)).sum::<f64>() / k;
    let mean_y = points.iter().map(|&(_, distance)| distance).sum::<f64>() / k;
    let spread: f64 = points.iter().map(|&(n, _)| (over(n) - mean_x).powi(2)).sum();
    let shared: f64 = points.iter().map(|&(n, distance)| (over(n) - mean_x) * (distance - mean_y)).sum();
    (spread > 0.0).then(|| mean_y - shared / spread * mean_x)
}

/// `tr (a b)^(1/2)` of two covariances.
fn trace_of_root(a: &DMatrix<f64>, b: &DMatrix<f64>) -> Result<f64, Error> {
    let product = match linear::factor(a.clone()) {
        Some(factor) => congruence(&factor, b),
        None => match linear::factor(b.clone()) {
            Some(factor) => congruence(&factor, a),
            None => {
                let columns = linear::factor_of_rank(a);
                columns.tr_mul(&(b * &columns))
            }
        },
    };
    let eigenvalues = linear::symmetric_eigenvalues(product).ok_or(Error::Overflow)?;
    // Eigenvalues of a covariance are not negative; those of a singular one may come out so.
    Ok(eigenvalues.iter().map(|value| value.max(0.0).sqrt()).sum())
}

/// The lower triangle of `L^T B L` for lower triangular `L` and symmetric `B`, passing over the zeros by blocks.
fn congruence(l: &DMatrix<f64>, b: &DMatrix<f64>) -> DMatrix<f64> {
    let n = l.nrows();
    let (mut half, mut whole) = (DMatrix::zeros(n, n), DMatrix::zeros(n, n));
    for at in (0..n).step_by(BLOCK) {
        let width = BLOCK.min(n - at);
        let upper = l.view((at, at), (n - at, width)).transpose();
        half.rows_mut(at, width).gemm(1.0, &upper, &b.rows(at, n - at), 0.0);
    }
    for at in (0..n).step_by(BLOCK) {
        let (height, width) = (n - at, BLOCK.min(n - at));
        let block = l.view((at, at), (height, width));
        whole.view_mut((at, at), (height, width)).gemm(1.0, &half.view((at, at), (height, height)), &block, 0.0);
    }
    whole
}

fn check_dimensions(left: usize, right: usize) -> Result<(), Error> {
    if left == right { Ok(()) } else { Err(Error::Dimension { left, right }) }
}

#[cfg(test)]
mod tests {
    use nalgebra::SymmetricEigen;
    use proptest::prelude::*;

    use super::*;

    fn moments(dim: usize, rows: &[f64]) -> Moments {
        let mut moments = Moments::new(dim);
        moments.extend(rows).unwrap();
        moments
    }

    #[test]
    fn covariance_by_hand() {
        let of = moments(2, &[1.0, 0.0, 3.0, 4.0]);
        assert_eq!(of.mean(), [2.0, 2.0]);
        assert_eq!(of.normal().unwrap().covariance, DMatrix::from_row_slice(2, 2, &[2.0, 4.0, 4.0, 8.0]));
    }

    #[test]
    fn distance_of_diagonal_covariances_by_hand() {
        // Variances (2, 8) and (8, 2), means (0, 0) and (3, 4): 25 + 20 - 2 (4 + 4) = 29.
        let cross = |a: f64, b: f64, x: f64, y: f64| {
            let (a, b) = (a * 1.5f64.sqrt(), b * 1.5f64.sqrt());
            moments(2, &[x + a, y, x - a, y, x, y + b, x, y - b])
        };
        let root = 2f64.sqrt();
        let (left, right) = (cross(root, 2.0 * root, 0.0, 0.0), cross(2.0 * root, root, 3.0, 4.0));
        assert!((distance(&left, &right).unwrap() - 29.0).abs() < 1e-12);
    }

    #[test]
    fn distance_of_singular_covariances_by_hand() {
        // All variance on one axis each, no overlap: 2 + 18 and nothing to take off.
        let (left, right) = (moments(2, &[1.0, 0.0, -1.0, 0.0]), moments(2, &[0.0, 3.0, 0.0, -3.0]));
        assert!((distance(&left, &right).unwrap() - 20.0).abs() < 1e-7);
    }

    #[test]
    fn what_has_no_distance_is_refused() {
        let two = moments(2, &[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(distance(&two, &moments(2, &[1.0, 2.0])), Err(Error::TooFew { n: 1 }));
        assert_eq!(distance(&two, &Moments::new(3)), Err(Error::Dimension { left: 2, right: 3 }));
        for large in [1e80, 1e200] {
            let huge = moments(2, &[large, 0.0, -large, 0.0]);
            assert_eq!(distance(&huge, &huge), Err(Error::Overflow));
        }
    }

    /// The symmetric square root of a covariance.
    fn root(covariance: DMatrix<f64>) -> DMatrix<f64> {
        let SymmetricEigen { eigenvectors, eigenvalues } = covariance.symmetric_eigen();
        let mut scaled = eigenvectors.clone();
        for (mut vector, value) in scaled.column_iter_mut().zip(eigenvalues.iter()) {
            vector *= value.max(0.0).sqrt();
        }
        scaled * eigenvectors.transpose()
    }

    #[test]
    fn every_way_to_the_trace_agrees() {
        let dim = 100;
        let rows = |seed: usize| (0..2 * dim * dim).map(move |i| ((i * seed + i / dim) % 1009) as f64 / 1009.0);
        let covariance = |seed| moments(dim, &rows(seed).collect::<Vec<_>>()).normal().unwrap().covariance;
        let (a, b) = (covariance(7919), covariance(104_729));
        let root = self::root(a.clone());
        let eigenvalues = (&root * &b * &root).symmetric_eigenvalues();
        let expected: f64 = eigenvalues.iter().map(|value| value.max(0.0).sqrt()).sum();
        for (left, right) in [(&a, &b), (&b, &a)] {
            let trace = trace_of_root(left, right).unwrap();
            assert!((trace - expected).abs() < 1e-6 * expected, "{trace} {expected}");
        }
        // Fewer samples than features, so that neither side has a whole factor.
        let few = |seed| moments(dim, &rows(seed).take(30 * dim).collect::<Vec<_>>()).normal().unwrap().covariance;
        let (a, b) = (few(7919), few(104_729));
        assert!(linear::factor(a.clone()).is_none() && linear::factor(b.clone()).is_none());
        let root = self::root(a.clone());
        let expected: f64 =
            (&root * &b * &root).symmetric_eigenvalues().iter().map(|value| value.max(0.0).sqrt()).sum();
        let trace = trace_of_root(&a, &b).unwrap();
        assert!((trace - expected).abs() < 1e-6 * expected, "{trace} {expected}");
    }

    #[test]
    fn blocks_of_a_congruence_make_the_whole() {
        let n = BLOCK + 20;
        let l = DMatrix::from_fn(n, n, |i, j| if i < j { 0.0 } else { ((i * 7 + j * 13) % 17) as f64 });
        let b = DMatrix::from_fn(n, n, |i, j| ((i + j + i * j) % 19) as f64);
        let expected = (l.transpose() * &b * &l).lower_triangle();
        let error = (congruence(&l, &b).lower_triangle() - &expected).amax();
        assert!(error <= 1e-12 * expected.amax(), "{error}");
    }

    #[test]
    fn what_is_not_comparable_is_refused() {
        let two = moments(2, &[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(comparable_distance(&two, &two), Err(Error::Singular { n: 2, dim: 2 }));
        let three = moments(2, &[1.0, 2.0, 3.0, 4.0, 5.0, 7.0]);
        assert_eq!(comparable_distance(&two, &three), Err(Error::UnequalN { left: 2, right: 3 }));
        assert!(comparable_distance(&three, &three).unwrap() < 1e-6);
    }

    #[test]
    fn a_bias_of_one_over_n_is_extrapolated_away() {
        let biased = |n: u64| (n, 7.0 + 900.0 / n as f64);
        assert!((extrapolated(&[5_000, 10_000, 30_000].map(biased)).unwrap() - 7.0).abs() < 1e-12);
        assert_eq!(extrapolated(&[biased(10), biased(10)]), None);
        assert_eq!(extrapolated(&[]), None);
    }

    #[test]
    fn broken_rows_are_refused_and_add_nothing() {
        let mut of = moments(2, &[1.0, 2.0, 3.0, 4.0]);
        let before = of.clone();
        assert_eq!(of.extend(&[1.0, 2.0, 3.0]), Err(Error::Ragged { len: 3, dim: 2 }));
        let broken = of.extend(&[0.0, 0.0, 0.0, f64::NAN]);
        assert!(matches!(broken, Err(Error::NotFinite { row: 3, column: 1, .. })), "{broken:?}");
        assert_eq!(of, before);
    }

    fn close(a: f64, b: f64, scale: f64) -> bool {
        (a - b).abs() <= 1e-6 * (1.0 + scale)
    }

    prop_compose! {
        fn features(dim: usize)(rows in 2..12usize)(values in prop::collection::vec(-10.0..10.0f64, rows * dim))
            -> Vec<f64> { values }
    }

    proptest! {
        #[test]
        fn distance_is_symmetric_and_not_negative(a in features(5), b in features(5)) {
            let (a, b) = (moments(5, &a), moments(5, &b));
            let (there, back) = (distance(&a, &b).unwrap(), distance(&b, &a).unwrap());
            prop_assert!(there >= 0.0 && close(there, back, there), "{there} {back}");
        }

        #[test]
        fn distance_to_itself_is_zero(a in features(5)) {
            let a = moments(5, &a);
            let distance = distance(&a, &a).unwrap();
            prop_assert!(close(distance, 0.0, a.normal().unwrap().covariance.trace()), "{distance}");
        }

        #[test]
        fn a_shift_adds_its_squared_norm(a in features(4), shift in prop::collection::vec(-50.0..50.0f64, 4)) {
            let shifted: Vec<f64> = a.chunks(4).flat_map(|row| row.iter().zip(&shift).map(|(x, s)| x + s)).collect();
            let distance = distance(&moments(4, &a), &moments(4, &shifted)).unwrap();
            let norm: f64 = shift.iter().map(|s| s * s).sum();
            prop_assert!(close(distance, norm, norm + 100.0), "{distance} {norm}");
        }

        #[test]
        fn merged_parts_equal_the_whole(a in features(3), b in features(3)) {
            let whole = moments(3, &[a.clone(), b.clone()].concat());
            let mut merged = moments(3, &a);
            merged.merge(&moments(3, &b)).unwrap();
            prop_assert_eq!(merged.n(), whole.n());
            prop_assert!((&merged.mean - &whole.mean).amax() < 1e-12);
            prop_assert!((&merged.scatter - &whole.scatter).amax() < 1e-9);
            let rest = merged.without(&moments(3, &a)).unwrap();
            prop_assert!((&rest.scatter - &moments(3, &b).scatter).amax() < 1e-8 && rest.n() + merged.n() > merged.n());
        }
    }

    #[test]
    fn blocks_do_not_show() {
        let rows: Vec<f64> = (0..3 * 1000).map(|i| f64::from(i * 7919 % 1000) / 100.0).collect();
        let at_once = moments(3, &rows);
        let mut one_by_one = Moments::new(3);
        rows.chunks(3).for_each(|row| one_by_one.extend(row).unwrap());
        assert!((&at_once.scatter - &one_by_one.scatter).amax() < 1e-8 && at_once.n() == 1000);
    }
}
