//! A task's command line and environment.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use runfile::{TaskConfig, env};
use serde_json::Value;

use super::{StageSpec, TaskSpec};
use crate::grid::command;

/// Variables by which libraries learn how many threads they may start.
const THREAD_VARIABLES: [&str; 6] = [
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "RAYON_NUM_THREADS",
];

/// Where an attempt finds its configuration and leaves its results.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places<'a> {
    pub config: &'a Path,
    pub out: &'a Path,
    /// Checkpoint of an earlier attempt.
    pub resume: Option<&'a Path>,
}

/// The stage's command with every place filled; each argument stays one argument.
///
/// # Errors
/// A place that has no value, or a value that no program can be given.
pub(super) fn fill(stage: &StageSpec, config: &TaskConfig, places: &Places<'_>) -> Result<Vec<String>, String> {
    let filled = command::fill(&stage.command, |name| place(name, config, places))
        .map_err(|name| format!("the command has a place `{{{name}}}` that nothing fills"))?;
    match filled.iter().find(|argument| argument.contains('\0')) {
        Some(argument) => Err(format!("the argument {argument:?} holds a NUL character, which ends an argument")),
        None => Ok(filled),
    }
}

fn place<'a>(name: &str, config: &'a TaskConfig, places: &Places<'a>) -> Option<Cow<'a, str>> {
    match name {
        "config" => Some(places.config.to_string_lossy()),
        "out" => Some(places.out.to_string_lossy()),
        "threads" => Some(config.threads.to_string().into()),
        _ => match name.strip_prefix("input.") {
            Some(stage) => config.inputs.get(stage).map(|folder| folder.to_string_lossy()),
            None => config.params.get(name).map(text_of),
        },
    }
}

/// A value as an argument: texts as they are, everything else as in JSON.
fn text_of(value: &Value) -> Cow<'_, str> {
    value.as_str().map_or_else(|| value.to_string().into(), Cow::Borrowed)
}

/// The variables that the attempt is started with.
pub(super) fn environment(
    stage: &StageSpec,
    task: &TaskSpec,
    config: &TaskConfig,
    places: &Places<'_>,
    attempt: u32,
) -> Vec<(OsString, OsString)> {
    let mut variables: Vec<(OsString, OsString)> = vec![
        (env::CONFIG.into(), places.config.into()),
        (env::OUT.into(), places.out.into()),
        (env::TASK.into(), config.task.clone().into()),
        (env::ATTEMPT.into(), attempt.to_string().into()),
        (env::THREADS.into(), config.threads.to_string().into()),
    ];
    variables.extend(THREAD_VARIABLES.map(|name| (name.into(), config.threads.to_string().into())));
    variables.extend(config.params.get("seed").map(|seed| (env::SEED.into(), text_of(seed).into_owned().into())));
    variables.extend(places.resume.map(|folder| (env::RESUME.into(), folder.into())));
    variables.extend(task.gpus.as_deref().map(|gpus| ("CUDA_VISIBLE_DEVICES".into(), gpus.join(",").into())));
    variables.extend(stage.environment.iter().map(|(name, value)| (name.into(), value.into())));
    variables
}

/// The configuration of `task`: only what its stage uses, and where its inputs lie.
pub(super) fn config(sweep: &str, stage: &StageSpec, task: &TaskSpec, inputs: BTreeMap<String, PathBuf>) -> TaskConfig {
    TaskConfig {
        protocol: runfile::PROTOCOL,
        sweep: sweep.to_owned(),
        stage: stage.name.clone(),
        task: task.task.clone(),
        params: task.params.clone(),
        inputs,
        threads: stage.threads,
        points: stage.points.clone(),
    }
}
