//! Bars: one panel a metric, one category a level, one series for each combination of the other axes.

use super::provenance::provenance;
use super::series::facets;
use super::{Asked, Item};
use crate::Result;
use crate::grid::LevelIx;
use crate::report::figure::{Bar, BarPanel, Bars};
use crate::report::frame::Frame;

pub(super) fn item(asked: Asked) -> Result<Item> {
    let frame = asked.frame;
    let x = asked.x_axis()?;
    let measures = asked.measures()?;
    let mut item = Item::new(asked, &measures)?;
    let levels = frame.levels_on(x);
    let facets = facets(frame, &[x]);
    let panel = |&measure: &usize| BarPanel {
        title: frame.quantity(measure),
        decimals: asked.decimals(measure),
        categories: levels.iter().map(|&level| frame.level_label(x, level).to_owned()).collect(),
        bars: bars(frame, (x, measure), &levels, &facets),
    };
    let bars = Bars {
        caption: asked.caption(&item, &measures),
        // A single series needs no name.
        series: facets.iter().map(|(label, _)| label.clone()).filter(|label| !label.is_empty()).collect(),
        panels: measures.iter().map(panel).collect(),
    };
    item.drawings.push((String::new(), bars.draw()));
    item.caption.extend(provenance(asked, &measures));
    Ok(item)
}

fn bars(frame: &Frame, (x, measure): (usize, usize), levels: &[LevelIx], facets: &[(String, Vec<usize>)]) -> Vec<Bar> {
    let bar = |series: usize, cell: usize| {
        let level = frame.cells.get(cell)?.coordinates.get(x)?;
        let category = levels.iter().position(|known| known == level)?;
        let reading = frame.score(cell, measure).readings.first()?;
        Some(Bar { category, series, value: reading.value()?, spread: reading.half_width })
    };
    let facets = facets.iter().enumerate();
    facets.flat_map(|(series, (_, cells))| cells.iter().filter_map(move |&cell| bar(series, cell))).collect()
}
