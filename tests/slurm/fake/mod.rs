//! What no real Slurm does on command, or not often enough.

mod kills;
mod trouble;
mod watch;

pub use kills::{SUBMIT, SWEEP, ends_well};
