//! How the variation of a score divides between two axes: beside claims about effects, deciding nothing.

use serde::Serialize;

use super::data::{Data, Quantity};
use crate::stats::{self, Coefficient, TwoWay};

/// Two axes and one metric over all runs of the cells.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Analysis {
    pub metric: String,
    /// What reports call the axes.
    pub first: String,
    pub second: String,
    /// Decimals with which a report prints its slopes.
    pub decimals: usize,
    /// Runs that it is of.
    pub runs: usize,
    /// By levels, as they are.
    pub by_levels: Option<TwoWay>,
    /// Improvement per doubling of the first axis and of the second (each at the geometric mean of the other), and how much
    /// the one changes with each doubling of the other; where both are amounts.
    pub per_doubling: Option<[Coefficient; 3]>,
}

/// The analysis of a metric by two axes; `None` without any values.
pub(super) fn analyse(data: &Data, quantity: &Quantity, (first, second): (usize, usize)) -> Option<Analysis> {
    let (mut levels, mut amounts, mut values) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()), Vec::new());
    for cell in data.cells() {
        let Ok(sample) = data.goodness(cell, quantity) else { continue };
        let [a, b] = [first, second].map(|axis| data.level(cell, axis));
        let amount = |axis, level| data.frame.level_value(axis, level).filter(|amount| *amount > 0.0);
        for (_, value) in sample {
            levels.0.push(u32::from(a));
            levels.1.push(u32::from(b));
            amounts.0.extend(amount(first, a));
            amounts.1.extend(amount(second, b));
            values.push(value);
        }
    }
    let are_amounts = amounts.0.len() == values.len() && amounts.1.len() == values.len();
    (!values.is_empty()).then(|| Analysis {
        metric: quantity.label.clone(),
        first: data.frame.axis_label(first).to_owned(),
        second: data.frame.axis_label(second).to_owned(),
        decimals: quantity.decimals + 1,
        runs: values.len(),
        by_levels: stats::two_way(&levels.0, &levels.1, &values).ok(),
        per_doubling: are_amounts.then(|| stats::on_logarithms(&amounts.0, &amounts.1, &values).ok()).flatten(),
    })
}
