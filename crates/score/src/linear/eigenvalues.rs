//! Eigenvalues of a symmetric matrix: Householder's reduction to three diagonals by blocks (Dongarra, Sorensen and
//! Hammarling 1989), then implicit QL (Dubrulle, Martin and Wilkinson 1968).

use nalgebra::{DMatrix, DVector};

/// Columns that are reduced before the rest of the matrix is updated by one product.
const BLOCK: usize = 32;

/// QL needs fewer than two rounds an eigenvalue; a NaN would need more than any number.
const ROUNDS: usize = 60;

/// All eigenvalues, in no order, from the lower triangle of `a`. None if they do not converge, as with NaN.
pub fn symmetric_eigenvalues(mut a: DMatrix<f64>) -> Option<Vec<f64>> {
    let n = a.nrows();
    let mut below = vec![0.0; n];
    let mut start = 0;
    while start < n {
        let width = BLOCK.min(n - start);
        reduce(&mut a, start, width, &mut below);
        start += width;
    }
    let mut diagonal = a.diagonal().as_slice().to_vec();
    ql(&mut diagonal, &mut below).then_some(diagonal)
}

/// Brings `width` columns from `start` to three diagonals and updates the columns behind them. `below` gets the entries
/// below the diagonal.
fn reduce(a: &mut DMatrix<f64>, start: usize, width: usize, below: &mut [f64]) {
    let n = a.nrows();
    let size = n - start;
    // The reflections so far, and what they do: the rest of the matrix is A - V W^T - W V^T.
    let (mut v, mut w) = (DMatrix::zeros(size, width), DMatrix::zeros(size, width));
    for i in 0..width {
        let column = start + i;
        let mut current = a.view_mut((column, column), (size - i, 1));
        let (v_row, w_row) = (v.view((i, 0), (1, i)).transpose(), w.view((i, 0), (1, i)).transpose());
        current.gemm(-1.0, &v.view((i, 0), (size - i, i)), &w_row, 1.0);
        current.gemm(-1.0, &w.view((i, 0), (size - i, i)), &v_row, 1.0);
        if column + 1 >= n {
            return;
        }
        let mut reflection: DVector<f64> = a.view((column + 1, column), (n - column - 1, 1)).column(0).into_owned();
        let (tau, entry) = householder(&mut reflection);
        below[column] = entry;
        let x = reflection.column(0);
        let mut image = product(a, column + 1, &reflection);
        let (v_done, w_done) = (v.view((i + 1, 0), (size - i - 1, i)), w.view((i + 1, 0), (size - i - 1, i)));
        let (from_w, from_v) = (w_done.tr_mul(&x), v_done.tr_mul(&x));
        image.gemv(-1.0, &v_done, &from_w, 1.0);
        image.gemv(-1.0, &w_done, &from_v, 1.0);
        image *= tau;
        image.axpy(-tau / 2.0 * image.dot(&reflection), &reflection, 1.0);
        v.view_mut((i + 1, i), (size - i - 1, 1)).copy_from(&reflection);
        w.view_mut((i + 1, i), (size - i - 1, 1)).copy_from(&image);
    }
    update(a, start + width, &v.rows(width, size - width).into_owned(), &w.rows(width, size - width).into_owned());
}

/// `A - V W^T - W V^T` for the lower triangle from `from` on, in blocks of columns.
fn update(a: &mut DMatrix<f64>, from: usize, v: &DMatrix<f64>, w: &DMatrix<f64>) {
    const COLUMNS: usize = 128;
    let size = a.nrows() - from;
    for at in (0..size).step_by(COLUMNS) {
        let (height, width) = (size - at, COLUMNS.min(size - at));
        let mut block = a.view_mut((from + at, from + at), (height, width));
        block.gemm(-1.0, &v.rows(at, height), &w.rows(at, width).transpose(), 1.0);
        block.gemm(-1.0, &w.rows(at, height), &v.rows(at, width).transpose(), 1.0);
    }
}

/// Makes `x` the vector `v`, with 1 first, of the reflection `1 - tau v v^T` that maps it to `(entry, 0, ...)`; gives
/// `(tau, entry)`.
fn householder(x: &mut DVector<f64>) -> (f64, f64) {
    let first = x[0];
    let rest = x.rows(1, x.len() - 1).norm();
    if rest == 0.0 {
        x[0] = 1.0;
        return (0.0, first);
    }
    let entry = -first.hypot(rest).copysign(first);
    x.rows_mut(1, x.len() - 1).unscale_mut(first - entry);
    x[0] = 1.0;
    ((entry - first) / entry, entry)
}

/// The product of the symmetric matrix that begins at `from` with `x`, reading its lower triangle once.
fn product(a: &DMatrix<f64>, from: usize, x: &DVector<f64>) -> DVector<f64> {
    let n = a.nrows();
    let mut y = DVector::zeros(x.len());
    for (j, column) in a.as_slice().chunks_exact(n).skip(from).enumerate() {
        let dot = column_step(&column[from + j..], &x.as_slice()[j..], &mut y.as_mut_slice()[j..]);
        y[j] += dot;
    }
    y
}

/// Adds `x[0] * column` to `y`, and gives the product of `column` with `x` but for their first entries.
fn column_step(column: &[f64], x: &[f64], y: &mut [f64]) -> f64 {
    const LANES: usize = 8;
    let factor = x[0];
    y[0] += factor * column[0];
    let (column, x, y) = (&column[1..], &x[1..], &mut y[1..]);
    let mut sums = [0.0; LANES];
    let chunks = column.chunks_exact(LANES).zip(x.chunks_exact(LANES)).zip(y.chunks_exact_mut(LANES));
    for ((column, x), y) in chunks {
        for lane in 0..LANES {
            y[lane] += factor * column[lane];
            sums[lane] += column[lane] * x[lane];
        }
    }
    let mut dot: f64 = sums.iter().sum();
    for at in column.len() / LANES * LANES..column.len() {
        y[at] += factor * column[at];
        dot += column[at] * x[at];
    }
    dot
}

/// Eigenvalues of three diagonals, left in `d`; `e[i]` couples `i` and `i + 1`. False if they do not converge.
fn ql(d: &mut [f64], e: &mut [f64]) -> bool {
    // The reduction has left an error of this size in every entry, so that a smaller one couples nothing.
    let largest = d.iter().chain(e.iter()).fold(0.0_f64, |largest, entry| largest.max(entry.abs()));
    let negligible = f64::EPSILON * largest;
    for l in 0..d.len() {
        let mut rounds = 0;
        loop {
            let small = |m: &usize| e[*m].abs() <= negligible;
            let m = (l..d.len() - 1).find(small).unwrap_or(d.len() - 1);
            if m == l {
                break;
            }
            rounds += 1;
            if rounds > ROUNDS {
                return false;
            }
            sweep(d, e, l, m);
        }
    }
    d.iter().all(|value| value.is_finite())
}

/// One implicit QL step on `l..=m`, with Wilkinson's shift.
fn sweep(d: &mut [f64], e: &mut [f64], l: usize, m: usize) {
    let half = (d[l + 1] - d[l]) / (2.0 * e[l]);
    let mut g = d[m] - d[l] + e[l] / (half + half.hypot(1.0).copysign(half));
    let (mut sine, mut cosine, mut shift) = (1.0, 1.0, 0.0);
    for i in (l..m).rev() {
        let (f, b) = (sine * e[i], cosine * e[i]);
        let r = f.hypot(g);
        e[i + 1] = r;
        if r == 0.0 {
            d[i + 1] -= shift;
            e[m] = 0.0;
            return;
        }
        (sine, cosine) = (f / r, g / r);
        g = d[i + 1] - shift;
        let r = (d[i] - g) * sine + 2.0 * cosine * b;
        shift = sine * r;
        d[i + 1] = g + shift;
        g = cosine * r - b;
    }
    d[l] -= shift;
    e[l] = g;
    e[m] = 0.0;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eigenvalues_agree_with_nalgebras() {
        for n in [1, 2, 3, 31, 32, 33, 150] {
            let half = DMatrix::from_fn(n, n, |i, j| ((i * 31 + j * 17 + i * j * 7) % 23) as f64 / 23.0 - 0.5);
            let a = &half + half.transpose();
            let mut ours = symmetric_eigenvalues(a.clone()).unwrap();
            let mut theirs = a.symmetric_eigenvalues().as_slice().to_vec();
            ours.sort_by(f64::total_cmp);
            theirs.sort_by(f64::total_cmp);
            let error = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(error < 1e-11, "{n}: {error}");
        }
    }

    #[test]
    fn a_diagonal_matrix_and_zeros_are_their_own_eigenvalues() {
        let diagonal = DMatrix::from_diagonal(&DVector::from_vec(vec![3.0, -1.0, 0.0, 2.0]));
        assert_eq!(symmetric_eigenvalues(diagonal).unwrap(), [3.0, -1.0, 0.0, 2.0]);
        assert_eq!(symmetric_eigenvalues(DMatrix::zeros(0, 0)).unwrap(), [0.0; 0]);
    }

    #[test]
    fn nan_does_not_loop() {
        assert_eq!(symmetric_eigenvalues(DMatrix::from_element(40, 40, f64::NAN)), None);
    }
}
