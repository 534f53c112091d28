//! Auditing a store: for `sweep audit`, and for the page of a report.

use std::fs;
use std::path::{Path, PathBuf};

use super::printed::printed;
use crate::audit::render::{self, Audit};
use crate::audit::{Baseline, Disk, Facts, Finding, Other, Wanted, examine};
use crate::error::{Context, Result};
use crate::evidence::Evidence;
use crate::grid;
use crate::inspect::{Inspection, Selection, inspect};
use crate::project::Project;
use crate::store::Store;
use crate::text::{bytes, plural};

/// Name of the file of accepted findings in a project's folder.
const BASELINE: &str = "audit-baseline.toml";
/// Attempts of which the small files are read without being asked: of more, every so many, so that an audit stays quick.
const READ: usize = 20_000;
/// The same for a page, of which nobody expects to wait for an audit.
const READ_FOR_PAGE: usize = 2_000;
/// Differences to the journal that are named.
const MOST_LINES: usize = 20;

/// How closely an audit looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Closeness<'a> {
    /// Files to digest anew.
    verify: Option<Selection>,
    /// Another store to compare with: its database or the folder of it.
    against: Option<&'a Path>,
    /// Attempts of which the small files are read.
    read: usize,
}

impl<'a> Closeness<'a> {
    pub fn new(verify: Option<Selection>, against: Option<&'a Path>) -> Self {
        let is_whole = verify.is_some_and(|verify| verify.wanted == Wanted::All);
        Self { verify, against, read: if is_whole { usize::MAX } else { READ } }
    }
}

/// What was found.
#[derive(Debug)]
pub(super) struct Audited {
    pub findings: Vec<Finding>,
    /// What was looked at, one line each.
    pub coverage: Vec<String>,
}

/// What all rules find in `store`.
///
/// # Errors
/// The store, the other store or a file cannot be read.
pub(super) fn audit(store: &mut Store, evidence: &Evidence<'_>, closeness: Closeness<'_>) -> Result<Audited> {
    let project = store.project().clone();
    let facts = facts(&project, store, evidence, closeness)?;
    let findings = examine(evidence, &facts);
    let Evidence { sweep, plan, observations, .. } = *evidence;
    let mut coverage = vec![format!(
        "Looked at {}, {} and {} of {}.",
        plural(plan.runs.len(), "run"),
        plural(facts.attempts.len(), "attempt"),
        plural(observations.len(), "score"),
        plural(sweep.grids.len(), "grid")
    )];
    coverage.extend(looked_at(facts.disk.as_ref(), facts.attempts.len()));
    let findings = findings.into_iter().map(|finding| placed(finding, &project)).collect();
    Ok(Audited { findings, coverage })
}

/// For the page of a report: what `sweep audit --json` says, beside the project's own baseline.
///
/// # Errors
/// As [`audit`], or the baseline cannot be read.
pub(super) fn of_page(store: &mut Store, evidence: &Evidence<'_>) -> Result<serde_json::Value> {
    let closeness = Closeness { read: READ_FOR_PAGE, ..Closeness::new(None, None) };
    let Audited { mut findings, coverage } = audit(store, evidence, closeness)?;
    // A page travels: nothing in it names a folder of this machine.
    for finding in &mut findings {
        finding.place = finding.place.take().filter(|place| place.file.is_relative());
    }
    let (_, baseline) = baseline(store.project(), None, true)?;
    let audit = Audit {
        sweep: &evidence.sweep.name,
        file: "",
        command: "sweep audit",
        versions: &[],
        coverage: &coverage,
        // The page has a section of them.
        conclusions: &[],
        judged: &baseline.judge(findings),
    };
    Ok(render::json(&audit))
}

/// Where accepted findings are kept, `path` or a file in the project's folder, and those that are.
///
/// # Errors
/// The file is not there and must be, or cannot be read.
pub(super) fn baseline(project: &Project, path: Option<&Path>, may_be_missing: bool) -> Result<(PathBuf, Baseline)> {
    let path = path.map_or_else(|| project.root().join(BASELINE), Path::to_owned);
    let text = match fs::read_to_string(&path) {
        Err(error) if may_be_missing && error.kind() == std::io::ErrorKind::NotFound => String::new(),
        read => read.context(|| format!("cannot read the baseline `{}`", path.display()))?,
    };
    let baseline = Baseline::parse(&path, &text)?;
    Ok((path, baseline))
}

fn facts(
    project: &Project,
    store: &mut Store,
    evidence: &Evidence<'_>,
    Closeness { verify, against, read }: Closeness<'_>,
) -> Result<Facts> {
    let Evidence { sweep, plan, .. } = *evidence;
    let attempts = store.attempts(plan)?;
    let disk = inspect(project, plan, &attempts, Inspection { read, verify })?;
    let earlier = store.earlier_texts(sweep, 1)?;
    Ok(Facts {
        imported: store.imported(plan)?,
        journal: store.imports_beside_journal(plan, MOST_LINES)?,
        repeats: store.repeats(plan)?,
        attempts,
        disk,
        printed: printed(sweep)?,
        // An earlier text that is not understood any more has nothing to compare.
        earlier: earlier.iter().filter_map(|earlier| grid::parse(&earlier.path, &earlier.text).ok()).collect(),
        other: against.map(|path| other(project, path, evidence)).transpose()?,
    })
}

/// What of the disk was looked at.
fn looked_at(disk: Option<&Disk>, attempts: usize) -> Option<String> {
    let Some(disk) = disk else {
        return (attempts > 0).then(|| "The task folders are not here: no file was looked at.".to_owned());
    };
    if disk.looked_at == 0 {
        return None;
    }
    let read = if disk.read == disk.looked_at {
        "small files read".to_owned()
    } else {
        format!("small files of {} read (`--verify all` reads all)", plural(disk.read, "attempt"))
    };
    let verified = match &disk.verified {
        None => "no file digested anew (`--verify`)".to_owned(),
        Some(verified) => {
            format!("{} of {} digested anew ({})", verified.files, plural(verified.of, "file"), bytes(verified.bytes))
        }
    };
    Some(format!("Files: all by size and time, {read}, {verified}."))
}

/// What another store holds of the same plan.
fn other(project: &Project, path: &Path, evidence: &Evidence<'_>) -> Result<Other> {
    let path = if path.is_dir() { path.join("results.db") } else { path.to_owned() };
    let mut store = Store::open_other(project, &path)?;
    Ok(Other {
        name: path.display().to_string(),
        attempts: store.attempts(evidence.plan)?,
        observations: store.observations(evidence.plan)?,
    })
}

/// A path as it is below the project's folder.
pub(super) fn relative(path: &Path, project: &Project) -> PathBuf {
    let whole = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    whole.strip_prefix(project.root()).map_or_else(|_| path.to_owned(), Path::to_owned)
}

fn placed(mut finding: Finding, project: &Project) -> Finding {
    if let Some(place) = &mut finding.place {
        place.file = relative(&place.file, project);
    }
    finding
}
