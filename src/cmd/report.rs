//! `sweep report`: figures and tables of what has been measured and imported.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;

use super::audited;
use super::current::{Current, Which};
use super::printed::printed;
use crate::error::{Context, Error, Kind, Result};
use crate::evidence::Evidence;
use crate::grid::{ReportKind, Sweep};
use crate::plan::Plan;
use crate::project::Project;
use crate::report::page::{Curve, thin};
use crate::report::{self, File, Format, Rendering};
use crate::store::{Store, StoredSeries};
use crate::ui;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// Only heatmaps
    #[arg(long)]
    heatmap: bool,
    /// Only correlations
    #[arg(long)]
    correlation: bool,
    /// Only curves over an amount
    #[arg(long)]
    scaling: bool,
    /// Only tables
    #[arg(long)]
    table: bool,
    /// Only the report of this name
    #[arg(long, value_name = "REPORT", conflicts_with_all = ["heatmap", "correlation", "scaling", "table"])]
    name: Option<String>,
    /// Folder for the files [default: reports/<sweep>]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Formats to write
    #[arg(long, value_delimiter = ',', default_values = ["html", "svg", "pdf", "png", "md", "csv", "parquet", "tex"])]
    format: Vec<Format>,
    /// A line for the head of the document, such as the machine and the date
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Print what was made as JSON
    #[arg(long)]
    json: bool,
    /// Fail with code 5 when anything is missing; the files are written all the same
    #[arg(long)]
    require_complete: bool,
}

impl Args {
    /// Make the report.
    ///
    /// # Errors
    /// Nothing is planned or measured, a report cannot be made, or a file cannot be written.
    pub fn run(self) -> Result<ExitCode> {
        let project = Project::require(Path::new("."))?;
        let mut store = Store::open(&project)?;
        let Current { sweep, plan } = self.which.load(&mut store)?;
        let ledger = store.ledger(&plan)?;
        let observations = store.observations(&plan)?;
        let evidence = Evidence { sweep: &sweep, plan: &plan, ledger: &ledger, observations: &observations };
        let mut selection = self.selection(&project, &sweep)?;
        if selection.wants(Format::Html) && report::has_page(&evidence) {
            selection.curves = curves(&mut store, &plan)?;
            // Of some figures alone nobody asks what a sceptic would say.
            selection.audit = selection.is_whole().then(|| audited::of_page(&mut store, &evidence)).transpose()?;
        }
        let rendering = report::render(&evidence, &selection)?;
        let folder = self.out.clone().unwrap_or_else(|| project.root().join("reports").join(&sweep.name));
        write(&folder, &rendering.files)?;
        self.show(&sweep, &folder, &rendering)?;
        rendering.left_out.iter().for_each(|why| ui::note(why));
        if self.require_complete { complete(&rendering) } else { Ok(ExitCode::SUCCESS) }
    }

    fn selection(&self, project: &Project, sweep: &Sweep) -> Result<report::Selection> {
        Ok(report::Selection {
            kinds: self.kinds(),
            name: self.name.clone(),
            formats: self.format.clone(),
            command: self.command(),
            versions: versions(project, sweep).into_iter().chain(self.note.clone()).collect(),
            printed: printed(sweep)?,
            ..report::Selection::default()
        })
    }

    fn kinds(&self) -> Vec<ReportKind> {
        let asked = [
            (self.heatmap, ReportKind::Heatmap),
            (self.correlation, ReportKind::Correlation),
            (self.scaling, ReportKind::Scaling),
            (self.table, ReportKind::Table),
        ];
        asked.into_iter().filter(|(asked, _)| *asked).map(|(_, kind)| kind).collect()
    }

    /// The command, for the first line of the document. The formats and the folder change no number in it.
    fn command(&self) -> String {
        let kinds = self.kinds().into_iter().map(|kind| format!("--{}", kind.word()));
        let name = self.name.iter().map(|name| format!("--name {}", quoted(name)));
        let sweep = self.which.sweep.iter().map(|sweep| quoted(sweep));
        let grids = self.which.grid.iter().map(|grid| format!("--grid {}", quoted(grid)));
        let filter = self.which.filter.iter().map(|filter| format!("--where {}", quoted(filter)));
        let words = sweep.chain(grids).chain(filter).chain(kinds).chain(name);
        std::iter::once("sweep report".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
    }

    fn show(&self, sweep: &Sweep, folder: &Path, rendering: &Rendering) -> Result<()> {
        let files: Vec<PathBuf> = rendering.files.iter().map(|file| folder.join(&file.name)).collect();
        let text = if self.json {
            let items: Vec<_> = rendering.items.iter().map(|item| &item.json).collect();
            let value = json!({
                "schema_version": 1, "sweep": sweep.name, "folder": folder, "files": files,
                "conclusions": rendering.conclusions, "reports": items,
            });
            format!("{value:#}\n")
        } else {
            files.iter().map(|file| format!("{}\n", file.display())).collect()
        };
        ui::print_all(&text)
    }
}

/// What made a report and from what, one line each.
pub(super) fn versions(project: &Project, sweep: &Sweep) -> Vec<String> {
    let path = fs::canonicalize(&sweep.path).unwrap_or_else(|_| sweep.path.clone());
    let path = path.strip_prefix(project.root()).unwrap_or(&sweep.path).display().to_string();
    vec![format!("sweep {}, {path} (digest {})", env!("CARGO_PKG_VERSION"), sweep.digest.short(12))]
}

/// What the trainings of `plan` logged, as many points as a page shows.
pub(super) fn curves(store: &mut Store, plan: &Plan) -> Result<Vec<Curve>> {
    let mut curves = Vec::new();
    store.each_series(plan, |task, StoredSeries { name, points }| {
        curves.push(Curve { task, name, of: points.len(), points: thin(&points, MOST_POINTS) });
    })?;
    Ok(curves)
}

/// Points of one curve that are kept until it is known how many curves there are.
pub(super) const MOST_POINTS: usize = 240;

/// Everything that `sweep report` would write of the evidence, in all formats.
///
/// # Errors
/// Nothing has been measured, a report cannot be made, or the store cannot be read.
pub(super) fn everything(store: &mut Store, evidence: &Evidence<'_>) -> Result<Vec<File>> {
    let sweep = evidence.sweep;
    let made = format!("sweep {}, {} (digest {})", env!("CARGO_PKG_VERSION"), sweep.name, sweep.digest.short(12));
    let selection = report::Selection {
        command: format!("sweep report {}", quoted(&sweep.name)),
        versions: vec![made],
        printed: printed(sweep)?,
        curves: curves(store, evidence.plan)?,
        audit: Some(audited::of_page(store, evidence)?),
        ..report::Selection::default()
    };
    Ok(report::render(evidence, &selection)?.files)
}

/// A word of a command as a shell would need it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

/// Each file appears whole or not at all. Not flushed to disk one by one: a lost report is made again.
fn write(folder: &Path, files: &[File]) -> Result<()> {
    fs::create_dir_all(folder).context(|| format!("cannot make the folder `{}`", folder.display()))?;
    for file in files {
        let path = folder.join(&file.name);
        let temporary = folder.join(format!(".{}.tmp", file.name));
        fs::write(&temporary, &file.bytes)
            .and_then(|()| fs::rename(&temporary, &path))
            .context(|| format!("cannot write `{}`", path.display()))?;
    }
    Ok(())
}

fn complete(rendering: &Rendering) -> Result<ExitCode> {
    let missing: Vec<String> = rendering
        .items
        .iter()
        .filter_map(|item| Some(format!("`{}` is {}", item.name, item.partial.as_ref()?)))
        .collect();
    if missing.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    Err(Error::new(Kind::Incomplete, missing.join("; ")).hint("`sweep status` says which runs are missing and why"))
}
