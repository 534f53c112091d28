//! What a drawing leaves: images or features, and what was said to each caption; piece by piece while it is under way.
//!
//! A piece is a fixed number of captions in the benchmark's order, whatever is computed at once and by how many processes. It
//! is a folder in `checkpoint/` that gets its name once it is whole, so that a process may end at any time and another attempt
//! goes on with what is there.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use image::RgbImage;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::benchmark::Caption;
use super::jury::Features;
use super::painter::Drawn;
use crate::judge::floats;
use crate::model::tensor_files::{self, TensorFiles};
use crate::model::tensor_writer;

/// Captions of a piece.
pub const PIECE: usize = 32;
/// Pieces whose images are kept in any case, to be looked at.
const SHOWN: usize = 2;

/// Left in the stage's folder.
pub const DRAWING: &str = "drawing.json";
pub const IMAGES: &str = "images";
pub const FEATURES: &str = "features.safetensors";
const EXAMPLES: &str = "examples";
const PREDICTIONS: &str = "predictions";
const RESPONSES: &str = "generation.jsonl";
const STATE: &str = "state.json";
const INCEPTION: &str = "inception";
const CLIP: &str = "clip";

/// Why what was drawn cannot be kept or found.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Protocol(#[from] runfile::Error),
    #[error("cannot use `{}`", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("cannot write `{}`", path.display())]
    Image { path: PathBuf, source: image::ImageError },
    #[error(transparent)]
    Tensors(#[from] tensor_files::Error),
    #[error("`{}` is of another drawing: remove it, or take up the one that it belongs to", path.display())]
    Other { path: PathBuf },
    #[error("`{}` is damaged: {problem}", path.display())]
    Damaged { path: PathBuf, problem: String },
    #[error("{missing} of {all} pieces are missing: has another process ended early?")]
    Missing { missing: usize, all: usize },
}

/// What is kept of what was drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// Every image, as PNG
    Images,
    /// What the networks of FID and CLIP score say of each image, in far less space; and the first 64 images
    Features,
}

/// One caption and what came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    pub id: u64,
    pub caption: String,
    pub response: String,
    /// Whether the response holds a complete image; if not, the visualizer drew without a condition.
    pub image: bool,
}

/// What a whole drawing is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drawing {
    pub keep: Keep,
    /// Name of the benchmark and BLAKE3 of its manifest.
    pub benchmark: String,
    pub manifest: String,
    pub captions: u64,
    /// Responses without a complete image.
    pub without_image: u64,
    /// Where features were kept: names of the metrics that they are for, and BLAKE3 of FID's network.
    pub metrics: Option<[String; 2]>,
    pub network: Option<String>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    /// A digest of everything that makes a drawing what it is.
    drawing: String,
}

/// A drawing under way.
#[derive(Debug)]
pub struct Pieces {
    folder: PathBuf,
    earlier: Option<PathBuf>,
    keep: Keep,
    count: usize,
}

impl Pieces {
    /// Go on with what lies in the checkpoint of `out` or in an `earlier` one; `first` says whether this is the first of the
    /// processes that share the work.
    ///
    /// # Errors
    /// A checkpoint is of another drawing, or cannot be read or written.
    pub fn open(
        out: &Path,
        earlier: Option<PathBuf>,
        (drawing, keep, captions): (&str, Keep, usize),
        first: bool,
    ) -> Result<Self, Error> {
        let folder = out.join(runfile::CHECKPOINT);
        let state = State { drawing: drawing.to_owned() };
        let earlier = earlier.filter(|earlier| earlier.join(STATE).exists());
        for known in [Some(&folder), earlier.as_ref()].into_iter().flatten() {
            let path = known.join(STATE);
            if path.exists() && runfile::files::read_json::<State>(&path)? != state {
                return Err(Error::Other { path: known.clone() });
            }
        }
        std::fs::create_dir_all(&folder).map_err(fail(&folder))?;
        if first {
            runfile::files::write_json(&folder.join(STATE), &state)?;
        }
        Ok(Self { folder, earlier, keep, count: captions.div_ceil(PIECE) })
    }

    /// The pieces that process `rank` of `size` still has to draw.
    ///
    /// # Errors
    /// A piece of an earlier attempt cannot be taken over.
    pub fn missing(&self, rank: usize, size: usize) -> Result<Vec<usize>, Error> {
        let mut missing = Vec::new();
        for piece in (rank..self.count).step_by(size.max(1)) {
            if !self.path(piece).exists() && !self.take_over(piece)? {
                missing.push(piece);
            }
        }
        Ok(missing)
    }

    fn path(&self, piece: usize) -> PathBuf {
        self.folder.join(name(piece))
    }

    fn take_over(&self, piece: usize) -> Result<bool, Error> {
        let Some(earlier) = self.earlier.as_ref().map(|earlier| earlier.join(name(piece))) else { return Ok(false) };
        if !earlier.exists() {
            return Ok(false);
        }
        self.whole(piece, |folder| link_all(&earlier, folder, |_| true))?;
        Ok(true)
    }

    /// Let `write` fill the folder of a piece, which counts once it is full.
    fn whole(&self, piece: usize, write: impl FnOnce(&Path) -> Result<(), Error>) -> Result<(), Error> {
        let unfinished = self.folder.join(format!("{}.tmp", name(piece)));
        if unfinished.exists() {
            std::fs::remove_dir_all(&unfinished).map_err(fail(&unfinished))?;
        }
        std::fs::create_dir(&unfinished).map_err(fail(&unfinished))?;
        write(&unfinished)?;
        let path = self.path(piece);
        std::fs::rename(&unfinished, &path).map_err(fail(&path))
    }

    /// Keep a piece; `features` where those are kept.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn store(
        &self,
        piece: usize,
        captions: &[Caption],
        drawn: &[Drawn],
        features: Option<&Features>,
    ) -> Result<(), Error> {
        self.whole(piece, |folder| {
            if self.keep == Keep::Images || piece < SHOWN {
                for (caption, drawn) in captions.iter().zip(drawn) {
                    save(&folder.join(image_name(caption.id)), &drawn.levels)?;
                }
            }
            if let Some(features) = features {
                write_features(&folder.join(FEATURES), features, captions.len())?;
            }
            let response = |(caption, drawn): (&Caption, &Drawn)| Response {
                id: caption.id,
                caption: caption.caption.clone(),
                response: drawn.response.clone(),
                image: drawn.said,
            };
            write_lines(&folder.join(RESPONSES), &captions.iter().zip(drawn).map(response).collect::<Vec<Response>>())
        })
    }

    /// Put all pieces together in `out`; gives how many responses have no complete image.
    ///
    /// # Errors
    /// A piece is missing or damaged, or something cannot be written.
    pub fn finish(&self, out: &Path) -> Result<u64, Error> {
        let missing = (0..self.count).filter(|&piece| !self.path(piece).exists()).count();
        if missing > 0 {
            return Err(Error::Missing { missing, all: self.count });
        }
        let images = out.join(if self.keep == Keep::Images { IMAGES } else { EXAMPLES });
        std::fs::create_dir_all(&images).map_err(fail(&images))?;
        let (mut responses, mut features) = (Vec::new(), Features::default());
        for piece in (0..self.count).map(|piece| self.path(piece)) {
            link_all(&piece, &images, |name| Path::new(name).extension() == Some(OsStr::new("png")))?;
            responses.extend(read_lines(&piece.join(RESPONSES))?);
            if self.keep == Keep::Features {
                features.extend(read_features(&piece.join(FEATURES))?);
            }
        }
        if self.keep == Keep::Features {
            write_features(&out.join(FEATURES), &features, responses.len())?;
        }
        let predictions = out.join(PREDICTIONS);
        std::fs::create_dir_all(&predictions).map_err(fail(&predictions))?;
        write_lines(&predictions.join(RESPONSES), &responses)?;
        Ok(responses.iter().filter(|response| !response.image).count() as u64)
    }
}

fn name(piece: usize) -> String {
    format!("piece-{piece:06}")
}

/// As COCO numbers its pictures.
#[must_use]
pub fn image_name(id: u64) -> String {
    format!("{id:012}.png")
}

/// The features that a drawing in `folder` left.
///
/// # Errors
/// The file is missing or damaged.
pub fn read_features(path: &Path) -> Result<Features, Error> {
    let mut files = TensorFiles::file(path)?;
    let mut rows = |name: &str| -> Result<Vec<f32>, Error> {
        let damaged = || Error::Damaged { path: path.to_owned(), problem: format!("it has no `{name}`") };
        Ok(floats(&files.take(name).ok_or_else(damaged)??.to_kind(Kind::Float)))
    };
    Ok(Features { inception: rows(INCEPTION)?, clip: rows(CLIP)? })
}

fn write_features(path: &Path, features: &Features, count: usize) -> Result<(), Error> {
    let rows = |numbers: &[f32]| Tensor::from_slice(numbers).view([count as i64, -1]);
    Ok(tensor_writer::write(path, &[(INCEPTION, rows(&features.inception)), (CLIP, rows(&features.clip))])?)
}

/// Write levels `[3, height, width]` as PNG.
fn save(path: &Path, levels: &Tensor) -> Result<(), Error> {
    let [_, height, width] = crate::model::dims(levels);
    let mut bytes = vec![0u8; levels.numel()];
    levels.permute([1, 2, 0]).contiguous().copy_data(&mut bytes, levels.numel());
    let picture = RgbImage::from_raw(width as u32, height as u32, bytes);
    let picture = picture.ok_or_else(|| Error::Damaged { path: path.to_owned(), problem: "no picture".to_owned() })?;
    picture.save(path).map_err(|source| Error::Image { path: path.to_owned(), source })
}

/// Give the files of `from` whose names are `chosen` a second name in `to`, or copy them where the file system has none.
fn link_all(from: &Path, to: &Path, chosen: impl Fn(&OsStr) -> bool) -> Result<(), Error> {
    for entry in std::fs::read_dir(from).map_err(fail(from))? {
        let entry = entry.map_err(fail(from))?;
        if !chosen(&entry.file_name()) {
            continue;
        }
        let (old, new) = (entry.path(), to.join(entry.file_name()));
        if std::fs::hard_link(&old, &new).is_err() {
            std::fs::copy(&old, &new).map_err(fail(&new))?;
        }
    }
    Ok(())
}

fn write_lines(path: &Path, responses: &[Response]) -> Result<(), Error> {
    let mut bytes = Vec::new();
    for response in responses {
        serde_json::to_writer(&mut bytes, response).map_err(|error| fail(path)(error.into()))?;
        bytes.push(b'\n');
    }
    Ok(runfile::files::write_bytes(path, &bytes)?)
}

fn read_lines(path: &Path) -> Result<Vec<Response>, Error> {
    let text = std::fs::read_to_string(path).map_err(fail(path))?;
    let line = |line: &str| {
        let damaged = |error: serde_json::Error| Error::Damaged { path: path.to_owned(), problem: error.to_string() };
        serde_json::from_str(line).map_err(damaged)
    };
    text.lines().map(line).collect()
}

fn fail(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File { path, source }
}
