//! Stage `evaluate-images`: how far generated images are from real ones, and how well they fit their captions.
//!
//! `fid_digits` is the Fréchet distance between features of the generated images and of as many real test scenes, with our
//! own feature network: comparable within one sweep, and not to FID by Inception. `clip_score` is 100 times the mean
//! cosine between an image and its caption, by a network that no model was trained against.

use runfile::Score;
use score::clip;
use score::frechet::{self, Moments};
use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::judges::Judges;
use super::task::{Error, Result, Task};
use super::{data, generate};
use crate::digits::{Scene, Split, World};
use crate::judge::{features, floats};

/// Parameters of the stage.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// Real scenes to compare with.
    pub real_images: u64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { real_images: 2048 }
    }
}

/// Images that a judge sees at once: bounds memory, and is part of no result.
const CHUNK: i64 = 256;

/// Grade the generated images.
///
/// # Errors
/// The parameters are not usable, an input is missing, or a file cannot be written.
pub fn run(task: &Task) -> Result<()> {
    let parameters: Parameters = task.parameters()?;
    let judges = Judges::open(task.input("judges")?)?;
    let images = data::from_bytes(&generated(&task.input("generate")?.join(generate::FILE))?);
    let world = World::open(Split::Test);
    let real: Vec<Scene> = (0..parameters.real_images).map(|id| world.scene(id)).collect();
    let captions: Vec<String> = (0..images.size()[0]).map(|id| world.generation(id as u64).caption).collect();
    let scores =
        [fid("test", &judges, &images, &data::pixels(&real))?, clip_score("test", &judges, &images, &captions)?];
    task.scores(&scores)
}

fn generated(path: &std::path::Path) -> Result<Tensor> {
    let tensors = Tensor::read_safetensors(path).map_err(|source| Error::Tensors { path: path.to_owned(), source })?;
    let found = tensors.into_iter().find(|(name, _)| name == generate::TENSOR);
    found.map(|(_, images)| images).ok_or_else(|| Error::NoTensor { path: path.to_owned(), name: generate::TENSOR })
}

/// The Fréchet distance between the features of two sets of `[n, 1, side, side]` images in [-1, 1]. `n` is the number of
/// generated images.
///
/// # Errors
/// A feature is not finite, or there are too few images.
pub fn fid(benchmark: &str, judges: &Judges, images: &Tensor, real: &Tensor) -> Result<Score> {
    let value = frechet::distance(&moments(judges, images)?, &moments(judges, real)?)?;
    Ok(Score { n: Some(images.size()[0] as u64), ..Score::new("fid_digits", benchmark, value) })
}

fn moments(judges: &Judges, images: &Tensor) -> Result<Moments> {
    let features = tch::no_grad(|| in_chunks(images, |chunk| judges.features.features(chunk)));
    let mut moments = Moments::new(features::WIDTH as usize);
    moments.extend(&floats(&features))?;
    Ok(moments)
}

/// 100 times the mean cosine between images and captions, with its standard error over pairs.
///
/// # Errors
/// A caption has a word outside the vocabulary, or an embedding has no direction.
pub fn clip_score(benchmark: &str, judges: &Judges, images: &Tensor, captions: &[String]) -> Result<Score> {
    let texts = data::captions(captions.iter().map(String::as_str))?;
    let (images, texts) = tch::no_grad(|| {
        (in_chunks(images, |chunk| judges.pairs.images(chunk)), in_chunks(&texts, |chunk| judges.pairs.texts(chunk)))
    });
    let width = images.size()[1] as usize;
    let (images, texts) = (floats(&images), floats(&texts));
    let pairs = images.chunks(width).zip(texts.chunks(width));
    let cosines = pairs.map(|(image, text)| clip::cosine(image, text)).collect::<std::result::Result<Vec<f64>, _>>()?;
    let estimate = clip::clip_score(&cosines)?;
    Ok(Score { n: Some(estimate.n), stderr: estimate.stderr, ..Score::new("clip_score", benchmark, estimate.value) })
}

fn in_chunks(images: &Tensor, judge: impl Fn(&Tensor) -> Tensor) -> Tensor {
    let seen: Vec<Tensor> = images.split(CHUNK, 0).iter().map(judge).collect();
    Tensor::cat(&seen, 0)
}
