//! Monotone trends: every step along an axis improves.

use hashbrown::HashMap;

use super::data::{Data, Quantity};
use super::draft::{Draft, Weighted, Why};
use crate::grid::LevelIx;
use crate::grid::claim::{Region, Take};

/// One part a step and combination of the other axes, or one a step for the mean over these.
pub(super) fn drafts(data: &Data, quantity: &Quantity, axis: usize, cells: Take, slack: f64) -> Vec<Draft> {
    let region = if slack > 0.0 { Region { low: Some(-slack), high: None, strict: false } } else { Region::positive() };
    let frame = &data.frame;
    let steps: Vec<(usize, usize)> = data
        .rows_along(axis)
        .iter()
        .flat_map(|row| row.windows(2).map(|pair| (pair[0], pair[1])).collect::<Vec<_>>())
        .collect();
    let says = |(from, to): (usize, usize)| {
        let name = frame.axis_label(axis);
        format!("{} improves from {} to {} of {name}", quantity.label, frame.label(from, axis), frame.label(to, axis))
    };
    let weighted = Weighted { data, quantity, better: true };
    if steps.is_empty() {
        let why = Why::NoCells("the axis has a single level");
        return vec![Draft::empty(format!("{} improves", quantity.label), region, why)];
    }
    match cells {
        Take::All => {
            let draft = |&(from, to): &(usize, usize)| {
                let says = format!("{}{}", says((from, to)), data.place(from, &[axis]));
                weighted.draft(says, &[(to, 1.0), (from, -1.0)], region)
            };
            steps.iter().map(draft).collect()
        }
        Take::Mean => by_levels(data, axis, &steps)
            .iter()
            .map(|steps| {
                let share = 1.0 / steps.len() as f64;
                let weights: Vec<_> = steps.iter().flat_map(|&(from, to)| [(to, share), (from, -share)]).collect();
                weighted.draft(steps.first().map(|&step| says(step)).unwrap_or_default(), &weights, region)
            })
            .collect(),
    }
}

/// Steps between the same two levels, together.
fn by_levels(data: &Data, axis: usize, steps: &[(usize, usize)]) -> Vec<Vec<(usize, usize)>> {
    let mut groups: Vec<Vec<(usize, usize)>> = Vec::new();
    let mut known: HashMap<(LevelIx, LevelIx), usize> = HashMap::new();
    for &(from, to) in steps {
        let group = *known.entry((data.level(from, axis), data.level(to, axis))).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[group].push((from, to));
    }
    groups
}
