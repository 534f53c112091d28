//! The kinds of data that the paper trains on (section 2.2, appendix C.2).

use serde::{Deserialize, Serialize};

/// A kind of data; each has its own form of a line ([`super::line`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Captions for stage 1.
    Alignment,
    /// Questions about images, and text alone.
    Vqa,
    /// Questions about videos.
    VideoQa,
    /// Frames to be predicted, completed, reversed and put in order.
    PureVideo,
    /// Images by caption.
    Generation,
    /// Questions answered after a closer look.
    VisualThinking,
    /// Images changed as told.
    ImageToImage,
}

impl Source {
    /// Its name in sweeps, in `data.toml` and in the manifest.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alignment => "alignment",
            Self::Vqa => "vqa",
            Self::VideoQa => "video_qa",
            Self::PureVideo => "pure_video",
            Self::Generation => "generation",
            Self::VisualThinking => "visual_thinking",
            Self::ImageToImage => "image_to_image",
        }
    }
}
