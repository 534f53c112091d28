//! The models: each a file, each block a struct whose `new` and `forward` are mirror images, each field a checkpoint name.
//!
//! Shapes are fixed by configuration and checked at the door ([`weights`]); inside, a wrong shape is a mistake of ours and
//! panics.

pub mod cache;
pub mod dims;
pub mod layers;
pub mod llama;
pub mod llama_config;
pub mod presets;
pub mod siglip;
pub mod siglip_config;
pub mod tensor_files;
pub mod tensor_writer;
pub mod vpit;
pub mod weights;

pub use dims::dims;
pub use vpit::{Vpit, VpitConfig};
pub use weights::{Parameters, Scope, Weights};
