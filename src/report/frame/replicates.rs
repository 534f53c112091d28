//! The values behind a cell's mean, run by run.

use super::build::Frame;
use super::run::scores_of;
use crate::id::RunId;
use crate::plan::RunIx;

/// One run of a cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Replicate {
    /// Its seed; 0 where the grid has none.
    pub seed: i64,
    pub run: RunIx,
    pub id: RunId,
    /// By measure: its finite value in the reading that is shown.
    pub values: Vec<Option<f64>>,
}

impl Frame<'_> {
    /// The runs of a cell with their values, in the plan's order.
    #[must_use]
    pub fn replicates(&self, cell: usize) -> Vec<Replicate> {
        let measures = self.measures().len();
        let shown: Vec<_> = (0..measures).map(|measure| self.score(cell, measure).readings.first()).collect();
        let mut scores = Vec::new();
        let mut replicate = |&(seed, run): &(Option<i64>, RunIx)| {
            scores.clear();
            scores_of(self.index, run, &mut scores);
            let mut values = vec![None; measures];
            for score in scores.iter().filter(|score| score.value.is_finite()) {
                let measure = usize::from(score.measure);
                if shown.get(measure).copied().flatten().is_some_and(|reading| reading.variant == score.variant) {
                    values[measure] = Some(score.value);
                }
            }
            let id = *self.index.plan.runs.get(run.0 as usize)?;
            Some(Replicate { seed: seed.unwrap_or(0), run, id, values })
        };
        self.cells.get(cell).into_iter().flat_map(|cell| &cell.replicates).filter_map(&mut replicate).collect()
    }
}
