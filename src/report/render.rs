//! A whole report as files.

use hashbrown::HashMap;
use rayon::prelude::*;

use super::anchors::Anchors;
use super::document;
use super::frame::{Frame, Index};
use super::item::{Asked, Item};
use super::selection::{Format, Selection};
use super::table::{csv, latex, markdown};
use crate::evidence::Evidence;
use crate::grid::Report;
use crate::{Error, Result};

/// Dots an inch of PNG files: sharp in print at a page's width.
const PNG_DPI: f32 = 200.0;

/// A file of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name, without a folder.
    pub name: String,
    pub bytes: Vec<u8>,
}

/// A report, ready to be written.
#[derive(Debug)]
pub struct Rendering {
    pub files: Vec<File>,
    pub items: Vec<Summary>,
}

/// What one item came to, for messages and machines.
#[derive(Debug)]
pub struct Summary {
    pub name: String,
    /// What the stamp says; `None` when nothing is missing.
    pub partial: Option<String>,
    pub json: serde_json::Value,
}

/// Everything that `selection` asks for. The same evidence and selection give the same bytes.
///
/// # Errors
/// Nothing has been measured, or a report names what its grid does not have.
pub fn render(evidence: &Evidence, selection: &Selection) -> Result<Rendering> {
    let index = Index::of(evidence);
    let reports = selection.reports(evidence.sweep, &index)?;
    let frames = Frames::of(&index, &reports)?;
    let anchors = Anchors::of(evidence);
    let (mut items, mut summaries) = (Vec::new(), Vec::new());
    for report in &reports {
        let frame = frames.get(report)?;
        let printed = selection.printed.iter().find(|(name, _)| *name == report.name).map(|(_, text)| text.as_str());
        let item = Item::of(Asked { report, frame, printed, anchors: &anchors })?;
        summaries.push(summary(&item, frame));
        items.push(item);
    }
    // Most of the time of a report goes into pixels.
    let of_items: Vec<Result<Vec<File>>> = items.par_iter().map(|item| files(item, selection)).collect();
    let mut files = Vec::new();
    for of_item in of_items {
        files.extend(of_item?);
    }
    if selection.wants(Format::Md) {
        let text = document::document(evidence.sweep, selection, &items);
        files.push(File { name: "README.md".to_owned(), bytes: text.into_bytes() });
    }
    Ok(Rendering { files, items: summaries })
}

/// One frame for each grid and filter, whatever the number of reports that ask for it.
struct Frames<'a>(HashMap<(&'a str, &'a str), Frame<'a>>);

impl<'a> Frames<'a> {
    fn of(index: &'a Index<'a>, reports: &'a [Report]) -> Result<Self> {
        let mut frames = HashMap::new();
        for report in reports {
            let filter = report.filter.as_ref().map(|filter| &filter.condition);
            let made = || index.grid(&report.grid).and_then(|grid| Frame::of(index, grid, filter));
            if let hashbrown::hash_map::Entry::Vacant(entry) = frames.entry(key(report)) {
                entry.insert(made().ok_or_else(|| no_grid(report))?);
            }
        }
        Ok(Self(frames))
    }

    fn get(&'a self, report: &'a Report) -> Result<&'a Frame<'a>> {
        self.0.get(&key(report)).ok_or_else(|| no_grid(report))
    }
}

fn key(report: &Report) -> (&str, &str) {
    (&report.grid, report.filter.as_ref().map_or("", |filter| &filter.text))
}

fn no_grid(report: &Report) -> Error {
    Error::usage(format!("report `{}` is about the grid `{}`, which is not planned", report.name, report.grid))
        .hint("plan the sweep again: `sweep plan`")
}

fn files(item: &Item, selection: &Selection) -> Result<Vec<File>> {
    let mut out = Vec::new();
    let mut push = |format: Format, suffix: &str, extension: &str, bytes: Vec<u8>| {
        if selection.wants(format) {
            out.push(File { name: format!("{}{suffix}.{extension}", item.name), bytes });
        }
    };
    for (suffix, drawing) in &item.drawings {
        // Drawing costs: only what is asked for.
        if selection.wants(Format::Svg) {
            push(Format::Svg, suffix, "svg", drawing.svg()?.into_bytes());
        }
        if selection.wants(Format::Png) {
            push(Format::Png, suffix, "png", drawing.png(PNG_DPI)?);
        }
    }
    for (suffix, table) in &item.tables {
        push(Format::Md, suffix, "md", markdown(table).into_bytes());
        push(Format::Tex, suffix, "tex", latex(table, &format!("{}{suffix}", item.name)).into_bytes());
    }
    if selection.wants(Format::Csv) {
        push(Format::Csv, "", "csv", csv(&item.data).map_err(|error| failed(item, &error))?);
    }
    Ok(out)
}

fn failed(item: &Item, error: &dyn std::fmt::Display) -> Error {
    Error::general(error.to_string()).context(format!("cannot write `{}` as CSV", item.name))
}

fn summary(item: &Item, frame: &Frame) -> Summary {
    let partial = item.coverage.stamp();
    let json = serde_json::json!({
        "name": item.name,
        "kind": item.kind.word(),
        "title": item.title,
        "runs": { "have": item.coverage.have, "of": item.coverage.of, "failed_cells": item.coverage.failed },
        "partial": !item.coverage.is_complete(),
        "anchors": item.anchors_json(frame),
        "correlations": item.correlations.iter().map(|pair| pair.to_json(frame)).collect::<Vec<_>>(),
    });
    Summary { name: item.name.clone(), partial, json }
}
