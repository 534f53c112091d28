//! Starting tasks: the only place that decides when a job runs.
//!
//! `select` chooses, `canary` and `brake` hold back, `order` ranks and `board` hands out tasks, all without looking at the
//! machine; `local` runs them here. `prepared` freezes the code and tells workers what to run, `again` tells them the same
//! of tasks that are repeated, `guard` ends what a killed launcher leaves, `summary` says what came of it. What happens
//! with one task is the [`worker`](crate::worker)'s business.

use std::time::Duration;

pub mod again;
pub mod board;
pub mod brake;
pub mod canary;
pub mod guard;
pub mod local;
pub mod machine;
pub mod order;
pub mod prepared;
pub mod progress;
pub mod select;
pub mod signals;
pub mod slurm;
pub mod summary;

/// How long a slot waits before it looks again whether it is to stop.
const PATIENCE: Duration = Duration::from_millis(50);
