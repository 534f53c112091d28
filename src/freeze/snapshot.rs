//! A folder of files named by what they hold.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::{Digests, elf};
use crate::error::Context;
use crate::id::ContentId;
use crate::project::{Project, make_private_folder};
use crate::{Error, Result, access};

/// A file to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    source: PathBuf,
    keep: Keep,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    /// An editor may write into the file that it opened.
    Copy,
    /// A copy that finds its libraries in the snapshot.
    Program,
    /// As a program; a large one is another name for the same file, replaced by its installer rather than written into.
    Library,
}

/// Larger libraries are installed, not built and copied about by hand.
const LARGEST_COPY: u64 = 64 << 20;

impl Entry {
    /// Keep a copy of the file at `source`.
    pub fn copy(source: PathBuf) -> Self {
        Self { source, keep: Keep::Copy }
    }

    /// Keep a copy of the executable at `source`.
    pub fn program(source: PathBuf) -> Self {
        Self { source, keep: Keep::Program }
    }

    /// Keep the library at `source`: a large one by another name, where the file system has such a thing.
    pub fn library(source: PathBuf) -> Self {
        Self { source, keep: Keep::Library }
    }
}

/// Kept files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    pub folder: PathBuf,
    /// Digest of each file, by its path in the folder.
    files: BTreeMap<PathBuf, String>,
}

impl Snapshot {
    pub fn has(&self, path: &Path) -> bool {
        self.files.contains_key(path)
    }

    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Digest of the file at `path` in the folder.
    pub fn digest(&self, path: &Path) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// One digest for all files.
    pub fn digest_of_all(&self) -> String {
        digest_of(self.files.iter()).to_hex().to_string()
    }

    pub fn has_folder(&self, folder: &str) -> bool {
        self.files.keys().any(|path| path.starts_with(folder))
    }

    /// One digest for all files of `folder`, if it has any.
    pub fn digest_of_folder(&self, folder: &str) -> Option<String> {
        self.has_folder(folder).then(|| {
            let files = self.files.iter().filter(|(path, _)| path.starts_with(folder));
            digest_of(files).to_hex().to_string()
        })
    }
}

/// What the folder of a snapshot holds now, with the digests of now: programs may differ from what they were copied from,
/// since a copy finds its libraries elsewhere.
///
/// # Errors
/// The folder or a file in it cannot be read.
pub fn read(folder: PathBuf, digests: &mut Digests) -> Result<Snapshot> {
    let about = || format!("cannot read what was kept in `{}`", folder.display());
    let (mut files, mut folders) = (BTreeMap::new(), vec![folder.clone()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).context(about)? {
            let entry = entry.context(about)?;
            let path = entry.path();
            if entry.file_type().context(about)?.is_dir() {
                folders.push(path);
            } else if let Ok(relative) = path.strip_prefix(&folder) {
                files.insert(relative.to_owned(), digests.of(&path)?);
            }
        }
    }
    Ok(Snapshot { folder, files })
}

/// Keep `entries`, each under its path, in the project's store of content. What is kept already is not kept again.
///
/// # Errors
/// A file cannot be read or kept, or changes meanwhile.
pub fn keep(entries: BTreeMap<PathBuf, Entry>, project: &Project, digests: &mut Digests) -> Result<Snapshot> {
    let mut files = BTreeMap::new();
    for (path, entry) in &entries {
        files.insert(path.clone(), digests.of(&entry.source)?);
    }
    let folder = project.content_folder(&ContentId::from_hash(&digest_of(files.iter())));
    let snapshot = Snapshot { folder, files };
    if snapshot.files.is_empty() || snapshot.folder.is_dir() {
        return Ok(snapshot);
    }
    make_private_folder(&project.contents_folder())?;
    let temporary = tempfile::Builder::new()
        .prefix(".freezing-")
        .permissions(fs::Permissions::from_mode(access::folder_mode()))
        .tempdir_in(project.contents_folder())
        .context(|| format!("cannot make a folder in `{}`", project.contents_folder().display()))?;
    for (path, entry) in &entries {
        let target = temporary.path().join(path);
        place(entry, &target).context(|| format!("cannot keep `{}`", entry.source.display()))?;
        if snapshot.files.get(path) != Some(&digests.of(&target)?) {
            let message = format!("`{}` changed while it was being frozen", entry.source.display());
            return Err(Error::general(message).hint("run the same command again"));
        }
        finish(entry, &target).context(|| format!("cannot keep `{}`", entry.source.display()))?;
    }
    adopt(temporary, &snapshot.folder).context(|| format!("cannot make the folder `{}`", snapshot.folder.display()))?;
    Ok(snapshot)
}

/// Give the finished folder its name; whoever is second finds the same content there.
fn adopt(temporary: tempfile::TempDir, folder: &Path) -> io::Result<()> {
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent)?;
    }
    rustix::fs::syncfs(fs::File::open(temporary.path())?)?;
    match fs::rename(temporary.path(), folder) {
        Ok(()) => {
            let _ = temporary.keep();
            Ok(())
        }
        Err(_) if folder.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

fn place(entry: &Entry, target: &Path) -> io::Result<()> {
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent)?;
    }
    // A link has the name's target, not the name: loaders look for `libgomp.so.1`, whatever that was a link to.
    let source = fs::canonicalize(&entry.source)?;
    let is_large = || fs::metadata(&source).is_ok_and(|metadata| metadata.len() > LARGEST_COPY);
    if entry.keep == Keep::Library && is_large() && fs::hard_link(&source, target).is_ok() {
        return Ok(());
    }
    fs::copy(&source, target).map(drop)
}

/// Once its digest is known: let a copy find its libraries, and let nobody write into it.
fn finish(entry: &Entry, target: &Path) -> io::Result<()> {
    let metadata = fs::metadata(target)?;
    if metadata.nlink() > 1 {
        return Ok(());
    }
    fs::set_permissions(target, fs::Permissions::from_mode(0o600))?;
    if entry.keep != Keep::Copy {
        elf::let_environment_decide(target)?;
    }
    let executable = metadata.permissions().mode() & 0o100 != 0;
    fs::set_permissions(target, fs::Permissions::from_mode(access::kept_mode(executable)))
}

/// Digest of a list of files: path, NUL, digest, newline.
fn digest_of<'a>(files: impl Iterator<Item = (&'a PathBuf, &'a String)>) -> blake3::Hash {
    use std::os::unix::ffi::OsStrExt;
    let mut hasher = blake3::Hasher::new();
    for (path, digest) in files {
        hasher.update(path.as_os_str().as_bytes()).update(b"\0").update(digest.as_bytes()).update(b"\n");
    }
    hasher.finalize()
}
