//! The stages of the pipeline, each a subcommand, each a function of its task's configuration alone.
//!
//! A stage reads its parameters and the folders of the stages that it needs ([`task::Task`]), and leaves weights, time
//! series, scores and predictions in its own folder. Every random choice is keyed by the seed and a purpose, so that a
//! stage run twice gives the same bits.

pub mod adapter;
pub mod anchors;
pub mod data;
pub mod encoder;
pub mod evaluate_images;
pub mod evaluate_vqa;
pub mod finetune;
pub mod generate;
pub mod judges;
pub mod lm;
pub mod samples;
pub mod task;
pub mod visualizer;

pub use task::{Error, Task};
