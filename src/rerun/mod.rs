//! Doing runs again and comparing: which ones, what came of it, and what that means. Pure.
//!
//! A rerun executes every task of a run once more, from the frozen configuration and the stored program, each task on
//! what the rerun itself made upstream. What it left is a fact ([`Repeat`]); how it compares with what was there before
//! is judged whenever somebody looks, by [`judge`], so that a tolerance may be declared later.

mod choose;
mod describe;
mod environment;
mod judge;
mod repeat;
#[cfg(test)]
mod tests;

pub use choose::{InvalidShare, Share, choose};
pub use environment::{Change, changes};
pub use judge::{Agreement, Difference, Judged, Measure, judge};
pub use repeat::{Left, Repeat};
