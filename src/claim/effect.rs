//! Effects of amounts: per doubling, per sample, over the range that was tried; one against another.

use super::conclusion::Aside;
use super::data::{Data, Quantity};
use super::draft::{Draft, Weighted, Why, merged};
use crate::grid::claim::{Per, Region};

const MILLION: f64 = 1e6;

/// The improvement by an axis.
pub(super) fn draft(data: &Data, quantity: &Quantity, axis: usize, per: Per, region: Region) -> Draft {
    let says = format!("{}: improvement by {}, {}", quantity.label, data.frame.axis_label(axis), words(per));
    match weights(data, axis, per) {
        Some(weights) => Weighted { data, quantity, better: true }.draft(says, &weights, region),
        None => Draft::empty(says, region, Why::NoCells("the axis has a single level")),
    }
}

/// The improvement by one axis less `times` that by another.
pub(super) fn compared(data: &Data, quantity: &Quantity, (of, than): (usize, usize), per: Per, times: f64) -> Draft {
    let frame = &data.frame;
    let factor = if times == 1.0 { String::new() } else { format!("{times} × ") };
    let (left, right) = (frame.axis_label(of), frame.axis_label(than));
    let says = format!("{}: improvement by {left} less {factor}that by {right}, {}", quantity.label, words(per));
    let (Some(own), Some(other)) = (weights(data, of, per), weights(data, than, per)) else {
        return Draft::empty(says, Region::positive(), Why::NoCells("an axis has a single level"));
    };
    let weighted = Weighted { data, quantity, better: true };
    let difference = own.iter().copied().chain(other.iter().map(|&(cell, weight)| (cell, -times * weight)));
    let mut draft = weighted.draft(says, &merged(difference), Region::positive());
    let (own, other) = (weighted.sum(&own), weighted.sum(&other));
    let aside = |label: String, value: f64| Aside { label, value, interval: None, p: None, decimals: draft.decimals };
    let mut asides: Vec<Aside> = [(left, own), (right, other)]
        .into_iter()
        .filter_map(|(name, value)| Some(aside(format!("by {name}"), value?)))
        .collect();
    // Of two effects of different sign no one is a multiple of the other.
    if let (Some(own), Some(other)) = (own, other)
        && other > 0.0
    {
        asides.push(Aside { decimals: 2, ..aside("ratio".to_owned(), own / other) });
    }
    draft.asides = asides;
    draft
}

fn words(per: Per) -> &'static str {
    match per {
        Per::Doubling => "per doubling",
        Per::Sample => "per million samples",
        Per::Range => "smallest to largest amount",
    }
}

/// The weights whose sum with the cells' means is the effect of an axis, the other axes held; `None` where it has a
/// single level.
///
/// Slopes are of least squares within each combination of the other axes, with one slope for all (the regression on the
/// amount and on indicators of these combinations; Frisch & Waugh 1933). The effect over the range is the difference of
/// the largest and the smallest amount, averaged over the combinations that have both.
fn weights(data: &Data, axis: usize, per: Per) -> Option<Vec<(usize, f64)>> {
    let rows = data.rows_along(axis);
    if per == Per::Range {
        return range(data, axis, &rows);
    }
    let amount = |cell: usize| {
        let amount = data.frame.level_value(axis, data.level(cell, axis)).unwrap_or(f64::NAN);
        if per == Per::Doubling { amount.log2() } else { amount / MILLION }
    };
    let mut weights = Vec::new();
    for row in &rows {
        let mean = row.iter().map(|&cell| amount(cell)).sum::<f64>() / row.len() as f64;
        weights.extend(row.iter().map(|&cell| (cell, amount(cell) - mean)));
    }
    let squares: f64 = weights.iter().map(|(_, x)| x * x).sum();
    (squares > 0.0).then(|| weights.into_iter().map(|(cell, x)| (cell, x / squares)).collect())
}

fn range(data: &Data, axis: usize, rows: &[Vec<usize>]) -> Option<Vec<(usize, f64)>> {
    let all = || rows.iter().flatten().map(|&cell| (data.frame.level_value(axis, data.level(cell, axis)), cell));
    let low = all().min_by(|left, right| left.0.partial_cmp(&right.0).unwrap_or(std::cmp::Ordering::Equal))?;
    let high = all().max_by(|left, right| left.0.partial_cmp(&right.0).unwrap_or(std::cmp::Ordering::Equal))?;
    let (low, high) = (data.level(low.1, axis), data.level(high.1, axis));
    let end = |row: &[usize], level| row.iter().copied().find(|&cell| data.level(cell, axis) == level);
    let ends: Vec<(usize, usize)> =
        rows.iter().filter_map(|row| Some((end(row, low)?, end(row, high)?))).filter(|_| low != high).collect();
    let share = 1.0 / ends.len() as f64;
    let weights: Vec<_> = ends.into_iter().flat_map(|(low, high)| [(high, share), (low, -share)]).collect();
    (!weights.is_empty()).then_some(weights)
}
