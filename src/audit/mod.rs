//! What a sceptical reviewer would say of the evidence. Pure.
//!
//! [`examine`] is the whole of it: every rule looks at a [`Case`] (the evidence with the [`Facts`] that an edge gathered)
//! and returns [`Finding`]s. A rule has a file of its own and knows nothing of the others. A [`Baseline`] takes out what
//! somebody has looked at and accepted; [`render`] turns the rest into text. `docs/audit.md` has the table of rules.

mod baseline;
mod case;
mod examine;
mod facts;
mod finding;
mod printed;
pub mod render;
mod rules;
#[cfg(test)]
mod scene;

pub use baseline::{Accepted, Baseline, Judged};
pub use case::Case;
pub use examine::examine;
pub use facts::{
    Artifact, Attempt, Column, Contents, Disk, Facts, FileState, Imported, LateScore, OnDisk, Other, Provenance,
    Rescored, Verified, Wanted,
};
pub use finding::{Finding, Place, Severity};
pub use rules::{RULES, Rule};
