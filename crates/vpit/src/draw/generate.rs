//! Stage `generate` of published models: the captions of a benchmark to visual tokens to images.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use runfile::{TaskConfig, series};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use signal_hook::consts::{SIGTERM, SIGUSR1};
use tch::Device;

use super::benchmark::{self, Benchmark, Caption};
use super::jury::{self, Features, Jury, Names};
use super::kept::{self, DRAWING, Drawing, Keep, PIECE, Pieces};
use super::painter::{self, Painter, Style};
use crate::diffusion::sampler::Sampling;
use crate::judge::Preparation;
use crate::judge::agreement::Scale;
use crate::native::{self, Group};
use crate::site::{Site, Unnamed};
use crate::train::meeting;
use crate::{checkpoint, stage};

/// Where things are, and what is kept.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    site: Site,
    /// What is kept of what was drawn
    #[arg(long, value_name = "WHAT", default_value = "images")]
    keep: Keep,
    /// Images at once; changes none beyond rounding
    #[arg(long, default_value_t = 8)]
    batch: usize,
    /// Seconds that a process waits for the others before it gives up
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    patience: u32,
}

/// Parameters of the stage; the defaults are the paper's, where it has any.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// A folder among the benchmarks.
    pub image_benchmark: String,
    pub guidance: f64,
    pub sampling_steps: usize,
    /// Pixels along one side.
    pub resolution: i64,
    /// With a caption's number it draws the noise that its image starts from: the same for all models, so that these differ by
    /// what they say alone.
    pub drawing_seed: u64,
    /// Networks of the scores, where features are kept: folders among the models.
    pub fid_network: String,
    pub fid_preparation: Preparation,
    pub clip_encoder: String,
    /// The point of the training at which the model was kept; its end, if there is none.
    pub at: Option<String>,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            image_benchmark: "coco-30k".to_owned(),
            guidance: 7.5,
            sampling_steps: 50,
            resolution: 512,
            drawing_seed: 0,
            fid_network: "inception-2015-12-05".to_owned(),
            fid_preparation: Preparation::PytorchFid,
            clip_encoder: "clip-vit-large-patch14".to_owned(),
            at: None,
        }
    }
}

/// Why nothing was drawn.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Protocol(#[from] runfile::Error),
    #[error(transparent)]
    Site(#[from] Unnamed),
    #[error("the parameters of stage `{stage}` are not usable: {problem}")]
    Parameters { stage: String, problem: String },
    #[error("stage `{stage}` needs the results of stage `{missing}`, and its configuration names none")]
    Input { stage: String, missing: &'static str },
    #[error("cannot use `{}`", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Benchmark(#[from] benchmark::Error),
    #[error(transparent)]
    Painter(Box<painter::Error>),
    #[error(transparent)]
    Jury(#[from] jury::Error),
    #[error(transparent)]
    Kept(#[from] kept::Error),
    #[error(transparent)]
    Meeting(#[from] meeting::Error),
    #[error("the processes did not meet, or one of them is gone")]
    Group(#[from] native::Error),
    #[error("cannot watch for signals")]
    Signals(#[source] std::io::Error),
}

impl From<painter::Error> for Error {
    fn from(error: painter::Error) -> Self {
        Self::Painter(Box::new(error))
    }
}

/// Draw what the task in the environment says.
///
/// # Errors
/// Something cannot be used or written, or another process is gone.
pub fn run(arguments: &Arguments) -> Result<(), Error> {
    end_when_asked().map_err(Error::Signals)?;
    let task = TaskConfig::from_env()?;
    let parameters = Parameters::of(&task)?;
    tch::set_num_threads(i32::try_from(task.threads).unwrap_or(i32::MAX).max(1));
    let out = variable(runfile::env::OUT).ok_or(runfile::Error::NoEnvironment { name: runfile::env::OUT })?;
    std::fs::create_dir_all(&out).map_err(|source| Error::File { path: out.clone(), source })?;
    let group = Group::join(&meeting::meeting(text, arguments.patience)?)?;
    let work = Work::open(arguments, &task, parameters)?;
    let pieces = Pieces::open(
        &out,
        variable(runfile::env::RESUME),
        (&work.identity(), arguments.keep, work.benchmark.captions.len()),
        group.rank() == 0,
    )?;
    let metrics = work.draw(&pieces, &out, &group)?;
    group.wait()?;
    if group.rank() == 0 {
        work.finish(&pieces, &out, metrics)?;
    }
    // Nobody ends before the results are whole: the end of one is taken for the end of the job.
    Ok(group.wait()?)
}

/// End at once when asked to: whatever is whole on disk is what another attempt goes on with, so there is nothing to save.
fn end_when_asked() -> std::io::Result<()> {
    for signal in [SIGUSR1, SIGTERM] {
        let always = Arc::new(AtomicBool::new(true));
        signal_hook::flag::register_conditional_shutdown(signal, runfile::exit::REQUEUE, always)?;
    }
    Ok(())
}

fn text(name: &'static str) -> Option<String> {
    std::env::var_os(name)?.into_string().ok()
}

fn variable(name: &'static str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from)
}

/// Of FID and CLIP score: the metrics' names, and the digest of FID's network.
type Metrics = ([String; 2], String);

/// What is to be drawn.
struct Work<'a> {
    arguments: &'a Arguments,
    parameters: Parameters,
    stage: &'a str,
    benchmark: Benchmark,
    models: PathBuf,
    /// Results of `finetune` and of `visualizer`.
    inputs: [&'a Path; 2],
    device: Device,
}

impl<'a> Work<'a> {
    fn open(arguments: &'a Arguments, task: &'a TaskConfig, parameters: Parameters) -> Result<Self, Error> {
        let input = |missing: &'static str| -> Result<&'a Path, Error> {
            let missing_one = || Error::Input { stage: task.stage.clone(), missing };
            task.inputs.get(missing).map(PathBuf::as_path).ok_or_else(missing_one)
        };
        let inputs = [input("finetune")?, input("visualizer")?];
        let (models, benchmarks) = (arguments.site.models()?, arguments.site.benchmarks()?);
        let benchmark = Benchmark::open(&benchmarks.join(&parameters.image_benchmark))?;
        let device = meeting::device(text, tch::Cuda::device_count());
        Ok(Self { arguments, parameters, stage: &task.stage, benchmark, models, inputs, device })
    }

    /// A digest of everything that makes the drawing what it is; how it is cut into batches and processes is not.
    fn identity(&self) -> String {
        let all = json!({
            "parameters": self.parameters, "manifest": self.benchmark.digest, "keep": self.arguments.keep,
            "inputs": self.inputs,
        });
        blake3::hash(all.to_string().as_bytes()).to_hex().to_string()
    }

    /// Draw this process's pieces.
    fn draw(&self, pieces: &Pieces, out: &Path, group: &Group) -> Result<Option<Metrics>, Error> {
        let first = group.rank() == 0;
        let jury = if self.arguments.keep == Keep::Features { Some(self.jury()?) } else { None };
        let mut series = if first { Some(series::Writer::open(out)?) } else { None };
        let missing = pieces.missing(group.rank() as usize, group.size() as usize)?;
        let painter = if missing.is_empty() { None } else { Some(self.painter()?) };
        for (piece, painter) in missing.into_iter().zip(painter.iter().cycle()) {
            let captions = self.benchmark.captions.chunks(PIECE).nth(piece).unwrap_or_default();
            let without = self.piece(pieces, (piece, captions), painter, jury.as_ref())?;
            if let Some(series) = &mut series {
                let drawn = (piece * PIECE + captions.len()) as f64;
                series.push(piece as u64, &[("images", drawn), ("without_image", without as f64)])?;
            }
        }
        Ok(jury.map(|jury| ([jury.fid.metric(), jury.clip.metric(Scale::Cosine)], jury.fid.digest)))
    }

    /// Draw a piece; gives how many responses have no image.
    fn piece(
        &self,
        pieces: &Pieces,
        (piece, captions): (usize, &[Caption]),
        painter: &Painter,
        jury: Option<&Jury>,
    ) -> Result<usize, Error> {
        let (mut all, mut features) = (Vec::new(), jury.map(|_| Features::default()));
        for captions in captions.chunks(self.arguments.batch.max(1)) {
            let drawn = painter.draw(captions)?;
            if let (Some(features), Some(jury)) = (&mut features, jury) {
                let shown: Vec<_> = drawn.iter().map(|drawn| jury.eye.see(&drawn.levels)).collect();
                features.extend(jury.look(&shown));
            }
            all.extend(drawn);
        }
        pieces.store(piece, captions, &all, features.as_ref())?;
        Ok(all.iter().filter(|drawn| !drawn.said).count())
    }

    fn painter(&self) -> Result<Painter, Error> {
        let Parameters { guidance, sampling_steps: steps, resolution: side, drawing_seed: seed, .. } = self.parameters;
        let style = Style { how: Sampling { steps, guidance }, side, seed };
        Ok(Painter::open(self.inputs, self.parameters.at.as_deref(), &self.models, style, self.device)?)
    }

    fn jury(&self) -> Result<Jury, Error> {
        let Parameters { fid_network, fid_preparation, clip_encoder, .. } = &self.parameters;
        let names = Names { network: fid_network, preparation: *fid_preparation, encoder: clip_encoder };
        Ok(Jury::open(&self.models, names, self.benchmark.frame(), self.device)?)
    }

    /// Put the pieces together, and say what they are of.
    fn finish(&self, pieces: &Pieces, out: &Path, metrics: Option<Metrics>) -> Result<(), Error> {
        let effective = json!({
            "stage": self.stage,
            "parameters": self.parameters,
            "keep": self.arguments.keep,
            "manifest": self.benchmark.digest,
            "vpit": env!("CARGO_PKG_VERSION"),
            "libtorch": stage::task::LIBTORCH,
        });
        runfile::files::write_json(&out.join(runfile::EFFECTIVE), &effective)?;
        let without_image = pieces.finish(out)?;
        let (metrics, network) = metrics.unzip();
        let drawing = Drawing {
            keep: self.arguments.keep,
            benchmark: self.benchmark.manifest.name.clone(),
            manifest: self.benchmark.digest.clone(),
            captions: self.benchmark.captions.len() as u64,
            without_image,
            metrics,
            network,
        };
        Ok(runfile::files::write_json(&out.join(DRAWING), &drawing)?)
    }
}

impl Parameters {
    /// Of the task with this configuration.
    ///
    /// # Errors
    /// A parameter is unknown, of the wrong type, or nothing can be drawn with it.
    pub fn of(task: &TaskConfig) -> Result<Self, Error> {
        let bad = |problem: String| Error::Parameters { stage: task.stage.clone(), problem };
        let given = Value::Object(task.params.clone().into_iter().collect());
        let parameters: Self = serde_json::from_value(given).map_err(|error| bad(error.to_string()))?;
        match parameters.problem() {
            Some(problem) => Err(bad(problem)),
            None => Ok(parameters),
        }
    }

    fn problem(&self) -> Option<String> {
        let at = self.at.as_deref().unwrap_or("last");
        let names = [
            ("image_benchmark", self.image_benchmark.as_str()),
            ("fid_network", &self.fid_network),
            ("clip_encoder", &self.clip_encoder),
            ("at", at),
        ];
        if let Some((key, name)) = names.iter().find(|(_, name)| !checkpoint::is_plain(name)) {
            return Some(format!("`{key}` is `{name}`: it names a folder"));
        }
        let guidance = self.guidance;
        (!guidance.is_finite() || guidance < 0.0).then(|| format!("`guidance` is {guidance}"))
    }
}
