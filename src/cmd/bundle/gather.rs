//! Gathering what a bundle holds, and writing it: whole beside its place, then into it.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use serde_json::json;

use crate::bundle::digests::{self, Digests};
use crate::bundle::{
    Contents, DIGESTS, FileEntry, METADATA, PLAN, README, REPORT, SCORES, SWEEP, TASKS, TaskEntry, metadata, plan,
};
use crate::cmd::current::Current;
use crate::cmd::report::everything;
use crate::error::Context;
use crate::evidence::Evidence;
use crate::plan::TaskIx;
use crate::store::{Store, Success};
use crate::worker::open_regular;
use crate::{Error, Result, exchange};

/// What is to be bundled, and where.
pub(super) struct Order<'a> {
    pub folder: &'a Path,
    /// Every file that tasks left.
    pub all: bool,
    pub license: Option<&'a str>,
}

/// What was written.
pub(super) struct Made {
    pub files: usize,
    pub bytes: u64,
    pub tasks: usize,
    /// Of the list of digests: it vouches for everything else.
    pub digest: blake3::Hash,
}

/// Files that are small and say what was found, whatever the program is.
const SMALL: [&str; 3] = [runfile::scores::FILE, runfile::series::FILE, runfile::EFFECTIVE];
/// Folder of what models answered, question by question.
const PREDICTIONS: &str = "predictions";

impl Order<'_> {
    /// Write the bundle.
    ///
    /// # Errors
    /// There is nothing to bundle, something else is in its place, or a file cannot be read or written.
    pub fn make(&self, store: &mut Store, current: &Current) -> Result<Made> {
        self.check_target()?;
        let parent = self.folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(parent).context(|| format!("cannot make the folder `{}`", parent.display()))?;
        let temporary = tempfile::Builder::new()
            .prefix(".bundle-")
            .tempdir_in(parent)
            .context(|| format!("cannot make a folder in `{}`", parent.display()))?;
        let mut writer = Writer { root: temporary.path(), files: Vec::new(), digests: Digests::new() };
        let tasks = self.fill(&mut writer, store, current)?;
        let made = self.describe(&mut writer, current, &tasks)?;
        self.put_in_place(temporary)?;
        Ok(made)
    }

    /// An earlier bundle may be replaced; anything else is somebody's work.
    fn check_target(&self) -> Result<()> {
        let is_free = match fs::read_dir(self.folder) {
            Ok(mut entries) => entries.next().is_none() || self.folder.join(DIGESTS).is_file(),
            Err(error) => error.kind() == std::io::ErrorKind::NotFound,
        };
        if is_free {
            return Ok(());
        }
        Err(Error::usage(format!("`{}` is there already and is no bundle", self.folder.display()))
            .hint("name another folder by `--out`"))
    }

    fn fill(&self, writer: &mut Writer<'_>, store: &mut Store, current: &Current) -> Result<Vec<TaskEntry>> {
        let Current { sweep, plan: planned } = current;
        let observations = store.observations(planned)?;
        let ledger = store.ledger(planned)?;
        let evidence = Evidence { sweep, plan: planned, ledger: &ledger, observations: &observations };
        let runs = exchange::runs(&evidence);
        let rows = exchange::rows(&evidence, &runs);
        writer.put(SWEEP, sweep.text.as_bytes(), "the sweep file as it was planned")?;
        let text = format!("{:#}\n", plan(store.project().store_id(), sweep, planned, &runs));
        writer.put(PLAN, text.as_bytes(), "cells, runs and tasks, by their identities")?;
        let scores = exchange::json_lines(&runs, &rows);
        writer.put(SCORES, scores.as_bytes(), "every score with its run and source, one a line")?;
        for file in everything(store, &evidence)? {
            writer.put(&format!("{REPORT}/{}", file.name), &file.bytes, "of the report")?;
        }
        let mut tasks = Vec::new();
        for index in 0..u32::try_from(planned.tasks.len()).unwrap_or(u32::MAX) {
            let id = planned.tasks[index as usize].id;
            if let Some(success) = store.success(&id)? {
                tasks.push(self.take_in(writer, current, TaskIx(index), &success)?);
            }
        }
        Ok(tasks)
    }

    /// The provenance of a task and the files that are wanted of it.
    fn take_in(&self, writer: &mut Writer<'_>, current: &Current, at: TaskIx, success: &Success) -> Result<TaskEntry> {
        let Current { sweep, plan: planned } = current;
        let task = planned.tasks[at.0 as usize];
        let stage = &sweep.stages[usize::from(task.stage)].name;
        let folder = format!("{TASKS}/{}", task.id);
        let (mut artifacts, mut files) = (Vec::new(), Vec::new());
        for (path, digest) in &success.left.artifacts {
            let name = path.to_string_lossy().into_owned();
            let wanted = self.all || SMALL.contains(&&*name) || path.starts_with(PREDICTIONS);
            let target = format!("{folder}/{name}");
            let is_here = wanted && writer.copy(&success.results.join(path), &target, *digest, stage)?;
            if is_here {
                files.push(target);
            }
            artifacts.push(json!({"path": name, "blake3": digest.to_hex().as_str(), "bundled": is_here}));
        }
        let parameters: Vec<_> =
            planned.params(sweep, at).map(|(name, value)| (name.to_owned(), value.to_json())).collect();
        let provenance = json!({
            "schema_version": 1, "task": task.id.to_string(), "stage": stage, "attempt": success.attempt,
            "started": success.started, "ended": success.ended,
            "parameters": parameters.iter().cloned().collect::<serde_json::Map<_, _>>(),
            "provenance": success.left.provenance, "artifacts": artifacts,
        });
        let path = format!("{folder}/provenance.json");
        writer.put(&path, format!("{provenance:#}\n").as_bytes(), &format!("what a task of stage {stage} ran with"))?;
        files.push(path);
        let needs = planned.needs(sweep, at).map(|(_, need)| planned.tasks[need.0 as usize].id);
        Ok(TaskEntry {
            id: task.id,
            stage: usize::from(task.stage),
            started: success.started,
            ended: success.ended,
            parameters,
            needs: needs.collect(),
            files,
            version: success
                .left
                .provenance
                .get("commit")
                .and_then(|commit| commit.as_str())
                .unwrap_or_default()
                .to_owned(),
        })
    }

    /// Add what speaks of all the rest: the metadata, then the list of digests.
    fn describe(&self, writer: &mut Writer<'_>, current: &Current, tasks: &[TaskEntry]) -> Result<Made> {
        writer.put(README, read_me(current).as_bytes(), "what is where, and how to check it")?;
        writer.files.sort_by(|a, b| a.path.cmp(&b.path));
        let files = writer.files.clone();
        let contents = Contents { sweep: &current.sweep, license: self.license, files: &files, tasks };
        writer.put(METADATA, metadata(&contents).as_bytes(), "")?;
        let list = digests::write(&writer.digests);
        write(&writer.root.join(DIGESTS), list.as_bytes())?;
        let size = writer.files.iter().map(|file| file.bytes).sum::<u64>();
        let digest = blake3::hash(list.as_bytes());
        Ok(Made { files: writer.files.len() + 1, bytes: size + list.len() as u64, tasks: tasks.len(), digest })
    }

    fn put_in_place(&self, temporary: tempfile::TempDir) -> Result<()> {
        let about = || format!("cannot write the bundle `{}`", self.folder.display());
        let old = temporary.path().with_extension("old");
        let had_one = self.folder.is_dir();
        if had_one {
            fs::rename(self.folder, &old).context(about)?;
        }
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::Permissions::from_mode(crate::access::folder_mode());
        fs::set_permissions(temporary.path(), mode).context(about)?;
        fs::rename(temporary.path(), self.folder).context(about)?;
        // Renamed away, there is nothing left for it to delete.
        drop(temporary.keep());
        if had_one { fs::remove_dir_all(&old).context(about) } else { Ok(()) }
    }
}

fn read_me(current: &Current) -> String {
    let name = &current.sweep.name;
    format!(
        "# Sweep `{name}`\n\n\
         | | |\n|---|---|\n\
         | `{SWEEP}` | the question: factors, grids, stages |\n\
         | `{PLAN}` | its cells, and the runs and tasks that answer them |\n\
         | `{SCORES}` | every score, with its run and its source |\n\
         | `{REPORT}/` | figures and tables |\n\
         | `{TASKS}/<task>/` | provenance, scores, curves and predictions of each task |\n\
         | `{METADATA}` | all of it described as a Workflow Run RO-Crate |\n\
         | `{DIGESTS}` | BLAKE3 digest of every other file |\n\n\
         `b3sum --check {DIGESTS}` or `sweep bundle verify .` checks the files; `sweep import .` in a project of the \
         same sweep brings the scores in.\n"
    )
}

/// Writes files below `root` and remembers what they are.
struct Writer<'a> {
    root: &'a Path,
    files: Vec<FileEntry>,
    digests: Digests,
}

impl Writer<'_> {
    fn put(&mut self, path: &str, bytes: &[u8], about: &str) -> Result<()> {
        write(&self.root.join(path), bytes)?;
        self.remember(path, bytes.len() as u64, blake3::hash(bytes), about);
        Ok(())
    }

    /// Copy a file that must still have its recorded digest; `false` if it is gone.
    fn copy(&mut self, from: &Path, path: &str, digest: blake3::Hash, stage: &str) -> Result<bool> {
        let about = || format!("cannot copy `{}`", from.display());
        let mut source = match open_regular(from) {
            Ok(source) => source,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error).context(about),
        };
        let target = self.root.join(path);
        let mut file = create(&target)?;
        let (mut hasher, mut buffer, mut size) = (blake3::Hasher::new(), vec![0; 1 << 16], 0);
        loop {
            let count = source.read(&mut buffer).context(about)?;
            let Some(part) = buffer.get(..count).filter(|part| !part.is_empty()) else { break };
            hasher.update(part);
            file.write_all(part).context(about)?;
            size += count as u64;
        }
        if hasher.finalize() != digest {
            return Err(Error::general(format!("`{}` was altered after its task had ended", from.display()))
                .hint("`sweep audit` says more; put the file back from a backup, or run the task anew"));
        }
        self.remember(path, size, digest, &format!("left by a task of stage {stage}"));
        Ok(true)
    }

    fn remember(&mut self, path: &str, bytes: u64, digest: blake3::Hash, about: &str) {
        self.digests.insert(path.into(), digest);
        self.files.push(FileEntry { path: path.to_owned(), bytes, about: about.to_owned() });
    }
}

fn create(path: &Path) -> Result<File> {
    let about = || format!("cannot write `{}`", path.display());
    path.parent().map_or(Ok(()), fs::create_dir_all).context(about)?;
    File::create_new(path).context(about)
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    create(path)?.write_all(bytes).context(|| format!("cannot write `{}`", path.display()))
}
