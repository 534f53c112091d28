//! The page: everything that a report knows in one HTML file that asks nothing of any network.
//!
//! [`Data`] is what the page shows, as columns of numbers; [`document()`] puts it into the page beside the style and the
//! scripts of this folder. Nothing from a grid, a file name or a log becomes markup: the data is one island of JSON that
//! cannot end its element, and the scripts turn texts into text nodes alone.

mod cells;
mod column;
mod curves;
mod data;
mod document;
mod runs;

#[cfg(test)]
mod tests;

pub use curves::{Curve, thin};
pub use data::{Content, Data, Shown};
pub use document::{Mode, document, island, policy};

/// More runs than this are not for one page: it would take seconds to open.
pub const MOST_RUNS: usize = 20_000;
