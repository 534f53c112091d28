//! Code frozen at submission: what a stage runs is kept by its content, so that an edit or a rebuild never changes a
//! task that waits.
//!
//! [`freeze`] looks at a stage's command as somebody would who types it in the folder of the sweep file:
//!
//! - The program: one of the project (a path, or `vpit` beside `sweep`), or any other executable that is no part of an
//!   installation, is kept, with the shared libraries outside the system's folders, which it finds by `LD_LIBRARY_PATH`.
//!   Programs of the system or of an installation (`<prefix>/bin` beside `<prefix>/lib`: Python environments, Conda)
//!   depend on too much around them; they run where they are, and their digest is recorded.
//! - Files that the stage names as `code`, and texts that an argument names, are kept under their relative paths.
//!
//! All of it becomes one folder named by its content, with the arguments pointing into it. [`recall`] finds that folder
//! again by what an attempt put on record, so that the same code can run once more.

mod digests;
mod elf;
mod program;
mod recall;
mod snapshot;
mod stage;

pub use digests::Digests;
pub use recall::recall;
pub use stage::{Frozen, freeze};

#[cfg(test)]
mod tests;
