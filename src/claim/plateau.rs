//! Amounts that are enough: what is reached at a level, and from which level on nothing changes.

use super::conclusion::Aside;
use super::data::{Data, Quantity};
use super::draft::{Draft, Weighted, Why, merged};
use crate::grid::LevelIx;
use crate::grid::claim::{Region, Take};

/// An axis and a level on it.
#[derive(Clone, Copy)]
pub(super) struct Point {
    pub axis: usize,
    pub level: LevelIx,
}

/// What is reached at the point less `share` of the whole improvement from the first to the last level.
pub(super) fn suffices(data: &Data, quantity: &Quantity, at: Point, cells: Take, share: f64) -> Vec<Draft> {
    let region = Region { low: Some(0.0), high: None, strict: false };
    let name = data.frame.axis_label(at.axis);
    let weighted = Weighted { data, quantity, better: true };
    let ends = |row: &Vec<usize>| {
        let own = row.iter().copied().find(|&cell| data.level(cell, at.axis) == at.level)?;
        Some([*row.first()?, own, *row.last()?])
    };
    let rows: Vec<[usize; 3]> = data.rows_along(at.axis).iter().filter_map(ends).collect();
    let draft = |says: String, rows: &[[usize; 3]]| {
        let each = 1.0 / rows.len() as f64;
        let gained: Vec<_> = rows.iter().flat_map(|&[first, own, _]| [(own, each), (first, -each)]).collect();
        let whole: Vec<_> = rows.iter().flat_map(|&[first, _, last]| [(last, each), (first, -each)]).collect();
        let weights = gained.iter().copied().chain(whole.iter().map(|&(cell, weight)| (cell, -share * weight)));
        let mut draft = weighted.draft(says, &merged(weights), region);
        if let (Some(gained), Some(whole)) = (weighted.sum(&gained), weighted.sum(&whole))
            && whole > 0.0
        {
            let label = format!("share at {}", data.frame.level_label(at.axis, at.level));
            draft.asides.push(Aside { label, value: gained / whole, interval: None, p: None, decimals: 3 });
        }
        draft
    };
    let says = |place: String| {
        let level = data.frame.level_label(at.axis, at.level);
        format!("{}: improvement by {level} of {name} less {share} of the whole{place}", quantity.label)
    };
    if rows.is_empty() {
        return vec![Draft::empty(says(String::new()), region, Why::NoCells("no cell has that level"))];
    }
    match cells {
        Take::All => rows.iter().map(|row| draft(says(data.place(row[0], &[at.axis])), &[*row])).collect(),
        Take::Mean => vec![draft(says(mean_of(rows.len())), &rows)],
    }
}

/// Each level from the point on against the last one.
pub(super) fn stabilises(data: &Data, quantity: &Quantity, from: Point, cells: Take, within: f64) -> Vec<Draft> {
    let region = Region { low: Some(-within), high: Some(within), strict: false };
    let frame = &data.frame;
    let says = |level: &str, last: &str, place: String| {
        format!("{}: {level} less {last} of {}{place}", quantity.label, frame.axis_label(from.axis))
    };
    let weighted = Weighted { data, quantity, better: false };
    let mut by_level: Vec<(LevelIx, Vec<(usize, usize)>)> = Vec::new();
    for row in data.rows_along(from.axis) {
        let start = row.iter().position(|&cell| data.level(cell, from.axis) == from.level);
        let Some((&last, others)) = start.and_then(|start| row.get(start..)).and_then(<[usize]>::split_last) else {
            continue;
        };
        for &cell in others {
            let level = data.level(cell, from.axis);
            match by_level.iter_mut().find(|(known, _)| *known == level) {
                Some((_, pairs)) => pairs.push((cell, last)),
                None => by_level.push((level, vec![(cell, last)])),
            }
        }
    }
    let mut drafts = Vec::new();
    for (level, pairs) in &by_level {
        let label = |last: usize| (frame.level_label(from.axis, *level), frame.label(last, from.axis));
        match cells {
            Take::All => drafts.extend(pairs.iter().map(|&(cell, last)| {
                let (level, last_level) = label(last);
                let says = says(level, last_level, data.place(cell, &[from.axis]));
                weighted.draft(says, &[(cell, 1.0), (last, -1.0)], region)
            })),
            Take::Mean => {
                let share = 1.0 / pairs.len() as f64;
                let weights: Vec<_> = pairs.iter().flat_map(|&(cell, last)| [(cell, share), (last, -share)]).collect();
                let (level, last_level) = pairs.first().map_or(("", ""), |&(_, last)| label(last));
                drafts.push(weighted.draft(says(level, last_level, mean_of(pairs.len())), &weights, region));
            }
        }
    }
    if drafts.is_empty() {
        let why = Why::NoCells("no level follows that one");
        drafts.push(Draft::empty(says("", "", String::new()), region, why));
    }
    drafts
}

fn mean_of(rows: usize) -> String {
    if rows > 1 { format!(", mean of {rows} rows") } else { String::new() }
}
