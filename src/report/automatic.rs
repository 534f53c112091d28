//! Reports for grids whose sweep declares none: axes and metrics chosen from what is there.

use super::frame::{Frame, Index};
use crate::Result;
use crate::error::{Error, Kind};
use crate::grid::{Report, ReportKind};

const KINDS: [ReportKind; 4] = [ReportKind::Heatmap, ReportKind::Scaling, ReportKind::Correlation, ReportKind::Table];

/// Correlations of fewer cells than this say nothing.
const FEWEST_CELLS: usize = 3;

/// Every kind that suits, of every grid with a score.
pub(super) fn all(index: &Index) -> Result<Vec<Report>> {
    let grids = 0..index.plan_grids();
    Ok(grids
        .filter_map(|grid| Frame::of(index, grid, None))
        .flat_map(|frame| KINDS.into_iter().filter_map(move |kind| suggest(&frame, kind)))
        .collect())
}

/// One report of `kind` for every grid that it suits.
pub(super) fn of_kind(index: &Index, kind: ReportKind) -> Result<Vec<Report>> {
    let frames: Vec<Frame> = (0..index.plan_grids()).filter_map(|grid| Frame::of(index, grid, None)).collect();
    let reports: Vec<Report> = frames.iter().filter_map(|frame| suggest(frame, kind)).collect();
    let scored = frames.iter().any(|frame| (0..frame.measures().len()).any(|measure| frame.has(measure)));
    if reports.is_empty() && scored {
        let message = format!("no grid suits a {}: {}", kind.word(), needs(kind));
        return Err(Error::new(Kind::Usage, message).hint("`sweep report --table` suits every grid"));
    }
    Ok(reports)
}

fn needs(kind: ReportKind) -> &'static str {
    match kind {
        ReportKind::Heatmap => "it needs two axes with more than one level each",
        ReportKind::Scaling => "it needs an axis of numbers",
        ReportKind::Correlation => "it needs two metrics in at least three cells",
        ReportKind::Bars | ReportKind::Scatter | ReportKind::Table => "it needs a score",
    }
}

fn suggest(frame: &Frame, kind: ReportKind) -> Option<Report> {
    let metrics: Vec<usize> = (0..frame.measures().len()).filter(|&measure| frame.has(measure)).collect();
    let axes: Vec<usize> = frame.varied_axes().into_iter().filter(|&axis| frame.levels_on(axis).len() > 1).collect();
    if metrics.is_empty() {
        return None;
    }
    let names = |measures: &[usize]| measures.iter().map(|&measure| frame.measures()[measure].name.clone()).collect();
    let axis_name = |axis: usize| frame.grid.axes[axis].name.clone();
    let blank = Report {
        name: format!("{}-{}", frame.grid.name, kind.word()),
        kind,
        title: frame.grid.title.clone(),
        grid: frame.grid.name.clone(),
        x: Vec::new(),
        y: None,
        by: None,
        metrics: names(&metrics),
        filter: None,
        log_x: false,
        decimals: None,
        printed: None,
    };
    match (kind, &axes[..]) {
        (ReportKind::Heatmap, &[x, y, ..]) => Some(Report { x: vec![axis_name(x)], y: Some(axis_name(y)), ..blank }),
        (ReportKind::Scaling, _) => {
            let x = axes
                .iter()
                .copied()
                .filter(|&axis| is_numeric(frame, axis))
                .max_by_key(|&axis| frame.levels_on(axis).len())?;
            Some(Report { x: vec![axis_name(x)], log_x: spans_decades(frame, x), ..blank })
        }
        (ReportKind::Correlation, _) if metrics.len() > 1 && frame.cells.len() >= FEWEST_CELLS => {
            let (x, metrics) = sides(frame, &metrics);
            Some(Report { x: names(&x), metrics: names(&metrics), ..blank })
        }
        (ReportKind::Bars, &[x, ..]) => Some(Report { x: vec![axis_name(x)], ..blank }),
        (ReportKind::Scatter, _) if metrics.len() > 1 => {
            Some(Report { x: names(&metrics[..1]), metrics: names(&metrics[1..]), ..blank })
        }
        (ReportKind::Table, _) => Some(blank),
        (ReportKind::Heatmap | ReportKind::Correlation | ReportKind::Bars | ReportKind::Scatter, _) => None,
    }
}

/// Metrics of a group (benchmarks) go against those of none (image scores); without groups the first against the rest.
fn sides(frame: &Frame, metrics: &[usize]) -> (Vec<usize>, Vec<usize>) {
    let grouped = |measure: &usize| frame.measures()[*measure].group.is_some();
    let (benchmarks, others): (Vec<usize>, Vec<usize>) = metrics.iter().partition(|&measure| grouped(measure));
    let others: Vec<usize> = others.into_iter().filter(|&measure| !frame.measures()[measure].is_mean()).collect();
    if benchmarks.is_empty() || others.is_empty() {
        (metrics[..1].to_vec(), metrics[1..].to_vec())
    } else {
        (others, benchmarks)
    }
}

fn is_numeric(frame: &Frame, axis: usize) -> bool {
    frame.levels_on(axis).iter().all(|&level| frame.level_value(axis, level).is_some())
}

/// Whether a logarithmic axis suits: positive values over more than one power of ten.
fn spans_decades(frame: &Frame, axis: usize) -> bool {
    let levels = frame.levels_on(axis);
    let values = || levels.iter().filter_map(|&level| frame.level_value(axis, level));
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
    low > 0.0 && high / low > 10.0
}
