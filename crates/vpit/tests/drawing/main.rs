//! Images of published models for evaluation, at a size that is drawn in a second: captions pinned, drawn and graded through
//! the program, on several processes, after interruptions, and with what cannot be used.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_input;
mod pinning;
mod planned;
mod stages;
mod world;
