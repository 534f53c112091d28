//! Intervals of correlations from resampling seeds within cells.

use super::Correlated;
use crate::report::frame::{Frame, Replicate};
use crate::stats::{self, Interval, Replicates};

/// Of resampling: a report is the same every time.
const SEED: u64 = 1;

/// The interval of each pair over other seeds, at the level [`stats::LEVEL`]; `None` where a cell has a single run.
pub(super) fn intervals(frame: &Frame, pairs: &[Correlated]) -> Vec<Option<Interval>> {
    if !frame.has_replicates() {
        return vec![None; pairs.len()];
    }
    let cells: Vec<Vec<Replicate>> = (0..frame.cells.len()).map(|cell| frame.replicates(cell)).collect();
    let mut measures: Vec<usize> = pairs.iter().flat_map(|pair| [pair.x, pair.y]).collect();
    measures.sort_unstable();
    measures.dedup();
    let all = replicates(&cells, &measures);
    // One resampling serves all pairs, if none of them has cells of its own.
    if pairs.iter().all(|pair| replicates(&cells, &[pair.x, pair.y]).sizes == all.sizes) {
        let place = |measure: usize| measures.binary_search(&measure).unwrap_or_default();
        let places: Vec<(usize, usize)> = pairs.iter().map(|pair| (place(pair.x), place(pair.y))).collect();
        return resampled(&all, &places);
    }
    let own = |pair: &Correlated| resampled(&replicates(&cells, &[pair.x, pair.y]), &[(0, 1)]).pop().flatten();
    pairs.iter().map(own).collect()
}

fn resampled(data: &Replicates, pairs: &[(usize, usize)]) -> Vec<Option<Interval>> {
    let found = stats::correlations(data, pairs, stats::RESAMPLES, SEED);
    found.into_iter().map(|estimate| estimate.ok()?.interval(stats::LEVEL)).collect()
}

/// The runs that have all of `measures`, by cell; cells without any are left out.
fn replicates(cells: &[Vec<Replicate>], measures: &[usize]) -> Replicates {
    let mut out = Replicates { columns: vec![Vec::new(); measures.len()], ..Replicates::default() };
    for cell in cells {
        let values = |run: &Replicate| {
            measures.iter().map(|&measure| run.values.get(measure).copied().flatten()).collect::<Option<Vec<f64>>>()
        };
        let complete: Vec<Vec<f64>> = cell.iter().filter_map(values).collect();
        for values in &complete {
            out.columns.iter_mut().zip(values).for_each(|(column, value)| column.push(*value));
        }
        if !complete.is_empty() {
            out.sizes.push(complete.len());
            out.levels.push(0);
        }
    }
    out
}
