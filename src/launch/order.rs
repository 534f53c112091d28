//! The order of starts: early results cover the grid, and what is begun is finished first. Pure.

use super::board::Rank;
use crate::grid::Sweep;
use crate::plan::{Cell, Plan, TaskIx};

/// After everything that a cell asks for.
const LAST: Rank = (u32::MAX, u32::MAX, u32::MAX);

/// The rank of every task of the plan: that of the first run that needs it, then its stage.
///
/// Runs are ranked by replicate (a first seed everywhere before a second one anywhere), then so that the first few cells
/// lie spread over their grid, whatever their number: by their position with its bits in reverse, which is van der
/// Corput's sequence. The stage comes last, so that a run that has begun reaches its scores before the next one begins.
#[must_use]
pub fn ranks(sweep: &Sweep, plan: &Plan) -> Vec<Rank> {
    let mut ranks = vec![LAST; plan.tasks.len()];
    for grid in &plan.grids {
        for (cell, (replicate, position)) in grid.cells.iter().zip(places(&grid.cells)) {
            for (stage, number) in (0..sweep.stages.len()).zip(0..) {
                if let Some(TaskIx(task)) = plan.task_of(cell.run, stage)
                    && let Some(rank) = ranks.get_mut(task as usize)
                {
                    *rank = (*rank).min((replicate, position.reverse_bits(), number));
                }
            }
        }
    }
    ranks
}

/// (replicate, position) of each cell: the seeds of a cell stand side by side.
fn places(cells: &[Cell]) -> impl Iterator<Item = (u32, u32)> {
    let mut place = (0, 0);
    cells.iter().enumerate().map(move |(index, cell)| {
        let before = index.checked_sub(1).and_then(|before| cells.get(before));
        place = match before {
            None => (0, 0),
            Some(before) if before.coordinates == cell.coordinates => (place.0 + 1, place.1),
            Some(_) => (0, place.1 + 1),
        };
        place
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::RunIx;

    #[test]
    fn first_seeds_come_first_and_cells_are_spread() {
        let cells: Vec<_> = (0..8u16)
            .flat_map(|level| [1, 2].map(|seed| Cell { coordinates: [level].into(), seed: Some(seed), run: RunIx(0) }))
            .collect();
        let mut order: Vec<_> = places(&cells)
            .zip(&cells)
            .map(|((replicate, position), cell)| ((replicate, position.reverse_bits()), cell.coordinates[0]))
            .collect();
        order.sort_unstable();
        let levels: Vec<_> = order.iter().map(|&(_, level)| level).collect();
        assert_eq!(levels, [0, 4, 2, 6, 1, 5, 3, 7, 0, 4, 2, 6, 1, 5, 3, 7]);
    }
}
