//! `cargo xtask slurm`: a real Slurm with three nodes and accounting on this machine, below one folder.
//!
//! [`cluster`] knows the folder, [`config`] writes what the daemons read, [`daemon`] lists the daemons, [`process`] finds
//! those that run. [`up`] and [`down`] are the two directions, [`packages`] is where the programs come from, [`record`] keeps
//! what Slurm says, [`trial`] lends a cluster to tests.

mod cluster;
mod config;
mod daemon;
mod down;
mod packages;
mod ports;
mod process;
mod record;
mod status;
mod trial;
mod up;
mod verb;

pub use trial::{Trial, trial};
pub use verb::Slurm;
