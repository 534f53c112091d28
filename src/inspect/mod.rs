//! How task folders look beside the store: what an audit needs to know of the disk. Reads only.
//!
//! [`inspect`] looks at every file by size and time, reads the small files, digests as many as it is told to, and
//! scores the predictions among those again. What
//! differs is a plain fact for the rules of [`crate::audit`]; nothing is judged here.

mod folders;
mod rescore;
mod select;
mod verify;

pub use folders::{Inspection, inspect};
pub use select::{Selection, parse_verify};
