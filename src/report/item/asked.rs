//! What a report asks for, and what it comes to.

use polars::prelude::DataFrame;

use super::{
    Correlated, Coverage, anchored, bars, correlation, coverage, described, heatmap, scaling, scatter, tabulate,
};
use crate::grid::{Report, ReportKind};
use crate::report::anchors::{Anchor, Anchors};
use crate::report::figure::{Caption, Drawing};
use crate::report::frame::Frame;
use crate::report::table::Table;
use crate::{Error, Result};

/// What one declared report comes to.
#[derive(Debug)]
pub struct Item {
    /// File stem.
    pub name: String,
    pub title: String,
    pub kind: ReportKind,
    /// The measures that it shows, each once, in the sweep's order.
    pub measures: Vec<usize>,
    /// Drawings with the suffix of their file names; the first has none.
    pub drawings: Vec<(String, Drawing)>,
    /// Tables with the suffix of their file names.
    pub tables: Vec<(String, Table)>,
    /// Paragraphs of plain text below the figure.
    pub caption: Vec<String>,
    /// The numbers that are drawn.
    pub data: DataFrame,
    pub coverage: Coverage,
    /// What its metrics are compared with.
    pub anchors: Vec<Anchor>,
    /// Every correlation with its test, for machines.
    pub correlations: Vec<Correlated>,
}

/// A report with what it is made from.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub report: &'a Report,
    pub frame: &'a Frame<'a>,
    /// Text of the file with values that somebody else printed for the same figure.
    pub printed: Option<&'a str>,
    pub anchors: &'a Anchors<'a>,
}

impl Item {
    /// Draw and tabulate what is asked.
    ///
    /// # Errors
    /// The report names an axis or a metric that the grid does not have.
    pub fn of(asked: Asked) -> Result<Self> {
        let mut item = match asked.report.kind {
            ReportKind::Heatmap => heatmap::item(asked),
            ReportKind::Correlation => correlation::item(asked),
            ReportKind::Scaling => scaling::item(asked),
            ReportKind::Bars => bars::item(asked),
            ReportKind::Scatter => scatter::item(asked),
            ReportKind::Table => return tabulate::item(asked),
        }?;
        item.tables.extend(anchored::table(asked, &item).map(|table| ("-anchors".to_owned(), table)));
        Ok(item)
    }

    /// The parts that every kind has.
    pub(super) fn new(asked: Asked, measures: &[usize]) -> Result<Self> {
        let Asked { report, frame, .. } = asked;
        let mut shown = measures.to_vec();
        shown.sort_unstable();
        shown.dedup();
        let data = frame.long(measures).map_err(|error| asked.error(format!("its data make no frame: {error}")))?;
        Ok(Self {
            name: report.name.clone(),
            title: asked.title(),
            kind: report.kind,
            measures: shown,
            drawings: Vec::new(),
            tables: Vec::new(),
            caption: Vec::new(),
            data,
            coverage: coverage(frame, measures),
            anchors: asked.anchors.among(frame).into_iter().filter(|anchor| anchor.concerns(measures)).collect(),
            correlations: Vec::new(),
        })
    }
}

impl Asked<'_> {
    fn title(&self) -> String {
        let Self { report, frame, .. } = self;
        let declared = [&report.title, &frame.grid.title].into_iter().find(|title| !title.is_empty());
        declared.cloned().unwrap_or_else(|| described::title(*self))
    }

    /// The number of decimals of a measure's values: the report's, or the metric's own.
    pub(super) fn decimals(&self, measure: usize) -> usize {
        self.report.decimals.unwrap_or_else(|| self.frame.decimals(measure))
    }

    /// The words around a figure of these measures.
    pub(super) fn caption(&self, item: &Item, measures: &[usize]) -> Caption {
        let notes = anchored::note(*self, item, measures).into_iter().collect();
        Caption { title: item.title.clone(), partial: item.coverage.stamp(), notes }
    }

    pub(super) fn error(&self, message: String) -> Error {
        Error::usage(message).context(format!("cannot make the report `{}`", self.report.name))
    }

    /// The position of an axis of the grid.
    pub(super) fn axis(&self, name: &str) -> Result<usize> {
        self.frame.axis(name).ok_or_else(|| {
            let axes: Vec<&str> = self.frame.grid.axes.iter().map(|axis| axis.name.as_str()).collect();
            self.error(format!("grid `{}` has no axis `{name}`", self.frame.grid.name))
                .hint(format!("its axes are {}", quoted(&axes)))
        })
    }

    /// The position of a metric.
    fn measure(&self, name: &str) -> Result<usize> {
        self.frame.measure(name).ok_or_else(|| {
            let names: Vec<&str> = self.frame.measures().iter().map(|measure| measure.name.as_str()).collect();
            let hint = if names.is_empty() {
                "nothing has been measured or imported yet: run `sweep collect` or `sweep import`".to_owned()
            } else {
                format!("the metrics are {}", quoted(&names))
            };
            self.error(format!("there is no metric `{name}`")).hint(hint)
        })
    }

    /// The metrics that the report names, or all that the grid has values of.
    pub(super) fn measures(&self) -> Result<Vec<usize>> {
        if self.report.metrics.is_empty() {
            return Ok((0..self.frame.measures().len()).filter(|&measure| self.frame.has(measure)).collect());
        }
        self.report.metrics.iter().map(|name| self.measure(name)).collect()
    }

    /// The axis that the report names as `x`.
    pub(super) fn x_axis(&self) -> Result<usize> {
        let [name] = &self.report.x[..] else {
            return Err(self.error(format!("`x` names {} axes, expected one", self.report.x.len())));
        };
        self.axis(name)
    }

    /// The metrics that the report names as `x`.
    pub(super) fn x_measures(&self) -> Result<Vec<usize>> {
        self.report.x.iter().map(|name| self.measure(name)).collect()
    }
}

/// `a`, `b` and so on, for hints.
fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
