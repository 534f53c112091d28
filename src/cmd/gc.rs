//! `sweep gc`: which files nothing needs, and deleting them when asked to.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;

use crate::error::{Context, Result};
use crate::id::RunId;
use crate::project::Project;
use crate::store::{Garbage, Store};
use crate::text::{Side, Table, bytes, plural};
use crate::ui;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Delete what is listed
    #[arg(long)]
    delete: bool,
    /// Only files of these runs, each given by the first digits of its identity
    #[arg(long, value_name = "RUN")]
    run: Vec<String>,
    /// Keep what these runs made, whatever is planned
    #[arg(long, value_name = "RUN")]
    pin: Vec<String>,
    /// No longer keep what these runs made
    #[arg(long, value_name = "RUN")]
    unpin: Vec<String>,
    /// Print one JSON value
    #[arg(long)]
    json: bool,
}

/// Digits that name a task or a run where it is shown.
const DIGITS: usize = 8;

impl Args {
    /// List, and delete if asked to.
    ///
    /// # Errors
    /// There is no project, a run is unknown, or a file cannot be deleted.
    pub fn run(self) -> Result<ExitCode> {
        let project = Project::require(Path::new("."))?;
        let writes = self.delete || !self.pin.is_empty() || !self.unpin.is_empty();
        let mut store = if writes { Store::open_for_writing(&project, "gc")? } else { Store::open(&project)? };
        for run in find_all(&mut store, &self.pin)? {
            store.pin(&run)?;
        }
        for run in find_all(&mut store, &self.unpin)? {
            store.unpin(&run)?;
        }
        let only = find_all(&mut store, &self.run)?;
        let mut garbage = store.garbage()?;
        garbage.retain(|garbage| only.is_empty() || garbage.runs.iter().any(|run| only.contains(run)));
        // Scripts and logs belong to no run.
        let submissions = if only.is_empty() { Submissions::over(&mut store)? } else { Submissions::default() };
        ui::print_all(&if self.json {
            json(&garbage, &submissions)
        } else {
            listing(&garbage, ui::width()) + &submissions.text()
        })?;
        if self.delete {
            let freed = garbage.iter().map(|garbage| store.delete(garbage)).sum::<Result<u64>>()?;
            let freed = freed + submissions.delete()?;
            ui::note(&format!("freed {}", bytes(freed)));
        } else if !garbage.is_empty() || !submissions.folders.is_empty() {
            ui::note("nothing was deleted: `sweep gc --delete` does it");
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Folders of submissions of which nothing more is expected: scripts, manifests and Slurm's logs.
#[derive(Default)]
struct Submissions {
    folders: Vec<PathBuf>,
    bytes: u64,
}

impl Submissions {
    /// Those whose tasks have all ended.
    fn over(store: &mut Store) -> Result<Self> {
        let open: Vec<String> = store.open_submissions()?.into_iter().map(|submitted| submitted.token).collect();
        let root = store.project().submissions_folder();
        let about = || format!("cannot read the folder of submissions `{}`", root.display());
        let entries = match fs::read_dir(&root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            other => other.context(about)?,
        };
        let mut over = Self::default();
        for entry in entries {
            let entry = entry.context(about)?;
            if open.iter().any(|token| entry.file_name() == token.as_str()) {
                continue;
            }
            let files = fs::read_dir(entry.path()).context(about)?;
            // Of the link to the worker the name alone is deleted.
            let size =
                |file: io::Result<fs::DirEntry>| file.and_then(|file| file.metadata()).map_or(0, |file| file.len());
            over.bytes += files.map(size).sum::<u64>();
            over.folders.push(entry.path());
        }
        over.folders.sort();
        Ok(over)
    }

    fn text(&self) -> String {
        match self.folders.len() {
            0 => String::new(),
            count => format!(
                "{} with scripts and logs of submissions that are over, {}\n",
                plural(count, "folder"),
                bytes(self.bytes)
            ),
        }
    }

    fn delete(&self) -> Result<u64> {
        for folder in &self.folders {
            fs::remove_dir_all(folder).context(|| format!("cannot delete `{}`", folder.display()))?;
        }
        Ok(self.bytes)
    }
}

fn find_all(store: &mut Store, prefixes: &[String]) -> Result<Vec<RunId>> {
    prefixes.iter().map(|prefix| store.find_run(prefix)).collect()
}

fn json(garbage: &[Garbage], submissions: &Submissions) -> String {
    let of = |garbage: &Garbage| {
        json!({
            "runs": garbage.runs.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "stage": garbage.stage,
            "task": garbage.task.to_string(),
            "attempt": garbage.attempt,
            "folder": garbage.folder,
            "files": garbage.paths,
            "bytes": garbage.bytes,
            "reason": garbage.reason.text(),
        })
    };
    let garbage: Vec<_> = garbage.iter().map(of).collect();
    format!("{:#}\n", json!({ "schema_version": 1, "garbage": garbage, "submissions": submissions.folders }))
}

fn listing(garbage: &[Garbage], width: usize) -> String {
    if garbage.is_empty() {
        return "nothing to delete\n".to_owned();
    }
    let mut table = Table::new(&[
        ("run", Side::Left),
        ("stage", Side::Left),
        ("task", Side::Left),
        ("attempt", Side::Right),
        ("files", Side::Right),
        ("size", Side::Right),
        ("because", Side::Left),
    ]);
    for garbage in garbage {
        table.row(vec![
            runs(&garbage.runs),
            garbage.stage.clone(),
            garbage.task.short(DIGITS),
            garbage.attempt.to_string(),
            garbage.paths.len().to_string(),
            bytes(garbage.bytes),
            garbage.reason.text().to_owned(),
        ]);
    }
    let files = garbage.iter().map(|garbage| garbage.paths.len()).sum();
    let size = bytes(garbage.iter().map(|garbage| garbage.bytes).sum());
    format!("{}\n{}, {size}\n", table.render(width), plural(files, "file"))
}

/// The first run, and how many more share the task.
fn runs(runs: &[RunId]) -> String {
    match runs {
        [] => "none".to_owned(),
        [run] => run.short(DIGITS),
        [run, others @ ..] => format!("{} and {} more", run.short(DIGITS), others.len()),
    }
}
