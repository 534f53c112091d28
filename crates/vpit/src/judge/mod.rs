//! Networks that judge images: trained apart from everything that is judged, on the training split alone.

pub mod features;
pub mod pairs;

pub use features::FeatureNet;
pub use pairs::PairNet;
