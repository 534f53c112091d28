//! `sweep export`: scores and curves for other programs.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::current::{Current, Which};
use crate::error::Context;
use crate::evidence::Evidence;
use crate::exchange::tensorboard::{self, Events, Scalar};
use crate::exchange::{self, Curve, Row, Run, mlflow};
use crate::project::Project;
use crate::store::Store;
use crate::text::plural;
use crate::{Error, Result, ui};

/// What scores are exported to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum To {
    /// One row a score
    Csv,
    /// The same with every bit and every type
    Parquet,
    /// One value, by run
    Json,
    /// One object a score and line: what `sweep import` reads back
    Jsonl,
    /// A folder that `mlflow ui --backend-store-uri` opens
    Mlflow,
    /// A folder that `tensorboard --logdir` opens
    Tensorboard,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sweep export --to csv > scores.csv
  sweep export --to parquet --out scores.parquet --where 'vqa >= 1M'
  sweep export --to mlflow --out mlruns")]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// Format
    #[arg(long, value_enum, value_name = "FORMAT")]
    to: To,
    /// File, or for `mlflow` and `tensorboard` folder, that is not there yet; standard output for text if missing
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
}

impl Args {
    /// Read the store, write the file or the folder.
    ///
    /// # Errors
    /// There is nothing to export, the target is there already, or cannot be written.
    pub fn run(self) -> Result<ExitCode> {
        let project = Project::require(Path::new("."))?;
        let mut store = Store::open(&project)?;
        let current = self.which.load(&mut store)?;
        let observations = store.observations(&current.plan)?;
        let ledger = store.ledger(&current.plan)?;
        let Current { sweep, plan } = &current;
        let evidence = Evidence { sweep, plan, ledger: &ledger, observations: &observations };
        let runs = exchange::runs(&evidence);
        let rows = exchange::rows(&evidence, &runs);
        if rows.is_empty() {
            let error = Error::new(crate::error::Kind::Incomplete, "nothing to export: no score has been collected");
            return Err(error.hint("run `sweep submit` and `sweep collect`, or `sweep import`"));
        }
        let said = match self.to {
            To::Csv => self.write(&exchange::csv(&runs, &rows).context(|| "cannot write CSV".to_owned())?)?,
            To::Json => self.write(exchange::json(&sweep.name, &runs, &rows).as_bytes())?,
            To::Jsonl => self.write(exchange::json_lines(&runs, &rows).as_bytes())?,
            To::Parquet => {
                self.out.as_ref().ok_or_else(|| needs_a_target("file"))?;
                self.write(&exchange::parquet(&runs, &rows).context(|| "cannot write Parquet".to_owned())?)?
            }
            To::Mlflow | To::Tensorboard => self.write_folder(&mut store, &sweep.name, &runs, &rows)?,
        };
        if let Some(path) = said {
            let (scores, runs) = (plural(rows.len(), "score"), plural(runs.len(), "run"));
            ui::note(&format!("{}: {scores} of {runs}", path.display()));
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Into the file, or to standard output. Returns the file.
    fn write(&self, bytes: &[u8]) -> Result<Option<&Path>> {
        let Some(path) = &self.out else {
            ui::print_all(&String::from_utf8_lossy(bytes))?;
            return Ok(None);
        };
        runfile::files::write_bytes(path, bytes).context(|| format!("cannot write `{}`", path.display()))?;
        Ok(Some(path))
    }

    fn write_folder(
        &self,
        store: &mut Store,
        sweep: &str,
        runs: &[Run<'_>],
        rows: &[Row<'_>],
    ) -> Result<Option<&Path>> {
        let folder = self.out.as_ref().ok_or_else(|| needs_a_target("folder"))?;
        if folder.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(Error::usage(format!("`{}` is there already and not empty", folder.display()))
                .hint("name another folder: what another program may have written there is not mixed with this"));
        }
        let (curves, times) = (curves(store, runs)?, times(store, runs)?);
        let files = match self.to {
            To::Mlflow => mlflow::files(sweep, runs, rows, &curves, &times),
            _ => event_files(runs, rows, &curves, &times),
        };
        for file in files {
            let path = folder.join(&file.path);
            let parent = path.parent().unwrap_or(folder);
            fs::create_dir_all(parent)
                .and_then(|()| fs::write(&path, &file.bytes))
                .context(|| format!("cannot write `{}`", path.display()))?;
        }
        Ok(Some(folder))
    }
}

fn needs_a_target(what: &str) -> Error {
    Error::usage(format!("this format is a {what}, not text")).hint("say where it goes by `--out`")
}

/// The training curves of all runs; a task that several share is read once.
fn curves(store: &mut Store, runs: &[Run<'_>]) -> Result<Vec<Curve>> {
    let (mut known, mut curves) = (BTreeMap::new(), Vec::new());
    for (index, run) in runs.iter().enumerate() {
        for &(stage, task) in &run.tasks {
            let series = match known.entry(task) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(store.series(&task)?),
            };
            curves.extend(series.iter().map(|series| Curve {
                run: index,
                stage: stage.to_owned(),
                name: series.name.clone(),
                points: series.points.clone(),
            }));
        }
    }
    Ok(curves)
}

/// When each run began and ended; what was only imported has no time.
fn times(store: &mut Store, runs: &[Run<'_>]) -> Result<Vec<mlflow::Times>> {
    let times = store.times()?;
    let of_run = |run: &Run<'_>| {
        let of_tasks = run.tasks.iter().filter_map(|(_, task)| times.get(task).copied());
        of_tasks.reduce(|all, one| (all.0.min(one.0), all.1.max(one.1))).unwrap_or_default()
    };
    Ok(runs.iter().map(of_run).collect())
}

/// One event file a run, in a folder called as its first cell.
fn event_files(runs: &[Run<'_>], rows: &[Row<'_>], curves: &[Curve], times: &[mlflow::Times]) -> Vec<mlflow::File> {
    let mut all: Vec<Events> = vec![Events::default(); runs.len()];
    for (run, events) in runs.iter().zip(&mut all) {
        let parameters = run.parameters.iter().map(|(name, value)| ((*name).to_owned(), value.to_json()));
        events.parameters = parameters.collect();
    }
    let ended = |run: usize| times.get(run).map_or(0.0, |times| times.1);
    let mut add = |run: usize, tag: String, step: u64, value: f64| {
        let Some(events) = all.get_mut(run) else { return };
        events.scalars.push(Scalar { tag, step, time: ended(run), value });
    };
    for row in rows {
        add(row.run, mlflow::path_of(&mlflow::name_of(row)), row.observation.step.unwrap_or(0), row.observation.value);
    }
    for curve in curves {
        let tag = mlflow::path_of(&[&curve.stage, &curve.name]);
        curve.points.iter().for_each(|&(step, value)| add(curve.run, tag.clone(), step, value));
    }
    let file = |((run, events), times): ((&Run<'_>, &Events), &mlflow::Times)| mlflow::File {
        path: PathBuf::from(mlflow::path_of(&[&run.name.replace(": ", "/"), &run.id.short(8)]))
            .join(format!("events.out.tfevents.{:.0}.sweep", times.0.floor())),
        bytes: tensorboard::write(events, &run.name, times.0),
    };
    runs.iter().zip(&all).zip(times).map(file).collect()
}
