//! Which grids ask for the same runs.

use super::table::Plan;

/// The runs of one grid.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shared {
    pub cells: usize,
    pub runs: usize,
    /// Runs that some other grid asks for as well.
    pub shared: usize,
    /// By other grid, where there are any: (index of the grid, runs in common).
    pub with: Vec<(usize, usize)>,
}

/// What each grid shares with the others, in the sweep's order.
#[must_use]
pub fn sharing(plan: &Plan) -> Vec<Shared> {
    let words = plan.grids.len().div_ceil(64);
    // A bit a grid, by run.
    let mut members = vec![0_u64; plan.runs.len() * words];
    for (grid, cells) in plan.grids.iter().enumerate() {
        for cell in &cells.cells {
            members[cell.run.0 as usize * words + grid / 64] |= 1 << (grid % 64);
        }
    }
    let mut common = vec![vec![0_usize; plan.grids.len()]; plan.grids.len()];
    let mut shared = vec![Shared::default(); plan.grids.len()];
    let mut grids = Vec::new();
    for run in members.chunks_exact(words.max(1)) {
        grids.clear();
        grids.extend(set_bits(run));
        for &grid in &grids {
            shared[grid].runs += 1;
            shared[grid].shared += usize::from(grids.len() > 1);
            grids.iter().for_each(|&other| common[grid][other] += 1);
        }
    }
    for (grid, entry) in shared.iter_mut().enumerate() {
        entry.cells = plan.grids[grid].cells.len();
        entry.with = common[grid].iter().copied().enumerate().filter(|&(other, n)| other != grid && n > 0).collect();
    }
    shared
}

/// Positions of the bits that are set.
fn set_bits(words: &[u64]) -> impl Iterator<Item = usize> {
    words.iter().enumerate().flat_map(|(index, &word)| {
        let mut rest = word;
        std::iter::from_fn(move || {
            let bit = (rest != 0).then(|| rest.trailing_zeros() as usize)?;
            rest &= rest - 1;
            Some(index * 64 + bit)
        })
    })
}
