//! `sweep submit`, `collect` and `status` on this machine, through the command line: real processes, no wall clock.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod access;
mod audit;
mod bad_input;
mod crashes;
mod first;
mod project;
mod reading;
mod rerun;
mod running;
mod store;
