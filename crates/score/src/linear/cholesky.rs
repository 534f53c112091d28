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
    fn a_singular_matrix_has_none() {
        assert_eq!(factor(DMatrix::from_element(3, 3, 1.0)), None);
        assert_eq!(factor(DMatrix::zeros(2, 2)), None);
    }
}
