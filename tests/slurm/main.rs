//! `sweep` and Slurm, through the command line.
//!
//! The contract is held against whatever `SLURM_CONF` names, or against the fake Slurm where it names nothing. Trouble and
//! most kills are the fake's alone: no real Slurm loses an answer on command. What only a real one does, such as giving up
//! a node, is tried where `SLURM_CONF` names a cluster of `cargo xtask slurm up`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod cluster;
mod contract;
mod doctor;
mod fake;
mod real;
mod site;
