//! `cargo xtask test`: all set-up, then every check, with the minutes of each.
//!
//! Every cargo call takes the whole workspace, in one profile and with the dependencies of tests, so that each dependency
//! is compiled once: another selection would select other features, and compile much again. Tests are chosen by target.

mod judges;
mod python;
mod runner;
mod verb;

pub use verb::Test;
