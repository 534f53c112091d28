//! The code that an earlier attempt ran, found again by its provenance.

use std::fs;
use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value};

use super::Digests;
use super::program::{self, Program};
use super::snapshot::{self, Snapshot};
use super::stage::{CODE, CONTENT, Frozen, KEPT, Kept, LIBRARIES, PROGRAM};
use crate::error::Context;
use crate::grid::Stage;
use crate::id::ContentId;
use crate::project::Project;
use crate::{Error, Result};

/// The command of `stage` as an attempt with the provenance `recorded` ran it, from what the project kept.
///
/// The provenance of what comes back says what the files are now; whoever compares it with `recorded` sees whether they
/// are still what they were. A program of the system or of an installation is taken from where it is today.
///
/// # Errors
/// What was kept is gone, or a program that was not kept is.
pub fn recall(
    stage: &Stage,
    base: &Path,
    recorded: &Map<String, Value>,
    project: &Project,
    digests: &mut Digests,
) -> Result<Frozen> {
    let about = || format!("cannot run stage `{}` as it ran then", stage.name);
    let Some((program, arguments)) = stage.command.split_first() else {
        return Err(Error::usage(format!("stage `{}` has an empty command", stage.name)));
    };
    let found = find(program, recorded, project, digests).map_err(|error| error.context(about()))?;
    let snapshot = found.unwrap_or_default();
    let (path, digest) = match kept_program(program, &snapshot) {
        Some(kept) => (snapshot.folder.join(&kept), snapshot.digest(&kept).unwrap_or_default().to_owned()),
        None => {
            let resolved = program::resolve(program, base).map_err(|error| error.context(about()))?;
            if resolved.kind != Program::Installed {
                return Err(gone(&format!("the program `{program}`")).context(about()));
            }
            let digest = digests.of(&resolved.path)?;
            (resolved.path, digest)
        }
    };
    let provenance = provenance(stage, recorded, &snapshot, digest);
    let kept = Kept { base: base.to_owned(), program: path, snapshot };
    Ok(Frozen { command: kept.command(arguments)?, environment: kept.environment()?, provenance })
}

fn gone(what: &str) -> Error {
    Error::general(format!("{what} that it ran is not in the project's store of content any more"))
        .hint("put `content` back beside the task folders from a backup")
}

/// The snapshot that the attempt ran, if it ran one.
fn find(
    program: &str,
    recorded: &Map<String, Value>,
    project: &Project,
    digests: &mut Digests,
) -> Result<Option<Snapshot>> {
    if let Some(content) = recorded.get(CONTENT).and_then(Value::as_str) {
        let content: ContentId = content.parse().context(|| "its record of what was kept".to_owned())?;
        let folder = project.content_folder(&content);
        return if folder.is_dir() { snapshot::read(folder, digests).map(Some) } else { Err(gone("the code")) };
    }
    // Older attempts do not say which folder it was, but which program and which code it held.
    let mut candidates = Vec::new();
    for folder in content_folders(project)? {
        candidates.push(snapshot::read(folder, digests)?);
    }
    candidates.retain(|snapshot| may_be_what_ran(program, recorded, snapshot));
    match (candidates.len(), has_kept(recorded)) {
        (0, false) => Ok(None),
        (1, _) => Ok(candidates.pop()),
        (0, true) => Err(gone("the code")),
        _ => Err(Error::general("several programs that were kept may be the one that it ran")
            .hint("leave the run out by `--where`; newer attempts say which it was")),
    }
}

const LIBRARIES_FACT: &str = "libraries";
const CODE_FACT: &str = "code";
const PROGRAM_FACT: &str = "program";

fn has_kept(recorded: &Map<String, Value>) -> bool {
    [LIBRARIES_FACT, CODE_FACT].iter().any(|fact| recorded.contains_key(*fact))
}

/// Libraries are not looked at: what was recorded is their digest before their copies learned where to look for others.
fn may_be_what_ran(program: &str, recorded: &Map<String, Value>, snapshot: &Snapshot) -> bool {
    let is = |fact: &str, digest: Option<&str>| recorded.get(fact).and_then(Value::as_str) == digest;
    let kept = kept_program(program, snapshot);
    kept.as_ref().is_none_or(|kept| is(PROGRAM_FACT, snapshot.digest(kept)))
        && (kept.is_some() || snapshot.has_folder(CODE))
        && snapshot.has_folder(LIBRARIES) == recorded.contains_key(LIBRARIES_FACT)
        && is(CODE_FACT, snapshot.digest_of_folder(CODE).as_deref())
}

/// All folders of kept content.
fn content_folders(project: &Project) -> Result<Vec<PathBuf>> {
    let contents = project.contents_folder();
    let about = || format!("cannot read `{}`", contents.display());
    let mut folders = Vec::new();
    if !contents.is_dir() {
        return Ok(folders);
    }
    for prefix in fs::read_dir(&contents).context(about)? {
        let prefix = prefix.context(about)?.path();
        // Besides the folders lie remembered digests, and what a killed command left half made.
        if !prefix.is_dir() || prefix.file_name().is_none_or(|name| name.len() != 2) {
            continue;
        }
        for folder in fs::read_dir(&prefix).context(about)? {
            folders.push(folder.context(about)?.path());
        }
    }
    folders.sort_unstable();
    Ok(folders)
}

/// Where the snapshot has the program that a command calls `program`, if it has it.
fn kept_program(program: &str, snapshot: &Snapshot) -> Option<PathBuf> {
    let relative: PathBuf = Path::new(program).components().filter(|part| *part != Component::CurDir).collect();
    let name = Path::new(program).file_name()?;
    [Path::new(CODE).join(relative), Path::new(PROGRAM).join(name)].into_iter().find(|path| snapshot.has(path))
}

/// Which code it is now. Where all that was kept is what it was, so is what it was made from; where nobody said what it
/// was, the digest of libraries is left out, since that of their copies is another one.
fn provenance(
    stage: &Stage,
    recorded: &Map<String, Value>,
    snapshot: &Snapshot,
    program: String,
) -> Map<String, Value> {
    let mut facts = Map::new();
    facts.insert("command".to_owned(), stage.command.clone().into());
    facts.insert(PROGRAM_FACT.to_owned(), program.into());
    for (name, folder) in [(LIBRARIES_FACT, LIBRARIES), (CODE_FACT, CODE)] {
        facts.extend(snapshot.digest_of_folder(folder).map(|digest| (name.to_owned(), digest.into())));
    }
    if let Some(name) = snapshot.folder.file_name().filter(|_| !snapshot.is_empty()) {
        facts.insert(CONTENT.to_owned(), name.to_string_lossy().into());
        facts.insert(KEPT.to_owned(), snapshot.digest_of_all().into());
    }
    match recorded.get(KEPT) {
        None => drop(facts.remove(LIBRARIES_FACT)),
        Some(kept) if facts.get(KEPT) == Some(kept) => {
            for name in [PROGRAM_FACT, LIBRARIES_FACT, CODE_FACT] {
                facts.extend(recorded.get(name).map(|digest| (name.to_owned(), digest.clone())));
            }
        }
        Some(_) => {}
    }
    // The commit is that of the code that ran, not of what lies in the folder today.
    for name in ["commit", "dirty", "diff"] {
        facts.extend(recorded.get(name).map(|fact| (name.to_owned(), fact.clone())));
    }
    facts
}
