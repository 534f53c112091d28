//! Bars by category and series: the paper's Figures 3 and 6.

use super::page::Caption;

/// Panels side by side, one a metric.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bars {
    pub caption: Caption,
    /// Names of the series, for the legend: colour and hatching.
    pub series: Vec<String>,
    pub panels: Vec<BarPanel>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct BarPanel {
    /// The metric with its arrow.
    pub title: String,
    /// Number of decimals of the values above the bars.
    pub decimals: usize,
    pub categories: Vec<String>,
    pub bars: Vec<Bar>,
}

/// One bar. Bars of one category stand side by side in the order of their series; a category without bars stays empty.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Bar {
    /// Index into [`BarPanel::categories`].
    pub category: usize,
    /// Index into [`Bars::series`].
    pub series: usize,
    pub value: f64,
    /// Half length of the error bar; `None` for a single seed.
    pub spread: Option<f64>,
}
