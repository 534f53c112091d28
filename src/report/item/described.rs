//! What a report without a declared title is called: what it shows.

use super::Asked;
use crate::grid::ReportKind;

/// More names than this are not a title but a list.
const MOST_NAMES: usize = 3;

/// `accuracy by lr and width`.
pub(super) fn title(asked: Asked) -> String {
    let metrics = metrics(asked, &asked.report.metrics);
    let axis =
        |name: &String| asked.frame.axis(name).map_or(name.as_str(), |axis| asked.frame.axis_label(axis)).to_owned();
    let x: Vec<String> = asked.report.x.iter().map(axis).collect();
    match asked.report.kind {
        ReportKind::Heatmap => format!("{metrics} by {}", list(x.into_iter().chain(asked.report.y.iter().map(axis)))),
        ReportKind::Scaling | ReportKind::Bars => format!("{metrics} by {}", list(x.into_iter())),
        ReportKind::Correlation => format!("Correlation of {metrics} with {}", self::metrics(asked, &asked.report.x)),
        ReportKind::Scatter => format!("{metrics} against {}", self::metrics(asked, &asked.report.x)),
        ReportKind::Table => format!("All cells of grid {}", asked.frame.grid.name),
    }
}

/// The labels of metrics by name; all that the grid has values of where none is named.
fn metrics(asked: Asked, names: &[String]) -> String {
    let measures = asked.frame.measures().iter().enumerate();
    let named = measures.filter(
        |(measure, spec)| {
            if names.is_empty() { asked.frame.has(*measure) } else { names.contains(&spec.name) }
        },
    );
    list(named.map(|(_, spec)| spec.label.clone()))
}

/// `a`, `a and b`, `a, b and c`, `a, b, c and 4 more`.
fn list(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    let shown = &names[..names.len().min(MOST_NAMES)];
    let rest = names.len() - shown.len();
    match (shown, rest) {
        ([], _) => "scores".to_owned(),
        (shown, 1..) => format!("{} and {rest} more", shown.join(", ")),
        ([one], 0) => one.clone(),
        ([first @ .., last], 0) => format!("{} and {last}", first.join(", ")),
    }
}
