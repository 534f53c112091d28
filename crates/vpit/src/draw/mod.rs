//! Drawing for evaluation: the captions of a pinned benchmark to images by a trained model, and the images to scores.
//!
//! | module | owns |
//! |---|---|
//! | [`benchmark`], [`pin`] | which captions, which real pictures, brought to which size; and how that is fixed once |
//! | [`painter`] | captions to visual tokens to images |
//! | [`jury`] | the networks of FID and CLIP score, opened together |
//! | [`kept`] | what a drawing leaves, piece by piece, so that another attempt goes on |
//! | [`generate`], [`evaluate`] | the stages |

pub mod benchmark;
pub mod evaluate;
pub mod generate;
pub mod jury;
pub mod kept;
pub mod painter;
pub mod pin;
