//! What a claim came to.

use serde::Serialize;

use super::analysis::Analysis;
use crate::grid::claim::{By, Region};
use crate::stats::Interval;

/// A claim with what the stored scores say about it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Conclusion {
    /// Name of the claim.
    pub claim: String,
    /// The claim in a sentence, as the sweep file has it.
    pub text: String,
    pub grid: String,
    /// Only cells that satisfy this filter.
    pub filter: Option<String>,
    pub by: By,
    pub decision: Decision,
    /// What the decision rests on, in a sentence.
    pub reason: String,
    /// The parts in the order of the sweep file; all must hold.
    pub parts: Vec<Part>,
    /// Number of parts whose estimate lies on the claimed side, whatever its uncertainty.
    pub as_claimed: usize,
    /// Cells that the parts look at.
    pub cells: usize,
    /// Identities of the runs whose scores were used, each once, sorted.
    pub runs: Vec<String>,
    /// Where the scores come from.
    pub sources: Vec<String>,
    /// For claims about effects: how the variation divides between the two axes.
    pub analyses: Vec<Analysis>,
    /// What a reader has to know beside.
    pub notes: Vec<String>,
}

/// Whether what was claimed is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Every part's interval lies wholly on the claimed side.
    Holds,
    /// Some part's interval lies wholly on the other side.
    Fails,
    /// Neither, or there is no interval.
    Undecided,
    /// Judged by the estimate alone, which lies on the claimed side: a description.
    Agrees,
    /// Judged by the estimate alone, which lies on the other side: a description.
    Disagrees,
}

impl Decision {
    /// As reports print it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Fails => "fails",
            Self::Undecided => "not decided",
            Self::Agrees => "as claimed (descriptive)",
            Self::Disagrees => "not as claimed (descriptive)",
        }
    }
}

/// One relation of a claim for one metric, pair of cells or step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// What is estimated: `ρ of SEED with CLIP score`.
    pub says: String,
    /// `None` where the data give none; `reason` says why.
    pub estimate: Option<f64>,
    /// Decimals with which a report prints it. Decisions compare the unrounded value.
    pub decimals: usize,
    /// The values that the claim allows.
    pub region: Region,
    /// Over seeds, at `level`; `None` with one run a cell.
    pub interval: Option<Interval>,
    /// Level of the interval: 95%, or more where several parts are judged together (Holm).
    pub level: f64,
    /// Two-sided p of the truth being at the boundary, adjusted for the number of parts (Holm).
    pub p: Option<f64>,
    /// How the interval was made.
    pub method: &'static str,
    /// Cells that it looks at.
    pub cells: usize,
    /// Runs that it looks at.
    pub runs: usize,
    /// Whether the estimate lies on the claimed side.
    pub as_claimed: Option<bool>,
    pub decision: Decision,
    /// Why there is no decision.
    pub reason: Option<String>,
    /// Seeds a cell that would decide with a chance of 80%, were the estimate and its spread the truth.
    pub seeds_needed: Option<usize>,
    /// Numbers that stand beside and decide nothing.
    pub asides: Vec<Aside>,
}

/// A number beside a part.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Aside {
    /// What it is: `within VQA data`.
    pub label: String,
    pub value: f64,
    pub interval: Option<Interval>,
    pub p: Option<f64>,
    pub decimals: usize,
}
