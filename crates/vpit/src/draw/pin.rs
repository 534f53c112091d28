//! `vpit pin-images`: fixes once which captions are drawn and which pictures are compared with.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::benchmark::{CAPTIONS, Caption, IMAGES, List, MANIFEST, Manifest, REFERENCES, Reference, VERSION};
use crate::data::picture::inside;
use crate::framing::Filter;
use crate::{picture, rng};

/// COCO's captions and pictures, and what of them.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// COCO's file of captions, such as `captions_val2014.json`
    captions: PathBuf,
    /// The folder with the pictures that it names, such as `val2014`
    images: PathBuf,
    /// Where the benchmark is written; the folder's name is the benchmark's
    benchmark: PathBuf,
    /// Pictures with a caption each
    #[arg(long, default_value_t = 30_000)]
    count: usize,
    /// Another number draws other pictures and other ones of their captions
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Compare with all pictures of the file, not with those of the captions alone
    #[arg(long)]
    all_references: bool,
    /// Pixels along one side of the comparison
    #[arg(long, default_value_t = 256)]
    side: i64,
    /// How pictures are brought to that size
    #[arg(long, default_value = "bicubic")]
    filter: Filter,
}

/// Why nothing was pinned.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Protocol(#[from] runfile::Error),
    #[error("cannot use `{}`", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("`{}` has no name to give to the benchmark", folder.display())]
    Name { folder: PathBuf },
    #[error("`{}` has {there} pictures with captions, fewer than the {asked} that are asked for", path.display())]
    TooFew { path: PathBuf, there: usize, asked: usize },
    #[error("`{}` names picture {id} twice", path.display())]
    Twice { path: PathBuf, id: u64 },
    #[error("`{}` cannot be used: {problem}", path.display())]
    Picture { path: PathBuf, problem: String },
    #[error("`{}` has a benchmark already, which pins other things: scores of both would bear one name. Write elsewhere, or remove it", folder.display())]
    Pinned { folder: PathBuf },
}

/// What of COCO's file is read.
#[derive(Debug, Deserialize)]
struct Coco {
    images: Vec<Image>,
    annotations: Vec<Annotation>,
}

#[derive(Debug, Deserialize)]
struct Image {
    id: u64,
    file_name: String,
}

#[derive(Debug, Deserialize)]
struct Annotation {
    id: u64,
    image_id: u64,
    caption: String,
}

/// Write the benchmark; gives what is to be said.
///
/// # Errors
/// Captions or pictures cannot be used, or there is another benchmark already.
pub fn run(arguments: &Arguments) -> Result<String, Error> {
    let Arguments { captions: path, images, benchmark: folder, .. } = arguments;
    let name = folder.file_name().and_then(|name| name.to_str()).filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| Error::Name { folder: folder.clone() })?.to_owned();
    let bytes = std::fs::read(path).map_err(|source| Error::File { path: path.clone(), source })?;
    let coco: Coco = runfile::files::read_json(path)?;
    let (captions, files) = choose(arguments, &coco)?;
    let references = files.iter().map(|file| reference(images, file)).collect::<Result<Vec<Reference>, Error>>()?;
    let (captions, references) = (lines(&captions), lines(&references));
    let manifest = Manifest {
        version: VERSION,
        name,
        source: source(arguments, blake3::hash(&bytes).to_hex().as_str()),
        captions: pinned(&captions),
        references: pinned(&references),
        side: arguments.side.max(1),
        filter: arguments.filter,
    };
    write(folder, images, &manifest, [&captions, &references])?;
    let path = folder.join(MANIFEST);
    let written = std::fs::read(&path).map_err(|source| Error::File { path, source })?;
    let (captions, references) = (manifest.captions.count, manifest.references.count);
    let digest = blake3::hash(&written).to_hex();
    Ok(format!("{}: {captions} captions, {references} pictures, manifest {digest}\n", folder.display()))
}

/// One caption of each chosen picture, by the pictures' numbers, and the names of the pictures to compare with.
///
/// A picture's rank and a caption's rank depend on its own number, so neither the order of the file nor what else is in it
/// changes what is chosen: with a smaller count a part of it.
fn choose(arguments: &Arguments, coco: &Coco) -> Result<(Vec<Caption>, Vec<String>), Error> {
    let path = &arguments.captions;
    let mut names: BTreeMap<u64, &str> = BTreeMap::new();
    for image in &coco.images {
        if names.insert(image.id, &image.file_name).is_some() {
            return Err(Error::Twice { path: path.clone(), id: image.id });
        }
    }
    let rank = |of: &str, id: u64| (rng::key(arguments.seed, of, id), id);
    let mut said: HashMap<u64, &Annotation> = HashMap::new();
    for annotation in coco.annotations.iter().filter(|annotation| !annotation.caption.trim().is_empty()) {
        let best = said.entry(annotation.image_id).or_insert(annotation);
        if rank("pin/caption", annotation.id) < rank("pin/caption", best.id) {
            *best = annotation;
        }
    }
    let mut chosen: Vec<u64> = names.keys().copied().filter(|id| said.contains_key(id)).collect();
    if chosen.len() < arguments.count || arguments.count == 0 {
        return Err(Error::TooFew { path: path.clone(), there: chosen.len(), asked: arguments.count });
    }
    chosen.sort_by_key(|&id| rank("pin/image", id));
    chosen.truncate(arguments.count);
    chosen.sort_unstable();
    let caption = |&id: &u64| said.get(&id).map(|said| Caption { id, caption: said.caption.trim().to_owned() });
    let captions = chosen.iter().filter_map(caption).collect();
    let files = if arguments.all_references {
        names.values().map(|&name| name.to_owned()).collect()
    } else {
        chosen.iter().filter_map(|id| names.get(id)).map(|&name| name.to_owned()).collect()
    };
    Ok((captions, files))
}

/// A picture as it is pinned: it has to be there and to be one.
fn reference(images: &Path, file: &str) -> Result<Reference, Error> {
    let fail = |problem: String| Error::Picture { path: images.join(file), problem };
    let path = inside(images, file).map_err(fail)?;
    let bytes = std::fs::read(&path).map_err(|source| Error::File { path, source })?;
    picture::decode(&bytes).map_err(fail)?;
    Ok(Reference { file: file.to_owned(), blake3: blake3::hash(&bytes).to_hex().to_string() })
}

fn source(arguments: &Arguments, digest: &str) -> String {
    let name = arguments.captions.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let references = if arguments.all_references { "all pictures of the file" } else { "their own pictures" };
    format!(
        "{name} with BLAKE3 {digest}; {} pictures with one caption each, drawn with seed {}; compared with {references}",
        arguments.count, arguments.seed
    )
}

fn lines<T: Serialize>(items: &[T]) -> String {
    items.iter().fold(String::new(), |mut text, item| {
        let line = serde_json::to_string(item).unwrap_or_default();
        writeln!(text, "{line}").unwrap_or_default();
        text
    })
}

fn pinned(lines: &str) -> List {
    List { count: lines.lines().count() as u64, blake3: blake3::hash(lines.as_bytes()).to_hex().to_string() }
}

/// The manifest comes last: with it the benchmark is whole.
fn write(folder: &Path, images: &Path, manifest: &Manifest, [captions, references]: [&str; 2]) -> Result<(), Error> {
    let path = folder.join(MANIFEST);
    if path.exists() && runfile::files::read_json::<Manifest>(&path)? != *manifest {
        return Err(Error::Pinned { folder: folder.to_owned() });
    }
    let fail = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::File { path, source }
    };
    std::fs::create_dir_all(folder).map_err(fail(folder))?;
    runfile::files::write_bytes(&folder.join(CAPTIONS), captions.as_bytes())?;
    runfile::files::write_bytes(&folder.join(REFERENCES), references.as_bytes())?;
    let (link, images) = (folder.join(IMAGES), std::fs::canonicalize(images).map_err(fail(images))?);
    if link.symlink_metadata().is_err() {
        std::os::unix::fs::symlink(&images, &link).map_err(fail(&link))?;
    }
    Ok(runfile::files::write_json(&path, manifest)?)
}
