//! Slurm without Slurm: profiles, scripts, which tasks share an array, and what the answers of its programs say. Pure.
//!
//! `profile` reads what a site is like, `layout` cuts tasks into arrays that wait for each other, `script` writes the text
//! for `sbatch`, `answer` reads what `sbatch`, `squeue`, `sacct` and `scontrol` say, in terms of `state` and `array`;
//! `follow` finds what was submitted in it, and `judge` what its end means for a task. [`launch::slurm`](crate::launch::slurm) starts the programs.

pub mod answer;
pub mod array;
pub mod follow;
pub mod judge;
pub mod layout;
pub mod profile;
pub mod script;
pub mod state;

pub use profile::{Profile, Settings};
pub use state::JobState;
