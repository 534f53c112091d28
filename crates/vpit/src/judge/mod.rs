//! Networks that judge images.
//!
//! The miniature's own are trained apart from everything that is judged, on the training split alone. The published ones
//! give FID and CLIP score their meaning at full size.

pub mod agreement;
pub mod captions;
pub mod clip;
pub mod distance;
pub mod features;
pub mod fid;
pub mod inception;
mod numbers;
pub mod pairs;
pub mod preparation;

pub use clip::{Clip, ClipConfig};
pub use features::FeatureNet;
pub use inception::Inception;
pub use numbers::floats;
pub use pairs::PairNet;
pub use preparation::Preparation;
