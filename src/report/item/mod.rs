//! One figure or table of a report: what it draws, tabulates and says.
//!
//! Each kind has a module that turns a [`Frame`](crate::report::frame::Frame) and a declared [`Report`](crate::grid::Report) into an [`Item`].

mod anchored;
mod asked;
mod bars;
mod correlation;
mod described;
mod heatmap;
mod partial;
mod provenance;
mod scaling;
mod scatter;
mod seeded;
mod series;
mod tabulate;

pub use asked::{Asked, Item};
pub use correlation::{Correlated, WithinAxis, correlate};
pub use partial::{Coverage, coverage};
