//! The Slurm launcher: the only place that starts a program of Slurm.
//!
//! A submission is journalled before `sbatch` is started, under a name that Slurm keeps. Whatever becomes of the call, the
//! name finds the job: `ask` looks for it, `settle` brings what Slurm says together with what lies in task folders, and
//! `submit` hands over what is still to be done, `errand` what somebody waits for. `element` is what runs at the other end, on a node.

mod ask;
mod crash;
mod element;
mod errand;
mod folder;
mod program;
mod settle;
mod submit;

pub use ask::{ask, ask_sparingly};
pub use element::run as run_element;
pub use errand::Errand;
pub use folder::{Folder, log_of};
pub use program::{Said, Sent, Slurm};
pub use settle::{Settled, Spot, settle};
pub use submit::{Handed, Order, Planned, Submitter, settle_all, settle_seconds, show};
