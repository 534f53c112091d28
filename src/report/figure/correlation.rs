//! Scores against scores with fitted lines and coefficients: the paper's Figure 8.

/// Panels in rows and columns, such as nine benchmarks by CLIP score and FID.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Correlation {
    pub caption: super::Caption,
    /// Rows of one length; panels below each other share their title, which is printed once.
    pub rows: Vec<CorrelationRow>,
    /// Names of the groups that [`CorrelationPanel::group`] counts.
    pub groups: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct CorrelationRow {
    /// Printed once below the row, such as `CLIP Score (↑)`.
    pub x_label: String,
    pub panels: Vec<CorrelationPanel>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct CorrelationPanel {
    /// The benchmark.
    pub title: String,
    /// Index into [`Correlation::groups`]: colour and number of the stars' points.
    pub group: usize,
    /// x and y; points that are not finite are counted in a note. Beyond 2,000, hexagons show how many lie where.
    pub points: Vec<(f64, f64)>,
    /// The fitted line, dashed.
    pub line: Option<Line>,
    /// The coefficient as printed under the title, then lines of small print: interval, n and p, within levels.
    pub rho: Vec<String>,
}

/// y = intercept + slope x.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    pub slope: f64,
    pub intercept: f64,
}
