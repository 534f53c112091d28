//! Both stages of a training of a published model, at a size that trains in a second, and its evaluation: through the
//! program, on data of all kinds, on one process and on several.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod asked;
mod bad_input;
mod processes;
mod published;
mod stages;
mod world;
