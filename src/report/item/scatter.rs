//! Cells as points: one panel for each pair of metrics, coloured by the level of an axis.

use super::provenance::provenance;
use super::{Asked, Item};
use crate::Result;
use crate::grid::LevelIx;
use crate::report::figure::{Quantity, Scatter, ScatterPanel, ScatterPoint};
use crate::report::frame::Frame;

pub(super) fn item(asked: Asked) -> Result<Item> {
    let Asked { report, frame, .. } = asked;
    let (xs, ys) = (asked.x_measures()?, asked.measures()?);
    let colour = match &report.by {
        Some(by) => asked.axis(by)?,
        None => frame.varied_axes().first().copied().unwrap_or_default(),
    };
    let shown: Vec<usize> = xs.iter().chain(&ys).copied().collect();
    let mut item = Item::new(asked, &shown)?;
    let levels = frame.levels_on(colour);
    let pairs = xs.iter().flat_map(|&x| ys.iter().map(move |&y| (x, y))).filter(|(x, y)| x != y);
    let scatter = Scatter {
        caption: asked.caption(&item, &shown),
        legend_title: legend(frame, colour),
        levels: levels.iter().map(|&level| frame.level_label(colour, level).to_owned()).collect(),
        panels: pairs.map(|pair| panel(frame, pair, colour, &levels)).collect(),
    };
    item.drawings.push((String::new(), scatter.draw()));
    item.caption.extend(provenance(asked, &shown));
    Ok(item)
}

/// What the colours are levels of, and what all points share.
fn legend(frame: &Frame, colour: usize) -> String {
    let constants = frame.constants(&frame.varied_axes());
    let label = frame.axis_label(colour);
    if constants.is_empty() { label.to_owned() } else { format!("{label} ({constants})") }
}

fn panel(frame: &Frame, (x, y): (usize, usize), colour: usize, levels: &[LevelIx]) -> ScatterPanel {
    let point = |cell: usize| {
        let level = frame.cells.get(cell)?.coordinates.get(colour)?;
        Some(ScatterPoint {
            x: frame.score(cell, x).value()?,
            y: frame.score(cell, y).value()?,
            level: levels.iter().position(|known| known == level)?,
        })
    };
    ScatterPanel {
        x: Quantity::linear(frame.quantity(x)),
        y: Quantity::linear(frame.quantity(y)),
        points: (0..frame.cells.len()).filter_map(point).collect(),
    }
}
