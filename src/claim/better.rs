//! One side of the grid against another.

use hashbrown::HashMap;

use super::data::{Data, Quantity};
use super::draft::{Draft, Weighted, Why, merged};
use crate::grid::claim::{Region, Take};
use crate::grid::{Applies, LevelIx};

/// The sides, matched.
pub(super) struct Sides<'a> {
    pub is: &'a Applies,
    pub than: &'a Applies,
}

/// One part a pair of matched cells, or one for the mean of their differences.
///
/// Cells are matched on the axes that do not tell the sides apart: those on which both sides have some level in common.
/// Where several cells of a side match, each is paired with each of the other's.
pub(super) fn drafts(data: &Data, quantity: &Quantity, sides: &Sides, cells: Take, region: Region) -> Vec<Draft> {
    let says = format!("{}: {} better than {}", quantity.label, sides.is.text, sides.than.text);
    let side =
        |side: &Applies| -> Vec<usize> { data.cells().filter(|&cell| data.holds(&side.condition, cell)).collect() };
    let (left, right) = (side(sides.is), side(sides.than));
    let apart = telling_apart(data, &left, &right);
    let pairs = matched(data, &left, &right, &apart);
    let weighted = Weighted { data, quantity, better: true };
    match (cells, pairs.len()) {
        (_, 0) => vec![Draft::empty(says, region, Why::NoCells("no cell of one side has a counterpart on the other"))],
        (Take::All, _) => {
            let crossed =
                pairs.iter().any(|(own, other)| pairs.iter().any(|pair| (pair.0 == *own) != (pair.1 == *other)));
            let draft = |&(own, other): &(usize, usize)| {
                let says = if crossed { named(data, quantity, own, other) } else { says.clone() };
                let says = format!("{says}{}", data.place(own, &apart));
                weighted.draft(says, &[(own, 1.0), (other, -1.0)], region)
            };
            pairs.iter().map(draft).collect()
        }
        (Take::Mean, all) => {
            let share = 1.0 / all as f64;
            let weights = pairs.iter().flat_map(|&(own, other)| [(own, share), (other, -share)]);
            let says = if all > 1 { format!("{says}, mean of {all} pairs") } else { says };
            vec![weighted.draft(says, &merged(weights), region)]
        }
    }
}

/// Which cells are compared, where the sides alone do not say it.
fn named(data: &Data, quantity: &Quantity, own: usize, other: usize) -> String {
    let differ = |axis: &usize| data.level(own, *axis) != data.level(other, *axis);
    let axes: Vec<usize> = (0..data.frame.grid.axes.len()).filter(differ).collect();
    let labels = |cell: usize| axes.iter().map(|&axis| data.frame.label(cell, axis)).collect::<Vec<_>>().join(" ");
    format!("{}: {} better than {}", quantity.label, labels(own), labels(other))
}

/// The axes on which the two sides have no level in common.
fn telling_apart(data: &Data, left: &[usize], right: &[usize]) -> Vec<usize> {
    let levels =
        |cells: &[usize], axis: usize| -> Vec<LevelIx> { cells.iter().map(|&cell| data.level(cell, axis)).collect() };
    let disjoint = |axis: &usize| {
        let right = levels(right, *axis);
        levels(left, *axis).iter().all(|level| !right.contains(level))
    };
    (0..data.frame.grid.axes.len()).filter(disjoint).collect()
}

/// Cells of the two sides that agree on all axes but those that tell the sides apart.
fn matched(data: &Data, left: &[usize], right: &[usize], apart: &[usize]) -> Vec<(usize, usize)> {
    let mut of_key: HashMap<Vec<LevelIx>, Vec<usize>> = HashMap::new();
    for &cell in right {
        of_key.entry(data.others(cell, apart)).or_default().push(cell);
    }
    let pairs = |&cell: &usize| {
        let others = of_key.get(&data.others(cell, apart)).into_iter().flatten();
        others.map(move |&other| (cell, other)).collect::<Vec<_>>()
    };
    left.iter().flat_map(pairs).filter(|(own, other)| own != other).collect()
}
