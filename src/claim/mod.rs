//! From the claims of a sweep to conclusions.
//!
//! [`judge`] is the whole of it: each claim is broken into parts (one a metric, a pair of cells, a step), each part is an
//! estimate with its uncertainty over seeds and the values that the claim allows, and the parts are decided together.
//! One file a kind of relation; all but correlations are weighted sums of cell means ([`crate::stats::contrast`]).

mod analysis;
mod better;
mod conclusion;
mod correlation;
mod data;
mod decide;
mod draft;
mod effect;
mod improves;
mod judge;
mod plateau;
mod value;

pub use analysis::Analysis;
pub use conclusion::{Aside, Conclusion, Decision, Part};
pub use judge::judge;

#[cfg(test)]
mod tests;
