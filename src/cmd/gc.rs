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
use crate::worker::claim::Observer;

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
        // Scripts, logs and what differed when it was done again are no results of a run.
        let [submissions, reruns] =
            if only.is_empty() { [submissions(&mut store)?, reruns(&project)?] } else { Default::default() };
        ui::print_all(&if self.json {
            json(&garbage, &submissions, &reruns)
        } else {
            listing(&garbage, ui::width()) + &submissions.text(SUBMISSIONS) + &reruns.text(RERUNS)
        })?;
        if self.delete {
            let freed = garbage.iter().map(|garbage| store.delete(garbage)).sum::<Result<u64>>()?;
            let freed = freed + submissions.delete()? + reruns.delete()?;
            ui::note(&format!("freed {}", bytes(freed)));
        } else if !(garbage.is_empty() && submissions.folders.is_empty() && reruns.folders.is_empty()) {
            ui::note("nothing was deleted: `sweep gc --delete` does it");
        }
        Ok(ExitCode::SUCCESS)
    }
}

const SUBMISSIONS: &str = "with scripts and logs of submissions that are over";
const RERUNS: &str = "of reruns, with what differed from before";

/// Whole folders that nothing needs.
#[derive(Default)]
struct Folders {
    folders: Vec<PathBuf>,
    bytes: u64,
}

/// Submissions whose tasks have all ended: scripts, manifests and Slurm's logs.
fn submissions(store: &mut Store) -> Result<Folders> {
    let open: Vec<String> = store.open_submissions()?.into_iter().map(|submitted| submitted.token).collect();
    let is_over = |folder: &Path| !open.iter().any(|token| folder.ends_with(token));
    Folders::of(&store.project().submissions_folder(), is_over)
}

/// Reruns that nobody is at: what came of them is in the journal.
fn reruns(project: &Project) -> Result<Folders> {
    let is_over = |folder: &Path| {
        let tasks = folder.join("tasks");
        Observer::new(&tasks).is_none_or(|observer| !observer.sees_holders_of(&tasks))
    };
    Folders::of(&project.reruns_folder(), is_over)
}

impl Folders {
    /// Those in `root` that are over.
    fn of(root: &Path, is_over: impl Fn(&Path) -> bool) -> Result<Self> {
        let about = || format!("cannot read the folder `{}`", root.display());
        let entries = match fs::read_dir(root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            other => other.context(about)?,
        };
        let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>();
        let mut folders: Vec<PathBuf> = paths.context(about)?.into_iter().filter(|path| is_over(path)).collect();
        folders.sort();
        let bytes = folders.iter().map(|folder| size(folder)).sum::<io::Result<u64>>().context(about)?;
        Ok(Self { folders, bytes })
    }

    fn text(&self, what: &str) -> String {
        match self.folders.len() {
            0 => String::new(),
            count => format!("{} {what}, {}\n", plural(count, "folder"), bytes(self.bytes)),
        }
    }

    fn delete(&self) -> Result<u64> {
        for folder in &self.folders {
            fs::remove_dir_all(folder).context(|| format!("cannot delete `{}`", folder.display()))?;
        }
        Ok(self.bytes)
    }
}

/// Bytes of all files below `folder`. Of a link, such as the one to the worker, the name alone is deleted.
fn size(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { size(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}

fn find_all(store: &mut Store, prefixes: &[String]) -> Result<Vec<RunId>> {
    prefixes.iter().map(|prefix| store.find_run(prefix)).collect()
}

fn json(garbage: &[Garbage], submissions: &Folders, reruns: &Folders) -> String {
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
    format!(
        "{:#}\n",
        json!({
            "schema_version": 1, "garbage": garbage, "submissions": submissions.folders, "reruns": reruns.folders,
        })
    )
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
