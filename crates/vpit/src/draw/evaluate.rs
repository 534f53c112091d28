//! Stage `evaluate-images` of published models: FID and CLIP score of what stage `generate` drew for a benchmark.

use std::path::{Path, PathBuf};

use runfile::Score;
use score::Estimate;
use score::frechet;
use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

use super::benchmark::{self, Benchmark, Reference};
use super::jury::{self, Features, Jury, Names};
use super::kept::{self, DRAWING, Drawing, FEATURES, IMAGES, Keep, image_name};
use crate::judge::agreement::{self, Scale};
use crate::judge::distance::{Floor, Gathered, Kernel, ToInfinity, warnings};
use crate::judge::{Preparation, inception};
use crate::noise;
use crate::rng::Rng;
use crate::site::{Site, Unnamed};
use crate::stage::{self, Task};
use crate::tool::stream::{self, Broken};
use crate::tool::{folder, npz};

/// Where things are.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    site: Site,
    /// Pictures at once; changes no score beyond rounding
    #[arg(long, default_value_t = 50)]
    batch: usize,
    /// Give a distance though the numbers of pictures differ or do not exceed 2,048
    #[arg(long)]
    biased: bool,
}

/// Parameters of the stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// A folder among the benchmarks.
    pub image_benchmark: String,
    /// Folders among the models.
    pub fid_network: String,
    pub fid_preparation: Preparation,
    pub clip_encoder: String,
}

impl Default for Parameters {
    fn default() -> Self {
        let super::generate::Parameters { image_benchmark, fid_network, fid_preparation, clip_encoder, .. } =
            super::generate::Parameters::default();
        Self { image_benchmark, fid_network, fid_preparation, clip_encoder }
    }
}

/// Why there are no scores.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Task(#[from] stage::Error),
    #[error(transparent)]
    Protocol(#[from] runfile::Error),
    #[error(transparent)]
    Site(#[from] Unnamed),
    #[error(transparent)]
    Benchmark(#[from] benchmark::Error),
    #[error(transparent)]
    Jury(#[from] jury::Error),
    #[error(transparent)]
    Clip(#[from] agreement::Error),
    #[error(transparent)]
    Kept(#[from] kept::Error),
    #[error(transparent)]
    Picture(#[from] folder::Error),
    #[error(transparent)]
    Statistics(#[from] npz::Error),
    #[error("`{}` was drawn for another benchmark, {there}: its manifest is {drawn}, not {wanted}", path.display())]
    Other { path: PathBuf, there: String, drawn: String, wanted: String },
    #[error("`{}` has features for {there}, not for {wanted}: draw again, or keep images", path.display())]
    Features { path: PathBuf, there: String, wanted: String },
    #[error("`{}` has features of {there} pictures, and there are {wanted} captions", path.display())]
    Count { path: PathBuf, there: usize, wanted: usize },
    #[error("cannot compute the Fréchet distance (--biased takes any number of pictures)")]
    Distance(#[from] frechet::Error),
    #[error("cannot compute the kernel distance")]
    Kid(#[from] score::kid::Error),
    #[error("cannot compute the CLIP score")]
    Pairs(#[from] score::clip::Error),
}

/// Everything that was found, for people and programs.
#[derive(Debug, Serialize)]
struct Report {
    benchmark: String,
    manifest: String,
    /// Real and generated pictures.
    n: [u64; 2],
    fid_metric: String,
    fid: f64,
    floor: Option<Floor>,
    kid: Kernel,
    infinity: Option<f64>,
    /// BLAKE3 of FID's network.
    network: String,
    clip_metric: String,
    clip_score: Estimate,
    /// Captions longer than the encoder reads.
    cut: usize,
    /// Responses without a complete image: their pictures count as they are.
    without_image: u64,
    warnings: Vec<String>,
}

/// A caption's picture, by CLIP.
#[derive(Debug, Serialize)]
struct Agreement<'a> {
    id: u64,
    caption: &'a str,
    cosine: f64,
}

/// Grade what was drawn.
///
/// # Errors
/// Something is missing, damaged or of another benchmark, or the numbers of pictures do not carry a distance.
pub fn run(arguments: &Arguments) -> Result<(), Error> {
    let task = Task::from_env()?;
    let parameters: Parameters = task.parameters()?;
    tch::set_num_threads(i32::try_from(task.threads()).unwrap_or(i32::MAX).max(1));
    let (models, benchmarks) = (arguments.site.models()?, arguments.site.benchmarks()?);
    let benchmark = Benchmark::open(&benchmarks.join(&parameters.image_benchmark))?;
    let Parameters { fid_network, fid_preparation, clip_encoder, .. } = &parameters;
    let names = Names { network: fid_network, preparation: *fid_preparation, encoder: clip_encoder };
    let bench = Bench {
        jury: Jury::open(&models, names, benchmark.frame(), Device::cuda_if_available())?,
        benchmark,
        arguments,
    };
    if !arguments.biased {
        bench.check()?;
    }
    let folder = task.input("generate")?;
    let drawing = bench.drawing(folder)?;
    let features = bench.features(folder, &drawing)?;
    let (clip_score, cut) = bench.agreement(&task, &features.clip)?;
    let report = bench.distances(&task, features.inception, (clip_score, cut), drawing.without_image)?;
    runfile::files::write_json(&task.path("report.json"), &report)?;
    Ok(task.scores(&scores(&report, &bench.benchmark))?)
}

/// The networks, and what they are to judge.
struct Bench<'a> {
    jury: Jury,
    benchmark: Benchmark,
    arguments: &'a Arguments,
}

impl Bench<'_> {
    /// Refuse numbers of pictures that carry no comparable distance, before any is looked at.
    fn check(&self) -> Result<(), frechet::Error> {
        let (left, right) = (self.benchmark.references.len() as u64, self.benchmark.captions.len() as u64);
        if left != right {
            return Err(frechet::Error::UnequalN { left, right });
        }
        let dim = inception::WIDTH as usize;
        if left <= dim as u64 { Err(frechet::Error::Singular { n: left, dim }) } else { Ok(()) }
    }

    /// What lies in `folder`, if it was drawn for this benchmark.
    fn drawing(&self, folder: &Path) -> Result<Drawing, Error> {
        let path = folder.join(DRAWING);
        let drawing: Drawing = runfile::files::read_json(&path)?;
        if drawing.manifest != self.benchmark.digest {
            let (there, drawn, wanted) = (drawing.benchmark, drawing.manifest, self.benchmark.digest.clone());
            return Err(Error::Other { path, there, drawn, wanted });
        }
        Ok(drawing)
    }

    /// What the networks say of what was drawn, in the order of the captions.
    fn features(&self, folder: &Path, drawing: &Drawing) -> Result<Features, Error> {
        let features = match drawing.keep {
            Keep::Images => self.look(&folder.join(IMAGES))?,
            Keep::Features => self.stored(folder, drawing)?,
        };
        let (there, wanted) = (features.inception.len() / inception::WIDTH as usize, self.benchmark.captions.len());
        if there != wanted || features.clip.len() != wanted * self.jury.clip.width() {
            return Err(Error::Count { path: folder.to_owned(), there, wanted });
        }
        Ok(features)
    }

    fn look(&self, images: &Path) -> Result<Features, Error> {
        let paths: Vec<PathBuf> =
            self.benchmark.captions.iter().map(|caption| images.join(image_name(caption.id))).collect();
        let (eye, mut features) = (self.jury.eye, Features::default());
        let prepare = |path: &PathBuf| folder::levels(path).map(|levels| eye.see(&levels));
        stream::batches(&paths, self.arguments.batch, Broken::Fails, prepare, |shown, _| {
            features.extend(self.jury.look(shown));
            Ok::<(), Error>(())
        })?;
        Ok(features)
    }

    fn stored(&self, folder: &Path, drawing: &Drawing) -> Result<Features, Error> {
        let path = folder.join(FEATURES);
        let wanted = [self.jury.fid.metric(), self.jury.clip.metric(Scale::Cosine)];
        let there = drawing.metrics.clone().unwrap_or_default();
        if there != wanted {
            return Err(Error::Features { path, there: there.join(" and "), wanted: wanted.join(" and ") });
        }
        if drawing.network.as_ref() != Some(&self.jury.fid.digest) {
            let (there, wanted) = (drawing.network.clone().unwrap_or_default(), self.jury.fid.digest.clone());
            return Err(Error::Features { path, there, wanted });
        }
        Ok(kept::read_features(&path)?)
    }

    /// The CLIP score, and how many captions were cut.
    fn agreement(&self, task: &Task, images: &[f32]) -> Result<(Estimate, usize), Error> {
        let (clip, batch) = (&self.jury.clip, self.arguments.batch.max(1));
        let (mut cosines, mut cut) = (Vec::new(), 0);
        for (captions, images) in self.benchmark.captions.chunks(batch).zip(images.chunks(batch * clip.width())) {
            let prompts: Vec<String> = captions.iter().map(|caption| Scale::Cosine.prompt(&caption.caption)).collect();
            let (texts, longer) = clip.texts(&prompts.iter().map(String::as_str).collect::<Vec<&str>>())?;
            cut += longer;
            cosines.extend(clip.cosines(images, &texts)?);
        }
        let pairs = self.benchmark.captions.iter().zip(&cosines);
        let pairs = pairs.map(|(caption, &cosine)| Agreement { id: caption.id, caption: &caption.caption, cosine });
        task.predictions("clip_score", &pairs.collect::<Vec<Agreement<'_>>>())?;
        Ok((Scale::Cosine.score(&cosines)?, cut))
    }

    fn distances(
        &self,
        task: &Task,
        generated: Vec<f32>,
        (clip_score, cut): (Estimate, usize),
        without_image: u64,
    ) -> Result<Report, Error> {
        let real = self.real()?;
        let reference = real.moments.normal()?;
        let mut path = ToInfinity::new(Some(self.benchmark.captions.len() as u64));
        let mut moments = frechet::Moments::new(inception::WIDTH as usize);
        let generated = shuffled(generated);
        for some in generated.chunks(self.arguments.batch.max(1) * inception::WIDTH as usize) {
            moments.extend(some)?;
            path.step(&reference, &moments)?;
        }
        let n = [real.moments.n(), moments.n()];
        let fid = frechet::distance(&real.moments, &moments)?;
        npz::write(&task.path("statistics.npz"), &moments.normal()?, moments.n())?;
        Ok(Report {
            benchmark: self.benchmark.manifest.name.clone(),
            manifest: self.benchmark.digest.clone(),
            n,
            fid_metric: self.jury.fid.metric(),
            fid,
            floor: real.floor(self.arguments.biased)?,
            kid: Kernel::between(real.rows(), &generated)?,
            infinity: path.distance(),
            network: self.jury.fid.digest.clone(),
            clip_metric: self.jury.clip.metric(Scale::Cosine),
            clip_score,
            cut,
            without_image,
            warnings: warnings(n.map(Some)),
        })
    }

    /// The real pictures, in an order of chance.
    fn real(&self) -> Result<Gathered, Error> {
        let mut references: Vec<&Reference> = self.benchmark.references.iter().collect();
        noise::shuffle(&mut Rng::new(0, "fid", 0), &mut references);
        let (eye, images) = (self.jury.eye, self.benchmark.images());
        let mut gathered = Gathered::new(references.len() as u64, true);
        let prepare = |reference: &&Reference| reference.levels(&images).map(|levels| eye.for_fid(&levels));
        stream::batches(&references, self.arguments.batch, Broken::Fails, prepare, |pictures, _| {
            Ok::<(), Error>(gathered.add(&self.jury.fid.features(&Tensor::stack(pictures, 0)))?)
        })?;
        Ok(gathered)
    }
}

/// Features of pictures in an order of chance: that of the captions may be one of what they say.
fn shuffled(features: Vec<f32>) -> Vec<f32> {
    let mut rows: Vec<&[f32]> = features.chunks_exact(inception::WIDTH as usize).collect();
    noise::shuffle(&mut Rng::new(0, "fid", 1), &mut rows);
    rows.concat()
}

fn scores(report: &Report, benchmark: &Benchmark) -> Vec<Score> {
    let [_, n] = report.n;
    let score = |metric: &str, value: f64, n: u64| Score {
        split: benchmark.split(),
        n: Some(n),
        ..Score::new(metric, &report.benchmark, value)
    };
    let preparation = report.fid_metric.trim_start_matches("fid/");
    let Estimate { value, stderr, n: pairs } = report.clip_score;
    let drawn = (n - report.without_image.min(n)) as f64 / n as f64;
    let mut scores = vec![
        score(&report.fid_metric, report.fid, n),
        score(&format!("kid/{preparation}"), report.kid.value, n),
        Score { stderr, ..score(&report.clip_metric, value, pairs) },
        score("image_share", drawn, n),
    ];
    scores.extend(report.infinity.map(|value| score(&format!("fid_infinity/{preparation}"), value, n)));
    scores.extend(report.floor.map(|floor| score(&format!("fid_floor/{preparation}"), floor.value, floor.n)));
    scores
}
