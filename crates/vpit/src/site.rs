//! Where models, benchmarks and data are. A profile sets them as variables of the environment; nothing of it is part of a result.

use std::path::PathBuf;

/// The folders that every stage needs which looks at what was trained.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Site {
    /// The folder with the models by name; else what VPIT_MODELS names
    #[arg(long, value_name = "FOLDER")]
    models: Option<PathBuf>,
    /// The folder with the benchmarks by name; else what VPIT_BENCHMARKS names
    #[arg(long, value_name = "FOLDER")]
    benchmarks: Option<PathBuf>,
}

/// A folder that nobody named.
#[derive(Debug, thiserror::Error)]
#[error("name the folder of the {what} with --{what} or in {variable}; a profile sets it under `environment`")]
pub struct Unnamed {
    what: &'static str,
    variable: &'static str,
}

impl Site {
    /// The folder with the models.
    ///
    /// # Errors
    /// Nobody named it.
    pub fn models(&self) -> Result<PathBuf, Unnamed> {
        named(self.models.as_ref(), "models", "VPIT_MODELS")
    }

    /// The folder with the benchmarks.
    ///
    /// # Errors
    /// Nobody named it.
    pub fn benchmarks(&self) -> Result<PathBuf, Unnamed> {
        named(self.benchmarks.as_ref(), "benchmarks", "VPIT_BENCHMARKS")
    }
}

/// The folder that is given, or named by `variable` in the environment.
///
/// # Errors
/// It is neither.
pub fn named(given: Option<&PathBuf>, what: &'static str, variable: &'static str) -> Result<PathBuf, Unnamed> {
    let found = given.cloned().or_else(|| std::env::var_os(variable).map(PathBuf::from));
    found.ok_or(Unnamed { what, variable })
}
