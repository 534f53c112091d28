//! What runs beside a job: claim the task, run its command, publish how it ended.
//!
//! The same code serves the local launcher, in its own process, and `sweep worker`, on a node of a cluster. It never
//! opens the database. A task may rarely be started twice; [`claim`] and [`publish`] see to it that it is counted once:
//!
//! - An attempt is claimed by hard-linking a file that names the holder to `attempts/<n>/claim`. A link appears whole or
//!   not at all, and only one can have the name. Another attempt is claimed only when the holder is known to be gone.
//! - Everything that an attempt writes goes below its own `attempts/<n>/`.
//! - The task's `outcome.json` is a hard link to the outcome of the one attempt that succeeded, made after everything
//!   that it speaks of has reached the disk.

mod attempt;
pub mod claim;
mod command;
mod end;
mod files;
mod memory;
pub mod orphans;
mod process;
pub mod publish;
mod rendezvous;
mod results;
mod spec;

pub(crate) use attempt::LARGEST_OUTCOME;
pub use attempt::{Attempted, Ended, Worker};
pub use end::Cut;
pub use files::{open_regular, read_regular};
pub use memory::OomKills;
pub use process::{Grace, Running};
pub(crate) use results::LARGEST_SCORES;
pub use spec::{Manifest, Need, Processes, SlurmTerms, StageSpec, TaskSpec};
