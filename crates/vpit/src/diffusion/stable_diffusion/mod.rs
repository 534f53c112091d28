//! The paper's visualizer at full size: Stable Diffusion 1.5 under visual tokens in the place of a text (appendix A.2).
//!
//! The networks are those of diffusers: their configuration files are read as they are, with every setting either
//! followed or refused, and their weights by their names.

pub mod blocks;
pub mod config;
pub mod folder;
pub mod recipe;
pub mod scheduler;
pub mod trained;
pub mod transformer;
pub mod unet;
pub mod unet_config;
pub mod vae;
pub mod vae_config;
pub mod visualizer;

pub use recipe::Recipe;
pub use scheduler::{Pndm, SchedulerConfig};
pub use trained::Trained;
pub use unet::Unet;
pub use unet_config::UnetConfig;
pub use vae::Vae;
pub use vae_config::VaeConfig;
pub use visualizer::Visualizer;
