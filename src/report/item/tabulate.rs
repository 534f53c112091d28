//! Tables.

use polars::prelude::{Column, DataFrame, PolarsResult};

use super::{Asked, Item, anchored};
use crate::Result;
use crate::report::table::{Table, scores};

pub(super) fn item(asked: Asked) -> Result<Item> {
    let measures = asked.measures()?;
    let mut item = Item::new(asked, &measures)?;
    let columns: Vec<(usize, usize)> = measures.iter().map(|&measure| (measure, asked.decimals(measure))).collect();
    let mut table = scores(asked.frame, &columns, &item.title);
    let labels = table.columns.len() - measures.len();
    let data = asked.frame.wide(&measures).and_then(|frame| with_notes(frame, &table));
    item.data = data.map_err(|error| asked.error(format!("its data make no frame: {error}")))?;
    if labels > 0 {
        table.footer = anchored::rows(asked, &item, &measures, labels);
        item.tables.push((String::new(), table));
    } else {
        // Without an axis there is no column for the anchors' names.
        item.tables.push((String::new(), table));
        item.tables.extend(anchored::table(asked, &item).map(|table| ("-anchors".to_owned(), table)));
    }
    Ok(item)
}

/// Footnotes as a column, since CSV has none.
fn with_notes(mut frame: DataFrame, table: &Table) -> PolarsResult<DataFrame> {
    let note = |row: usize| {
        let entries = table.rows.get(row).into_iter().flatten().zip(&table.columns);
        let notes = entries.flat_map(|(entry, column)| entry.marks.iter().map(move |&mark| (column, mark)));
        let notes = notes.filter_map(|(column, mark)| Some(format!("{}: {}", column.text, table.notes.get(mark)?)));
        notes.collect::<Vec<_>>().join(" | ")
    };
    if !table.notes.is_empty() {
        let notes: Vec<String> = (0..frame.height()).map(note).collect();
        frame.with_column(Column::new("notes".into(), notes))?;
    }
    Ok(frame)
}
