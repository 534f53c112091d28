//! What all trainings share (losses, learning-rate schedules, the optimiser), and the training of published models.
//!
//! | module | owns |
//! |---|---|
//! | [`recipe`] | the parameters of a training of a published model |
//! | [`engine`], [`shard`] | forward and backward block by block, over one process or many |
//! | [`state`] | checkpoints to resume from, on any number of processes |
//! | [`point`] | models kept on the way, to be looked at |
//! | [`meeting`] | which processes train together |
//! | [`run`], [`report`] | the training itself, and what it tells of itself |

pub mod engine;
pub mod loss;
pub mod meeting;
pub mod models;
pub mod optimizer;
pub mod order;
pub mod point;
pub mod recipe;
pub mod report;
pub mod run;
pub mod shard;
pub mod state;

pub use loss::{LossReduction, VisionLoss};
pub use optimizer::{Optimizer, Schedule};
