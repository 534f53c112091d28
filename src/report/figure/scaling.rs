//! Lines over an amount, often on a logarithmic axis: the paper's Figure 2.

use super::page::Caption;
use super::scale::Quantity;

/// Series over one amount.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scaling {
    pub caption: Caption,
    pub x: Quantity,
    pub y: Quantity,
    pub series: Vec<Series>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series {
    /// Printed in the legend.
    pub label: String,
    /// Joined in the order of x.
    pub points: Vec<ScalingPoint>,
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ScalingPoint {
    pub x: f64,
    pub y: f64,
    /// Half length of the error bar; `None` for a single seed.
    pub spread: Option<f64>,
    /// Ringed, as the paper does with the amounts that it discusses.
    pub ringed: bool,
}
