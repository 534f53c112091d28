//! Correlations of cell means under other seeds: resampling replicates within cells.

use rayon::prelude::*;

use super::Undefined;
use super::estimate::{Estimate, Spread};
use super::random::Random;
use super::spearman::ranks;
use super::undefined::finite;

/// Replicates of some quantities, by cell.
#[derive(Debug, Clone, Default)]
pub struct Replicates {
    /// By quantity: the values of all replicates, cell after cell.
    pub columns: Vec<Vec<f64>>,
    /// By cell: number of replicates.
    pub sizes: Vec<usize>,
    /// By cell: correlations are taken within cells of equal level; all zero for plain ones.
    pub levels: Vec<u32>,
    /// Whether the ranks of the means are correlated, and not the means themselves.
    pub ranked: bool,
}

/// Resamples behind an interval: at 95% the ends vary by a few percent of the width.
pub const RESAMPLES: usize = 9_999;

/// Correlations between the cell means of the quantities in each of `pairs`, with the uncertainty that seeds leave.
///
/// The cells are as they were chosen; only their replicates are drawn anew. Of n replicates n - 1 are drawn with
/// replacement, so that the resampled means vary as means of n do (McCarthy & Snowden 1985, "The bootstrap and finite
/// population sampling"; with n draws they would vary too little by (n - 1) / n, a third at three seeds). Means that
/// vary correlate less than the truth, and resampled ones less again: the interval is the basic one on Fisher's z scale,
/// which takes that shift away (Davison & Hinkley 1997, "Bootstrap methods and their application", sections 5.2.1 and
/// 5.2.2).
///
/// # Errors
/// Per pair: fewer than three cells (one more for each further level), a value that is not finite, means without spread.
/// A cell with a single replicate leaves the spread unknown.
pub fn correlations(
    data: &Replicates,
    pairs: &[(usize, usize)],
    resamples: usize,
    seed: u64,
) -> Vec<Result<Estimate, Undefined>> {
    let layout = Layout::of(data);
    let found: Vec<Result<f64, Undefined>> = pairs.iter().map(|&pair| layout.observed(data, pair)).collect();
    if data.sizes.iter().any(|size| *size < 2) {
        let unknown = |rho: Result<f64, Undefined>| rho.map(|value| Estimate { value, spread: Spread::Unknown });
        return found.into_iter().map(unknown).collect();
    }
    let drawn: Vec<Vec<f64>> = (0..resamples as u64)
        .into_par_iter()
        .map_init(
            || (layout.blank(data), Vec::new()),
            |(means, drawn), resample| {
                layout.draw(data, &mut Random::new(seed, resample), drawn);
                layout.means(data, drawn, means);
                Layout::correlate(means, pairs)
            },
        )
        .collect();
    let estimate = |(pair, rho): (usize, Result<f64, Undefined>)| {
        let value = rho?;
        let z = fisher_z(value);
        let mut draws: Vec<f64> = drawn.iter().map(|of| (2.0 * z - fisher_z(of[pair])).tanh()).collect();
        finite(&draws)?;
        draws.sort_unstable_by(f64::total_cmp);
        Ok(Estimate { value, spread: Spread::Draws(draws) })
    };
    found.into_par_iter().enumerate().map(estimate).collect()
}

/// Fisher's z; a perfect correlation is as far out as numbers near one can tell.
fn fisher_z(rho: f64) -> f64 {
    rho.clamp(-1.0 + f64::EPSILON, 1.0 - f64::EPSILON).atanh()
}

/// Where the replicates of each cell lie, and which cells share a level.
struct Layout {
    /// By cell: position of its first replicate.
    starts: Vec<usize>,
    /// By cell: which of the distinct levels it has.
    level: Vec<usize>,
    levels: usize,
}

impl Layout {
    fn of(data: &Replicates) -> Self {
        let mut next = 0;
        let starts = data.sizes.iter().map(|size| {
            next += size;
            next - size
        });
        let starts = starts.collect();
        let mut known = data.levels.clone();
        known.sort_unstable();
        known.dedup();
        let level = data.levels.iter().map(|level| known.binary_search(level).unwrap_or_default()).collect();
        Self { starts, level, levels: known.len() }
    }

    /// Room for the means: a column a quantity, a row a cell.
    fn blank(&self, data: &Replicates) -> Vec<Vec<f64>> {
        vec![vec![0.0; self.starts.len()]; data.columns.len()]
    }

    /// n - 1 of each cell's n replicates, by position, cell after cell.
    fn draw(&self, data: &Replicates, random: &mut Random, drawn: &mut Vec<usize>) {
        drawn.clear();
        for (start, &size) in self.starts.iter().zip(&data.sizes) {
            drawn.extend((1..size).map(|_| start + random.below(size)));
        }
    }

    /// The mean of the drawn replicates of each cell, less the mean of its level.
    fn means(&self, data: &Replicates, drawn: &[usize], means: &mut [Vec<f64>]) {
        for (values, means) in data.columns.iter().zip(means) {
            let mut rest = drawn;
            for (mean, &size) in means.iter_mut().zip(&data.sizes) {
                let (own, others) = rest.split_at(size - 1);
                rest = others;
                *mean = own.iter().map(|&position| values[position]).sum::<f64>() / own.len() as f64;
            }
            if data.ranked {
                let ranked = ranks(means);
                means.copy_from_slice(&ranked);
            }
            self.center(means);
        }
    }

    fn center(&self, means: &mut [f64]) {
        let mut sums = vec![(0.0, 0.0); self.levels];
        for (mean, &level) in means.iter().zip(&self.level) {
            sums[level].0 += mean;
            sums[level].1 += 1.0;
        }
        for (mean, &level) in means.iter_mut().zip(&self.level) {
            *mean -= sums[level].0 / sums[level].1;
        }
    }

    /// What [`super::pearson`] or [`super::within`] say of the means, with their reasons where there is nothing to say.
    fn observed(&self, data: &Replicates, (x, y): (usize, usize)) -> Result<f64, Undefined> {
        let raw = |column: usize| -> Vec<f64> {
            let cells = self.starts.iter().zip(&data.sizes);
            cells.map(|(&start, &n)| data.columns[column][start..start + n].iter().sum::<f64>() / n as f64).collect()
        };
        let (x, y) = (raw(x), raw(y));
        let (x, y) = if data.ranked { (ranks(&x), ranks(&y)) } else { (x, y) };
        super::within(&x, &y, &data.levels).map(|found| found.rho)
    }

    /// Of centred means.
    fn correlate(means: &[Vec<f64>], pairs: &[(usize, usize)]) -> Vec<f64> {
        let norms: Vec<f64> = means.iter().map(|column| dot(column, column).sqrt()).collect();
        let rho = |&(x, y): &(usize, usize)| (dot(&means[x], &means[y]) / (norms[x] * norms[y])).clamp(-1.0, 1.0);
        pairs.iter().map(rho).collect()
    }
}

/// In eight sums side by side, which the compiler keeps in vector registers.
fn dot(x: &[f64], y: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (xs, ys) = (x.chunks_exact(8), y.chunks_exact(8));
    let rest: f64 = xs.remainder().iter().zip(ys.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in xs.zip(ys) {
        for (sum, (x, y)) in sums.iter_mut().zip(x.iter().zip(y)) {
            *sum += x * y;
        }
    }
    sums.iter().sum::<f64>() + rest
}
