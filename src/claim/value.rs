//! Scores against a threshold.

use super::data::{Data, Gap, Quantity};
use super::draft::{Draft, Weighted, Why};
use crate::grid::claim::{Region, Take};

/// One part a cell to which the metric applies, or one for their mean.
pub(super) fn drafts(data: &Data, quantity: &Quantity, cells: Take, region: Region) -> Vec<Draft> {
    let applies = |cell: &usize| data.sample(*cell, quantity) != Err(Gap::NotApplicable);
    let all: Vec<usize> = data.cells().filter(applies).collect();
    let weighted = Weighted { data, quantity, better: false };
    let as_printed = |draft: Draft| Draft { decimals: quantity.decimals, ..draft };
    if all.is_empty() {
        let why = Why::NoCells("the metric applies to no cell");
        return vec![Draft::empty(quantity.label.clone(), region, why)];
    }
    match cells {
        Take::All => {
            let says = |cell: usize| format!("{}{}", quantity.label, data.place(cell, &[]));
            all.iter().map(|&cell| as_printed(weighted.draft(says(cell), &[(cell, 1.0)], region))).collect()
        }
        Take::Mean => {
            let weights: Vec<(usize, f64)> = all.iter().map(|&cell| (cell, 1.0 / all.len() as f64)).collect();
            let says = format!("{}, mean of {} cells", quantity.label, all.len());
            vec![as_printed(weighted.draft(says, &weights, region))]
        }
    }
}
