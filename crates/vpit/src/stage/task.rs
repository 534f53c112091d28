//! What a stage gets and where it leaves what it found.

use std::path::{Path, PathBuf};

use runfile::{Score, TaskConfig, series};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::digits::SubsetTooLarge;
use crate::digits::vocabulary::UnknownWord;
use crate::train::optimizer::StepError;
use crate::{checkpoint, model};

/// Why a stage did not end well.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Protocol(#[from] runfile::Error),
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    #[error(transparent)]
    Weights(#[from] model::weights::Error),
    #[error(transparent)]
    Step(#[from] StepError),
    #[error(transparent)]
    Words(#[from] UnknownWord),
    #[error(transparent)]
    Subset(#[from] SubsetTooLarge),
    #[error("the parameters of stage `{stage}` are not usable: {message}")]
    Parameters { stage: String, message: String },
    #[error("stage `{stage}` needs the results of stage `{missing}`, and its configuration names none")]
    Input { stage: String, missing: &'static str },
    #[error("cannot use `{}`", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("cannot use `{}`", path.display())]
    Tensors { path: PathBuf, source: tch::TchError },
    #[error("the score `{metric}` is not a finite number: {value}")]
    Score { metric: String, value: f64 },
    #[error("`{}` has no tensor `{name}`", path.display())]
    NoTensor { path: PathBuf, name: &'static str },
    #[error("cannot compute the Fréchet distance")]
    Distance(#[from] score::frechet::Error),
    #[error("cannot compute the CLIP score")]
    Pairs(#[from] score::clip::Error),
}

pub type Result<T> = std::result::Result<T, Error>;

/// The version that the binding links.
pub(crate) const LIBTORCH: &str = "2.11";

/// One task: its configuration and its folder.
#[derive(Debug)]
pub struct Task {
    config: TaskConfig,
    folder: PathBuf,
}

impl Task {
    /// The task that the environment names; the folder is created when it is missing.
    ///
    /// # Errors
    /// The environment names no task, its configuration cannot be read, or its folder cannot be made.
    pub fn from_env() -> Result<Self> {
        let name = runfile::env::OUT;
        let folder = std::env::var_os(name).map(PathBuf::from).ok_or(runfile::Error::NoEnvironment { name })?;
        let task = Self { config: TaskConfig::from_env()?, folder };
        task.create_folder(&task.folder)?;
        Ok(task)
    }

    /// Number of threads that the task may use.
    #[must_use]
    pub const fn threads(&self) -> u32 {
        self.config.threads
    }

    /// The parameters, of which unknown ones are refused and absent ones have defaults; the values in effect are written
    /// to `effective.json`.
    ///
    /// # Errors
    /// A parameter is unknown or of the wrong type.
    pub fn parameters<P: DeserializeOwned + Serialize>(&self) -> Result<P> {
        let fail = |error: serde_json::Error| Error::Parameters {
            stage: self.config.stage.clone(),
            message: error.to_string(),
        };
        let given: Map<String, Value> = self.config.params.clone().into_iter().collect();
        let parameters: P = serde_json::from_value(Value::Object(given)).map_err(fail)?;
        let effective = json!({
            "stage": self.config.stage,
            "threads": self.threads(),
            "parameters": parameters,
            "vpit": env!("CARGO_PKG_VERSION"),
            "libtorch": LIBTORCH,
        });
        runfile::files::write_json(&self.path("effective.json"), &effective)?;
        Ok(parameters)
    }

    /// The folder with the results of `stage`.
    ///
    /// # Errors
    /// The configuration names none.
    pub fn input(&self, stage: &'static str) -> Result<&Path> {
        let missing = || Error::Input { stage: self.config.stage.clone(), missing: stage };
        self.config.inputs.get(stage).map(PathBuf::as_path).ok_or_else(missing)
    }

    /// The task's own folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A path in the task's own folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The task's time series.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn series(&self) -> Result<series::Writer> {
        Ok(series::Writer::open(&self.folder)?)
    }

    /// Write the scores.
    ///
    /// # Errors
    /// A value is not finite, or the file cannot be written.
    pub fn scores(&self, scores: &[Score]) -> Result<()> {
        if let Some(bad) = scores.iter().find(|score| !score.value.is_finite()) {
            return Err(Error::Score { metric: bad.metric.clone(), value: bad.value });
        }
        Ok(runfile::scores::write(&self.folder, scores)?)
    }

    /// Write one JSON line a prediction to `predictions/<name>.jsonl`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn predictions<T: Serialize>(&self, name: &str, rows: &[T]) -> Result<()> {
        let folder = self.path("predictions");
        self.create_folder(&folder)?;
        let path = folder.join(format!("{name}.jsonl"));
        let mut bytes = Vec::new();
        for row in rows {
            serde_json::to_writer(&mut bytes, row)
                .map_err(|error| Error::File { path: path.clone(), source: error.into() })?;
            bytes.push(b'\n');
        }
        Ok(runfile::files::write_bytes(&path, &bytes)?)
    }

    fn create_folder(&self, path: &Path) -> Result<()> {
        std::fs::create_dir_all(path).map_err(|source| Error::File { path: path.to_owned(), source })
    }
}
