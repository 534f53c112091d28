//! Figures as SVG, PDF and PNG: pure functions from plain input structs to bytes.
//!
//! Each kind of figure is a struct with a `draw` method that gives a [`Drawing`]; [`Drawing::svg`], [`Drawing::pdf`] and [`Drawing::png`] give bytes.
//! Lengths are in points (1/72 inch). Layout follows from measured text, so nothing is cut or overlaps, and no text is smaller than 7 points; a
//! figure is as wide as the text of a page ([`PAGE_WIDTH`]) wherever its content allows. The same input gives the same bytes.
//!
//! Colours are safe for colour-blind readers and keep their order in grey; nothing is said by colour alone.

mod bars;
mod chart;
mod colour;
mod correlation;
mod hatch;
mod heatmap;
mod hexbin;
mod legend;
mod marker;
mod number;
mod page;
mod pdf;
mod png;
mod reference;
mod scale;
mod scaling;
mod scatter;
mod scene;
mod stroke;
mod svg;
mod text;

#[cfg(test)]
mod tests;

pub use bars::{Bar, BarPanel, Bars};
pub use colour::Hue;
pub use correlation::{Correlation, CorrelationPanel, CorrelationRow, Line};
pub use heatmap::{Axis, CellValue, Heatmap, HeatmapPanel, Measured};
pub use page::{Caption, PAGE_WIDTH};
pub use reference::Reference;
pub use scale::{Quantity, ScaleKind};
pub use scaling::{Scaling, ScalingPoint, Series};
pub use scatter::{Scatter, ScatterPanel, ScatterPoint};
pub use scene::Drawing;
