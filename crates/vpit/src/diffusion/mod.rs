//! From visual tokens back to pixels: a diffusion model conditioned on the vision tower's output (paper, appendix A.2).

pub mod denoiser;
pub mod layers;
pub mod noising;
pub mod projector;
pub mod sampler;
pub mod stable_diffusion;
pub mod time;

pub use denoiser::{Visualizer, VisualizerConfig};
pub use noising::{Noising, Prediction};
