//! The data that a manifest lists, and single samples of it.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::archive::Span;
use super::index::{self, Found, MANIFEST, Manifest, Record, VERSION};
use super::line::{Line, pair};
use super::picture::{Edit, Picture, Place};
use super::{Error, Mixture, Sample, Source};

/// The data of a folder, opened.
#[derive(Debug)]
pub struct Library {
    folder: PathBuf,
    shelves: BTreeMap<Source, Shelf>,
}

/// One source.
#[derive(Debug)]
struct Shelf {
    source: Source,
    found: Found,
    images: PathBuf,
    files: Vec<(PathBuf, File)>,
    records: Vec<u8>,
}

impl Library {
    /// Open the data whose manifest lies in `folder`.
    ///
    /// # Errors
    /// There is none, or a file is not what it says.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(MANIFEST);
        let manifest: Manifest = runfile::files::read_json(&path)?;
        if manifest.version != VERSION {
            return Err(Error::Changed { path, problem: format!("version {}", manifest.version) });
        }
        let shelves = manifest.sources.into_iter();
        let shelves = shelves.map(|(source, found)| Ok((source, Shelf::open(folder, source, found)?)));
        Ok(Self { folder: folder.to_owned(), shelves: shelves.collect::<Result<_, Error>>()? })
    }

    /// The amounts of the sources as an order of samples; an amount of 0 stands for all that there are.
    ///
    /// # Errors
    /// A source is missing or has too few.
    pub fn mixture(&self, amounts: &[(Source, u64)], seed: u64) -> Result<Mixture, Error> {
        let mut pools = Vec::new();
        for &(wanted, asked) in amounts {
            let found = &self.shelf(wanted)?.found;
            if asked > found.samples {
                return Err(Error::TooFew { wanted, asked, there: found.samples });
            }
            let count = if asked == 0 { found.samples } else { asked };
            pools.push((wanted, [found.samples, count], found.index.as_str()));
        }
        Mixture::new(&pools, seed)
    }

    /// What a run's folder keeps of the data that it was trained on.
    #[must_use]
    pub fn manifest(&self, sources: &[(Source, u64)]) -> Manifest {
        let wanted = self.shelves.iter().filter(|(source, _)| sources.iter().any(|(wanted, _)| wanted == *source));
        Manifest { version: VERSION, sources: wanted.map(|(source, shelf)| (*source, shelf.found.clone())).collect() }
    }

    /// Sample `number` of `source`.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn sample(&self, source: Source, number: u64, seed: u64) -> Result<Sample, String> {
        let shelf = self.shelf(source).map_err(|error| error.to_string())?;
        let start = number as usize * Record::LENGTH;
        let record = shelf.records.get(start..start + Record::LENGTH).and_then(Record::from_bytes);
        let record = record.ok_or("it is not in the index")?;
        let text = shelf.text(record)?;
        if record.picture.length == 0 {
            return Line::read(source, &text)?.sample(&shelf.images, seed, number);
        }
        let caption = if record.json { caption(&text)? } else { text };
        if caption.trim().is_empty() {
            return Err("its caption is empty".to_owned());
        }
        let (path, Span { offset, length }) = (shelf.file(record)?.0.clone(), record.picture);
        Ok(pair(Picture { place: Place::Inside { path, offset, length }, edit: Edit::Nothing }, &caption))
    }

    fn shelf(&self, wanted: Source) -> Result<&Shelf, Error> {
        self.shelves.get(&wanted).ok_or_else(|| Error::NoSource { folder: self.folder.clone(), wanted })
    }
}

impl Shelf {
    fn open(folder: &Path, source: Source, found: Found) -> Result<Self, Error> {
        let path = index::path(folder, source);
        let records = std::fs::read(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
        let whole = records.len() as u64 == found.samples * Record::LENGTH as u64;
        if !whole || blake3::hash(&records).to_hex().as_str() != found.index {
            return Err(Error::Changed { path, problem: "its digest is another one".to_owned() });
        }
        let open = |name: &str, bytes: u64| {
            let path = folder.join(name);
            let read = |source| Error::Read { path: path.clone(), source };
            let file = File::open(&path).map_err(read)?;
            let there = file.metadata().map_err(read)?.len();
            // Its digest would take as long as reading all of it.
            if there != bytes {
                return Err(Error::Changed { path, problem: format!("{there} bytes and not {bytes}") });
            }
            Ok((path, file))
        };
        let files = found.files.iter().map(|facts| open(&facts.path, facts.bytes)).collect::<Result<_, Error>>()?;
        Ok(Self { source, images: folder.join(&found.images), found, files, records })
    }

    fn file(&self, record: Record) -> Result<&(PathBuf, File), String> {
        let file = self.files.get(record.file as usize);
        file.ok_or_else(|| format!("the index of `{}` names a file that is not there", self.source.name()))
    }

    fn text(&self, record: Record) -> Result<String, String> {
        let (path, file) = self.file(record)?;
        let mut bytes = vec![0; record.text.length as usize];
        let read = file.read_exact_at(&mut bytes, record.text.offset);
        read.map_err(|error| format!("`{}`: {error}", path.display()))?;
        String::from_utf8(bytes).map_err(|error| error.to_string())
    }
}

fn caption(json: &str) -> Result<String, String> {
    let fields: Value = serde_json::from_str(json).map_err(|error| error.to_string())?;
    fields["caption"].as_str().map(str::to_owned).ok_or_else(|| "its JSON has no `caption`".to_owned())
}
