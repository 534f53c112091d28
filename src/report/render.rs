//! A whole report as files.

use hashbrown::HashMap;
use rayon::prelude::*;

use super::anchors::Anchors;
use super::frame::{Frame, Index};
use super::item::{Asked, Item};
use super::page::{self, Content, Data, Shown};
use super::selection::{Format, Selection};
use super::table::{csv, latex, markdown, parquet};
use super::{conclusions, document, macros};
use crate::claim::{self, Conclusion};
use crate::evidence::Evidence;
use crate::grid::Report;
use crate::text::{grouped, plural};
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
    /// What became of the sweep's claims; none where only some figures are asked for.
    pub conclusions: Vec<Conclusion>,
    /// What was asked for and is not among the files, and why.
    pub left_out: Option<String>,
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
    let items = items(evidence, selection, &reports, &frames)?;
    let shown = frames.shown(&reports, &items)?;
    let conclusions = if selection.is_whole() { claim::judge(evidence) } else { Vec::new() };
    // Most of the time of a report goes into pixels.
    let of_items: Vec<Result<Vec<File>>> = items.par_iter().map(|item| files(item, selection)).collect();
    let mut files = Vec::new();
    for of_item in of_items {
        files.extend(of_item?);
    }
    files.extend(conclusions::files(&conclusions, selection)?);
    if selection.wants(Format::Md) {
        let text = document::document(evidence.sweep, selection, &conclusions, &items);
        files.push(File { name: "README.md".to_owned(), bytes: text.into_bytes() });
    }
    if selection.wants(Format::Tex) {
        let text = macros::macros(selection, &shown, &conclusions);
        files.push(File { name: macros::FILE.to_owned(), bytes: text.into_bytes() });
    }
    let mut left_out = None;
    if selection.wants(Format::Html) {
        match html(evidence, &index, selection, Content { shown: &shown, conclusions: &conclusions, trouble: None })? {
            Ok(page) => files.push(File { name: PAGE.to_owned(), bytes: page.into_bytes() }),
            Err(why) => left_out = Some(why),
        }
    }
    let items = shown.iter().map(|shown| summary(shown.item, shown.frame)).collect();
    Ok(Rendering { files, items, conclusions, left_out })
}

/// The file that a browser opens first.
const PAGE: &str = "index.html";

/// Whether a page can show the plan. What only a page shows need not be gathered otherwise.
#[must_use]
pub fn has_page(evidence: &Evidence) -> bool {
    evidence.plan.runs.len() <= page::MOST_RUNS
}

/// The page, or why there is none.
fn html(
    evidence: &Evidence,
    index: &Index,
    selection: &Selection,
    content: Content,
) -> Result<std::result::Result<String, String>> {
    if !has_page(evidence) {
        let (runs, most) = (plural(evidence.plan.runs.len(), "run"), grouped(page::MOST_RUNS));
        return Ok(Err(format!(
            "{PAGE} is left out: {runs} are more than the {most} that a page shows; choose some with `--grid` or `--where`"
        )));
    }
    let data = Data::of(evidence, index, selection, content);
    Ok(Ok(page::document(&page::island(&data)?, heading(evidence), page::Mode::File)))
}

fn heading<'a>(evidence: &Evidence<'a>) -> &'a str {
    let sweep = evidence.sweep;
    if sweep.title.is_empty() { &sweep.name } else { &sweep.title }
}

/// The page of a sweep while it runs.
#[derive(Debug)]
pub struct Page {
    pub html: String,
    /// The data within it.
    pub json: String,
}

/// The page that is served: also where nothing is there to draw yet.
///
/// # Errors
/// The plan has more runs than a page can show.
pub fn page(evidence: &Evidence, selection: &Selection) -> Result<Page> {
    if !has_page(evidence) {
        let (runs, most) = (plural(evidence.plan.runs.len(), "run"), grouped(page::MOST_RUNS));
        return Err(Error::usage(format!("{runs} are more than the {most} that a page shows"))
            .hint("choose some with `--grid` or `--where`"));
    }
    let index = Index::of(evidence);
    let conclusions = claim::judge(evidence);
    let made = selection.reports(evidence.sweep, &index).and_then(|reports| {
        let frames = Frames::of(&index, &reports)?;
        let items = items(evidence, selection, &reports, &frames)?;
        let shown = frames.shown(&reports, &items)?;
        let content = Content { shown: &shown, conclusions: &conclusions, trouble: None };
        page::island(&Data::of(evidence, &index, selection, content))
    });
    let json = match made {
        Ok(json) => json,
        // A report may name a metric that nobody has measured yet: everything else is there to be looked at.
        Err(error) => {
            let content = Content { shown: &[], conclusions: &conclusions, trouble: Some(error.to_string()) };
            page::island(&Data::of(evidence, &index, selection, content))?
        }
    };
    Ok(Page { html: page::document(&json, heading(evidence), page::Mode::Live), json })
}

fn items<'a>(
    evidence: &Evidence,
    selection: &Selection,
    reports: &'a [Report],
    frames: &Frames<'a>,
) -> Result<Vec<Item>> {
    let anchors = Anchors::of(evidence);
    let item = |report: &'a Report| {
        let printed =
            selection.printed.iter().find(|printed| printed.report == report.name).map(|printed| printed.text.as_str());
        Item::of(Asked { report, frame: frames.get(report)?, printed, anchors: &anchors })
    };
    reports.iter().map(item).collect()
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

    fn get(&self, report: &'a Report) -> Result<&Frame<'a>> {
        self.0.get(&key(report)).ok_or_else(|| no_grid(report))
    }

    fn shown(&'a self, reports: &'a [Report], items: &'a [Item]) -> Result<Vec<Shown<'a>>> {
        let shown = |(report, item)| Ok(Shown { report, frame: self.get(report)?, item });
        reports.iter().zip(items).map(shown).collect()
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
        if selection.wants(Format::Pdf) {
            push(Format::Pdf, suffix, "pdf", drawing.pdf());
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
        push(Format::Csv, "", "csv", csv(&item.data).map_err(|error| failed(item, "CSV", &error))?);
    }
    if selection.wants(Format::Parquet) {
        push(Format::Parquet, "", "parquet", parquet(&item.data).map_err(|error| failed(item, "Parquet", &error))?);
    }
    Ok(out)
}

fn failed(item: &Item, format: &str, error: &dyn std::fmt::Display) -> Error {
    Error::general(error.to_string()).context(format!("cannot write `{}` as {format}", item.name))
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
