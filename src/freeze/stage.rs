//! One stage: what is to be kept of it, and its command with the kept files in place.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value};

use super::Digests;
use super::program::{self, Program};
use super::snapshot::{self, Entry, Snapshot};
use crate::error::Context;
use crate::grid::Stage;
use crate::project::Project;
use crate::{Error, Result};

/// Larger files that an argument names are data, not code.
const LARGEST_TEXT: u64 = 1 << 20;
/// Folders within a snapshot.
pub(super) const CODE: &str = "code";
pub(super) const PROGRAM: &str = "bin";
pub(super) const LIBRARIES: &str = "lib";
/// Facts of the provenance: the name of the kept folder, and the digest of what lies in it.
pub(super) const CONTENT: &str = "content";
pub(super) const KEPT: &str = "kept";

/// A stage's command as the worker gets it.
#[derive(Debug, Clone, PartialEq)]
pub struct Frozen {
    /// The program by absolute path, then the arguments, with their places still open.
    pub command: Vec<String>,
    /// Variables that the program needs.
    pub environment: Vec<(String, String)>,
    /// Which code it is.
    pub provenance: Map<String, Value>,
}

/// Freeze the command of `stage`, written for the folder `base`, into the project's store of content.
///
/// # Errors
/// The program does not exist or is not executable, a pattern matches nothing, or a file cannot be read or kept.
pub fn freeze(stage: &Stage, base: &Path, project: &Project, digests: &mut Digests) -> Result<Frozen> {
    let about = || format!("cannot freeze the code of stage `{}`", stage.name);
    let base = fs::canonicalize(base).context(about)?;
    let Some((program, arguments)) = stage.command.split_first() else {
        return Err(Error::usage(format!("stage `{}` has an empty command", stage.name)));
    };
    let resolved = program::resolve(program, &base).map_err(|error| error.context(about()))?;
    let mut entries = code_entries(stage, arguments, &base).map_err(|error| error.context(about()))?;
    let relative = resolved.path.strip_prefix(&base).map(Path::to_path_buf).ok();
    let kept_program = match (&resolved.kind, relative) {
        (Program::Installed, _) => None,
        // A script finds the files beside it where they were.
        (Program::Script, Some(relative)) => Some(Path::new(CODE).join(relative)),
        _ => Some(Path::new(PROGRAM).join(resolved.path.file_name().unwrap_or_default())),
    };
    if let Some(kept) = &kept_program {
        let entry = if resolved.kind == Program::Binary { Entry::program } else { Entry::copy };
        entries.insert(kept.clone(), entry(resolved.path.clone()));
    }
    if resolved.kind == Program::Binary {
        for library in program::libraries(&resolved.path)? {
            if let Some(name) = library.file_name() {
                entries.insert(Path::new(LIBRARIES).join(name), Entry::library(library.clone()));
            }
        }
    }
    let snapshot = snapshot::keep(entries, project, digests).map_err(|error| error.context(about()))?;
    let mut provenance = Map::new();
    provenance.insert("command".to_owned(), stage.command.clone().into());
    provenance.insert("program".to_owned(), digests.of(&resolved.path)?.into());
    for (name, folder) in [("libraries", LIBRARIES), ("code", CODE)] {
        provenance.extend(snapshot.digest_of_folder(folder).map(|digest| (name.to_owned(), digest.into())));
    }
    if let Some(name) = snapshot.folder.file_name().filter(|_| !snapshot.is_empty()) {
        provenance.insert(CONTENT.to_owned(), name.to_string_lossy().into());
        let kept = snapshot::read(snapshot.folder.clone(), digests)?;
        provenance.insert(KEPT.to_owned(), kept.digest_of_all().into());
    }
    let program = kept_program.map_or(resolved.path, |kept| snapshot.folder.join(kept));
    let kept = Kept { base, program, snapshot };
    Ok(Frozen { command: kept.command(arguments)?, environment: kept.environment()?, provenance })
}

/// A stage's files in their place.
pub(super) struct Kept {
    /// Folder of the sweep file.
    pub base: PathBuf,
    /// Where the program lies, by absolute path.
    pub program: PathBuf,
    pub snapshot: Snapshot,
}

impl Kept {
    /// The command with the program and the kept files where the snapshot has them.
    pub fn command(&self, arguments: &[String]) -> Result<Vec<String>> {
        let arguments = arguments.iter().map(|argument| match named_path(argument) {
            // Kept once, it need no longer be in the folder of the sweep file.
            Some(file) if self.snapshot.has(&Path::new(CODE).join(&file)) => {
                text(&self.snapshot.folder.join(CODE).join(file))
            }
            Some(file) if exists(&file, argument, &self.base) => text(&self.base.join(file)),
            _ => Ok(argument.clone()),
        });
        std::iter::once(text(&self.program)).chain(arguments).collect()
    }

    /// The loader is to find the kept libraries before any others.
    pub fn environment(&self) -> Result<Vec<(String, String)>> {
        if !self.snapshot.has_folder(LIBRARIES) {
            return Ok(Vec::new());
        }
        let mut folders = self.snapshot.folder.join(LIBRARIES).into_os_string();
        if let Some(inherited) = std::env::var_os("LD_LIBRARY_PATH").filter(|value| !value.is_empty()) {
            folders.push(":");
            folders.push(inherited);
        }
        let folders = folders.into_string().map_err(|_| Error::usage("LD_LIBRARY_PATH is not UTF-8"))?;
        Ok(vec![("LD_LIBRARY_PATH".to_owned(), folders)])
    }
}

/// The files of `stage.code`, and the texts that arguments name, by their place in the snapshot.
fn code_entries(stage: &Stage, arguments: &[String], base: &Path) -> Result<BTreeMap<PathBuf, Entry>> {
    let mut files = Vec::new();
    for pattern in &stage.code {
        let before = files.len();
        files.extend(matches(pattern, base)?);
        if files.len() == before {
            return Err(Error::usage(format!("no file in `{}` matches `{pattern}`", base.display()))
                .hint(format!("`code` of stage `{}` is relative to the folder of the sweep file", stage.name)));
        }
    }
    files.extend(
        arguments.iter().filter_map(|argument| named_file(argument, base)).filter(|file| is_text(&base.join(file))),
    );
    Ok(files.into_iter().map(|file| (Path::new(CODE).join(&file), Entry::copy(base.join(&file)))).collect())
}

/// Regular files below `base` that match `pattern`, relative to it.
fn matches(pattern: &str, base: &Path) -> Result<Vec<PathBuf>> {
    if !Path::new(pattern).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err(Error::usage(format!("the pattern `{pattern}` leaves the folder of the sweep file")));
    }
    let whole = Path::new(&glob::Pattern::escape(&base.to_string_lossy())).join(pattern);
    let paths = glob::glob(&whole.to_string_lossy()).context(|| format!("`{pattern}` is not a pattern"))?;
    let mut files = Vec::new();
    for path in paths {
        let path = path.context(|| format!("cannot look for `{pattern}`"))?;
        if let (true, Ok(relative)) = (path.is_file(), path.strip_prefix(base)) {
            files.push(relative.to_path_buf());
        }
    }
    Ok(files)
}

/// The file below `base` that `argument` names, relative to it.
fn named_file(argument: &str, base: &Path) -> Option<PathBuf> {
    named_path(argument).filter(|path| exists(path, argument, base))
}

/// The relative path that `argument` may be.
///
/// A bare word such as `train` may well be the name of a subcommand; only what looks like a path is taken for one.
fn named_path(argument: &str) -> Option<PathBuf> {
    let path = Path::new(argument);
    let looks_like_path = argument.contains(['/', '.']);
    let stays_below = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    (looks_like_path && stays_below).then(|| path.components().filter(|part| *part != Component::CurDir).collect())
}

fn exists(path: &Path, argument: &str, base: &Path) -> bool {
    let file = base.join(path);
    file.is_file() || argument.contains('/') && file.is_dir()
}

/// Whether the file at `path` is small and holds no NUL.
fn is_text(path: &Path) -> bool {
    let read = || -> std::io::Result<bool> {
        let mut bytes = Vec::new();
        fs::File::open(path)?.take(LARGEST_TEXT + 1).read_to_end(&mut bytes)?;
        Ok(bytes.len() as u64 <= LARGEST_TEXT && !bytes.contains(&0))
    };
    path.is_file() && read().unwrap_or(false)
}

fn text(path: &Path) -> Result<String> {
    let text = path.to_str().ok_or_else(|| Error::usage(format!("the path `{}` is not UTF-8", path.display())))?;
    // Braces in the path of a project are no places to be filled.
    Ok(crate::grid::command::escape(text))
}
