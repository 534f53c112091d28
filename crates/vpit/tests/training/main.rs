//! Both stages of a training of a published model, at a size that trains in a second: through the program, on data of all
//! kinds, on one process and on several.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_input;
mod processes;
mod stages;
mod world;
