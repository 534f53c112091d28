//! `A = L L^T` for positive definite `A`, column blocks from left to right.

use nalgebra::DMatrix;

/// Columns that are factored together.
const BLOCK: usize = 64;

/// A pivot below this share of the largest diagonal is rounding: the matrix is singular in 64 bits.
const SINGULAR: f64 = 1e-13;

/// The lower factor, with zeros above its diagonal; none if `a` is not positive definite beyond rounding.
pub fn factor(mut a: DMatrix<f64>) -> Option<DMatrix<f64>> {
    let n = a.nrows();
    let smallest = a.diagonal().amax() * SINGULAR;
    for start in (0..n).step_by(BLOCK) {
        let width = BLOCK.min(n - start);
        let (done, mut rest) = a.columns_range_pair_mut(0..start, start..n);
        let left = done.rows(start, n - start);
        let top = left.rows(0, width).transpose();
        let mut block = rest.view_mut((start, 0), (n - start, width));
        block.gemm(-1.0, &left, &top, 1.0);
        for column in 0..width {
            let (before, mut from) = block.columns_range_pair_mut(0..column, column..width);
            let mut pivot_column = from.column_mut(0);
            for earlier in before.column_iter() {
                pivot_column.rows_mut(column, n - start - column).axpy(
                    -earlier[column],
                    &earlier.rows(column, n - start - column),
                    1.0,
                );
            }
            let pivot = pivot_column[column];
            if pivot.is_nan() || pivot <= smallest {
                return None;
            }
            pivot_column.rows_mut(column, n - start - column).unscale_mut(pivot.sqrt());
        }
    }
    a.fill_upper_triangle(0.0, 1);
    Some(a)
}

/// Columns `L` with `A = L L^T` for a covariance `a` of any rank, as many as its rank: those that explain most come first, and
/// what is left of the diagonal is rounding (Higham 1990).
pub fn factor_of_rank(a: &DMatrix<f64>) -> DMatrix<f64> {
    let n = a.nrows();
    let mut left = a.diagonal();
    let smallest = left.amax() * SINGULAR;
    let mut columns = DMatrix::zeros(n, n);
    for rank in 0..n {
        let pivot = left.imax();
        if left[pivot].is_nan() || left[pivot] <= smallest {
            return columns.columns(0, rank).into_owned();
        }
        let mut column = a.column(pivot).into_owned();
        let row = columns.view((pivot, 0), (1, rank)).transpose();
        column.gemv(-1.0, &columns.columns(0, rank), &row.column(0), 1.0);
        column.unscale_mut(left[pivot].sqrt());
        left.zip_apply(&column, |left, entry| *left -= entry * entry);
        left[pivot] = 0.0;
        columns.set_column(rank, &column);
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_multiplies_back() {
        // More than two blocks; diagonally dominant, so positive definite.
        let n = 150;
        let entry = |i: usize, j: usize| if i == j { 200.0 } else { ((i * 7 + j * 7 + i * j) % 11) as f64 / 11.0 };
        let a = DMatrix::from_fn(n, n, entry);
        let l = factor(a.clone()).unwrap();
        assert!((&l * l.transpose() - a).amax() < 1e-10);
    }

    #[test]
    fn a_factor_has_as_many_columns_as_the_rank() {
        let few = DMatrix::from_fn(40, 7, |i, j| ((i * 13 + j * 29 + i * j) % 17) as f64 - 8.0);
        let a = &few * few.transpose();
        let columns = factor_of_rank(&a);
        assert_eq!(columns.ncols(), 7);
        assert!((&columns * columns.transpose() - &a).amax() < 1e-10 * a.amax());
        assert_eq!(factor_of_rank(&DMatrix::zeros(3, 3)).ncols(), 0);
    }

    #[test]
    fn a_singular_matrix_has_none() {
        assert_eq!(factor(DMatrix::from_element(3, 3, 1.0)), None);
        assert_eq!(factor(DMatrix::zeros(2, 2)), None);
    }
}
