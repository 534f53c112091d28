//! What a bundle holds and says of itself: everything that is needed to check a result elsewhere. Pure.
//!
//! A bundle is a folder and an RO-Crate (Process, Workflow and Provenance Run Crate 0.5, on RO-Crate 1.1):
//! [`metadata`] describes it in `ro-crate-metadata.json`, [`digests`] lists every file of it in `digests.b3`, in the
//! format of `b3sum`, so that nothing of ours is needed to verify it.

pub mod digests;
mod graph;
mod metadata;
mod plan;

pub use metadata::{Contents, FileEntry, TaskEntry, metadata};
pub use plan::plan;

/// Names of the files at the top of a bundle.
pub const METADATA: &str = "ro-crate-metadata.json";
pub const DIGESTS: &str = "digests.b3";
pub const SWEEP: &str = "sweep.toml";
pub const PLAN: &str = "plan.json";
pub const SCORES: &str = "scores.jsonl";
pub const README: &str = "README.md";
/// Folders: figures and tables; what each task left, by its identity.
pub const REPORT: &str = "report";
pub const TASKS: &str = "tasks";
