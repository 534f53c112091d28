//! From a grid to its cells: the product of its axes, less exclusions, plus extra cells, times seeds.

use crate::grid::{Condition, Grid, LevelIx, Sweep, dimensions};

/// A cell as a row of levels.
pub struct Expanded<'a> {
    /// Level of every factor.
    pub row: &'a [LevelIx],
    /// Level of each axis.
    pub coordinates: &'a [LevelIx],
    pub seed: Option<i64>,
}

/// Call `each` for every cell of `grid` that `filter` keeps, in order; how many cells each exclusion took out.
pub fn expand(sweep: &Sweep, grid: &Grid, filter: &Condition, each: &mut dyn FnMut(Expanded<'_>)) -> Vec<usize> {
    let mut excluded = vec![0; grid.exclude.len()];
    let seeds = seed_levels(sweep, grid);
    let base = base_row(sweep, grid);
    let mut row = base.clone();
    let mut coordinates = vec![0; grid.axes.len()];
    let mut emit = |row: &mut [LevelIx], coordinates: &[LevelIx]| {
        for &(seed, set) in &seeds {
            if let Some((factor, level)) = set {
                row[factor] = level;
            }
            if filter.holds(row) {
                each(Expanded { row, coordinates, seed });
            }
        }
    };
    let mut odometer = Odometer::new(grid);
    while odometer.advance() {
        odometer.place(&mut coordinates);
        fill(grid, &base, &coordinates, &mut row);
        let mut keep = true;
        // Every exclusion is asked, so that one that takes nothing out is found.
        for (exclude, count) in grid.exclude.iter().zip(&mut excluded) {
            let holds = exclude.condition.holds(&row);
            *count += usize::from(holds);
            keep &= !holds;
        }
        if keep {
            emit(&mut row, &coordinates);
        }
    }
    for cell in &grid.include {
        fill(grid, &base, cell, &mut row);
        emit(&mut row, cell);
    }
    excluded
}

/// The defaults with the grid's overrides.
fn base_row(sweep: &Sweep, grid: &Grid) -> Vec<LevelIx> {
    let mut row: Vec<LevelIx> = sweep.factors.iter().map(|factor| factor.default).collect();
    grid.overrides.iter().for_each(|&(factor, level)| row[factor] = level);
    row
}

/// The levels of the cell at `coordinates`, without a seed.
pub fn cell_row(sweep: &Sweep, grid: &Grid, coordinates: &[LevelIx]) -> Vec<LevelIx> {
    let base = base_row(sweep, grid);
    let mut row = base.clone();
    fill(grid, &base, coordinates, &mut row);
    row
}

/// Write what the cell at `coordinates` sets over the base.
fn fill(grid: &Grid, base: &[LevelIx], coordinates: &[LevelIx], row: &mut [LevelIx]) {
    row.copy_from_slice(base);
    for (axis, &at) in grid.axes.iter().zip(coordinates) {
        axis.levels[usize::from(at)].sets.iter().for_each(|&(factor, level)| row[factor] = level);
    }
}

/// A seed as shown, and what it sets.
type SeedLevel = (Option<i64>, Option<(usize, LevelIx)>);

fn seed_levels(sweep: &Sweep, grid: &Grid) -> Vec<SeedLevel> {
    let (Some(seeds), Some(factor)) = (&grid.seeds, sweep.factor("seed")) else { return vec![(None, None)] };
    let level = |seed: i64| {
        let position =
            sweep.factors[factor].levels.iter().position(|level| *level == crate::value::Value::Int(seed))?;
        Some((factor, LevelIx::try_from(position).ok()?))
    };
    seeds.values.iter().map(|&seed| (Some(seed), level(seed))).collect()
}

/// Counts through the steps of all dimensions, the last one fastest.
struct Odometer {
    dimensions: Vec<Vec<usize>>,
    lengths: Vec<usize>,
    steps: Vec<LevelIx>,
    started: bool,
}

impl Odometer {
    fn new(grid: &Grid) -> Self {
        let dimensions = dimensions(grid);
        let length = |dimension: &Vec<usize>| dimension.iter().map(|&axis| grid.axes[axis].multiplied).min();
        let lengths: Vec<usize> = dimensions.iter().map(|dimension| length(dimension).unwrap_or(0)).collect();
        Self { steps: vec![0; dimensions.len()], dimensions, lengths, started: false }
    }

    /// Take the next step; `false` after the last one.
    fn advance(&mut self) -> bool {
        if !self.started {
            self.started = true;
            return !self.lengths.contains(&0);
        }
        for (step, length) in self.steps.iter_mut().zip(&self.lengths).rev() {
            *step += 1;
            if usize::from(*step) < *length {
                return true;
            }
            *step = 0;
        }
        false
    }

    /// Give every axis of a dimension the dimension's step.
    fn place(&self, coordinates: &mut [LevelIx]) {
        for (dimension, &step) in self.dimensions.iter().zip(&self.steps) {
            dimension.iter().for_each(|&axis| coordinates[axis] = step);
        }
    }
}
