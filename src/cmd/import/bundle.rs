//! The scores of a bundle: each for the run that it was measured for, with its source.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::open;
use crate::bundle::{PLAN, SCORES, SWEEP};
use crate::cmd::bundle::read_listed;
use crate::error::Context;
use crate::exchange::foreign::{ScoreLine, scores};
use crate::grid;
use crate::id::{ContentId, RunId, StoreId};
use crate::plan::{Selection, build};
use crate::project::Project;
use crate::store::{Import, ImportedScore, Store};
use crate::text::plural;
use crate::{Error, Result, ui};

/// Largest files of a bundle that are read.
const LARGEST: u64 = 1 << 30;
/// The source of what tasks of the other project measured, as that one calls it.
const MEASURED: &str = "measured";

/// How a bundle is imported.
pub(super) struct Order<'a> {
    pub bundle: &'a Path,
    /// What the numbers that the other project measured are called.
    pub source: Option<&'a str>,
    pub replace: bool,
    pub dry_run: bool,
}

impl Order<'_> {
    /// Check what is read against the bundle's digests, then store what is new.
    ///
    /// # Errors
    /// The bundle is damaged, its runs are not of this project, or the store cannot be written.
    pub fn run(&self) -> Result<()> {
        let bytes = read_listed(self.bundle, SCORES, LARGEST)?;
        let path = self.bundle.join(SCORES);
        let mistake = |(line, what)| Error::usage(format!("{}:{line}: {what}", path.display()));
        let lines = scores(&bytes).map_err(mistake)?;
        let digest = ContentId::from_hash(&blake3::hash(&bytes));
        let imports = self.imports(&path, digest, &lines)?;
        if self.dry_run {
            for import in &imports {
                let count = plural(import.scores.len(), "score");
                ui::note(&format!("{}: {count}; nothing was written", import.source));
            }
            return Ok(());
        }
        let (mut store, unknown) = self.open(&lines)?;
        for mut import in imports {
            import.scores.retain(|score| !unknown.contains(&score.run));
            let imported = store.record_import(&import)?;
            let (new, known) = (imported.new, imported.known);
            ui::note(&format!("{}: {} new, {known} known", import.source, plural(new, "score")));
        }
        if !unknown.is_empty() {
            let runs = plural(unknown.len(), "run");
            ui::note(&format!("left out: scores of {runs} that no plan of this project holds"));
        }
        Ok(())
    }

    /// The store, and the runs that it does not know. Where no sweep of that name was planned, the bundle's is.
    fn open(&self, lines: &[ScoreLine]) -> Result<(Store, Vec<String>)> {
        let mut runs: Vec<RunId> = lines
            .iter()
            .map(|line| line.run.parse().context(|| format!("the run `{}`", line.run.escape_debug())))
            .collect::<Result<_>>()?;
        runs.sort_unstable();
        runs.dedup();
        let text = String::from_utf8(read_listed(self.bundle, SWEEP, LARGEST)?)
            .context(|| format!("`{}` is not text", self.bundle.join(SWEEP).display()))?;
        let sweep = grid::parse(&self.bundle.join(SWEEP), &text)?;
        let planned = match Project::find(Path::new("."))? {
            Some(project) if project.database().exists() => Store::open(&project)?.latest_sweep(Some(&sweep.name))?,
            _ => None,
        };
        let mut store = match planned {
            None => open(&sweep, &build(&sweep, &Selection::default())?)?,
            Some(_) => Store::open_for_writing(&Project::require(Path::new("."))?, "import")?,
        };
        let known = store.knows(&runs)?;
        let unknown = runs.iter().zip(known).filter(|(_, known)| !known).map(|(run, _)| run.to_string()).collect();
        Ok((store, unknown))
    }

    /// One import a source.
    fn imports(&self, path: &Path, digest: ContentId, lines: &[ScoreLine]) -> Result<Vec<Import>> {
        let measured = match self.source {
            Some(source) => source.to_owned(),
            None => format!("store {}", self.store_id()?.short(8)),
        };
        let mut imports: BTreeMap<String, Import> = BTreeMap::new();
        for (line, number) in lines.iter().zip(1..) {
            let source = if line.source == MEASURED { measured.clone() } else { line.source.clone() };
            let import = imports.entry(source.clone()).or_insert_with(|| Import {
                name: source.clone(),
                file: PathBuf::from(path),
                digest: digest.to_string(),
                source,
                replace: self.replace,
                scores: Vec::new(),
            });
            import.scores.push(ImportedScore {
                run: line.run.clone(),
                metric: line.metric.clone(),
                benchmark: line.benchmark.clone(),
                split: line.split.clone(),
                step: line.step,
                value: line.value(),
                n: line.n,
                stderr: line.stderr,
                line: number,
                note: None,
            });
        }
        Ok(imports.into_values().collect())
    }

    /// The store that the bundle was made from.
    fn store_id(&self) -> Result<StoreId> {
        let about = || format!("cannot read `{}`", self.bundle.join(PLAN).display());
        let plan: serde_json::Value =
            serde_json::from_slice(&read_listed(self.bundle, PLAN, LARGEST)?).context(about)?;
        plan["store"].as_str().unwrap_or_default().parse().context(about)
    }
}
