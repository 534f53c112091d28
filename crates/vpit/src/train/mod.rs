//! What all trainings share: losses, learning-rate schedules, the optimiser.

pub mod loss;
pub mod optimizer;
pub mod order;

pub use loss::{LossReduction, VisionLoss};
pub use optimizer::{Optimizer, Schedule};
