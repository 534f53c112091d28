//! A frame: the cells of one grid, and every measure of each.

use std::cmp::Reverse;

use hashbrown::HashMap;
use rayon::prelude::*;

use super::index::Index;
use super::run::{RunScore, scores_of};
use super::score::{CellState, IMPORTED, Reading, Score, Variant};
use super::state::missing;
use crate::attempt::FailureReason;
use crate::grid::filter::Condition;
use crate::grid::{Grid, LevelIx};
use crate::plan::RunIx;
use crate::stats::{self, Summary};

/// The scores of one grid: a row a cell, a column a measure.
#[derive(Debug)]
pub struct Frame<'a> {
    pub grid: &'a Grid,
    pub index: &'a Index<'a>,
    /// In the grid's order.
    pub cells: Vec<FrameCell>,
    /// By measure: the source that covers most cells.
    main_sources: Vec<Option<&'a str>>,
    /// Row a cell, column a measure.
    slots: Vec<Slot>,
    readings: Vec<Reading>,
}

/// A combination of levels, with its replicates.
#[derive(Debug, Clone, PartialEq)]
pub struct FrameCell {
    /// Level of each axis of the grid.
    pub coordinates: Box<[LevelIx]>,
    /// (seed, run), in the plan's order.
    pub replicates: Vec<(Option<i64>, RunIx)>,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    state: CellState,
    first: u32,
    count: u32,
}

/// Cells that one thread takes at a time: enough to pay for the hand-over, few enough to share evenly.
const CHUNK: usize = 512;

impl<'a> Frame<'a> {
    /// Join the observations to the cells of grid `grid` (an index into the sweep's grids) where `filter` holds.
    #[must_use]
    pub fn of(index: &'a Index<'a>, grid: usize, filter: Option<&Condition>) -> Option<Self> {
        let spec = index.sweep.grids.get(grid)?;
        Some(Self::join(index, spec, cells(index, grid, filter)?))
    }

    /// Every run of the plan in its order, each a row of its own that has no coordinates: runs belong to several grids,
    /// or to one in part.
    #[must_use]
    pub fn of_runs(index: &'a Index<'a>) -> Option<Self> {
        let row = |run| FrameCell { coordinates: Box::default(), replicates: vec![(None, run)] };
        Some(Self::join(index, index.sweep.grids.first()?, index.plan.run_indices().map(row).collect()))
    }

    fn join(index: &'a Index<'a>, spec: &'a Grid, cells: Vec<FrameCell>) -> Self {
        let critical = Critical::up_to(cells.iter().map(|cell| cell.replicates.len()).max().unwrap_or(0));
        let chunks: Vec<Chunk> = cells.par_chunks(CHUNK).map(|cells| Chunk::of(index, &critical, cells)).collect();
        let mut frame =
            Self { grid: spec, index, cells, main_sources: Vec::new(), slots: Vec::new(), readings: Vec::new() };
        frame.slots.reserve_exact(frame.cells.len() * index.measures.len());
        frame.readings.reserve_exact(chunks.iter().map(|chunk| chunk.readings.len()).sum());
        for mut chunk in chunks {
            let offset = u32::try_from(frame.readings.len()).unwrap_or(u32::MAX);
            frame.slots.extend(chunk.slots.iter().map(|slot| Slot { first: slot.first + offset, ..*slot }));
            frame.readings.append(&mut chunk.readings);
        }
        frame.put_main_source_first();
        frame
    }

    /// The measure of a cell.
    #[must_use]
    pub fn score(&self, cell: usize, measure: usize) -> Score<'_> {
        match self.slots.get(cell * self.index.measures.len() + measure) {
            Some(slot) => Score { state: slot.state, readings: &self.readings[slot.range()] },
            None => Score { state: CellState::NotApplicable, readings: &[] },
        }
    }

    /// Whether any cell has a value of the measure.
    #[must_use]
    pub fn has(&self, measure: usize) -> bool {
        (0..self.cells.len()).any(|cell| self.score(cell, measure).value().is_some())
    }

    /// What a seed draws anew, and so what the intervals over seeds speak of.
    #[must_use]
    pub fn shared_by_seeds(&self) -> String {
        let redraw = self.grid.seeds.as_ref().map(|seeds| seeds.redraw.join(", ")).unwrap_or_default();
        if redraw.is_empty() {
            "A seed changes what its stages draw from it; everything else is shared by the replicates.".to_owned()
        } else {
            format!("A seed draws anew: {redraw}; everything else is shared by the replicates.")
        }
    }

    /// Where a reading comes from, as footnotes say it.
    #[must_use]
    pub fn source_of(&self, reading: &Reading) -> String {
        let Variant { origin, stage, derived } = reading.variant;
        let Some(origin) = self.index.origins.get(usize::from(origin)) else { return String::new() };
        let stage = (stage != IMPORTED).then(|| self.index.sweep.stages.get(usize::from(stage))).flatten();
        let mean = derived.then_some("mean of its parts");
        let details = [stage.map(|stage| stage.name.as_str()), some(origin.benchmark), some(origin.split), mean];
        let details: Vec<&str> = details.into_iter().flatten().collect();
        if details.is_empty() {
            origin.source.to_owned()
        } else {
            format!("{} ({})", origin.source, details.join(", "))
        }
    }

    /// The source that covers most cells of a measure.
    #[must_use]
    pub fn main_source(&self, measure: usize) -> Option<&'a str> {
        self.main_sources.get(measure).copied().flatten()
    }

    /// The bare source of a reading, as imports and stores name it.
    #[must_use]
    pub fn bare_source(&self, reading: &Reading) -> Option<&'a str> {
        self.index.origins.get(usize::from(reading.variant.origin)).map(|origin| origin.source)
    }

    /// Of several sources, show the one that covers most cells of this grid, so that a table is of one source wherever
    /// that is possible; on a tie what was measured here, then the order of names.
    fn put_main_source_first(&mut self) {
        let measures = self.index.measures.len().max(1);
        let cover = self.cover(measures);
        let sources =
            |variant: Variant| self.index.origins.get(usize::from(variant.origin)).map(|origin| origin.source);
        let rank = |measure: usize, variant: Variant| {
            let covered = cover.get(&(measure, variant)).copied().unwrap_or_default();
            let source = sources(variant);
            (Reverse(covered), source != Some(MEASURED), source, variant)
        };
        for (position, slot) in self.slots.iter().enumerate().filter(|(_, slot)| slot.count > 1) {
            self.readings[slot.range()].sort_by_key(|reading| rank(position % measures, reading.variant));
        }
        let main = |measure: usize| {
            let variants = cover.keys().filter(|(of, _)| *of == measure).map(|(_, variant)| *variant);
            variants.min_by_key(|&variant| rank(measure, variant)).and_then(sources)
        };
        self.main_sources = (0..measures).map(main).collect();
    }

    /// Number of cells that each variant of each measure has a value for.
    fn cover(&self, measures: usize) -> HashMap<(usize, Variant), usize> {
        let mut cover = HashMap::new();
        for (position, slot) in self.slots.iter().enumerate() {
            for reading in self.readings[slot.range()].iter().filter(|reading| reading.summary.is_some()) {
                *cover.entry((position % measures, reading.variant)).or_default() += 1;
            }
        }
        cover
    }
}

/// The source of what our own tasks measured.
const MEASURED: &str = "measured";

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

impl Slot {
    fn range(&self) -> std::ops::Range<usize> {
        self.first as usize..(self.first + self.count) as usize
    }
}

fn cells(index: &Index, grid: usize, filter: Option<&Condition>) -> Option<Vec<FrameCell>> {
    let mut cells: Vec<FrameCell> = Vec::new();
    let mut known: HashMap<&[LevelIx], usize> = HashMap::new();
    let asked = index.plan.grids.get(grid)?.cells.iter();
    for cell in asked.filter(|cell| filter.is_none_or(|filter| filter.holds(index.plan.row(cell.run)))) {
        let position = *known.entry(&cell.coordinates).or_insert_with(|| {
            cells.push(FrameCell { coordinates: cell.coordinates.clone(), replicates: Vec::new() });
            cells.len() - 1
        });
        cells[position].replicates.push((cell.seed, cell.run));
    }
    Some(cells)
}

/// Some rows of a frame.
struct Chunk {
    slots: Vec<Slot>,
    readings: Vec<Reading>,
}

impl Chunk {
    fn of(index: &Index, critical: &Critical, cells: &[FrameCell]) -> Self {
        let mut chunk = Self { slots: Vec::new(), readings: Vec::new() };
        let mut scores = Vec::new();
        for cell in cells {
            scores.clear();
            for &(_, run) in &cell.replicates {
                scores_of(index, run, &mut scores);
            }
            // Stable, so that replicates stay in the plan's order and sums are the same every time.
            scores.sort_by_key(|score| (score.measure, score.variant));
            chunk.push(index, critical, cell, &scores);
        }
        chunk
    }

    fn push(&mut self, index: &Index, critical: &Critical, cell: &FrameCell, scores: &[RunScore]) {
        let mut rest = scores;
        for measure in 0..index.measures.len() {
            let (own, others) = rest.split_at(rest.partition_point(|score| usize::from(score.measure) <= measure));
            rest = others;
            let first = self.readings.len();
            let variants = own.chunk_by(|left, right| left.variant == right.variant);
            self.readings.extend(variants.filter_map(|scores| reading(scores, critical)));
            let readings = &self.readings[first..];
            let state = state(index, measure, cell, readings);
            let (first, count) = (u32::try_from(first).unwrap_or(u32::MAX), u32::try_from(readings.len()).unwrap_or(0));
            self.slots.push(Slot { state, first, count });
        }
    }
}

/// Student's t for the interval over n replicates, by n: one for each number of replicates, not one for each cell.
struct Critical(Vec<Option<f64>>);

impl Critical {
    fn up_to(replicates: usize) -> Self {
        let t = |n: usize| stats::quantile(f64::midpoint(1.0, stats::LEVEL), n.checked_sub(1)? as f64);
        Self((0..=replicates).map(t).collect())
    }

    fn half_width(&self, summary: &Summary) -> Option<f64> {
        Some(self.0.get(summary.n).copied()?? * summary.stderr()?)
    }
}

fn reading(scores: &[RunScore], critical: &Critical) -> Option<Reading> {
    let first = scores.first()?;
    let finite: Vec<f64> = scores.iter().map(|score| score.value).filter(|value| value.is_finite()).collect();
    let summary = stats::summarize(&finite).ok();
    Some(Reading {
        variant: first.variant,
        summary,
        half_width: summary.and_then(|summary| critical.half_width(&summary)),
        not_finite: scores.len() - finite.len(),
        items: first.items.filter(|_| scores.iter().all(|score| score.items == first.items)),
        stderr: first.stderr.filter(|_| scores.len() == 1),
    })
}

/// A cell is as complete as its best source: a second one that has fewer replicates takes nothing away.
fn state(index: &Index, measure: usize, cell: &FrameCell, readings: &[Reading]) -> CellState {
    let of = cell.replicates.len();
    let have = readings.iter().filter_map(|reading| reading.summary).map(|summary| summary.n).max().unwrap_or(0);
    if have >= of {
        return CellState::Complete;
    }
    if have > 0 {
        return CellState::Partial { have, of };
    }
    if !readings.is_empty() {
        return CellState::Failed(FailureReason::Diverged);
    }
    let runs: Vec<RunIx> = cell.replicates.iter().map(|&(_, run)| run).collect();
    missing(index, measure, &runs)
}
