//! A pinned image benchmark: COCO-30K, or another set of captions and real pictures.
//!
//! | file | holds |
//! |---|---|
//! | `manifest.json` | what the scores are scores of: digests of both lists, size, crop and filter of the comparison |
//! | `captions.jsonl` | a caption a line, `{"id": 391895, "caption": "..."}` |
//! | `references.jsonl` | a real picture a line, `{"file": "COCO_val2014_000000391895.jpg", "blake3": "..."}` |
//! | `images` | the folder with the real pictures, or a link to it |
//!
//! The digest of the manifest stands for all of it and is part of every score.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::data::picture::inside;
use crate::framing::{self, Filter};
use crate::picture;

/// Names of the files.
pub const MANIFEST: &str = "manifest.json";
pub const CAPTIONS: &str = "captions.jsonl";
pub const REFERENCES: &str = "references.jsonl";
pub const IMAGES: &str = "images";

/// Why a benchmark cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no benchmark `{}`: `vpit pin-images` makes one of COCO's captions and pictures", folder.display())]
    Missing { folder: PathBuf },
    #[error(transparent)]
    Protocol(#[from] runfile::Error),
    #[error("`{}` is written in version {found}, this program knows {VERSION}", path.display())]
    Version { path: PathBuf, found: u32 },
    #[error("cannot read `{}`", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("`{}` is not what the manifest pins: {problem}", path.display())]
    Changed { path: PathBuf, problem: String },
    #[error("`{}`:{line}: {problem}", path.display())]
    Line { path: PathBuf, line: usize, problem: String },
    #[error("`{}` cannot be used: {problem}", path.display())]
    Picture { path: PathBuf, problem: String },
}

pub const VERSION: u32 = 1;

/// What scores of the benchmark are scores of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub version: u32,
    pub name: String,
    /// Where captions and pictures come from, and how they were chosen, in words.
    pub source: String,
    pub captions: List,
    pub references: List,
    /// Both sides are brought to squares of so many pixels: the shorter side by `filter`, the middle cut out.
    pub side: i64,
    pub filter: Filter,
}

/// A list of the benchmark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    pub count: u64,
    pub blake3: String,
}

/// What an image is drawn for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caption {
    /// Its own number: what is drawn by chance for it depends on this alone.
    pub id: u64,
    pub caption: String,
}

/// A real picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// Relative to the benchmark's `images`.
    pub file: String,
    pub blake3: String,
}

/// A benchmark, opened and compared with its manifest.
#[derive(Debug)]
pub struct Benchmark {
    pub manifest: Manifest,
    pub captions: Vec<Caption>,
    pub references: Vec<Reference>,
    /// BLAKE3 of the manifest.
    pub digest: String,
    folder: PathBuf,
}

impl Benchmark {
    /// Open the benchmark in `folder`. Its pictures are compared as they are read.
    ///
    /// # Errors
    /// It is missing, or a list is not the one that the manifest pins.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(MANIFEST);
        if !path.exists() {
            return Err(Error::Missing { folder: folder.to_owned() });
        }
        let digest = blake3::hash(&read(&path)?).to_hex().to_string();
        let manifest: Manifest = runfile::files::read_json(&path)?;
        if manifest.version != VERSION {
            return Err(Error::Version { path, found: manifest.version });
        }
        if manifest.side < 1 {
            return Err(Error::Changed { path, problem: format!("`side` is {}", manifest.side) });
        }
        let captions: Vec<Caption> = list(&folder.join(CAPTIONS), &manifest.captions)?;
        let references = list(&folder.join(REFERENCES), &manifest.references)?;
        let mut seen = HashSet::new();
        if let Some(twice) = captions.iter().find(|caption| !seen.insert(caption.id)) {
            let problem = format!("the id {} comes twice", twice.id);
            return Err(Error::Changed { path: folder.join(CAPTIONS), problem });
        }
        Ok(Self { manifest, captions, references, digest, folder: folder.to_owned() })
    }

    /// How a score says what it is of: two benchmarks of one name are told apart.
    #[must_use]
    pub fn split(&self) -> String {
        format!("manifest-{}", self.digest.get(..12).unwrap_or_default())
    }

    /// How pictures of both sides are brought to one size.
    #[must_use]
    pub const fn frame(&self) -> Frame {
        Frame { side: self.manifest.side, filter: self.manifest.filter }
    }

    /// Where the real pictures are.
    #[must_use]
    pub fn images(&self) -> PathBuf {
        self.folder.join(IMAGES)
    }
}

/// The size of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    side: i64,
    filter: Filter,
}

impl Frame {
    /// Levels of a picture brought to this size.
    pub fn of(self, levels: &Tensor) -> Tensor {
        framing::square(levels, self.side, self.filter)
    }
}

impl Reference {
    /// Levels of the picture below `images`.
    ///
    /// # Errors
    /// It is missing, not the one that is pinned, or cannot be read.
    pub fn levels(&self, images: &Path) -> Result<Tensor, Error> {
        let path =
            inside(images, &self.file).map_err(|problem| Error::Picture { path: images.join(&self.file), problem })?;
        let bytes = read(&path)?;
        if blake3::hash(&bytes).to_hex().as_str() != self.blake3 {
            return Err(Error::Changed { path, problem: "it is another picture".to_owned() });
        }
        picture::decode(&bytes).map(|found| picture::levels(&found)).map_err(|problem| Error::Picture { path, problem })
    }
}

fn list<T: DeserializeOwned>(path: &Path, pinned: &List) -> Result<Vec<T>, Error> {
    let bytes = read(path)?;
    let changed = |problem: String| Error::Changed { path: path.to_owned(), problem };
    if blake3::hash(&bytes).to_hex().as_str() != pinned.blake3 {
        return Err(changed("its digest is another one".to_owned()));
    }
    let text = String::from_utf8(bytes).map_err(|_| changed("it is no text".to_owned()))?;
    let item = |(line, text): (usize, &str)| {
        let problem =
            |error: serde_json::Error| Error::Line { path: path.to_owned(), line, problem: error.to_string() };
        serde_json::from_str(text).map_err(problem)
    };
    let items = (1..).zip(text.lines()).map(item).collect::<Result<Vec<T>, Error>>()?;
    if items.len() as u64 == pinned.count {
        Ok(items)
    } else {
        Err(changed(format!("it has {} lines, not {}", items.len(), pinned.count)))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}
