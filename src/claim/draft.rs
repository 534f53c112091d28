//! A part before it is decided.

use hashbrown::HashMap;

use super::conclusion::Aside;
use super::data::{Data, Gap, Quantity, Sample};
use crate::grid::claim::Region;
use crate::stats::{self, Estimate, Term, Undefined};

/// What is estimated, and what the claim allows.
pub(super) struct Draft {
    pub says: String,
    pub decimals: usize,
    pub estimate: Result<Estimate, Why>,
    pub region: Region,
    pub method: &'static str,
    /// Cells whose values were used.
    pub cells: Vec<usize>,
    pub quantities: Vec<Quantity>,
    /// Fewest runs of a cell.
    pub seeds: usize,
    /// Cells that lack a value which could be there.
    pub missing: usize,
    pub asides: Vec<Aside>,
}

/// Why there is no estimate.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Why {
    /// So many cells have no value yet.
    Missing(usize),
    /// The metric does not apply to a cell that is needed.
    NotApplicable,
    /// No score of this name has been measured or imported.
    NoMetric(String),
    /// The grid has no cells that the relation could be about.
    NoCells(&'static str),
    Undefined(Undefined),
}

impl Draft {
    /// A part that is about nothing.
    pub fn empty(says: String, region: Region, why: Why) -> Self {
        Self {
            says,
            decimals: 2,
            estimate: Err(why),
            region,
            method: "",
            cells: Vec::new(),
            quantities: Vec::new(),
            seeds: 0,
            missing: 0,
            asides: Vec::new(),
        }
    }
}

/// Weighted sums over cells of one quantity.
pub(super) struct Weighted<'a> {
    pub data: &'a Data<'a>,
    pub quantity: &'a Quantity,
    /// Whether values count so that more is better.
    pub better: bool,
}

impl Weighted<'_> {
    fn sample(&self, cell: usize) -> Result<Sample, Gap> {
        if self.better { self.data.goodness(cell, self.quantity) } else { self.data.sample(cell, self.quantity) }
    }

    /// The part about `sum of weight * mean` over `cells`.
    pub fn draft(&self, says: String, cells: &[(usize, f64)], region: Region) -> Draft {
        let samples: Vec<Result<Sample, Gap>> = cells.iter().map(|&(cell, _)| self.sample(cell)).collect();
        let missing = samples.iter().filter(|sample| matches!(sample, Err(Gap::Missing))).count();
        let (mut used, mut seeds) = (Vec::new(), usize::MAX);
        for (&(cell, _), sample) in cells.iter().zip(&samples) {
            if let Ok(sample) = sample {
                used.push(cell);
                seeds = seeds.min(sample.len());
            }
        }
        let estimate = if missing > 0 { Err(Why::Missing(missing)) } else { estimate(cells, samples) };
        Draft {
            says,
            decimals: self.quantity.decimals + 1,
            estimate,
            region,
            method: "t over seeds",
            cells: used,
            quantities: vec![self.quantity.clone()],
            seeds: if seeds == usize::MAX { 0 } else { seeds },
            missing,
            asides: Vec::new(),
        }
    }

    /// The weighted sum of the cells' means, as a number beside; `None` where a cell has none.
    pub fn sum(&self, cells: &[(usize, f64)]) -> Option<f64> {
        let term = |&(cell, weight): &(usize, f64)| {
            let values: Vec<f64> = self.sample(cell).ok()?.into_iter().map(|(_, value)| value).collect();
            Some(weight * stats::summarize(&values).ok()?.mean)
        };
        cells.iter().map(term).sum()
    }
}

fn estimate(cells: &[(usize, f64)], samples: Vec<Result<Sample, Gap>>) -> Result<Estimate, Why> {
    let samples = samples.into_iter().collect::<Result<Vec<Sample>, Gap>>().map_err(|_| Why::NotApplicable)?;
    let terms: Vec<Term> =
        cells.iter().zip(&samples).map(|(&(_, weight), replicates)| Term { weight, replicates }).collect();
    stats::contrast(&terms).map_err(Why::Undefined)
}

/// Each cell once, in order of first appearance.
pub(super) fn merged(weights: impl IntoIterator<Item = (usize, f64)>) -> Vec<(usize, f64)> {
    let mut out: Vec<(usize, f64)> = Vec::new();
    let mut known: HashMap<usize, usize> = HashMap::new();
    for (cell, weight) in weights {
        match known.get(&cell) {
            Some(&position) => out[position].1 += weight,
            None => {
                known.insert(cell, out.len());
                out.push((cell, weight));
            }
        }
    }
    out
}
