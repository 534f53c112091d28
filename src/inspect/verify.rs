//! Digest files anew, remember what was digested, and go on there after an interruption.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use hashbrown::HashSet;
use indicatif::{ProgressBar, ProgressStyle};

use super::select::Selection;
use crate::audit::{Attempt, FileState, Verified};
use crate::error::Context;
use crate::project::Project;
use crate::worker::open_regular;
use crate::{Result, access};

/// Names the files that were digested by an audit that has not come to its end.
const FILE: &str = "audit-verified";
/// Bytes between two steps of the progress bar.
const CHUNK: usize = 1 << 20;

/// What is to be digested, what was, and how far it has come.
#[derive(Debug)]
pub struct Memory {
    selection: Selection,
    path: PathBuf,
    /// Lines of what was found as recorded before the interruption.
    known: HashSet<String>,
    /// Where new lines go; `None` in a project that may not be written to.
    log: Option<Mutex<File>>,
    bar: ProgressBar,
    files: AtomicUsize,
    bytes: AtomicU64,
    of: usize,
}

impl Memory {
    /// Go on where an audit with the same selection was interrupted, or begin.
    ///
    /// # Errors
    /// What is remembered cannot be read.
    pub fn open(project: &Project, selection: Selection, attempts: &[Attempt]) -> Result<Self> {
        let path = project.state_folder().join(FILE);
        let known = known(&path, &selection).context(|| format!("cannot read `{}`", path.display()))?;
        let log = start(&path, &selection, known.is_some()).ok().map(Mutex::new);
        let present = |attempt: &'_ Attempt| attempt.artifacts.iter().filter(|artifact| !artifact.deleted).count();
        let takes = |attempt: &Attempt| -> u64 {
            let taken = attempt
                .artifacts
                .iter()
                .filter(|artifact| !artifact.deleted && selection.takes(&attempt.task, attempt.number, &artifact.path));
            taken.map(|artifact| artifact.bytes).sum()
        };
        let bar = ProgressBar::new(attempts.iter().map(takes).sum());
        let template = "{bar:30} {bytes}/{total_bytes} digested [{elapsed}, about {eta} left]";
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        Ok(Self {
            selection,
            path,
            known: known.unwrap_or_default(),
            log,
            bar,
            files: AtomicUsize::new(0),
            bytes: AtomicU64::new(0),
            of: attempts.iter().map(present).sum(),
        })
    }

    /// Whether the file `path` of an attempt is among those that are digested.
    pub fn takes(&self, attempt: &Attempt, path: &str) -> bool {
        self.selection.takes(&attempt.task, attempt.number, path)
    }

    /// Digest the chosen files of an attempt, other than those that are known to differ; what differs.
    pub fn digest(
        &self,
        folder: &Path,
        attempt: &Attempt,
        differing: &[(String, FileState)],
    ) -> Vec<(String, FileState)> {
        let mut found = Vec::new();
        for artifact in
            attempt.artifacts.iter().filter(|artifact| !artifact.deleted && self.takes(attempt, &artifact.path))
        {
            let settled = differing.iter().any(|(path, state)| *path == artifact.path && *state != FileState::Newer);
            let path = folder.join(&artifact.path);
            let line = path.metadata().map(|metadata| line(attempt, &artifact.path, &metadata)).unwrap_or_default();
            if settled || self.known.contains(&line) {
                self.bar.inc(artifact.bytes);
                self.count(if settled { 0 } else { artifact.bytes }, !settled);
                continue;
            }
            let state = match digest(&path, |bytes| self.bar.inc(bytes)) {
                Ok(digest) if digest == artifact.digest => {
                    self.remember(&line);
                    None
                }
                Ok(digest) => Some(FileState::Digest(digest)),
                Err(error) => Some(FileState::Unreadable(error.to_string())),
            };
            self.count(artifact.bytes, true);
            found.extend(state.map(|state| (artifact.path.clone(), state)));
        }
        found
    }

    fn count(&self, bytes: u64, counts: bool) {
        self.files.fetch_add(usize::from(counts), Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A line that does not reach the disk costs another digest, and nothing else.
    fn remember(&self, line: &str) {
        let Some(log) = &self.log else { return };
        if let Ok(mut log) = log.lock() {
            drop(log.write_all(format!("{line}\n").as_bytes()));
        }
    }

    /// How much was digested.
    pub fn verified(&self) -> Verified {
        Verified {
            wanted: self.selection.wanted,
            files: self.files.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            of: self.of,
        }
    }

    /// Forget what was digested: the next audit begins anew.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn finish(self) -> Result<()> {
        self.bar.finish_and_clear();
        match fs::remove_file(&self.path) {
            Err(error) if self.log.is_some() && error.kind() != io::ErrorKind::NotFound => {
                Err(error).context(|| format!("cannot remove `{}`", self.path.display()))
            }
            _ => Ok(()),
        }
    }
}

/// What an interrupted audit with this selection has digested; `None` if there was none.
fn known(path: &Path, selection: &Selection) -> io::Result<Option<HashSet<String>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut lines = BufReader::new(file).lines();
    if lines.next().transpose()? != Some(selection.name()) {
        return Ok(None);
    }
    // A torn last line matches nothing.
    lines.collect::<io::Result<_>>().map(Some)
}

fn start(path: &Path, selection: &Selection, goes_on: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).mode(access::file_mode());
    if goes_on {
        let mut file = options.append(true).open(path)?;
        file.write_all(b"\n")?;
        return Ok(file);
    }
    let mut file = options.write(true).truncate(true).open(path)?;
    file.write_all(format!("{}\n", selection.name()).as_bytes())?;
    Ok(file)
}

/// A file as it is now: another size or time makes another line.
fn line(attempt: &Attempt, path: &str, metadata: &fs::Metadata) -> String {
    let (size, seconds, nanoseconds) = (metadata.size(), metadata.mtime(), metadata.mtime_nsec());
    format!("{} {} {size} {seconds}.{nanoseconds} {}", attempt.task, attempt.number, path.escape_debug())
}

fn digest(path: &Path, passed: impl Fn(u64)) -> io::Result<blake3::Hash> {
    let mut file = open_regular(path)?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; CHUNK];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(hasher.finalize());
        }
        hasher.update(&buffer[..read]);
        passed(read as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Artifact, Provenance, Wanted};
    use crate::id::TaskId;

    const ALL: Selection = Selection { wanted: Wanted::All, seed: 0 };

    /// A project with one attempt that left `a.bin` and `b.bin` in its folder.
    fn project() -> (tempfile::TempDir, Project, Attempt) {
        let folder = tempfile::tempdir().unwrap();
        let (project, _) = Project::find_or_create(folder.path()).unwrap();
        let artifact = |name: &str| {
            fs::write(folder.path().join(name), name).unwrap();
            Artifact { path: name.to_owned(), bytes: 5, digest: blake3::hash(name.as_bytes()), deleted: false }
        };
        let attempt = Attempt {
            task: TaskId([7; 16]),
            number: 1,
            succeeded: true,
            ended: 0.0,
            folder: String::new(),
            provenance: Provenance::default(),
            artifacts: ["a.bin", "b.bin"].map(artifact).to_vec(),
            problems: Vec::new(),
            scores: Vec::new(),
        };
        (folder, project, attempt)
    }

    /// Another content of the same size, with the old time.
    fn tamper(path: &Path) {
        let modified = fs::metadata(path).unwrap().modified().unwrap();
        fs::write(path, "wrong").unwrap();
        File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
    }

    #[test]
    fn what_was_digested_before_an_interruption_is_not_digested_again() {
        let (folder, project, attempt) = project();
        let attempts = [attempt];
        let look = |memory: &Memory| memory.digest(folder.path(), &attempts[0], &[]);
        let interrupted = Memory::open(&project, ALL, &attempts).unwrap();
        assert_eq!(look(&interrupted), []);
        drop(interrupted);
        tamper(&folder.path().join("a.bin"));
        let resumed = Memory::open(&project, ALL, &attempts).unwrap();
        assert_eq!(look(&resumed), [], "it is remembered by size and time");
        assert_eq!(resumed.verified(), Verified { wanted: Wanted::All, files: 2, bytes: 10, of: 2 });
        resumed.finish().unwrap();
        let anew = Memory::open(&project, ALL, &attempts).unwrap();
        assert_eq!(look(&anew), [("a.bin".to_owned(), FileState::Digest(blake3::hash(b"wrong")))]);
    }

    #[test]
    fn another_selection_and_a_torn_line_remember_nothing() {
        let (folder, project, attempt) = project();
        let attempts = [attempt];
        let look = |memory: &Memory| memory.digest(folder.path(), &attempts[0], &[]);
        let path = project.state_folder().join(FILE);
        let some = Selection { wanted: Wanted::Sample(1_000_000), seed: 3 };
        assert_eq!(look(&Memory::open(&project, some, &attempts).unwrap()), []);
        tamper(&folder.path().join("a.bin"));
        assert_eq!(look(&Memory::open(&project, ALL, &attempts).unwrap()).len(), 1, "of another selection");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, &text[..text.len() - 3]).unwrap();
        tamper(&folder.path().join("b.bin"));
        assert_eq!(look(&Memory::open(&project, ALL, &attempts).unwrap()).len(), 2, "its line is torn");
    }
}
