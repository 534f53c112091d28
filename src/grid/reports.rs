//! What a sweep file says about results: reports and imports.

use std::path::{Path, PathBuf};

use super::condition::{self, Names};
use super::factors::Scope;
use super::read::{Fields, MOST_DECIMALS, pairs, wrong_kind};
use super::source::{At, Problem};
use super::sweep::{Grid, ImportSpec, Report, ReportKind};
use super::tree::Kind;
use crate::metric::Metric;

const KINDS: [(&str, ReportKind); 6] = [
    ("heatmap", ReportKind::Heatmap),
    ("correlation", ReportKind::Correlation),
    ("scaling", ReportKind::Scaling),
    ("bars", ReportKind::Bars),
    ("scatter", ReportKind::Scatter),
    ("table", ReportKind::Table),
];

/// What reports, imports and claims may refer to.
pub struct Known<'a> {
    pub scope: &'a Scope<'a>,
    pub grids: &'a [Grid],
    pub metrics: &'a [Metric],
    /// Folder of the sweep file: relative paths in it start here.
    pub folder: &'a Path,
}

impl Known<'_> {
    /// The grid that `fields` names, or the only one.
    pub fn grid(&self, fields: &Fields<'_>) -> Option<&Grid> {
        let Some(name) = fields.text("grid") else {
            if let ([grid], None) = (self.grids, fields.entry("grid")) {
                return Some(grid);
            }
            if fields.entry("grid").is_none() {
                fields.missing("grid", "name the grid that it is about");
            }
            return None;
        };
        let found = self.grids.iter().find(|grid| grid.name == name.value);
        if found.is_none() {
            let problem = Problem::new(name.span, format!("there is no grid `{}`", name.value));
            let known = self.grids.iter().map(|grid| grid.name.as_str());
            fields.diagnostics.report(problem.nearest(&name.value, known));
        }
        found
    }

    /// A file without `[metrics]` takes whatever scores there are; one with them knows its own.
    fn check_metric(&self, name: &At<String>) {
        if !self.metrics.is_empty() && self.metrics.iter().all(|metric| metric.name != name.value) {
            let problem = Problem::new(name.span, format!("there is no metric `{}`", name.value));
            let known = self.metrics.iter().map(|metric| metric.name.as_str());
            self.scope.diagnostics.report(problem.nearest(&name.value, known));
        }
    }

    /// As metrics, or as the group of some.
    pub fn check_metric_or_group(&self, name: &At<String>) {
        if !self.metrics.is_empty() && self.metrics.iter().all(|metric| metric.name != name.value) {
            let problem = Problem::new(name.span, format!("there is no metric or group `{}`", name.value));
            let groups = self.metrics.iter().filter_map(|metric| metric.group.as_deref());
            let known = self.metrics.iter().map(|metric| metric.name.as_str()).chain(groups);
            self.scope.diagnostics.report(problem.nearest(&name.value, known));
        }
    }

    pub fn check_axis(&self, name: &At<String>, grid: &Grid) {
        let axes = || grid.axes.iter().map(|axis| axis.name.as_str());
        if axes().all(|axis| axis != name.value) {
            let problem = Problem::new(name.span, format!("grid `{}` has no axis `{}`", grid.name, name.value));
            self.scope.diagnostics.report(problem.nearest(&name.value, axes()));
        }
    }
}

/// Read `[reports.<name>]` of the whole file.
pub fn read_reports(root: &Fields<'_>, known: &Known<'_>, names: Names<'_>) -> Vec<Report> {
    root.named("reports")
        .into_iter()
        .filter_map(|(entry, table)| {
            let what = format!("report `{}`", entry.key);
            let keys = ["kind", "title", "grid", "x", "y", "by", "metrics", "where", "log_x", "decimals", "printed"];
            let fields = Fields::new(&what, entry.key_span, table, root.diagnostics).only(&keys);
            read_report(&entry.key, &fields, known, names)
        })
        .collect()
}

fn read_report(name: &str, fields: &Fields<'_>, known: &Known<'_>, names: Names<'_>) -> Option<Report> {
    if fields.entry("kind").is_none() {
        fields.missing(
            "kind",
            "write `kind = \"heatmap\"`, `\"correlation\"`, `\"scaling\"`, `\"bars\"`, `\"scatter\"` or `\"table\"`",
        );
    }
    let kind = fields.word("kind", &KINDS);
    let grid = known.grid(fields);
    let metrics =
        if fields.entry("metrics").is_some() { fields.texts("metrics").unwrap_or_default() } else { Vec::new() };
    metrics.iter().for_each(|metric| known.check_metric(metric));
    let (kind, grid) = (kind?, grid?);
    check_directions(kind, grid, fields, known);
    Some(Report {
        name: name.to_owned(),
        kind,
        title: fields.string("title"),
        grid: grid.name.clone(),
        x: fields.one_or_more("x").into_iter().map(|x| x.value).collect(),
        y: fields.text("y").map(|y| y.value),
        by: fields.text("by").map(|by| by.value),
        metrics: metrics.into_iter().map(|metric| metric.value).collect(),
        filter: fields.text("where").and_then(|text| condition::read(names, &text, fields.diagnostics)),
        log_x: fields.flag("log_x").unwrap_or(false),
        decimals: fields.whole("decimals", 0..=MOST_DECIMALS).map(|decimals| decimals as usize),
        printed: fields.text("printed").map(|file| known.folder.join(file.value)),
    })
}

/// What `x`, `y` and `by` must be, by kind of report.
fn check_directions(kind: ReportKind, grid: &Grid, fields: &Fields<'_>, known: &Known<'_>) {
    let (x_is_axis, has_y) = match kind {
        ReportKind::Heatmap => (true, true),
        ReportKind::Scaling | ReportKind::Bars => (true, false),
        ReportKind::Correlation | ReportKind::Scatter => (false, false),
        ReportKind::Table => return,
    };
    let what = if x_is_axis { "an axis of its grid" } else { "one or more metrics" };
    let needed: &[&str] = if has_y { &["x", "y"] } else { &["x"] };
    for key in needed.iter().filter(|key| fields.entry(key).is_none()) {
        fields.missing(key, &format!("write `{key} = \"...\"` with {what}"));
    }
    let x = fields.one_or_more("x");
    match (x_is_axis, x.as_slice()) {
        (true, [_, second, ..]) => {
            let problem = Problem::new(second.span, format!("{} has more than one `x`", fields.what));
            fields.diagnostics.report(problem.hint("an axis runs along each side of the picture"));
        }
        (true, axes) => axes.iter().for_each(|name| known.check_axis(name, grid)),
        (false, metrics) => metrics.iter().for_each(|name| known.check_metric(name)),
    }
    fields.text("y").iter().chain(&fields.text("by")).for_each(|name| known.check_axis(name, grid));
}

const IMPORT_KEYS: [&str; 9] = ["file", "source", "grid", "factors", "levels", "metrics", "fixed", "rows", "notes"];

/// Read `[imports.<name>]` of the whole file.
pub fn read_imports(root: &Fields<'_>, known: &Known<'_>) -> Vec<ImportSpec> {
    root.named("imports")
        .into_iter()
        .filter_map(|(entry, table)| {
            let what = format!("import `{}`", entry.key);
            let fields = Fields::new(&what, entry.key_span, table, root.diagnostics).only(&IMPORT_KEYS);
            read_import(&entry.key, &fields, known)
        })
        .collect()
}

fn read_import(name: &str, fields: &Fields<'_>, known: &Known<'_>) -> Option<ImportSpec> {
    for (key, hint) in [
        ("file", "write `file = \"results.csv\"`, relative to the sweep file"),
        ("source", "say where the numbers come from: it is kept with each of them"),
        ("metrics", "write `metrics = { accuracy = \"column\" }`"),
    ] {
        if fields.entry(key).is_none() {
            fields.missing(key, hint);
        }
    }
    let grid = known.grid(fields)?;
    let (factors, fixed) = (fields.pairs("factors"), fields.pairs("fixed"));
    factors.iter().chain(&fixed).for_each(|(axis, _)| known.check_axis(axis, grid));
    fixed.iter().for_each(|(axis, level)| check_level(fields, grid, &axis.value, level));
    for axis in grid.axes.iter().filter(|axis| factors.iter().chain(&fixed).all(|(name, _)| name.value != axis.name)) {
        let hint = format!("give its column under `factors`, or its level under `fixed`: `{} = \"...\"`", axis.name);
        let problem = Problem::new(fields.span, format!("{} says nothing about the axis `{}`", fields.what, axis.name));
        fields.diagnostics.report(problem.hint(hint));
    }
    let metrics = fields.pairs("metrics");
    metrics.iter().for_each(|(metric, _)| known.check_metric(metric));
    Some(ImportSpec {
        name: name.to_owned(),
        file: known.folder.join(fields.text("file")?.value),
        source: fields.text("source")?.value,
        grid: grid.name.clone(),
        factors: plain(factors),
        levels: read_levels(fields, grid),
        metrics: plain(metrics),
        fixed: plain(fixed),
        rows: read_rows(fields),
        notes: fields.text("notes").map(|notes| notes.value),
    })
}

/// `rows.<column>`: one text, or a list of which one must be there.
fn read_rows(fields: &Fields<'_>) -> Vec<(String, Vec<String>)> {
    let Some(table) = fields.table("rows") else { return Vec::new() };
    let what = format!("`rows` of {}", fields.what);
    let columns = Fields::new(&what, fields.span, table, fields.diagnostics);
    let texts = |column: &str| columns.one_or_more(column).into_iter().map(|text| text.value).collect();
    table.keys().map(|column| (column.to_owned(), texts(column))).collect()
}

fn plain(pairs: Vec<(At<String>, At<String>)>) -> Vec<(String, String)> {
    pairs.into_iter().map(|(key, value)| (key.value, value.value)).collect()
}

fn check_level(fields: &Fields<'_>, grid: &Grid, axis: &str, level: &At<String>) {
    let Some(axis) = grid.axes.iter().find(|known| known.name == axis) else { return };
    if axis.levels.iter().all(|known| known.label != level.value) {
        let message =
            format!("axis `{}` of grid `{}` has no level `{}`", axis.name, grid.name, level.value.escape_debug());
        let known = axis.levels.iter().map(|level| level.label.as_str());
        fields.diagnostics.report(Problem::new(level.span, message).nearest(&level.value, known));
    }
}

/// `levels.<axis>`: what the column says, and the level that it means.
fn read_levels(fields: &Fields<'_>, grid: &Grid) -> Vec<(String, Vec<(String, String)>)> {
    let mut out = Vec::new();
    for entry in fields.entries("levels") {
        let what = format!("`levels.{}` of {}", entry.key, fields.what);
        let Kind::Table(table) = &entry.value.kind else {
            wrong_kind(fields.diagnostics, &entry.value, &what, "a table of texts and the levels that they mean");
            continue;
        };
        let words = pairs(fields.diagnostics, &table.entries, &what);
        words.iter().for_each(|(_, level)| check_level(fields, grid, &entry.key, level));
        out.push((entry.key.clone(), plain(words)));
    }
    out
}

/// The sweep file's folder; the current one for a bare name.
#[must_use]
pub fn folder(path: &Path) -> PathBuf {
    path.parent().map_or_else(PathBuf::new, Path::to_owned)
}
