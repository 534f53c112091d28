//! Scoring without libtorch: published benchmarks, answers to questions, Fréchet distance, CLIP score.
//!
//! Everything is computed in f64 from values that others predicted; nothing here draws a random number, reads a file or
//! knows a model. A mean is an [`Estimate`]: it carries how many samples made it, and a standard error where there is one.

pub mod answer;
pub mod benchmark;
pub mod clip;
mod estimate;
pub mod frechet;
pub mod kid;
mod linear;
pub mod vqa;

pub use estimate::Estimate;
