//! Heatmaps of a grid with two axes; further axes make further panels.

use hashbrown::HashMap;

use super::provenance::provenance;
use super::series::facets;
use super::{Asked, Item};
use crate::grid::LevelIx;
use crate::report::figure::{self, CellValue, Heatmap, HeatmapPanel, Hue, Measured};
use crate::report::frame::{CellState, Frame, Score};
use crate::report::table::differing;
use crate::{Error, Result};

/// More panels than this are no figure that anybody reads.
const MOST_PANELS: usize = 24;

pub(super) fn item(asked: Asked) -> Result<Item> {
    let Asked { report, frame, .. } = asked;
    let Some(y) = &report.y else { return Err(asked.error("a heatmap needs `y`, the axis of its rows".to_owned())) };
    let (x, y) = (asked.x_axis()?, asked.axis(y)?);
    let measures = asked.measures()?;
    let facets = facets(frame, &[x, y]);
    if measures.len() * facets.len() > MOST_PANELS {
        return Err(too_many(asked, measures.len(), facets.len()));
    }
    let mut item = Item::new(asked, &measures)?;
    let (columns, rows) = (frame.levels_on(x), frame.levels_on(y));
    let mut panels = Vec::new();
    for (label, cells) in &facets {
        let places: HashMap<(LevelIx, LevelIx), usize> =
            cells.iter().filter_map(|&cell| Some((place(frame, cell, (x, y))?, cell))).collect();
        for (position, &measure) in measures.iter().enumerate() {
            let decimals = asked.decimals(measure);
            let at = |row: LevelIx, column: LevelIx| {
                places.get(&(column, row)).map(|&cell| value(frame, frame.score(cell, measure), decimals))
            };
            let cells = rows.iter().flat_map(|&row| columns.iter().map(move |&column| (row, column)));
            let cells = cells.map(|(row, column)| at(row, column).unwrap_or(CellValue::NotApplicable)).collect();
            panels.extend(panel(asked, measure, label, Hue::nth(position), cells));
        }
    }
    let heatmap = Heatmap {
        caption: asked.caption(&item, &measures),
        x: axis(frame, x, &columns),
        y: axis(frame, y, &rows),
        panels,
    };
    item.drawings.push((String::new(), heatmap.draw()));
    item.caption.push(caption(frame, &measures).to_owned());
    item.caption.extend(provenance(asked, &measures));
    Ok(item)
}

fn too_many(asked: Asked, metrics: usize, facets: usize) -> Error {
    let panels = metrics * facets;
    asked
        .error(format!("{metrics} metrics in {facets} combinations of the other axes are {panels} heatmaps"))
        .hint("keep some cells with `where`, or name fewer `metrics`")
}

fn place(frame: &Frame, cell: usize, (x, y): (usize, usize)) -> Option<(LevelIx, LevelIx)> {
    let coordinates = &frame.cells.get(cell)?.coordinates;
    Some((*coordinates.get(x)?, *coordinates.get(y)?))
}

fn axis(frame: &Frame, axis: usize, levels: &[LevelIx]) -> figure::Axis {
    let ticks = levels.iter().map(|&level| frame.level_label(axis, level).to_owned()).collect();
    figure::Axis { label: frame.axis_label(axis).to_owned(), ticks }
}

fn panel(asked: Asked, measure: usize, facet: &str, hue: Hue, cells: Vec<CellValue>) -> Option<HeatmapPanel> {
    let spec = asked.frame.measures().get(measure)?;
    let title = if facet.is_empty() { spec.label.clone() } else { format!("{}, {facet}", spec.label) };
    let (unit, decimals) = (spec.unit.clone(), asked.decimals(measure));
    Some(HeatmapPanel { title, unit, direction: spec.direction, hue, decimals, cells })
}

fn value(frame: &Frame, score: Score, decimals: usize) -> CellValue {
    let measured = || {
        let reading = score.readings.first()?;
        let summary = reading.summary?;
        let disputed = !differing(frame, score, decimals).is_empty();
        Some(Measured { value: summary.mean, disputed, spread: reading.half_width, n: summary.n as u64 })
    };
    match (score.state, measured()) {
        (CellState::Complete, Some(measured)) => CellValue::Value(measured),
        (_, Some(measured)) => CellValue::Partial(measured),
        (CellState::NotApplicable, None) => CellValue::NotApplicable,
        (CellState::Failed(_), None) => CellValue::Failed,
        (CellState::Complete | CellState::Partial { .. } | CellState::NotRun, None) => CellValue::Missing,
    }
}

fn caption(frame: &Frame, measures: &[usize]) -> &'static str {
    let declared = |&measure: &usize| frame.measures().get(measure).is_some_and(|spec| spec.direction.is_some());
    if measures.iter().all(declared) {
        "The stronger the colour, the better in every panel, whatever the metric's direction."
    } else {
        "Darker is larger; `direction` under `[metrics]` says which way is better."
    }
}
