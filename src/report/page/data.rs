//! What the page shows, all of it.

use serde::Serialize;

use super::cells::Cells;
use super::column::Texts;
use super::curves::Curves;
use super::runs::{FactorPart, Failure, Runs, StagePart, Tasks, failures};
use crate::claim::Conclusion;
use crate::evidence::Evidence;
use crate::grid::Report;
use crate::metric::Direction;
use crate::plan::advance;
use crate::report::anchors::{Anchor, Level};
use crate::report::frame::{Frame, Index, Measure};
use crate::report::item::Item;
use crate::report::selection::{Format, Selection};

/// Raised when a key changes its meaning or goes away.
const SCHEMA: u32 = 1;

/// The data of a page.
#[derive(Debug, Serialize)]
pub struct Data<'a> {
    schema_version: u32,
    sweep: &'a str,
    title: &'a str,
    command: &'a str,
    versions: &'a [String],
    measures: Vec<MeasurePart<'a>>,
    factors: Vec<FactorPart<'a>>,
    stages: Vec<StagePart<'a>>,
    runs: Runs,
    tasks: Tasks,
    failures: Vec<Failure>,
    frames: Vec<Cells<'a>>,
    reports: Vec<ReportPart<'a>>,
    curves: Curves,
    conclusions: &'a [Conclusion],
    audit: Option<&'a serde_json::Value>,
    trouble: Option<String>,
    texts: Texts,
}

#[derive(Debug, Serialize)]
struct MeasurePart<'a> {
    name: &'a str,
    label: &'a str,
    unit: &'a str,
    /// `high` or `low`; `None` when the sweep does not say.
    better: Option<&'static str>,
    group: Option<&'a str>,
}

/// One declared or automatic figure or table.
#[derive(Debug, Serialize)]
struct ReportPart<'a> {
    name: &'a str,
    title: &'a str,
    kind: &'static str,
    /// Index into the frames.
    frame: usize,
    /// Names of axes, or of measures for correlations and scatter plots.
    x: &'a [String],
    y: Option<&'a str>,
    by: Option<&'a str>,
    log_x: bool,
    decimals: Option<usize>,
    /// Indices of measures.
    measures: &'a [usize],
    stamp: Option<String>,
    caption: &'a [String],
    anchors: Vec<AnchorPart<'a>>,
    /// Files of the same folder.
    files: Vec<String>,
}

#[derive(Debug, Serialize)]
struct AnchorPart<'a> {
    label: &'a str,
    measure: usize,
    low: f64,
    high: f64,
}

/// A report with its frame and what it came to.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    pub report: &'a Report,
    pub frame: &'a Frame<'a>,
    pub item: &'a Item,
}

/// What a page shows besides the evidence itself.
#[derive(Debug)]
pub struct Content<'a> {
    pub shown: &'a [Shown<'a>],
    /// What became of the sweep's claims.
    pub conclusions: &'a [Conclusion],
    /// Why the declared figures are not there, if they are not.
    pub trouble: Option<String>,
}

impl<'a> Data<'a> {
    /// Everything of `evidence` and of the reports that were made of it.
    #[must_use]
    pub fn of(evidence: &Evidence<'a>, index: &'a Index<'a>, selection: &'a Selection, content: Content<'a>) -> Self {
        let Content { shown, conclusions, trouble } = content;
        let Evidence { sweep, plan, ledger, .. } = *evidence;
        let mut texts = Texts::default();
        let actions = advance(sweep, plan, ledger);
        let (frames, places) = frames(index, shown, &mut texts);
        let reports = shown.iter().zip(places).map(|(shown, frame)| ReportPart::of(*shown, frame, selection));
        Self {
            schema_version: SCHEMA,
            sweep: &sweep.name,
            title: &sweep.title,
            command: &selection.command,
            versions: &selection.versions,
            measures: index.measures.iter().map(MeasurePart::of).collect(),
            factors: sweep.factors.iter().map(FactorPart::of).collect(),
            stages: StagePart::all(sweep),
            runs: Runs::of(evidence, &actions, Frame::of_runs(index).as_ref()),
            tasks: Tasks::of(evidence, &actions),
            failures: failures(plan, ledger, &actions, &mut texts),
            reports: reports.collect(),
            frames,
            curves: Curves::of(plan, &selection.curves, &mut texts),
            conclusions,
            audit: selection.audit.as_ref(),
            trouble,
            texts,
        }
    }
}

/// Each frame that a report shows, once, then the grids that none shows whole; and the frame of each report.
fn frames<'a>(index: &'a Index<'a>, shown: &[Shown<'a>], texts: &mut Texts) -> (Vec<Cells<'a>>, Vec<usize>) {
    let filter = |report: &'a Report| report.filter.as_ref().map_or("", |filter| filter.text.as_str());
    let mut known: Vec<(&str, &str)> = Vec::new();
    let (mut frames, mut places) = (Vec::new(), Vec::new());
    for Shown { report, frame, .. } in shown {
        let key = (report.grid.as_str(), filter(report));
        let place = known.iter().position(|known| *known == key).unwrap_or_else(|| {
            known.push(key);
            frames.push(Cells::of(frame, key.1, texts));
            known.len() - 1
        });
        places.push(place);
    }
    for (position, grid) in (0..index.plan_grids()).filter_map(|grid| Some((grid, index.grid_name(grid)?))) {
        if index.has_cells(grid) && !known.contains(&(grid, "")) {
            frames.extend(Frame::of(index, position, None).map(|frame| Cells::of(&frame, "", texts)));
        }
    }
    (frames, places)
}

impl<'a> MeasurePart<'a> {
    fn of(measure: &'a Measure) -> Self {
        let better = measure.direction.map(|direction| match direction {
            Direction::Maximize => "high",
            Direction::Minimize => "low",
        });
        let Measure { name, label, unit, group, .. } = measure;
        Self { name, label, unit, better, group: group.as_deref() }
    }
}

impl<'a> ReportPart<'a> {
    fn of(Shown { report, item, .. }: Shown<'a>, frame: usize, selection: &Selection) -> Self {
        let figures = item.drawings.iter().flat_map(|(suffix, _)| {
            let formats = [(Format::Pdf, "pdf"), (Format::Svg, "svg"), (Format::Png, "png")];
            formats.into_iter().filter(|(format, _)| selection.wants(*format)).map(move |(_, word)| (suffix, word))
        });
        let tables = item.tables.iter().filter(|_| selection.wants(Format::Tex)).map(|(suffix, _)| (suffix, "tex"));
        let files = figures.chain(tables).map(|(suffix, extension)| format!("{}{suffix}.{extension}", item.name));
        let data = [(Format::Csv, "csv"), (Format::Parquet, "parquet")].into_iter();
        let data = data.filter(|(format, _)| selection.wants(*format)).map(|(_, word)| format!("{}.{word}", item.name));
        Self {
            name: &report.name,
            title: &item.title,
            kind: report.kind.word(),
            frame,
            x: &report.x,
            y: report.y.as_deref(),
            by: report.by.as_deref(),
            log_x: report.log_x,
            decimals: report.decimals,
            measures: &item.measures,
            stamp: item.coverage.stamp(),
            caption: &item.caption,
            anchors: item.anchors.iter().flat_map(|anchor| AnchorPart::all(anchor, &item.measures)).collect(),
            files: files.chain(data).collect(),
        }
    }
}

impl<'a> AnchorPart<'a> {
    fn all(anchor: &'a Anchor, measures: &[usize]) -> Vec<Self> {
        let part = |&measure: &usize| match anchor.level(measure)? {
            Level::NotRun => None,
            Level::Between(low, high) => Some(Self { label: &anchor.label, measure, low, high }),
        };
        measures.iter().filter_map(part).collect()
    }
}
