//! The data of a training of a published model: what is there, which of it a run sees and in which order, and samples made
//! ready while the model computes.
//!
//! | module | owns |
//! |---|---|
//! | [`source`] | the kinds of data, each with its form of a line |
//! | [`mod@line`], [`video`] | a line to a conversation with its pictures |
//! | [`picture`] | pictures from files and from the inside of archives |
//! | [`index`], [`archive`] | `vpit index`: where each sample lies, and the manifest |
//! | [`library`] | the manifest and the samples that it lists |
//! | [`mixture`] | amounts of sources to an order of samples |
//! | [`loader`] | samples in that order, made ready by threads |

pub mod archive;
pub mod error;
pub mod index;
pub mod library;
pub mod line;
pub mod loader;
pub mod mixture;
pub mod picture;
pub mod source;
pub mod video;

pub use error::Error;
pub use library::Library;
pub use line::Sample;
pub use mixture::Mixture;
pub use source::Source;
