//! Points coloured by a level with an order: the paper's Figures 4 and 5.

use super::page::Caption;
use super::scale::Quantity;

/// Panels side by side that share their levels.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scatter {
    pub caption: Caption,
    /// Above the legend, such as `200k generation data, co-trained with`.
    pub legend_title: String,
    /// In their order: the higher, the darker.
    pub levels: Vec<String>,
    pub panels: Vec<ScatterPanel>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScatterPanel {
    pub x: Quantity,
    pub y: Quantity,
    pub points: Vec<ScatterPoint>,
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ScatterPoint {
    pub x: f64,
    pub y: f64,
    /// Index into [`Scatter::levels`].
    pub level: usize,
}
