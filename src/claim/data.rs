//! The cells that a claim looks at, run by run.

use hashbrown::HashMap;

use crate::grid::Condition;
use crate::grid::LevelIx;
use crate::grid::claim::{Group, Take};
use crate::metric::Direction;
use crate::report::frame::{Frame, Index, Replicate};

/// The cells of a grid with their replicates.
pub(super) struct Data<'a> {
    pub frame: Frame<'a>,
    index: &'a Index<'a>,
    /// By cell.
    pub replicates: Vec<Vec<Replicate>>,
}

/// A metric, or the mean of several in each run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Quantity {
    pub label: String,
    /// Positions of the measures.
    pub measures: Vec<usize>,
    /// By measure: 1 where larger is better, -1 where smaller is.
    signs: Vec<f64>,
    pub decimals: usize,
}

/// Why a cell gives no values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gap {
    /// A value could be there, and is not.
    Missing,
    NotApplicable,
}

/// (seed, value) of each run of a cell.
pub(super) type Sample = Vec<(i64, f64)>;

impl<'a> Data<'a> {
    /// The cells of grid `grid` where `filter` holds; `None` if the plan has no such grid.
    pub fn of(index: &'a Index<'a>, grid: &str, filter: Option<&Condition>) -> Option<Self> {
        let frame = Frame::of(index, index.grid(grid)?, filter)?;
        let replicates = (0..frame.cells.len()).map(|cell| frame.replicates(cell)).collect();
        Some(Self { frame, index, replicates })
    }

    pub fn cells(&self) -> std::ops::Range<usize> {
        0..self.frame.cells.len()
    }

    /// Whether a condition holds for a cell.
    pub fn holds(&self, condition: &Condition, cell: usize) -> bool {
        let run = self.frame.cells.get(cell).and_then(|cell| cell.replicates.first());
        run.is_some_and(|(_, run)| condition.holds(self.index.row(*run)))
    }

    /// The level of a cell on an axis.
    pub fn level(&self, cell: usize, axis: usize) -> LevelIx {
        self.frame.cells.get(cell).and_then(|cell| cell.coordinates.get(axis)).copied().unwrap_or(LevelIx::MAX)
    }

    /// What a group of metrics asks for: each by itself, or their mean. The error is a metric that nobody measured.
    pub fn quantities(&self, group: &Group) -> Result<Vec<Quantity>, String> {
        let measures = group.metrics.iter().map(|name| self.frame.measure(name).ok_or_else(|| name.clone()));
        let measures = measures.collect::<Result<Vec<usize>, String>>()?;
        Ok(match group.take {
            Take::All => measures.into_iter().map(|measure| self.quantity(vec![measure])).collect(),
            Take::Mean => vec![self.quantity(measures)],
        })
    }

    fn quantity(&self, measures: Vec<usize>) -> Quantity {
        let all = self.frame.measures();
        let labels: Vec<&str> =
            measures.iter().filter_map(|&measure| all.get(measure)).map(|spec| spec.label.as_str()).collect();
        let sign = |&measure: &usize| match all.get(measure).and_then(|spec| spec.direction) {
            Some(Direction::Minimize) => -1.0,
            Some(Direction::Maximize) | None => 1.0,
        };
        let label = if labels.len() == 1 { labels.concat() } else { format!("mean of {}", labels.join(", ")) };
        let decimals = measures.iter().map(|&measure| self.frame.decimals(measure)).max().unwrap_or(2);
        Quantity { label, signs: measures.iter().map(sign).collect(), measures, decimals }
    }

    /// The values of a quantity in a cell.
    pub fn sample(&self, cell: usize, quantity: &Quantity) -> Result<Sample, Gap> {
        self.read(cell, quantity, |_| 1.0)
    }

    /// The same, counted so that more is better.
    pub fn goodness(&self, cell: usize, quantity: &Quantity) -> Result<Sample, Gap> {
        self.read(cell, quantity, |position| quantity.signs.get(position).copied().unwrap_or(1.0))
    }

    fn read(&self, cell: usize, quantity: &Quantity, sign: impl Fn(usize) -> f64) -> Result<Sample, Gap> {
        let value = |replicate: &Replicate| {
            let parts = quantity.measures.iter().enumerate();
            let sum: Option<f64> = parts
                .map(|(position, &measure)| Some(sign(position) * replicate.values.get(measure).copied().flatten()?))
                .sum();
            Some((replicate.seed, sum? / quantity.measures.len() as f64))
        };
        let sample: Sample = self.replicates.get(cell).into_iter().flatten().filter_map(value).collect();
        if !sample.is_empty() {
            return Ok(sample);
        }
        let holes = quantity.measures.iter().any(|&measure| self.frame.score(cell, measure).state.is_hole());
        Err(if holes { Gap::Missing } else { Gap::NotApplicable })
    }

    /// Cells that agree on every axis but `axis`, each group in the order of its levels (of their numbers, where they
    /// are numbers), groups in the grid's order.
    pub fn rows_along(&self, axis: usize) -> Vec<Vec<usize>> {
        let mut rows: Vec<Vec<usize>> = Vec::new();
        let mut known: HashMap<Vec<LevelIx>, usize> = HashMap::new();
        for cell in self.cells() {
            let row = *known.entry(self.others(cell, &[axis])).or_insert_with(|| {
                rows.push(Vec::new());
                rows.len() - 1
            });
            rows[row].push(cell);
        }
        rows.iter_mut()
            .for_each(|row| row.sort_by(|&left, &right| self.rank(left, axis).total_cmp(&self.rank(right, axis))));
        rows
    }

    fn rank(&self, cell: usize, axis: usize) -> f64 {
        let level = self.level(cell, axis);
        let numeric = self.frame.levels_on(axis).iter().all(|&level| self.frame.level_value(axis, level).is_some());
        self.frame.level_value(axis, level).filter(|_| numeric).unwrap_or_else(|| f64::from(level))
    }

    /// A cell's levels on all axes but `without`.
    pub fn others(&self, cell: usize, without: &[usize]) -> Vec<LevelIx> {
        let axes = (0..self.frame.grid.axes.len()).filter(|axis| !without.contains(axis));
        axes.map(|axis| self.level(cell, axis)).collect()
    }

    /// Where a cell is, on the varied axes but `without`: `, Generation data 200k`; empty where nothing else varies.
    pub fn place(&self, cell: usize, without: &[usize]) -> String {
        let axes = self.frame.varied_axes().into_iter();
        let axes = axes.filter(|axis| !without.contains(axis) && self.frame.levels_on(*axis).len() > 1);
        axes.map(|axis| format!(", {} {}", self.frame.axis_label(axis), self.frame.label(cell, axis))).collect()
    }

    /// The sources of the values of these quantities in these cells.
    pub fn sources(&self, cells: &[usize], quantities: &[Quantity]) -> Vec<String> {
        let measures = || quantities.iter().flat_map(|quantity| quantity.measures.iter().copied());
        let shown = |(cell, measure)| self.frame.score(cell, measure).readings.first();
        let pairs = cells.iter().flat_map(|&cell| measures().map(move |measure| (cell, measure)));
        let mut sources: Vec<String> =
            pairs.filter_map(shown).filter_map(|reading| self.frame.bare_source(reading)).map(str::to_owned).collect();
        sources.sort_unstable();
        sources.dedup();
        sources
    }
}
