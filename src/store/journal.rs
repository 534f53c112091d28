//! The journal: facts that no job writes, one JSON object a line, on disk before they reach the database.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::imports::Import;
use super::reruns::Rerun;
use crate::error::Context;
use crate::project::make_private_folder;
use crate::{Error, Result, access};

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    /// From 1, without gaps.
    pub position: u64,
    /// Seconds since the epoch, UTC.
    pub recorded: f64,
    pub fact: Fact,
}

/// What somebody decided or brought in. Identities are hexadecimal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Fact {
    /// A sweep was planned, whole; its text makes the same plan again.
    Plan {
        name: String,
        path: PathBuf,
        text: String,
    },
    /// Results were imported.
    Import(Import),
    /// Tasks are about to be started.
    Submission {
        token: String,
        launcher: String,
        tasks: Vec<String>,
        /// Who submits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<String>,
        /// Of an array: the element that runs each of the tasks.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        elements: Vec<u32>,
    },
    /// A scheduler has accepted a submission.
    Job {
        token: String,
        job: u64,
    },
    /// Submissions that were held are let go.
    Release {
        tokens: Vec<String>,
    },
    /// Nothing more is expected of elements of a submission, or of all of it.
    Closing {
        token: String,
        elements: Vec<u32>,
        reason: String,
    },
    /// Tasks are not to be tried again.
    Cancellation {
        tasks: Vec<String>,
    },
    /// What a run made is to be kept, or no longer.
    Pin {
        run: String,
    },
    Unpin {
        run: String,
    },
    /// A task was done again, to compare.
    Rerun(Box<Rerun>),
    /// Files of an attempt were deleted on purpose.
    Deletion {
        task: String,
        attempt: u32,
        paths: Vec<PathBuf>,
    },
}

/// What the journal holds, and whether its end is whole.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub entries: Vec<Entry>,
    /// Files whose last line is torn, with the number of bytes that are not a whole line.
    pub torn: Vec<(PathBuf, usize)>,
    files: u32,
}

/// The end of the journal, open for appending.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: Option<File>,
    next: u64,
    /// A write failed: whether the line is on disk is unknown, so nothing may follow it.
    failed: bool,
}

impl Journal {
    /// Go to the end of the journal in `folder`, whose contents were read before.
    ///
    /// A file with a torn end is left as it is, and the next line goes to a new one: nothing that was written is ever
    /// changed.
    pub fn after(folder: &Path, contents: &Contents) -> Result<Self> {
        make_private_folder(folder)?;
        let last = contents.files.max(1);
        let torn = contents.torn.iter().any(|(path, _)| *path == file_path(folder, last));
        let path = file_path(folder, if torn { last + 1 } else { last });
        let next = contents.entries.last().map_or(1, |entry| entry.position + 1);
        Ok(Self { path, file: None, next, failed: false })
    }

    /// Write `fact` to disk; it has happened when this returns.
    ///
    /// # Errors
    /// The disk refuses. Whether the fact has happened is then for the next reader of the journal to say.
    pub fn append(&mut self, recorded: f64, fact: Fact) -> Result<Entry> {
        let cannot_write = || format!("cannot write the journal `{}`", self.path.display());
        if self.failed {
            return Err(Error::general(cannot_write()).hint("it failed before: run the command again"));
        }
        let entry = Entry { position: self.next, recorded, fact };
        let mut line = serde_json::to_vec(&entry).context(cannot_write)?;
        line.push(b'\n');
        let written = append_durably(&mut self.file, &self.path, &line);
        self.failed = written.is_err();
        written.context(|| format!("cannot write the journal `{}`", self.path.display()))?;
        self.next += 1;
        Ok(entry)
    }
}

fn append_durably(file: &mut Option<File>, path: &Path, line: &[u8]) -> std::io::Result<()> {
    let file = match file {
        Some(file) => file,
        None => file.insert(open_durably(path)?),
    };
    file.write_all(line)?;
    file.sync_data()
}

fn open_durably(path: &Path) -> std::io::Result<File> {
    let file = OpenOptions::new().create(true).append(true).mode(access::file_mode()).open(path)?;
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(file)
}

fn file_path(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("{number:06}.jsonl"))
}

/// Read the whole journal.
///
/// # Errors
/// A line other than a file's last is not what was written, or a position is missing.
pub(super) fn read(folder: &Path) -> Result<Contents> {
    let mut contents = Contents::default();
    for number in 1.. {
        let path = file_path(folder, number);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => break,
            Err(error) => return Err(error).context(|| format!("cannot read the journal `{}`", path.display())),
        };
        contents.files = number;
        read_file(&path, &bytes, &mut contents)?;
    }
    Ok(contents)
}

fn read_file(path: &Path, bytes: &[u8], contents: &mut Contents) -> Result<()> {
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
    let (lines, torn) = bytes.split_at(whole);
    if !torn.is_empty() {
        contents.torn.push((path.to_owned(), torn.len()));
    }
    for (index, line) in lines.split(|&byte| byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty()) {
        let place = || format!("{}:{}", path.display(), index + 1);
        let entry: Entry = serde_json::from_slice(line).map_err(|error| damaged(&place(), &error.to_string()))?;
        let expected = contents.entries.last().map_or(1, |entry| entry.position + 1);
        if entry.position != expected {
            return Err(damaged(&place(), &format!("position {} stands where {expected} should", entry.position)));
        }
        contents.entries.push(entry);
    }
    Ok(())
}

fn damaged(place: &str, reason: &str) -> Error {
    Error::general(format!("{place}: the journal is damaged: {reason}"))
        .hint("put the file back from a backup; `sweep db check` says whether the store agrees with it")
}
