//! What a frame says of its axes and measures: positions, labels, levels.

use super::build::Frame;
use super::measure::Measure;
use super::score::Reading;
use crate::grid::LevelIx;
use crate::report::table::{decimals_to_tell_apart, fixed};
use crate::value::Value;

impl<'a> Frame<'a> {
    /// The measures, in the sweep's order.
    #[must_use]
    pub fn measures(&self) -> &'a [Measure] {
        &self.index.measures
    }

    /// The label of a cell's level on an axis.
    #[must_use]
    pub fn label(&self, cell: usize, axis: usize) -> &'a str {
        let level = self.cells.get(cell).and_then(|cell| cell.coordinates.get(axis));
        let axis = self.grid.axes.get(axis);
        axis.zip(level).and_then(|(axis, &level)| axis.levels.get(usize::from(level))).map_or("", |level| &level.label)
    }

    /// What figures and tables call an axis: the factor's label, or the name of a composite.
    #[must_use]
    pub fn axis_label(&self, axis: usize) -> &'a str {
        let Some(axis) = self.grid.axes.get(axis) else { return "" };
        self.index.sweep.factor(&axis.name).map_or(&axis.name, |factor| &self.index.sweep.factors[factor].label)
    }

    /// The position of the axis `name`.
    #[must_use]
    pub fn axis(&self, name: &str) -> Option<usize> {
        self.grid.axes.iter().position(|axis| axis.name == name)
    }

    /// The position of the measure `name`.
    #[must_use]
    pub fn measure(&self, name: &str) -> Option<usize> {
        self.measures().iter().position(|measure| measure.name == name)
    }

    /// The levels of an axis that occur among the cells, in the axis's order.
    #[must_use]
    pub fn levels_on(&self, axis: usize) -> Vec<LevelIx> {
        let mut levels: Vec<LevelIx> =
            self.cells.iter().filter_map(|cell| cell.coordinates.get(axis).copied()).collect();
        levels.sort_unstable();
        levels.dedup();
        levels
    }

    /// The axes on which the cells differ; all of them when none does.
    #[must_use]
    pub fn varied_axes(&self) -> Vec<usize> {
        let all: Vec<usize> = (0..self.grid.axes.len()).collect();
        let varied: Vec<usize> = all.iter().copied().filter(|&axis| self.levels_on(axis).len() > 1).collect();
        if varied.is_empty() { all } else { varied }
    }

    /// What is equal in all cells: `VQA data = 7M, loss = cosine`.
    #[must_use]
    pub fn constants(&self, varied: &[usize]) -> String {
        let axes = (0..self.grid.axes.len()).filter(|axis| !varied.contains(axis) && !self.cells.is_empty());
        axes.map(|axis| format!("{} = {}", self.axis_label(axis), self.label(0, axis))).collect::<Vec<_>>().join(", ")
    }

    /// The number that a level stands for, where its axis is a factor of numbers.
    #[must_use]
    pub fn level_value(&self, axis: usize, level: LevelIx) -> Option<f64> {
        let axis = self.grid.axes.get(axis)?;
        let factor = self.index.sweep.factor(&axis.name)?;
        let (_, value) = axis.levels.get(usize::from(level))?.sets.iter().find(|(set, _)| *set == factor)?;
        match self.index.sweep.factors[factor].levels.get(usize::from(*value))? {
            Value::Int(value) => Some(*value as f64),
            Value::Float(value) => Some(*value),
            Value::Bool(_) | Value::Text(_) | Value::List(_) => None,
        }
    }

    /// The label of a level of an axis.
    #[must_use]
    pub fn level_label(&self, axis: usize, level: LevelIx) -> &'a str {
        let level = self.grid.axes.get(axis).and_then(|axis| axis.levels.get(usize::from(level)));
        level.map_or("", |level| &level.label)
    }

    /// A cell by its levels: `VQA data 7M, Generation data 200k`.
    #[must_use]
    pub fn cell_label(&self, cell: usize) -> String {
        let axes = self.varied_axes().into_iter();
        axes.map(|axis| format!("{} {}", self.axis_label(axis), self.label(cell, axis))).collect::<Vec<_>>().join(", ")
    }

    /// What an axis of a figure says of a measure: label, unit, arrow.
    #[must_use]
    pub fn quantity(&self, measure: usize) -> String {
        let Some(spec) = self.measures().get(measure) else { return String::new() };
        let unit = if spec.unit.is_empty() { String::new() } else { format!(", {}", spec.unit) };
        let arrow = spec.direction.map_or_else(String::new, |direction| format!(" ({})", direction.arrow()));
        format!("{}{unit}{arrow}", spec.label)
    }

    /// Number of decimals with which a measure is printed.
    #[must_use]
    pub fn decimals(&self, measure: usize) -> usize {
        self.measures().get(measure).and_then(|spec| spec.decimals).unwrap_or_else(|| {
            let values: Vec<f64> = (0..self.cells.len()).filter_map(|cell| self.score(cell, measure).value()).collect();
            decimals_to_tell_apart(&values)
        })
    }

    /// A reading's mean as text, or what it is instead of a number.
    #[must_use]
    pub fn reading_text(&self, reading: &Reading, decimals: usize) -> String {
        reading.value().map_or_else(|| "not a number".to_owned(), |value| fixed(value, decimals))
    }
}
