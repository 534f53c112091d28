//! What the metrics of a report are compared with: below figures, as lines in them, as rows of tables.

use serde_json::{Value, json};

use super::{Asked, Item};
use crate::report::anchors::{Anchor, Level};
use crate::report::figure::Reference;
use crate::report::frame::Frame;
use crate::report::table::{Entry, Heading, Table};

/// The anchors of these measures in words, since a figure travels without its tables: `VQA average: chance 0.26, ...`.
pub(super) fn note(asked: Asked, item: &Item, measures: &[usize]) -> Option<String> {
    let mut told: Vec<usize> = Vec::new();
    let mut parts = Vec::new();
    for &measure in measures {
        let Some(spec) = asked.frame.measures().get(measure).filter(|_| !told.contains(&measure)) else { continue };
        told.push(measure);
        let decimals = asked.decimals(measure);
        let levels = item.anchors.iter().filter_map(|anchor| Some((anchor, anchor.level(measure)?)));
        let words: Vec<String> =
            levels.map(|(anchor, level)| format!("{} {}", anchor.label, figure_text(level, decimals))).collect();
        if !words.is_empty() {
            parts.push(format!("{}: {}", spec.label, words.join(", ")));
        }
    }
    (!parts.is_empty()).then(|| format!("For comparison: {}.", parts.join("; ")))
}

/// The anchors of a measure as lines across its plot.
pub(super) fn references(asked: Asked, item: &Item, measure: usize) -> Vec<Reference> {
    let decimals = asked.decimals(measure);
    let reference = |(label, level): (&String, Level)| match level {
        Level::NotRun => None,
        Level::Between(low, high) => {
            Some(Reference { label: format!("{label} {}", figure_text(level, decimals)), low, high })
        }
    };
    let levels = item.anchors.iter().filter_map(|anchor| Some((&anchor.label, anchor.level(measure)?)));
    levels.filter_map(reference).collect()
}

/// With a real minus sign, as figures have it.
fn figure_text(level: Level, decimals: usize) -> String {
    level.text(decimals).replace('-', "−")
}

/// A table of the anchors: a row each, a column for each of the item's measures that have any.
pub(super) fn table(asked: Asked, item: &Item) -> Option<Table> {
    let has_any = |measure: &usize| item.anchors.iter().any(|anchor| anchor.level(*measure).is_some());
    let columns: Vec<usize> = item.measures.iter().copied().filter(has_any).collect();
    if columns.is_empty() {
        return None;
    }
    let mut table = Table { title: "For comparison".to_owned(), ..Table::default() };
    table.columns.push(Heading::left("anchor"));
    let headings = columns.iter().filter_map(|&measure| asked.frame.measures().get(measure));
    table.columns.extend(headings.map(|spec| Heading::right(spec.heading())));
    table.rows = rows(asked, item, &columns, 1);
    Some(table)
}

/// One row an anchor: its label, `labels - 1` empty entries, then its values.
pub(super) fn rows(asked: Asked, item: &Item, measures: &[usize], labels: usize) -> Vec<Vec<Entry>> {
    let value = |level: Option<Level>, measure: usize| {
        Entry::text(level.map_or_else(String::new, |level| level.text(asked.decimals(measure))))
    };
    let row = |anchor: &Anchor| {
        let mut row = vec![Entry::text(&anchor.label)];
        row.resize(labels, Entry::default());
        row.extend(measures.iter().map(|&measure| value(anchor.level(measure), measure)));
        row
    };
    item.anchors.iter().map(row).collect()
}

impl Item {
    /// For machines: `{anchor: {metric: [smallest, largest]}}`, `null` where nothing is known yet.
    #[must_use]
    pub fn anchors_json(&self, frame: &Frame) -> Value {
        let values = |anchor: &Anchor| -> Value {
            let levels = frame.measures().iter().enumerate().filter_map(|(measure, spec)| {
                let value = match anchor.level(measure)? {
                    Level::NotRun => Value::Null,
                    Level::Between(low, high) => json!([low, high]),
                };
                Some((spec.name.clone(), value))
            });
            Value::Object(levels.collect())
        };
        self.anchors.iter().map(|anchor| (anchor.name.clone(), values(anchor))).collect()
    }
}
