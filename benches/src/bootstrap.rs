//! Intervals for a matrix of correlations by resampling seeds within cells, with the statistics of `sweep` themselves:
//! no command shows them apart from collecting and drawing.

use sweep::stats::{self, Random, Replicates};

use crate::Result;

/// Seeds a cell.
const SEEDS: usize = 4;

/// Resample `runs` runs of `metrics` metrics and check that every pair has an interval.
pub fn run(runs: usize, metrics: usize, resamples: usize) -> Result<()> {
    let data = replicates(runs / SEEDS, metrics);
    let pairs: Vec<(usize, usize)> = (0..metrics).flat_map(|x| (0..x).map(move |y| (x, y))).collect();
    for found in stats::correlations(&data, &pairs, resamples, 1) {
        let found = found?;
        let interval = found.interval(stats::LEVEL).ok_or("no interval")?;
        if !(interval.low < found.center() && found.center() < interval.high) {
            return Err(format!("{} is not within {interval:?}", found.center()).into());
        }
    }
    Ok(())
}

/// Metrics that share a part of each cell's value, with noise of their own in each seed.
fn replicates(cells: usize, metrics: usize) -> Replicates {
    let mut random = Random::new(1, 0);
    let mut noise = || random.below(1 << 20) as f64 / f64::from(1 << 20);
    let mut columns = vec![Vec::new(); metrics];
    for _ in 0..cells {
        let shared = noise();
        for column in &mut columns {
            let own = shared + noise();
            column.extend((0..SEEDS).map(|_| own + noise()));
        }
    }
    Replicates { columns, sizes: vec![SEEDS; cells], levels: vec![0; cells], ranked: false }
}
