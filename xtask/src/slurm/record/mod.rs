//! `cargo xtask slurm record`: what Slurm's programs really say, as fixtures for whoever parses it.
//!
//! [`scenes`] is what happens on the cluster, [`recorder`] keeps what was said about it, and the table that explains it.

mod recorder;
mod scenes;

pub use scenes::record;
