//! Reading what other programs wrote: a file or a folder as a table. Follows no link.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Context;
use crate::exchange::foreign::{Record, csv, from_events, from_json_lines, from_mlflow};
use crate::exchange::{tensorboard, wandb};
use crate::import::Origin;
use crate::worker::read_regular;
use crate::{Error, Result};

/// Larger files are no results of a sweep.
const LARGEST: u64 = 256 << 20;
/// The file that makes a folder a run of MLflow's file store.
const META: &str = "meta.yaml";
/// In the name of every event file.
const EVENTS: &str = "tfevents";

/// The table at `path`: a CSV file as it is; JSON lines, event files, MLflow's folders and W&B's runs as records.
///
/// # Errors
/// It cannot be read, or is not what its name says.
pub fn read(path: &Path) -> Result<(Vec<u8>, Origin)> {
    let records = if path.is_dir() {
        folder(path)?
    } else if name_of(path).contains(EVENTS) {
        vec![events(&name_of(path), &[path.to_owned()])?]
    } else if is_wandb(path) {
        vec![wandb(path)?]
    } else if path.extension().is_some_and(|extension| extension == "jsonl" || extension == "ndjson") {
        let mistake = |(line, what)| Error::usage(format!("{}:{line}: {what}", path.display()));
        from_json_lines(&bytes(path)?).map_err(mistake)?
    } else {
        return Ok((bytes(path)?, Origin::Table));
    };
    Ok((csv(&records), Origin::Records))
}

fn bytes(path: &Path) -> Result<Vec<u8>> {
    read_regular(path, LARGEST).context(|| format!("cannot read `{}`", path.display()))
}

fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// Every run below `root`, by its path there.
fn folder(root: &Path) -> Result<Vec<Record>> {
    let (mut records, mut folders) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        let (files, below) = entries(&folder)?;
        let run = folder.strip_prefix(root).unwrap_or(&folder).display().to_string();
        let event_files: Vec<PathBuf> = files.iter().filter(|file| name_of(file).contains(EVENTS)).cloned().collect();
        if !event_files.is_empty() {
            records.insert(run.clone(), events(&run, &event_files)?);
        }
        for file in files.iter().filter(|file| is_wandb(file)) {
            records.insert(format!("{run}/{}", name_of(file)), wandb(file)?);
        }
        // An experiment has such a file as well, and no metrics.
        let is_run = files.iter().any(|file| name_of(file) == META) && below.iter().any(|at| name_of(at) == "metrics");
        if is_run {
            records.insert(run, mlflow(&folder)?);
        } else {
            folders.extend(below);
        }
    }
    if records.is_empty() {
        return Err(Error::usage(format!(
            "`{}` holds no run of MLflow, TensorBoard or W&B and is no bundle",
            root.display()
        ))
        .hint(
            "name a file store of MLflow, a log folder of TensorBoard, a `wandb` folder, or what `sweep bundle` wrote",
        ));
    }
    Ok(records.into_values().collect())
}

/// Files and folders in `folder`, by name.
fn entries(folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let about = || format!("cannot read `{}`", folder.display());
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(folder).context(about)? {
        let entry = entry.context(about)?;
        let kind = entry.file_type().context(about)?;
        if kind.is_dir() {
            folders.push(entry.path());
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    files.sort_unstable();
    folders.sort_unstable();
    Ok((files, folders))
}

fn events(run: &str, files: &[PathBuf]) -> Result<Record> {
    let read = |path: &PathBuf| {
        let about = || format!("`{}` is no event file of TensorBoard", path.display());
        tensorboard::read(&bytes(path)?).context(about)
    };
    Ok(from_events(run, &files.iter().map(read).collect::<Result<Vec<_>>>()?))
}

/// The file of a run in a `wandb` folder.
fn is_wandb(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "wandb")
}

fn wandb(path: &Path) -> Result<Record> {
    wandb::read(&bytes(path)?).context(|| format!("`{}` is no run of W&B", path.display()))
}

fn mlflow(run: &Path) -> Result<Record> {
    let (mut texts, mut folders) = (BTreeMap::new(), Vec::new());
    folders.extend(["params", "metrics", "tags"].map(|name| run.join(name)).into_iter().filter(|path| path.is_dir()));
    while let Some(folder) = folders.pop() {
        let (files, below) = entries(&folder)?;
        folders.extend(below);
        for file in files {
            let text = String::from_utf8(bytes(&file)?).context(|| format!("`{}` is not text", file.display()))?;
            texts.insert(file.strip_prefix(run).unwrap_or(&file).display().to_string(), text);
        }
    }
    Ok(from_mlflow(&name_of(run), &texts))
}
