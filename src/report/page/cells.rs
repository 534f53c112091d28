//! A frame as columns: the cells of a grid with every measure of each.

use serde::Serialize;

use super::column::{Column, Texts};
use crate::report::frame::{CellState, Frame, Reading, Score};
use crate::report::table::differing;

/// The cells of one grid, or of a part of it.
#[derive(Debug, Serialize)]
pub struct Cells<'a> {
    grid: &'a str,
    title: &'a str,
    /// Only cells that satisfy this; empty for all.
    filter: &'a str,
    count: usize,
    axes: Vec<Axis<'a>>,
    /// By axis: the level of each cell.
    levels: Vec<Column<u16>>,
    /// Number of runs of each cell, and all of them one after the other.
    replicates: Column<usize>,
    runs: Vec<u32>,
    /// What a seed draws anew; `None` where no cell has several.
    seeds: Option<String>,
    /// By measure; `None` where nothing of the grid has it.
    scores: Vec<Option<Scores>>,
}

#[derive(Debug, Serialize)]
struct Axis<'a> {
    name: &'a str,
    label: &'a str,
    levels: Vec<&'a str>,
    /// The numbers that the levels stand for; `None` where they are names.
    values: Option<Vec<f64>>,
}

/// One measure of every cell.
#[derive(Debug, Serialize)]
pub struct Scores {
    decimals: usize,
    value: Column<Option<f64>>,
    /// Half of the 95% t interval over seeds.
    half: Column<Option<f64>>,
    /// Replicates with a value.
    n: Column<usize>,
    /// Items of the benchmark.
    items: Column<Option<u64>>,
    state: Column<State>,
    /// Places of texts.
    source: Column<Option<u32>>,
    note: Column<Option<u32>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    Complete,
    Partial,
    NotApplicable,
    NotRun,
    Failed,
}

impl<'a> Cells<'a> {
    /// The cells of `frame`, which holds where `filter` does.
    pub fn of(frame: &Frame<'a>, filter: &'a str, texts: &mut Texts) -> Self {
        let axes = 0..frame.grid.axes.len();
        let level =
            |axis: usize| frame.cells.iter().map(|cell| cell.coordinates.get(axis).copied().unwrap_or(0)).collect();
        Self {
            grid: &frame.grid.name,
            title: &frame.grid.title,
            filter,
            count: frame.cells.len(),
            axes: axes.clone().map(|position| axis(frame, position)).collect(),
            levels: axes.map(level).collect(),
            replicates: frame.cells.iter().map(|cell| cell.replicates.len()).collect(),
            runs: frame.cells.iter().flat_map(|cell| cell.replicates.iter().map(|(_, run)| run.0)).collect(),
            seeds: frame.has_replicates().then(|| frame.shared_by_seeds()),
            scores: (0..frame.measures().len()).map(|measure| Scores::of(frame, measure, texts)).collect(),
        }
    }
}

fn axis<'a>(frame: &Frame<'a>, position: usize) -> Axis<'a> {
    let (name, levels) = frame.grid.axes.get(position).map_or(("", 0), |axis| (axis.name.as_str(), axis.levels.len()));
    let levels = 0..u16::try_from(levels).unwrap_or(u16::MAX);
    Axis {
        name,
        label: frame.axis_label(position),
        levels: levels.clone().map(|level| frame.level_label(position, level)).collect(),
        values: levels.map(|level| frame.level_value(position, level)).collect(),
    }
}

impl Scores {
    /// `None` where no cell has a value, nor could have one.
    pub fn of(frame: &Frame, measure: usize, texts: &mut Texts) -> Option<Self> {
        let scores: Vec<Score> = (0..frame.cells.len()).map(|cell| frame.score(cell, measure)).collect();
        if scores.iter().all(|score| score.state == CellState::NotApplicable) {
            return None;
        }
        let decimals = frame.decimals(measure);
        let shown = || scores.iter().map(|score| score.readings.first());
        let number = |reading: &Reading| reading.value().filter(|value| value.is_finite());
        Some(Self {
            decimals,
            value: shown().map(|reading| reading.and_then(number)).collect(),
            half: shown().map(|reading| reading?.half_width.filter(|half| half.is_finite())).collect(),
            n: shown().map(|reading| reading.and_then(|reading| reading.summary).map_or(0, |s| s.n)).collect(),
            items: shown().map(|reading| reading?.items).collect(),
            state: scores.iter().map(|score| State::of(score.state)).collect(),
            source: shown().map(|reading| Some(texts.place(frame.source_of(reading?)))).collect(),
            note: scores.iter().map(|&score| note(frame, score, decimals).map(|note| texts.place(note))).collect(),
        })
    }
}

/// What a reader must know of one score: what is missing, and where sources differ.
fn note(frame: &Frame, score: Score, decimals: usize) -> Option<String> {
    let missing = match score.state {
        CellState::Failed(_) | CellState::Partial { .. } => Some(score.state.to_string()),
        CellState::Complete | CellState::NotApplicable | CellState::NotRun => None,
    };
    let others = differing(frame, score, decimals).into_iter();
    let others = others.map(|other| format!("{} in {}", frame.reading_text(other, decimals), frame.source_of(other)));
    let parts: Vec<String> = missing.into_iter().chain(others).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

impl State {
    fn of(state: CellState) -> Self {
        match state {
            CellState::Complete => Self::Complete,
            CellState::Partial { .. } => Self::Partial,
            CellState::NotApplicable => Self::NotApplicable,
            CellState::NotRun => Self::NotRun,
            CellState::Failed(_) => Self::Failed,
        }
    }
}
