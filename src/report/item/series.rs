//! Cells in groups: what makes a series, a colour or a panel of its own.

use crate::report::frame::Frame;

/// Cells by their levels on every varied axis but `without`: (the levels' labels, cells), in the grid's order.
///
/// Cells that differ on an axis which a figure does not show must not fall on one place of it.
pub(super) fn facets(frame: &Frame, without: &[usize]) -> Vec<(String, Vec<usize>)> {
    let axes: Vec<usize> = frame.varied_axes().into_iter().filter(|axis| !without.contains(axis)).collect();
    let mut keys: Vec<Vec<u16>> = Vec::new();
    let mut out: Vec<(String, Vec<usize>)> = Vec::new();
    let mut known = hashbrown::HashMap::new();
    for (position, cell) in frame.cells.iter().enumerate() {
        let key: Vec<u16> = axes.iter().filter_map(|&axis| cell.coordinates.get(axis).copied()).collect();
        let place = *known.entry(key.clone()).or_insert_with(|| {
            keys.push(key);
            out.push((label(frame, position, &axes), Vec::new()));
            out.len() - 1
        });
        if let Some((_, cells)) = out.get_mut(place) {
            cells.push(position);
        }
    }
    let mut sorted: Vec<_> = keys.into_iter().zip(out).collect();
    sorted.sort_by(|(left, _), (right, _)| left.cmp(right));
    sorted.into_iter().map(|(_, facet)| facet).collect()
}

fn label(frame: &Frame, cell: usize, axes: &[usize]) -> String {
    let levels = axes.iter().map(|&axis| format!("{}: {}", frame.axis_label(axis), frame.label(cell, axis)));
    levels.collect::<Vec<_>>().join(", ")
}
