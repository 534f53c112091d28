//! Checkpoints to resume from, on any number of processes: a resumed training equals an uninterrupted one to the bit, if
//! it goes on with as many processes on the same kind of machine.
//!
//! A checkpoint is a folder `step-<n>` with a file of each process and a description; `latest.json` names the one that
//! counts and is replaced once the next is whole. What a generator's state would be elsewhere is the step: all that is
//! drawn is drawn by it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::engine::Engine;
use super::shard::Stored;
use crate::model::tensor_files::{self, TensorFiles};
use crate::model::tensor_writer;
use crate::native;

/// Why a checkpoint could not be written or used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot write the checkpoint `{}`", path.display())]
    Write { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Files(#[from] tensor_files::Error),
    #[error(transparent)]
    Protocol(#[from] runfile::Error),
    #[error("the processes could not write a checkpoint together")]
    Group(#[from] native::Error),
    #[error("the checkpoint `{}` is of another training: {what} differs", path.display())]
    Other { path: PathBuf, what: &'static str },
    #[error("the checkpoint `{}` is damaged: {problem}", path.display())]
    Damaged { path: PathBuf, problem: String },
}

const LATEST: &str = "latest.json";
const STATE: &str = "state.json";
const VERSION: u32 = 1;
const TENSORS: [&str; 3] = ["values", "first", "second"];

/// How far a training is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Steps done; the position in the data follows from them.
    pub step: u64,
    /// Samples that were left out so far.
    pub broken: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Latest {
    folder: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    version: u32,
    /// A digest of everything that makes the training what it is.
    training: String,
    processes: u32,
    progress: Progress,
    /// Numbers of each part that learns.
    parts: Vec<(String, i64)>,
}

/// Write a checkpoint into `folder` and remove the one before.
///
/// # Errors
/// A file cannot be written, or another process is gone. The checkpoint before is whole then.
pub fn save(folder: &Path, engine: &Engine, training: &str, progress: Progress) -> Result<(), Error> {
    let name = format!("step-{}", progress.step);
    let own = folder.join(&name);
    std::fs::create_dir_all(&own).map_err(|source| Error::Write { path: own.clone(), source })?;
    let mut tensors = Vec::new();
    for (part, shard) in engine.shards() {
        let Some(Stored { values, moments: [first, second] }) = shard.stored() else { continue };
        let names = TENSORS.map(|tensor| format!("{}/{tensor}", part.name()));
        tensors.extend(names.into_iter().zip([values, first, second]));
    }
    let tensors: Vec<(&str, Tensor)> =
        tensors.iter().map(|(name, tensor)| (name.as_str(), tensor.shallow_clone())).collect();
    tensor_writer::write(&file(&own, engine.group().rank()), &tensors)?;
    engine.group().wait()?;
    if engine.group().rank() == 0 {
        let processes = engine.group().size();
        let state =
            State { version: VERSION, training: training.to_owned(), processes, progress, parts: parts(engine) };
        runfile::files::write_json(&own.join(STATE), &state)?;
        runfile::files::write_json(&folder.join(LATEST), &Latest { folder: name.clone() })?;
        remove_others(folder, &name)?;
    }
    // Nobody goes on, and perhaps ends, before the checkpoint counts.
    Ok(engine.group().wait()?)
}

fn parts(engine: &Engine) -> Vec<(String, i64)> {
    let learning = engine.shards().filter(|(_, shard)| shard.learns());
    learning.map(|(part, shard)| (part.name(), shard.numbers())).collect()
}

fn file(folder: &Path, rank: u32) -> PathBuf {
    folder.join(format!("process-{rank}.safetensors"))
}

fn remove_others(folder: &Path, kept: &str) -> Result<(), Error> {
    let fail = |source| Error::Write { path: folder.to_owned(), source };
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let name = entry.file_name();
        if name.to_str().is_some_and(|name| name.starts_with("step-") && name != kept) {
            std::fs::remove_dir_all(entry.path()).map_err(fail)?;
        }
    }
    Ok(())
}

/// Take over the checkpoint in `folder`, if there is one.
///
/// # Errors
/// It is of another training, or damaged.
pub fn restore(folder: &Path, engine: &mut Engine, training: &str) -> Result<Option<Progress>, Error> {
    if !folder.join(LATEST).exists() {
        return Ok(None);
    }
    let latest: Latest = runfile::files::read_json(&folder.join(LATEST))?;
    let path = folder.join(&latest.folder);
    let state: State = runfile::files::read_json(&path.join(STATE))?;
    let other = |what| Error::Other { path: path.clone(), what };
    if state.version != VERSION {
        return Err(other("its format's version"));
    }
    if state.parts != parts(engine) {
        return Err(other("the shape of the model or what learns"));
    }
    if state.training != training {
        return Err(other("the configuration or the data"));
    }
    let files = (0..state.processes).map(|rank| TensorFiles::file(&file(&path, rank)));
    let files = files.collect::<Result<Vec<TensorFiles>, _>>()?;
    let (group, shards) = engine.shards_mut();
    for (part, shard) in shards {
        shard.restore(group, |start, length| {
            let read = |tensor: &str| read(&files, &format!("{}/{tensor}", part.name()), [start, length], &path);
            let [values, first, second] = TENSORS.map(read);
            Ok::<Stored, Error>(Stored { values: values?, moments: [first?, second?] })
        })?;
    }
    Ok(Some(state.progress))
}

/// `length` numbers of `name` from `start` on, out of the shares of the processes that wrote them, one after the other.
fn read(files: &[TensorFiles], name: &str, [start, length]: [i64; 2], path: &Path) -> Result<Tensor, Error> {
    let damaged = |problem: String| Error::Damaged { path: path.to_owned(), problem };
    let wanted = Tensor::zeros([length], (Kind::Float, tch::Device::Cpu));
    let mut begin = 0;
    for file in files {
        let Some(&[share]) = file.shape(name) else { return Err(damaged(format!("`{name}` is missing or no list"))) };
        let (from, to) = (begin.max(start), (begin + share).min(start + length));
        if from < to {
            let shares = file.get(name).ok_or_else(|| damaged(format!("`{name}` is missing")))??;
            wanted.narrow(0, from - start, to - from).copy_(&shares.narrow(0, from - begin, to - from));
        }
        begin += share;
    }
    Ok(wanted)
}
