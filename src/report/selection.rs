//! What of a sweep is reported, and in which formats.

use super::automatic;
use super::frame::Index;
use super::page::Curve;
use super::printed::Printed;
use crate::grid::{Report, ReportKind, Sweep};
use crate::{Error, Result};

/// A format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    Svg,
    /// Figures for papers: shapes and text, nothing to be converted.
    Pdf,
    Png,
    /// The document, `README.md`, and one file a table.
    Md,
    Csv,
    /// The numbers that are drawn, for programs.
    Parquet,
    /// Tables, and `macros.tex` with a macro for every number.
    Tex,
    /// One page with everything, `index.html`, which needs no network.
    Html,
}

/// What to report.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Only these kinds; empty is all.
    pub kinds: Vec<ReportKind>,
    /// Only the report of this name.
    pub name: Option<String>,
    pub formats: Vec<Format>,
    /// The command that makes this report, as its first line says it.
    pub command: String,
    /// What made it and from what, one line each.
    pub versions: Vec<String>,
    /// What somebody else printed for the reports.
    pub printed: Vec<Printed>,
    /// What trainings logged, for the page.
    pub curves: Vec<Curve>,
    /// What an audit found, for the page: as `sweep audit --json` prints it.
    pub audit: Option<serde_json::Value>,
}

impl Selection {
    /// Everything, with no files beside the page.
    #[must_use]
    pub fn page_alone() -> Self {
        Self { formats: vec![Format::Html], ..Self::default() }
    }

    /// The reports to make: those that the sweep declares, or, of each kind that is asked for and that it does not
    /// declare, what suits its grids.
    ///
    /// # Errors
    /// There is no report of that name or kind.
    pub fn reports(&self, sweep: &Sweep, index: &Index) -> Result<Vec<Report>> {
        if let Some(name) = &self.name {
            let report = sweep.reports.iter().find(|report| &report.name == name);
            return report.map(|report| vec![report.clone()]).ok_or_else(|| unknown(name, sweep));
        }
        // A selection of grids on the command line leaves the others without cells.
        let declared: Vec<&Report> = sweep.reports.iter().filter(|report| index.has_cells(&report.grid)).collect();
        if self.kinds.is_empty() {
            let declared: Vec<Report> = declared.into_iter().cloned().collect();
            return some(if declared.is_empty() { automatic::all(index)? } else { declared }, sweep);
        }
        let mut reports = Vec::new();
        for &kind in &self.kinds {
            let of_kind: Vec<Report> = declared.iter().filter(|report| report.kind == kind).copied().cloned().collect();
            reports.extend(if of_kind.is_empty() { automatic::of_kind(index, kind)? } else { of_kind });
        }
        some(reports, sweep)
    }

    /// Whether the whole sweep is reported, its conclusions with it, and not some figures of it.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.kinds.is_empty() && self.name.is_none()
    }

    /// Whether files of the format are asked for.
    #[must_use]
    pub fn wants(&self, format: Format) -> bool {
        self.formats.is_empty() || self.formats.contains(&format)
    }
}

fn some(reports: Vec<Report>, sweep: &Sweep) -> Result<Vec<Report>> {
    if reports.is_empty() {
        let message =
            format!("nothing to report of sweep `{}`: no score has been collected or imported yet", sweep.name);
        return Err(Error::new(crate::error::Kind::Incomplete, message)
            .hint("run `sweep submit` and `sweep collect`, or `sweep import`"));
    }
    Ok(reports)
}

fn unknown(name: &str, sweep: &Sweep) -> Error {
    let names: Vec<&str> = sweep.reports.iter().map(|report| report.name.as_str()).collect();
    let error = Error::usage(format!("sweep `{}` declares no report `{}`", sweep.name, name.escape_debug()));
    let nearest = names
        .iter()
        .max_by(|left, right| strsim::jaro_winkler(left, name).total_cmp(&strsim::jaro_winkler(right, name)));
    match nearest {
        None => error.hint("declare it under `[reports.<name>]`, or ask for a kind: `--heatmap`"),
        Some(nearest) => error.hint(format!("did you mean `{nearest}`? It declares {}", names.join(", "))),
    }
}
