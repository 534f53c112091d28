//! `sweep` and Slurm, through the command line.
//!
//! The contract is held against whatever `SLURM_CONF` names, or against the fake Slurm where it names nothing. Trouble is
//! the fake's alone: no real Slurm loses an answer on command.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod contract;
mod site;
mod trouble;
