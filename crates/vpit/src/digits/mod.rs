//! The miniature's world: scenes of real handwritten digits with captions, questions and a small language.
//!
//! A [`Scene`] is a grey canvas of [`SIDE`] x [`SIDE`] pixels composed from MNIST digits; [`Content`] says what is in it
//! and is the single source of its caption, its questions and its answers. Every sample is a pure function of
//! (split, id), so a data set is a range of ids and a subset is a set of ids ([`subset`]).
//!
//! The two splits share nothing that could be remembered: [`Split::Train`] uses digits of MNIST's training split only and
//! never shows a held-out combination ([`Content::held_out`]); [`Split::Test`] uses digits of MNIST's test split only and
//! draws from all combinations, so about a fifth of its composed scenes are new compositions.

mod canvas;
mod content;
mod draw;
mod mnist;
mod question;
#[cfg(test)]
mod sheet;
mod subset;
pub mod text;
pub mod vocabulary;
mod world;

pub use canvas::SIDE;
pub use content::{Axis, Content, Corner};
pub use question::{Group, Kind, Question};
pub use subset::{SubsetTooLarge, subset};
pub use world::{Scene, Split, World};
