//! `vpit train`: both stages of the paper's training of a published model, on one process or many.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use runfile::TaskConfig;
use serde_json::json;
use tch::{Device, Kind, Tensor};

use super::engine::{Engine, Goal, How, Learns, Part};
use super::loss::StepTargets;
use super::optimizer::StepError;
use super::recipe::{Recipe, Stage};
use super::report::{Report, Step};
use super::state::{self, Progress};
use super::{engine, meeting, models, point, recipe};
use crate::data::loader::{Loader, Slice, Workshop};
use crate::data::{self, Library};
use crate::model::weights;
use crate::native::{self, AdamW, Group};
use crate::sequence::{Batch, Sequence, Targets};
use crate::site::{Unnamed, named};
use crate::train::models::{Models, Tower};
use crate::{checkpoint, unified};

/// Where models and data are, and how the work is cut; nothing of it is part of what is trained.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Site {
    /// The folder with the models by name; else what VPIT_MODELS names
    #[arg(long, value_name = "FOLDER")]
    pub models: Option<PathBuf>,
    /// The folder with the data's manifest (see `vpit index`); else what VPIT_DATA names
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// Samples that a process computes at once
    #[arg(long, value_name = "SAMPLES", default_value_t = 1)]
    pub micro_batch: u64,
}

/// How a training runs.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// Keep what blocks compute for the backward pass instead of computing it again: faster, and needs more memory
    #[arg(long)]
    keep_activations: bool,
    /// Threads that make samples ready
    #[arg(long, value_name = "THREADS", default_value_t = 4)]
    loader_threads: usize,
    /// Write a checkpoint every so many steps
    #[arg(long, value_name = "STEPS", default_value_t = 500)]
    checkpoint_every: u64,
    /// Write a point of the time series every so many steps
    #[arg(long, value_name = "STEPS", default_value_t = 10)]
    report_every: u64,
    /// Broken samples in all that are left out before the training gives up
    #[arg(long, value_name = "SAMPLES", default_value_t = 1000)]
    broken_limit: u64,
    /// What one device can do by its data sheet, TFLOP/s: with it the series tell the share that is used
    #[arg(long, value_name = "TFLOPS")]
    peak_tflops: Option<f64>,
    /// Seconds that a process waits for the others before it gives up
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    patience: u32,
}

/// Why a training did not end well.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Protocol(#[from] runfile::Error),
    #[error(transparent)]
    Recipe(#[from] recipe::Error),
    #[error(transparent)]
    Site(#[from] Unnamed),
    #[error(transparent)]
    Meeting(#[from] meeting::Error),
    #[error("the processes did not meet")]
    Join(#[source] native::Error),
    #[error("a batch of {batch} is not a whole number of {processes} processes with {micro_batch} samples each")]
    Batch { batch: u64, processes: u32, micro_batch: u64 },
    #[error(transparent)]
    Models(#[from] models::Error),
    #[error(transparent)]
    Weights(#[from] weights::Error),
    #[error(transparent)]
    Data(#[from] data::Error),
    #[error(transparent)]
    State(#[from] state::Error),
    #[error(transparent)]
    Engine(#[from] engine::Error),
    #[error(transparent)]
    Step(#[from] StepError),
    #[error("{count} samples are broken, more than --broken-limit {limit}; standard error names them")]
    Broken { count: u64, limit: u64 },
    #[error("cannot write the model")]
    Save(#[from] checkpoint::Error),
    #[error("cannot use `{}`", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("cannot watch for signals")]
    Signals(#[source] std::io::Error),
}

/// How a training ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Finished,
    /// Asked to end, it wrote a checkpoint.
    Saved,
}

/// Train what the task in the environment says.
///
/// # Errors
/// Something cannot be used or written, the training diverges, or another process is gone.
pub fn run(site: &Site, arguments: &Arguments) -> Result<Ending, Error> {
    let stop = watch().map_err(Error::Signals)?;
    let task = TaskConfig::from_env()?;
    let config = std::env::var_os(runfile::env::CONFIG).map(PathBuf::from).unwrap_or_default();
    let (stage, recipe) = Recipe::of(&task, &config)?;
    tch::set_num_threads(i32::try_from(task.threads).unwrap_or(i32::MAX).max(1));
    let name = runfile::env::OUT;
    let folder = std::env::var_os(name).map(PathBuf::from).ok_or(runfile::Error::NoEnvironment { name })?;
    std::fs::create_dir_all(&folder).map_err(|source| Error::File { path: folder.clone(), source })?;
    let models = named(site.models.as_ref(), "models", "VPIT_MODELS")?;
    let data = named(site.data.as_ref(), "data", "VPIT_DATA")?;
    let group = Group::join(&meeting::meeting(variable, arguments.patience)?).map_err(Error::Join)?;
    let models = Models::open(&models, stage, &recipe, task.inputs.get("adapter").map(PathBuf::as_path))?;
    let mut trainer = Trainer::new(models, stage, Library::open(&data)?, (site, arguments), group)?;
    let resumed = std::env::var_os(runfile::env::RESUME).map(PathBuf::from);
    let own = folder.join(runfile::CHECKPOINT);
    for checkpoint in [Some(own.as_path()), resumed.as_deref()].into_iter().flatten() {
        if trainer.resume(checkpoint)? {
            trainer.take_points(checkpoint, &own)?;
            break;
        }
    }
    trainer.train(&folder, &stop)
}

fn variable(name: &'static str) -> Option<String> {
    std::env::var_os(name)?.into_string().ok()
}

/// A flag that is set when the process is asked to end.
pub(crate) fn watch() -> std::io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGUSR1, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

/// A training under way.
struct Trainer<'a> {
    stage: Stage,
    recipe: Recipe,
    models: Models,
    engine: Engine,
    tower: Tower,
    workshop: Arc<Workshop>,
    arguments: &'a Arguments,
    micro_batch: u64,
    /// Of the whole training.
    steps: u64,
    /// Stands for everything that makes the training what it is.
    identity: String,
    progress: Progress,
}

/// What this process computes at once.
struct Micro {
    batch: Batch,
    pictures: Vec<Tensor>,
    tokens: u64,
}

impl<'a> Trainer<'a> {
    fn new(
        models: Models,
        stage: Stage,
        library: Library,
        (site, arguments): (&Site, &'a Arguments),
        group: Group,
    ) -> Result<Self, Error> {
        let (recipe, processes) = (models.recipe.clone(), group.size());
        let (batch, micro_batch) = (recipe.batch(stage), site.micro_batch);
        let at_once = u64::from(processes) * micro_batch;
        if at_once == 0 || !batch.is_multiple_of(at_once) {
            return Err(Error::Batch { batch, processes, micro_batch });
        }
        let mixture = library.mixture(&recipe.amounts(stage), recipe.seed)?;
        let device = meeting::device(variable, tch::Cuda::device_count());
        let (steps, kind) = (mixture.len().div_ceil(batch), recipe.precision.kind());
        let identity = identity(stage, &recipe, &models, mixture.digest());
        let learns = match stage {
            Stage::Adapter => Learns::Adapter { image: models.image() },
            Stage::Finetune => Learns::Everything,
        };
        let how = How { learns, kind, device, recompute: !arguments.keep_activations };
        let start = |parameters: &_| tch::no_grad(|| models.start(parameters));
        let engine = Engine::new(&models.weights()?, models.config.clone(), how, group, start)?;
        let tower = models.tower(kind, device)?;
        let workshop = Workshop {
            library,
            mixture,
            tokenizer: models.tokenizer.clone(),
            layout: models.layout.clone(),
            max_length: recipe.max_length as usize,
            side: models.pixels()[0],
            seed: recipe.seed,
        };
        let (workshop, progress) = (Arc::new(workshop), Progress { step: 0, broken: 0 });
        Ok(Self { stage, recipe, models, engine, tower, workshop, arguments, micro_batch, steps, identity, progress })
    }

    /// Whether there was a checkpoint in `folder` to go on from.
    fn resume(&mut self, folder: &Path) -> Result<bool, Error> {
        let found = state::restore(folder, &mut self.engine, &self.identity)?;
        self.progress = found.unwrap_or(self.progress);
        Ok(found.is_some())
    }

    fn first(&self) -> bool {
        self.engine.group().rank() == 0
    }

    fn train(&mut self, folder: &Path, stop: &AtomicBool) -> Result<Ending, Error> {
        let mut report = None;
        if self.first() {
            self.describe(folder)?;
            let devices = f64::from(self.engine.group().size());
            let peak = self.arguments.peak_tflops.map(|tflops| tflops * 1e12 * devices);
            report = Some(Report::new(folder, self.arguments.report_every, peak)?);
        }
        let loader = self.loader();
        while self.progress.step < self.steps {
            let number = self.progress.step;
            let (step, asked_to_end) = self.step(&loader, stop)?;
            self.progress.step += 1;
            if let Some(report) = &mut report {
                report.step(number, step, self.progress.step == self.steps)?;
            }
            // Before the checkpoint: what goes on from that does not come by here again.
            self.keep_point(folder)?;
            let left = self.steps - self.progress.step;
            let due = self.progress.step.is_multiple_of(self.arguments.checkpoint_every.max(1));
            if left > 0 && (asked_to_end || due) {
                self.checkpoint(folder)?;
            }
            if left > 0 && asked_to_end {
                return Ok(Ending::Saved);
            }
        }
        self.save(folder)?;
        if self.first() {
            point::hand_over(&folder.join(runfile::CHECKPOINT), folder).map_err(file_error)?;
        }
        Ok(Ending::Finished)
    }

    /// Say what takes effect, and what data it is trained on.
    fn describe(&self, folder: &Path) -> Result<(), Error> {
        let amounts = self.recipe.amounts(self.stage);
        let effective = json!({
            "stage": self.stage,
            "parameters": self.recipe,
            "steps": self.steps,
            "data": self.workshop.mixture.digest(),
            "vpit": env!("CARGO_PKG_VERSION"),
            "libtorch": crate::stage::task::LIBTORCH,
        });
        runfile::files::write_json(&folder.join(runfile::EFFECTIVE), &effective)?;
        let manifest = self.workshop.library.manifest(&amounts);
        Ok(runfile::files::write_json(&folder.join("data.json"), &manifest)?)
    }

    fn loader(&self) -> Loader {
        let group = self.engine.group();
        let (rank, ranks) = (u64::from(group.rank()), u64::from(group.size()));
        let slice = Slice { batch: self.recipe.batch(self.stage), first_step: self.progress.step, rank, ranks };
        // Two steps ahead, but no more pictures than fit into memory.
        let ahead = (2 * slice.batch / ranks).min(256);
        Loader::start(&self.workshop, slice, self.arguments.loader_threads, ahead)
    }

    /// One step; also whether any process was asked to end.
    fn step(&mut self, loader: &Loader, stop: &AtomicBool) -> Result<(Step, bool), Error> {
        let (micros, broken) = self.take(loader);
        let targets = micros.iter().fold(Targets::default(), |sum, micro| sum + micro.batch.targets());
        let tokens: u64 = micros.iter().map(|micro| micro.tokens).sum();
        let images: usize = micros.iter().map(|micro| micro.pictures.len()).sum();
        let stopping = f64::from(u8::from(stop.load(Ordering::Relaxed)));
        let here = [targets.text as f64, targets.vision as f64, tokens as f64, images as f64, broken as f64, stopping];
        let [text, vision, tokens, images, broken, stopping] =
            self.engine.group().sums(here).map_err(engine::Error::Group)?;
        self.progress.broken += broken as u64;
        let (count, limit) = (self.progress.broken, self.arguments.broken_limit);
        if count > limit {
            return Err(Error::Broken { count, limit });
        }
        let of = StepTargets {
            micro_batches: (self.recipe.batch(self.stage) / self.micro_batch) as i64,
            targets: Targets { text: text as i64, vision: vision as i64 },
        };
        let [text_loss, vision_loss] = self.learn(&micros, of)?;
        let (norm, rate) = self.descend([text_loss, vision_loss])?;
        let loss = text_loss + self.recipe.vision_coefficient * vision_loss;
        let flops = self.flops(tokens, images);
        let broken = self.progress.broken as f64;
        let step = Step { text_loss, vision_loss, loss, rate, norm, tokens, images, flops, broken };
        Ok((step, stopping > 0.0))
    }

    /// The samples of a step, and how many of them were left out.
    fn take(&self, loader: &Loader) -> (Vec<Micro>, u64) {
        let share = self.recipe.batch(self.stage) / u64::from(self.engine.group().size());
        let mut broken = 0;
        let mut micro = || {
            let (mut sequences, mut pictures) = (Vec::new(), Vec::new());
            for ready in (0..self.micro_batch).filter_map(|_| loader.take()) {
                match ready {
                    Ok(ready) => {
                        sequences.push(ready.sequence.with_images_from(pictures.len()));
                        pictures.extend(ready.pictures);
                    }
                    Err(left_out) => {
                        eprintln!("left out {} {}: {}", left_out.source.name(), left_out.number, left_out.reason);
                        broken += 1;
                    }
                }
            }
            if sequences.is_empty() {
                // The other processes gather each block as often as this one.
                sequences.push(self.workshop.layout.begin());
            }
            let tokens = sequences.iter().map(|sequence| sequence.slots.len() as u64).sum();
            let batch = Batch::pack(&sequences.iter().collect::<Vec<&Sequence>>(), &self.workshop.layout);
            Micro { batch: batch.to_device(self.engine.how().device), pictures, tokens }
        };
        let micros = (0..share / self.micro_batch).map(|_| micro()).collect();
        (micros, broken)
    }

    /// Add up the gradients of a step; its losses over all processes, text and vision.
    fn learn(&mut self, micros: &[Micro], of: StepTargets) -> Result<[f64; 2], Error> {
        // Stage 1 learns from captions, by words alone.
        let vision_loss = match self.stage {
            Stage::Adapter => super::VisionLoss::None,
            Stage::Finetune => self.recipe.vision_loss,
        };
        let mut losses = [0.0, 0.0];
        for micro in micros {
            let shares = self.recipe.loss_reduction.shares(micro.batch.targets(), of);
            let visual = self.tower.see(&micro.pictures.iter().collect::<Vec<&Tensor>>());
            let goal = Goal { vision_loss, coefficient: self.recipe.vision_coefficient, shares };
            let [text, vision] = self.engine.learn(&micro.batch, &visual, goal)?;
            losses = [losses[0] + text * shares.text, losses[1] + vision * shares.vision];
        }
        Ok(self.engine.group().sums(losses).map_err(engine::Error::Group)?)
    }

    /// Update the weights unless the training has diverged; the gradient's norm and the rate.
    fn descend(&mut self, [text, vision]: [f64; 2]) -> Result<(f64, f64), Error> {
        let step = self.progress.step;
        let loss = text + vision;
        if !loss.is_finite() {
            return Err(StepError::Diverged { step, loss }.into());
        }
        let norm = self.engine.norm()?;
        if !norm.is_finite() {
            return Err(StepError::Exploded { step, norm }.into());
        }
        let rate = self.recipe.schedule(self.stage, self.steps).rate(step);
        let scale = if self.recipe.clip > 0.0 { self.recipe.clip / norm.max(self.recipe.clip) } else { 1.0 };
        let Recipe { weight_decay, epsilon, .. } = self.recipe;
        self.engine.descend(AdamW { step: step + 1, rate, weight_decay, epsilon }, scale)?;
        Ok((norm, rate))
    }

    /// What a step with so many places and images is made of: two operations a weight and place forward, two for what
    /// flows back, two for each weight that learns, and attention (Chowdhery et al. 2022, appendix B).
    fn flops(&self, tokens: f64, images: f64) -> f64 {
        let llama = &self.models.config.llama;
        let weights = (self.engine.numbers() - llama.vocab_size * llama.hidden_size) as f64;
        let passes = if self.stage == Stage::Finetune { 6.0 } else { 4.0 };
        let length = tokens / self.recipe.batch(self.stage) as f64;
        let attention = 12.0 * (llama.num_hidden_layers * llama.num_attention_heads * llama.head_dim) as f64 * length;
        tokens * (passes * weights + attention) + images * 2.0 * (self.tower.numbers * self.models.pixels()[1]) as f64
    }

    fn checkpoint(&self, folder: &Path) -> Result<(), Error> {
        Ok(state::save(&folder.join(runfile::CHECKPOINT), &self.engine, &self.identity, self.progress)?)
    }

    /// Take over the models that were kept before `checkpoint`.
    fn take_points(&self, checkpoint: &Path, own: &Path) -> Result<(), Error> {
        if self.first() { point::take_along(checkpoint, own).map_err(file_error) } else { Ok(()) }
    }

    /// Keep the model if this is one of the points at which it is to be looked at.
    fn keep_point(&self, folder: &Path) -> Result<(), Error> {
        for point in &self.recipe.points {
            if point.step(self.steps) == self.progress.step {
                self.save(&point.folder(&folder.join(runfile::CHECKPOINT)))?;
            }
        }
        Ok(())
    }

    /// Write what was trained.
    fn save(&self, folder: &Path) -> Result<(), Error> {
        std::fs::create_dir_all(folder).map_err(|source| Error::File { path: folder.to_owned(), source })?;
        match self.stage {
            Stage::Adapter => self.save_adapter(folder),
            Stage::Finetune => self.save_model(folder),
        }
    }

    fn save_adapter(&self, folder: &Path) -> Result<(), Error> {
        let mut learned = BTreeMap::new();
        let learns = |part| matches!(part, Part::Embedding | Part::Adapter);
        self.engine.show(Kind::Float, learns, |name, tensor| {
            learned.insert(name.to_owned(), tensor.to_device(Device::Cpu));
            Ok::<(), Error>(())
        })?;
        if self.first() { Ok(self.models.save_adapter(folder, &learned.into())?) } else { Ok(()) }
    }

    /// Every process writes some of the files, so that none has to hold the whole model.
    fn save_model(&self, folder: &Path) -> Result<(), Error> {
        let (group, kind) = (self.engine.group(), self.recipe.precision.kind());
        let tensors = self.engine.shards().flat_map(|(_, shard)| shard.sizes());
        let tensors: Vec<(String, i64)> = tensors.map(|(name, numbers)| (name.to_owned(), numbers)).collect();
        let share = [group.rank() as usize, group.size() as usize];
        let mut writer = unified::Writer::new(folder, &tensors, kind, share);
        self.engine.show(kind, |_| true, |name, tensor| Ok::<(), Error>(writer.take(name, tensor)?))?;
        group.wait().map_err(engine::Error::Group)?;
        if self.first() { Ok(writer.finish(self.engine.config())?) } else { Ok(()) }
    }
}

fn file_error((path, source): (PathBuf, std::io::Error)) -> Error {
    Error::File { path, source }
}

/// A digest of everything that makes a training what it is; how it is cut into processes and micro-batches is not.
fn identity(stage: Stage, recipe: &Recipe, models: &Models, data: &str) -> String {
    let all = json!({ "stage": stage, "recipe": recipe, "llm": models.config.llama, "data": data });
    blake3::hash(all.to_string().as_bytes()).to_hex().to_string()
}
