//! Look at the folders of attempts: sizes, times, and what the small files say.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use rayon::prelude::*;
use runfile::{EFFECTIVE, Outcome, outcome, scores};

use super::rescore::rescore;
use super::select::Selection;
use super::verify::Memory;
use crate::Result;
use crate::audit::{Artifact, Attempt, Contents, Disk, FileState, OnDisk};
use crate::plan::Plan;
use crate::project::Project;
use crate::worker::{LARGEST_OUTCOME, LARGEST_SCORES, read_regular};

/// How much is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Inspection {
    /// Attempts of which the small files are read; of more, every so many.
    pub read: usize,
    /// Which files are digested anew.
    pub verify: Option<Selection>,
}

/// Larger files are read only where they are to be digested.
const SMALL: u64 = 1 << 20;
/// Largest `effective.json` that is read.
const LARGEST_EFFECTIVE: u64 = SMALL;

/// Look at the folders of `attempts`; `None` if the project's task folders are not here.
///
/// # Errors
/// What was digested so far cannot be written down.
pub fn inspect(project: &Project, plan: &Plan, attempts: &[Attempt], inspection: Inspection) -> Result<Option<Disk>> {
    let root = project.tasks_folder();
    if !root.is_dir() {
        return Ok(None);
    }
    let stride = attempts.len().div_ceil(inspection.read.max(1)).max(1);
    let memory = inspection.verify.map(|selection| Memory::open(project, selection, attempts)).transpose()?;
    let look = |(position, attempt): (usize, &Attempt)| {
        let mut on_disk = look_at(&root, position, attempt, position % stride == 0);
        if let Some(memory) = memory.as_ref().filter(|_| !on_disk.gone) {
            on_disk.files.extend(memory.digest(&root.join(&attempt.folder), attempt, &on_disk.files));
            // A file that was digested and is as recorded is newer for a good reason.
            let settled = |path: &str| memory.takes(attempt, path);
            on_disk.files.retain(|(path, state)| *state != FileState::Newer || !settled(path));
        }
        on_disk
    };
    let chosen = attempts.iter().enumerate().filter(|_| memory.is_some()).collect::<Vec<_>>();
    let again = |&(position, attempt): &(usize, &Attempt)| {
        let mut scored = rescore(&root.join(&attempt.folder), position, attempt);
        scored.retain(|scored| memory.as_ref().is_some_and(|memory| memory.takes(attempt, &scored.path)));
        scored
    };
    let looked: Vec<OnDisk> = attempts.par_iter().enumerate().map(look).collect();
    let disk = Disk {
        looked_at: attempts.len(),
        read: looked.iter().filter(|on_disk| on_disk.contents.is_some()).count(),
        uncollected: uncollected(project, plan, attempts),
        verified: memory.as_ref().map(Memory::verified),
        rescored: chosen.par_iter().flat_map_iter(again).collect(),
        attempts: looked
            .into_iter()
            .filter(|on_disk| on_disk.gone || !on_disk.files.is_empty() || on_disk.contents.is_some())
            .collect(),
    };
    memory.map_or(Ok(()), Memory::finish)?;
    Ok(Some(disk))
}

/// Tasks without a success in the store that have published one.
fn uncollected(project: &Project, plan: &Plan, attempts: &[Attempt]) -> Vec<crate::id::TaskId> {
    let known: hashbrown::HashSet<_> =
        attempts.iter().filter(|attempt| attempt.succeeded).map(|attempt| attempt.task).collect();
    let open = plan.tasks.par_iter().map(|task| task.id).filter(|task| !known.contains(task));
    open.filter(|task| project.task_folder(task).join(outcome::FILE).exists()).collect()
}

fn look_at(root: &Path, position: usize, attempt: &Attempt, read: bool) -> OnDisk {
    let folder = root.join(&attempt.folder);
    let mut on_disk = OnDisk { attempt: position, ..OnDisk::default() };
    let present = attempt.artifacts.iter().filter(|artifact| !artifact.deleted);
    for artifact in present.clone() {
        let state = state(&folder, artifact, attempt.ended);
        on_disk.files.extend(state.map(|state| (artifact.path.clone(), state)));
    }
    let missing = on_disk.files.iter().filter(|(_, state)| *state == FileState::Missing).count();
    // Asked only where no file answers: an audit of many runs asks for few folders.
    if missing == present.count() && !folder.is_dir() {
        return OnDisk { attempt: position, gone: true, ..OnDisk::default() };
    }
    on_disk.contents = read.then(|| contents(&folder, attempt));
    on_disk
}

/// How a file differs from what is recorded; small newer files are digested at once.
///
/// A file is newer if it was written after the attempt `ended` (seconds since the epoch, by its node's clock) and after its
/// outcome, by the clock of the file's own server.
fn state(folder: &Path, artifact: &Artifact, ended: f64) -> Option<FileState> {
    let path = folder.join(&artifact.path);
    let metadata = match path.symlink_metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Some(FileState::Missing),
        Err(error) => return Some(FileState::Unreadable(error.to_string())),
    };
    if !metadata.is_file() {
        return Some(FileState::Unreadable("it is no regular file".to_owned()));
    }
    if metadata.len() != artifact.bytes {
        return Some(FileState::Size(metadata.len()));
    }
    let modified = modified(&metadata);
    if modified <= ended || published(folder).is_some_and(|published| modified <= published) {
        return None;
    }
    if artifact.bytes > SMALL {
        return Some(FileState::Newer);
    }
    match read_regular(&path, SMALL) {
        Ok(bytes) => Some(blake3::hash(&bytes)).filter(|digest| *digest != artifact.digest).map(FileState::Digest),
        Err(error) => Some(FileState::Unreadable(error.to_string())),
    }
}

/// Seconds since the epoch.
fn modified(metadata: &Metadata) -> f64 {
    let since = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.map_or(0.0, |since| since.as_secs_f64())
}

/// When the outcome of the attempt with these results was written: beside them or, where its worker was killed in between,
/// in the task's folder.
fn published(results: &Path) -> Option<f64> {
    let beside = results.parent()?.join(outcome::FILE);
    let above = || results.parent()?.parent()?.parent().map(|task| task.join(outcome::FILE));
    let time = |path: PathBuf| path.metadata().ok().map(|metadata| modified(&metadata));
    time(beside).or_else(|| time(above()?))
}

fn contents(folder: &Path, attempt: &Attempt) -> Contents {
    let has = |name: &str| attempt.artifacts.iter().any(|artifact| artifact.path == name && !artifact.deleted);
    let scores = has(scores::FILE).then(|| read_regular(&folder.join(scores::FILE), LARGEST_SCORES).ok()).flatten();
    let effective = has(EFFECTIVE).then(|| read_regular(&folder.join(EFFECTIVE), LARGEST_EFFECTIVE).ok()).flatten();
    Contents {
        outcome: read_outcome(folder).map(Box::new),
        scores: scores.and_then(|bytes| scores::parse(Path::new(scores::FILE), &bytes).ok()),
        effective: effective.and_then(|bytes| serde_json::from_slice(&bytes).ok()),
    }
}

/// The outcome of the attempt, by its own name or, where its worker was killed in between, by the task's.
fn read_outcome(results: &Path) -> std::result::Result<Outcome, String> {
    let nowhere = || "it has no folder".to_owned();
    let folder = results.parent().ok_or_else(nowhere)?;
    let path = folder.join(outcome::FILE);
    let bytes = match read_regular(&path, LARGEST_OUTCOME) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let task = folder.parent().and_then(Path::parent).ok_or_else(nowhere)?;
            read_regular(&task.join(outcome::FILE), LARGEST_OUTCOME)
        }
        read => read,
    };
    let bytes = bytes.map_err(|error| format!("it cannot be read: {error}"))?;
    Outcome::parse(&path, &bytes).map_err(|error| {
        let text = error.to_string();
        text.strip_prefix(&format!("{}: ", path.display())).unwrap_or(&text).to_owned()
    })
}
