//! `vpit index FOLDER`: find every sample of the data once, so that a training can take any of them at once.
//!
//! `data.toml` names the files of each source. What is found is written beside it: `manifest.json`, with a digest of each
//! file, and `index/<source>`, where each sample lies.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::archive::{self, Span};
use super::line::Line;
use super::picture::inside;
use super::{Error, Source};

/// Lists the files of each source, and is written by people.
const LIST: &str = "data.toml";
/// Lists what was found.
pub const MANIFEST: &str = "manifest.json";
/// How many broken samples are shown.
const SHOWN: usize = 5;

/// What is indexed.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The folder with data.toml
    folder: PathBuf,
    /// Broken samples that a source may have; they are left out and counted
    #[arg(long, value_name = "SAMPLES", default_value_t = 1000)]
    broken_limit: u64,
}

/// One source in `data.toml`; all paths are relative to the folder.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    /// JSON lines (`.jsonl`), for `generation` also archives (`.tar`).
    files: Vec<String>,
    /// Where the pictures and videos are that lines name.
    #[serde(default)]
    images: String,
}

/// `manifest.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub version: u32,
    pub sources: BTreeMap<Source, Found>,
}

/// What was found of one source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Found {
    pub images: String,
    pub files: Vec<Facts>,
    pub samples: u64,
    pub broken: u64,
    /// BLAKE3 of the index.
    pub index: String,
}

/// What a file was when it was indexed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    pub path: String,
    pub bytes: u64,
    /// BLAKE3.
    pub digest: String,
}

/// The version of manifest and index that this program writes and reads.
pub const VERSION: u32 = 1;

/// Where a sample lies: in the file `file` of its source, a line, or a picture and its caption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    pub file: u32,
    /// Whether the caption is JSON.
    pub json: bool,
    /// The line, or the caption.
    pub text: Span,
    /// Of length 0 for a line.
    pub picture: Span,
}

impl Record {
    /// Bytes of a record in an index.
    pub const LENGTH: usize = 40;

    fn to_bytes(self) -> [u8; Self::LENGTH] {
        let flags = u64::from(self.file) << 1 | u64::from(self.json);
        let numbers = [flags, self.text.offset, self.text.length, self.picture.offset, self.picture.length];
        let mut bytes = [0; Self::LENGTH];
        for (place, number) in bytes.chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    /// The record that `bytes` hold, nothing for another length.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::LENGTH] = bytes.try_into().ok()?;
        let number = |place: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[8 * place + i]));
        Some(Self {
            file: u32::try_from(number(0) >> 1).ok()?,
            json: number(0) & 1 == 1,
            text: Span { offset: number(1), length: number(2) },
            picture: Span { offset: number(3), length: number(4) },
        })
    }
}

/// The file of a source's index.
#[must_use]
pub fn path(folder: &Path, source: Source) -> PathBuf {
    folder.join("index").join(source.name())
}

/// Index everything that `data.toml` names and say what was found, a source a line.
///
/// # Errors
/// A file cannot be read or written, or has more broken samples than allowed.
pub fn run(arguments: &Arguments) -> Result<String, Error> {
    let folder = &arguments.folder;
    let list = folder.join(LIST);
    let text = std::fs::read_to_string(&list).map_err(|source| Error::Read { path: list.clone(), source })?;
    let named: BTreeMap<Source, Named> = toml::from_str(&text)
        .map_err(|error| Error::List { path: list.clone(), message: error.to_string().trim_end().to_owned() })?;
    let (mut sources, mut said) = (BTreeMap::new(), String::new());
    for (source, named) in named {
        let bad = |message| Error::List { path: list.clone(), message };
        inside(folder, &format!("./{}", named.images)).map_err(bad)?;
        let found = Search::new(folder, source).files(named)?;
        let found = found.end(arguments.broken_limit)?;
        said += &format!("{:<16} {:>10} samples, {} broken\n", source.name(), found.samples, found.broken);
        sources.insert(source, found);
    }
    runfile::files::write_json(&folder.join(MANIFEST), &Manifest { version: VERSION, sources })?;
    Ok(said)
}

/// The samples of one source while its files are read.
struct Search<'a> {
    folder: &'a Path,
    source: Source,
    images: String,
    files: Vec<Facts>,
    records: Vec<u8>,
    broken: u64,
    problems: String,
}

impl<'a> Search<'a> {
    fn new(folder: &'a Path, source: Source) -> Self {
        let (files, records, problems) = (Vec::new(), Vec::new(), String::new());
        Self { folder, source, images: String::new(), files, records, broken: 0, problems }
    }

    fn files(mut self, named: Named) -> Result<Self, Error> {
        self.images = named.images;
        for name in named.files {
            let list = || self.folder.join(LIST);
            let path = inside(self.folder, &name).map_err(|message| Error::List { path: list(), message })?;
            match path.extension().and_then(|ending| ending.to_str()) {
                Some("jsonl") => self.lines(&path, name)?,
                Some("tar") if self.source == Source::Generation => self.archive(&path, name)?,
                _ => {
                    let message = format!("`{name}` is no file of `{}`: those end in .jsonl", self.source.name());
                    return Err(Error::List { path: list(), message });
                }
            }
        }
        Ok(self)
    }

    fn lines(&mut self, path: &Path, name: String) -> Result<(), Error> {
        let fail = |source| Error::Read { path: path.to_owned(), source };
        let mut reader = BufReader::with_capacity(1 << 20, File::open(path).map_err(fail)?);
        let (mut digest, mut line, mut offset) = (blake3::Hasher::new(), Vec::new(), 0);
        for number in 1u64.. {
            line.clear();
            let length = reader.read_until(b'\n', &mut line).map_err(fail)? as u64;
            if length == 0 {
                break;
            }
            digest.update(&line);
            let text = Span { offset, length };
            offset += length;
            if line.trim_ascii().is_empty() {
                continue;
            }
            let read = std::str::from_utf8(&line).map_err(|error| error.to_string());
            match read.and_then(|text| Line::read(self.source, text.trim_end())) {
                Ok(_) => self.add(text, Span { offset: 0, length: 0 }, false),
                Err(problem) => self.leave_out(&format!("`{}`:{number}: {problem}", path.display())),
            }
        }
        self.files.push(Facts { path: name, bytes: offset, digest: digest.finalize().to_hex().to_string() });
        Ok(())
    }

    fn archive(&mut self, path: &Path, name: String) -> Result<(), Error> {
        for pair in archive::pairs(path)? {
            match pair {
                Ok(pair) => self.add(pair.caption, pair.picture, pair.json),
                Err(problem) => self.leave_out(&format!("`{}`: {problem}", path.display())),
            }
        }
        let fail = |source| Error::Read { path: path.to_owned(), source };
        let mut digest = blake3::Hasher::new();
        digest.update_reader(File::open(path).map_err(fail)?).map_err(fail)?;
        self.files.push(Facts { path: name, bytes: digest.count(), digest: digest.finalize().to_hex().to_string() });
        Ok(())
    }

    fn add(&mut self, text: Span, picture: Span, json: bool) {
        let record = Record { file: self.files.len() as u32, json, text, picture };
        self.records.extend(record.to_bytes());
    }

    fn leave_out(&mut self, problem: &str) {
        if self.broken < SHOWN as u64 {
            self.problems += "\n  ";
            self.problems += problem;
        }
        self.broken += 1;
    }

    fn end(self, limit: u64) -> Result<Found, Error> {
        if self.broken > limit {
            let (source_name, count) = (self.source.name(), self.broken);
            return Err(Error::Broken { source_name, count, limit, first: self.problems });
        }
        let path = path(self.folder, self.source);
        let write = |source| Error::Write { path: path.clone(), source };
        path.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(write)?;
        runfile::files::write_bytes(&path, &self.records)?;
        Ok(Found {
            images: self.images,
            files: self.files,
            samples: (self.records.len() / Record::LENGTH) as u64,
            broken: self.broken,
            index: blake3::hash(&self.records).to_hex().to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_its_bytes() {
        let (text, picture) = (Span { offset: 1 << 40, length: 7 }, Span { offset: 9, length: u64::MAX });
        let record = Record { file: u32::MAX, json: true, text, picture };
        assert_eq!(Record::from_bytes(&record.to_bytes()), Some(record));
        assert_eq!(Record::from_bytes(&[0; 39]), None);
    }

    fn index(list: &str, lines: &str, broken_limit: u64) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(LIST), list).unwrap();
        std::fs::write(folder.path().join("a.jsonl"), lines).unwrap();
        let arguments = Arguments { folder: folder.path().to_owned(), broken_limit };
        run(&arguments).map_err(|error| error.to_string())
    }

    #[test]
    fn broken_lines_are_counted_and_named_and_too_many_are_an_error() {
        let list = "[generation]\nfiles = [\"a.jsonl\"]\n";
        let lines = "{\"image\": \"a.jpg\", \"caption\": \"x\"}\n\n{\"image\": \n";
        assert!(index(list, lines, 1).unwrap().contains("1 samples, 1 broken"));
        let message = index(list, lines, 0).unwrap_err();
        assert!(message.contains("a.jsonl`:3: ") && message.contains("--broken-limit 0"), "{message}");
    }

    #[test]
    fn what_is_wrong_with_the_list_is_said() {
        for (list, problem) in [
            ("[images]\nfiles = []\n", "unknown variant `images`"),
            ("[vqa]\nfile = \"a\"\n", "unknown field `file`"),
            ("[vqa]\nfiles = [\"../a.jsonl\"]\n", "names no file inside"),
            ("[vqa]\nfiles = [\"a.tar\"]\n", "those end in .jsonl"),
            ("[vqa]\nfiles = [\"b.jsonl\"]\n", "cannot read"),
        ] {
            let message = index(list, "", 0).unwrap_err();
            assert!(message.contains(problem), "{message}");
        }
    }
}
