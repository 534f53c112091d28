//! From a checked sweep to runs and tasks, and from what is known of those to what should be done next.
//!
//! `expand` makes cells, `distinct` tells rows of levels apart, `identity` names tasks and runs by what they depend on,
//! `build` puts them together as the columns of `table`. `advance` then says where each task stands, `history` what an
//! earlier revision left, `forecast` what the rest will cost, `sharing` what grids have in common.

mod advance;
mod build;
mod distinct;
mod expand;
pub mod explain;
mod forecast;
mod history;
#[cfg(test)]
mod history_tests;
mod identity;
mod sharing;
mod table;
#[cfg(test)]
mod tests;

pub use advance::{Actions, Counts, Standing, advance};
pub use build::{Selection, build};
pub use forecast::{Cost, Disk, Left, costs, disk, expected, left};
pub use history::{Change, History, Revision, Stale, changes, compare};
pub use sharing::{Shared, sharing};
pub use table::{Cell, GridPlan, Plan, RunIx, Task, TaskIx};
