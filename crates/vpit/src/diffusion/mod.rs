//! From visual tokens back to pixels: a diffusion model conditioned on the vision tower's output (paper, appendix A.2).

pub mod denoiser;
pub mod noising;
pub mod sampler;

pub use denoiser::{Visualizer, VisualizerConfig};
pub use noising::{Noising, Prediction};
