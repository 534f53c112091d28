//! The stage: benchmarks asked in batches, replies kept as they come, scores in the end.
//!
//! A batch is a fixed slice of a benchmark's questions. Which process computes it, and whether before or after a stop,
//! changes nothing of it, so that replies are the same bits.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;

use runfile::TaskConfig;
use serde_json::{Value, json};

use super::model::{self, Model};
use super::parameters::Parameters;
use super::progress::{self, Reply, Writer};
use super::ready::{Desk, Ready};
use super::set::{self, Set};
use super::table::Pictures;
use super::{check, scores};
use crate::native::{self, Group};
use crate::site::{Site, Unnamed};
use crate::tokenizer;
use crate::train::meeting;
use crate::train::run::{Ending, watch};
use crate::trained::Training;

/// Where everything is, and how the work is cut.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Arguments {
    #[command(flatten)]
    site: Site,
    /// Questions that a process answers at once
    #[arg(long, value_name = "QUESTIONS", default_value_t = 16)]
    batch: usize,
    /// Threads that make questions ready
    #[arg(long, value_name = "THREADS", default_value_t = 4)]
    loader_threads: usize,
    /// Questions in all that may be left out because their pictures cannot be used; a score without them is one of a part
    #[arg(long, value_name = "QUESTIONS", default_value_t = 0)]
    broken_limit: usize,
    /// Seconds that a process waits for the others before it gives up
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    patience: u32,
    /// Look at the benchmarks of this configuration and ask nothing
    #[arg(long, value_name = "CONFIG")]
    pub check: Option<PathBuf>,
}

/// Why an evaluation did not end well.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Protocol(#[from] runfile::Error),
    #[error("`{}`: {message}", path.display())]
    Parameters { path: PathBuf, message: String },
    #[error(transparent)]
    Site(#[from] Unnamed),
    #[error("the configuration names no results of stage `finetune`")]
    NoInput,
    #[error("{told}{count} of the benchmarks cannot be asked")]
    Unfit { count: usize, told: String },
    #[error(transparent)]
    Set(#[from] set::Error),
    #[error(transparent)]
    Model(Box<model::Error>),
    #[error(transparent)]
    Tokenizer(#[from] tokenizer::Error),
    #[error(transparent)]
    Progress(#[from] progress::Error),
    #[error(transparent)]
    Meeting(#[from] meeting::Error),
    #[error("the processes could not go on together")]
    Group(#[from] native::Error),
    #[error("{count} questions cannot be asked, more than --broken-limit {limit}; the last: {last}")]
    Broken { count: usize, limit: usize, last: String },
    #[error("cannot score {benchmark}")]
    Score { benchmark: &'static str, source: score::benchmark::Error },
    #[error("cannot use `{}`", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("cannot watch for signals")]
    Signals(#[source] std::io::Error),
}

impl From<model::Error> for Error {
    fn from(error: model::Error) -> Self {
        Self::Model(Box::new(error))
    }
}

/// Look at the benchmarks of the configuration that `--check` names.
///
/// # Errors
/// They cannot be asked.
pub fn look(arguments: &Arguments, config: &Path) -> Result<String, Error> {
    check::run(config, &arguments.site.benchmarks()?)
}

/// Ask what the task in the environment says.
///
/// # Errors
/// Something cannot be used or written, or another process is gone.
pub fn run(arguments: &Arguments) -> Result<Ending, Error> {
    let stop = watch().map_err(Error::Signals)?;
    let task = TaskConfig::from_env()?;
    tch::set_num_threads(i32::try_from(task.threads).unwrap_or(i32::MAX).max(1));
    let config = std::env::var_os(runfile::env::CONFIG).map(PathBuf::from).unwrap_or_default();
    let bad = |message: String| Error::Parameters { path: config.clone(), message };
    let parameters = Parameters::of(&task).map_err(bad)?;
    let name = runfile::env::OUT;
    let folder = std::env::var_os(name).map(PathBuf::from).ok_or(runfile::Error::NoEnvironment { name })?;
    std::fs::create_dir_all(&folder).map_err(|source| Error::File { path: folder.clone(), source })?;
    let (models, data) = (arguments.site.models()?, arguments.site.benchmarks()?);
    let sets = parameters.wanted().map_err(bad)?.into_iter().map(|wanted| Set::open(&data, wanted));
    let sets = sets.collect::<Result<Vec<Set>, _>>()?;
    let (input, trained) = trained(&task)?;
    let point = point(&input, &parameters)?;
    let text = |name: &'static str| std::env::var_os(name).and_then(|value| value.into_string().ok());
    let group = Group::join(&meeting::meeting(text, arguments.patience)?)?;
    let model = Model::open(&point, &trained, &models, meeting::device(text, tch::Cuda::device_count()))?;
    let step = parameters.share().and_then(Result::ok).map(|share| (share * trained.steps as f64).ceil() as u64);
    let evaluation = Evaluation { folder: &folder, sets, model, group, arguments, stop: &stop, step };
    evaluation.run(&evaluation.describe(&task, &parameters, &trained))
}

/// What the training left, and what it says of itself.
fn trained(task: &TaskConfig) -> Result<(PathBuf, Training), Error> {
    let only = || task.inputs.values().next().filter(|_| task.inputs.len() == 1);
    let input = task.inputs.get("finetune").or_else(only).ok_or(Error::NoInput)?;
    Ok((input.clone(), Training::read(input).map_err(model::Error::from)?))
}

/// The folder of the model that is asked.
fn point(input: &Path, parameters: &Parameters) -> Result<PathBuf, Error> {
    let Some(at) = &parameters.at else { return Ok(input.to_owned()) };
    let folder = input.join("points").join(at);
    if folder.is_dir() { Ok(folder) } else { Err(model::Error::NoPoint { at: at.clone(), folder }.into()) }
}

/// An evaluation under way.
struct Evaluation<'a> {
    folder: &'a Path,
    sets: Vec<Set>,
    model: Model,
    group: Group,
    arguments: &'a Arguments,
    stop: &'a AtomicBool,
    /// Of the training, if the model is not its last one.
    step: Option<u64>,
}

impl Evaluation<'_> {
    /// Everything that replies depend on.
    fn describe(&self, task: &TaskConfig, parameters: &Parameters, trained: &Training) -> Value {
        let protocol = self.sets.first().map(|set| set.wanted.protocol);
        let set = |set: &Set| {
            json!({
                "name": set.wanted.benchmark.name(),
                "questions": set.questions.len(),
                "whole": set.is_whole(),
                "pictures": set.pictures(),
                "digest": set.digest,
                "longest_reply": set.longest_reply(),
            })
        };
        json!({
            "stage": task.stage,
            "threads": task.threads,
            "parameters": parameters,
            "protocol": protocol.map(|protocol| json!({
                "name": protocol.name(), "version": protocol.version(), "reference": protocol.reference(),
            })),
            "model": trained.parameters,
            "step": self.step.unwrap_or(trained.steps),
            "batch": self.arguments.batch.max(1),
            "benchmarks": self.sets.iter().map(set).collect::<Vec<Value>>(),
            "vpit": env!("CARGO_PKG_VERSION"),
            "libtorch": crate::stage::task::LIBTORCH,
        })
    }

    fn run(&self, described: &Value) -> Result<Ending, Error> {
        let kept = self.folder.join(runfile::CHECKPOINT);
        if self.first() {
            runfile::files::write_json(&self.folder.join(runfile::EFFECTIVE), described)?;
            let earlier = std::env::var_os(runfile::env::RESUME).map(PathBuf::from);
            let evaluation = blake3::hash(described.to_string().as_bytes()).to_hex();
            progress::adopt(&kept, earlier.as_deref(), &evaluation)?;
        }
        self.group.wait()?;
        let mut all = Vec::new();
        for set in &self.sets {
            if self.ask(set, &kept)? == Ending::Saved {
                return Ok(Ending::Saved);
            }
            if self.first() {
                all.extend(self.score(set, &kept)?);
            }
        }
        if self.first() {
            runfile::scores::write(self.folder, &all)?;
        }
        Ok(Ending::Finished)
    }

    fn first(&self) -> bool {
        self.group.rank() == 0
    }

    /// Ask what has not been asked of a benchmark, round by round, until it is done or the program is asked to end.
    fn ask(&self, set: &Set, kept: &Path) -> Result<Ending, Error> {
        let before = progress::read(kept, set.wanted.benchmark)?;
        let batches = batches(set, self.arguments.batch.max(1));
        let is_done = |batch: &&std::ops::Range<usize>| {
            set.questions[(*batch).clone()].iter().all(|question| before.contains_key(question.scored.id.as_str()))
        };
        let left: Vec<_> = batches.iter().filter(|batch| !is_done(batch)).cloned().collect();
        if self.first() {
            let (name, all) = (set.wanted.benchmark.name(), set.questions.len());
            let left: usize = left.iter().map(std::ops::Range::len).sum();
            eprintln!("{name}: {all} questions, {} answered before", all - left);
        }
        let (rank, size) = (self.group.rank() as usize, self.group.size() as usize);
        let own: Vec<_> = left.iter().skip(rank).step_by(size).cloned().collect();
        let mut writer = Writer::open(kept, set.wanted.benchmark, self.group.rank())?;
        let mut broken = before.values().filter(|reply| reply.broken.is_some()).count();
        let desk = self.desk();
        std::thread::scope(|scope| {
            // One batch is made ready while another is answered.
            let (sender, ready) = sync_channel(1);
            scope.spawn(move || {
                let mut pictures = Pictures::default();
                for batch in own {
                    let made = desk.make(&set.questions, batch.clone(), &mut pictures);
                    if sender.send((batch, made)).is_err() {
                        break;
                    }
                }
            });
            for _ in 0..left.len().div_ceil(size) {
                // The last round may have nothing for this process.
                let replies = match ready.recv() {
                    Ok((batch, made)) => self.answer(set, batch, made)?,
                    Err(_) => Vec::new(),
                };
                writer.push(&replies)?;
                if self.round(&replies, &mut broken)? == Ending::Saved {
                    return Ok(Ending::Saved);
                }
            }
            Ok(Ending::Finished)
        })
    }

    fn desk(&self) -> Desk<'_> {
        let (tokenizer, layout) = (&self.model.trained.tokenizer, &self.model.trained.layout);
        Desk { tokenizer, layout, side: self.model.tower.side, threads: self.arguments.loader_threads }
    }

    /// The replies to a batch, in its order.
    fn answer(
        &self,
        set: &Set,
        batch: std::ops::Range<usize>,
        made: Vec<Result<Ready, String>>,
    ) -> Result<Vec<Reply>, Error> {
        let ids = set.questions[batch].iter().map(|question| question.scored.id.to_string());
        let (mut asked, mut replies) = (Vec::new(), Vec::new());
        for (id, made) in ids.zip(made) {
            let broken = match made {
                Ok(ready) => {
                    asked.push(ready);
                    None
                }
                Err(problem) => {
                    eprintln!("left out {} `{id}`: {problem}", set.wanted.benchmark);
                    Some(problem)
                }
            };
            replies.push(Reply { id, prediction: None, broken });
        }
        let mut said = self.model.replies(asked, set.longest_reply())?.into_iter();
        for reply in replies.iter_mut().filter(|reply| reply.broken.is_none()) {
            reply.prediction = said.next();
        }
        Ok(replies)
    }

    /// Tell the other processes what came of a round, and hear whether all go on.
    fn round(&self, replies: &[Reply], broken: &mut usize) -> Result<Ending, Error> {
        let here = replies.iter().filter(|reply| reply.broken.is_some()).count();
        let stopping = u8::from(self.stop.load(Ordering::Relaxed));
        let [more, stopping] = self.group.sums([here as f64, f64::from(stopping)])?;
        *broken += more as usize;
        let (count, limit) = (*broken, self.arguments.broken_limit);
        if count > limit {
            let last =
                replies.iter().rev().find_map(|reply| Some(format!("`{}`: {}", reply.id, reply.broken.as_ref()?)));
            let last = last.unwrap_or_else(|| "another process names it".to_owned());
            return Err(Error::Broken { count, limit, last });
        }
        Ok(if stopping > 0.0 { Ending::Saved } else { Ending::Finished })
    }

    /// Write a benchmark's predictions with their verdicts; its scores.
    fn score(&self, set: &Set, kept: &Path) -> Result<Vec<runfile::Score>, Error> {
        let replies = progress::read(kept, set.wanted.benchmark)?;
        let benchmark = set.wanted.benchmark.name();
        let report = scores::report(set, &replies).map_err(|source| Error::Score { benchmark, source })?;
        let folder = self.folder.join("predictions");
        let path = folder.join(format!("{benchmark}.jsonl"));
        let fail = |source| Error::File { path: path.clone(), source };
        std::fs::create_dir_all(&folder).map_err(fail)?;
        let text =
            score::benchmark::write(&report.answered, set.wanted.protocol).map_err(|error| fail(error.into()))?;
        runfile::files::write_bytes(&path, text.as_bytes())?;
        Ok(scores::of(set, &report, &replies, self.step))
    }
}

/// Slices of a benchmark's questions, the same whoever computes them.
fn batches(set: &Set, size: usize) -> Vec<std::ops::Range<usize>> {
    let count = set.questions.len();
    (0..count).step_by(size).map(|first| first..(first + size).min(count)).collect()
}
