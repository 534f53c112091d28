//! `sweep import`: finished results from tables, from other programs and from bundles, with where they come from.

mod bundle;
mod foreign;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::bundle::DIGESTS;
use crate::error::{Error, Result};
use crate::grid::{self, ImportSpec, Sweep};
use crate::import::{self, Matched};
use crate::plan::{Plan, Selection, build};
use crate::project::{Created, Project};
use crate::store::{Imported, Store};
use crate::text::plural;
use crate::ui;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sweep import sweeps/metamorph.toml
  sweep import scores.csv --sweep grid.toml --grid data --factor vqa=vqa --metric fid=FID --source 'Table 6'
  sweep import mlruns --grid data --factor vqa=params.vqa --metric fid=metrics.fid --source 'their runs'
  sweep import paper/bundle")]
pub struct Args {
    /// A sweep file with imports, a table, a folder of another program, or a bundle
    file: PathBuf,
    /// Of a sweep file, only these imports
    #[arg(value_name = "IMPORT")]
    names: Vec<String>,
    /// The sweep file that a CSV file belongs to; the sweep that was planned last if missing
    #[arg(long, value_name = "FILE")]
    sweep: Option<PathBuf>,
    /// The grid whose cells the rows are
    #[arg(long)]
    grid: Option<String>,
    /// The column that has the level of an axis
    #[arg(long = "factor", value_name = "AXIS=COLUMN", value_parser = pair)]
    factors: Vec<(String, String)>,
    /// The level of an axis that has no column
    #[arg(long = "fixed", value_name = "AXIS=LEVEL", value_parser = pair)]
    fixed: Vec<(String, String)>,
    /// The column that has the values of a metric
    #[arg(long = "metric", value_name = "METRIC=COLUMN", value_parser = pair)]
    metrics: Vec<(String, String)>,
    /// Only rows with this text in a column
    #[arg(long = "row", value_name = "COLUMN=TEXT", value_parser = pair)]
    rows: Vec<(String, String)>,
    /// The column with doubts about a row
    #[arg(long, value_name = "COLUMN")]
    notes: Option<String>,
    /// Where the numbers come from, as reports print it
    #[arg(long)]
    source: Option<String>,
    /// Take back what an earlier import of the same name and source brought
    #[arg(long)]
    replace: bool,
    /// Read and match everything, and write nothing
    #[arg(long, short = 'n')]
    dry_run: bool,
}

fn pair(text: &str) -> std::result::Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("it has no `=`")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

impl Args {
    /// Read the files, match their rows to runs, store what is new.
    ///
    /// # Errors
    /// A file cannot be read or has a mistake (with file, line and column), or the store cannot be written.
    pub fn run(self) -> Result<ExitCode> {
        if self.file.join(DIGESTS).is_file() {
            let Self { file, source, replace, dry_run, .. } = &self;
            bundle::Order { bundle: file, source: source.as_deref(), replace: *replace, dry_run: *dry_run }.run()?;
            return Ok(ExitCode::SUCCESS);
        }
        let (sweep, specs) = self.what()?;
        let plan = build(&sweep, &Selection::default())?;
        let mut all = Vec::with_capacity(specs.len());
        for spec in &specs {
            let (bytes, origin) =
                foreign::read(&spec.file).map_err(|error| error.context(format!("import `{}`", spec.name)))?;
            let mut matched = import::read(&sweep, &plan, spec, (&bytes, origin))?;
            matched.import.replace = self.replace;
            all.push(matched);
        }
        if self.dry_run {
            all.iter().for_each(|matched| ui::note(&describe(matched, None)));
            return Ok(ExitCode::SUCCESS);
        }
        let mut store = open(&sweep, &plan)?;
        for matched in &all {
            let imported = store.record_import(&matched.import)?;
            ui::note(&describe(matched, Some(imported)));
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The sweep, and what is to be imported into it.
    fn what(&self) -> Result<(Sweep, Vec<ImportSpec>)> {
        if self.file.extension().is_some_and(|extension| extension == "toml") {
            let sweep = grid::load(&self.file)?;
            let specs = self.declared(&sweep)?;
            return Ok((sweep, specs));
        }
        let sweep = match &self.sweep {
            Some(path) => grid::load(path)?,
            None => latest_sweep()?,
        };
        let spec = self.spec()?;
        Ok((sweep, vec![spec]))
    }

    fn declared(&self, sweep: &Sweep) -> Result<Vec<ImportSpec>> {
        let known: Vec<&str> = sweep.imports.iter().map(|spec| spec.name.as_str()).collect();
        if let Some(unknown) = self.names.iter().find(|name| !known.contains(&name.as_str())) {
            return Err(Error::usage(format!("sweep `{}` declares no import `{unknown}`", sweep.name))
                .hint(format!("its imports are {}", grid::list(&known))));
        }
        if known.is_empty() {
            return Err(Error::usage(format!("`{}` declares no imports", self.file.display()))
                .hint("add `[imports.<name>]`, or import a CSV file with `--sweep`, `--grid` and `--metric`"));
        }
        let wanted = |spec: &&ImportSpec| self.names.is_empty() || self.names.contains(&spec.name);
        Ok(sweep.imports.iter().filter(wanted).cloned().collect())
    }

    /// The import that the options describe.
    fn spec(&self) -> Result<ImportSpec> {
        let missing = |option: &str| {
            Error::usage(format!("`{}` is a CSV file: `{option}` is missing", self.file.display()))
                .hint("see the second example of `sweep import --help`")
        };
        if self.metrics.is_empty() {
            return Err(missing("--metric"));
        }
        let name = self.file.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        Ok(ImportSpec {
            name,
            file: self.file.clone(),
            source: self.source.clone().ok_or_else(|| missing("--source"))?,
            grid: self.grid.clone().ok_or_else(|| missing("--grid"))?,
            factors: self.factors.clone(),
            levels: Vec::new(),
            metrics: self.metrics.clone(),
            fixed: self.fixed.clone(),
            rows: self.rows.iter().map(|(column, text)| (column.clone(), vec![text.clone()])).collect(),
            notes: self.notes.clone(),
        })
    }
}

fn latest_sweep() -> Result<Sweep> {
    let nothing = || {
        Error::usage("no sweep was planned here yet")
            .hint("name the sweep file that the numbers belong to: `--sweep FILE`")
    };
    let project = Project::find(Path::new("."))?.ok_or_else(nothing)?;
    let stored = Store::open(&project)?.latest_sweep(None)?.ok_or_else(nothing)?;
    grid::parse(&stored.path, &stored.text)
}

/// The store, with the runs of `plan` in it.
fn open(sweep: &Sweep, plan: &Plan) -> Result<Store> {
    let (project, created) = Project::find_or_create(Path::new("."))?;
    if created == Created::New {
        ui::note(&format!("made a project in `{}`", project.root().display()));
    }
    let mut store = Store::open_for_writing(&project, "import")?;
    let planned = store.latest_sweep(Some(&sweep.name))?;
    if planned.is_none_or(|planned| planned.digest != sweep.digest) {
        store.record_plan(sweep, plan)?;
    }
    Ok(store)
}

fn describe(matched: &Matched, imported: Option<Imported>) -> String {
    let Matched { import, rows, empty } = matched;
    let scores = plural(import.scores.len(), "score");
    let mut text = format!("{}: {scores} in {} of {}", import.name, plural(*rows, "row"), import.file.display());
    if *empty > 0 {
        text.push_str(&format!(", {} empty", plural(*empty, "field")));
    }
    match imported {
        None => text.push_str("; nothing was written"),
        Some(Imported { new: 0, .. }) => text.push_str("; all known"),
        Some(Imported { known: 0, .. }) => {}
        Some(Imported { new, known }) => text.push_str(&format!("; {new} new, {known} known")),
    }
    text
}
