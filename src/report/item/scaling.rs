//! Metrics over an amount: one figure a metric, one line for each combination of the other axes.

use super::provenance::provenance;
use super::series::facets;
use super::{Asked, Item, anchored, bars};
use crate::Result;
use crate::report::figure::{Quantity, Scaling, ScalingPoint, Series};
use crate::report::frame::Frame;

pub(super) fn item(asked: Asked) -> Result<Item> {
    let Asked { report, frame, .. } = asked;
    let x = asked.x_axis()?;
    // Names in no order make no line.
    if frame.levels_on(x).iter().any(|&level| frame.level_value(x, level).is_none()) {
        return bars::item(asked);
    }
    let measures = asked.measures()?;
    let mut item = Item::new(asked, &measures)?;
    let facets = facets(frame, &[x]);
    for (position, &measure) in measures.iter().enumerate() {
        let Some(spec) = frame.measures().get(measure) else { continue };
        let suffix = if position == 0 { String::new() } else { format!("-{}", spec.name) };
        let label = frame.axis_label(x);
        let scaling = Scaling {
            caption: asked.caption(&item, &[measure]),
            x: if report.log_x { Quantity::log(label) } else { Quantity::linear(label) },
            y: Quantity::linear(frame.quantity(measure)),
            series: facets.iter().map(|(label, cells)| series(frame, label, cells, (x, measure))).collect(),
            references: anchored::references(asked, &item, measure),
        };
        item.drawings.push((suffix, scaling.draw()));
    }
    item.caption.extend(provenance(asked, &measures));
    Ok(item)
}

fn series(frame: &Frame, label: &str, cells: &[usize], (x, measure): (usize, usize)) -> Series {
    let point = |&cell: &usize| {
        let level = *frame.cells.get(cell)?.coordinates.get(x)?;
        let reading = frame.score(cell, measure).readings.first()?;
        Some(ScalingPoint {
            x: frame.level_value(x, level)?,
            y: reading.value()?,
            spread: reading.half_width,
            ringed: false,
        })
    };
    Series { label: label.to_owned(), points: cells.iter().filter_map(point).collect() }
}
