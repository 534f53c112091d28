//! A submission's folder: the script as it was handed over, what workers are to run, and what they log.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use runfile::files;

use crate::error::Context;
use crate::id::ContentId;
use crate::project::{Project, make_private_folder};
use crate::slurm::script;
use crate::worker::{Manifest, open_regular};
use crate::{Result, access};

/// How much of the end of a log is looked at.
const TAIL: u64 = 4096;

/// `<runs>/<store>/submissions/<token>/`.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder of the submission `token`, whether it is there or not.
    #[must_use]
    pub fn of(project: &Project, token: &str) -> Self {
        Self(project.submissions_folder().join(token))
    }

    /// The same below another folder.
    #[must_use]
    pub fn within(parent: &Path, token: &str) -> Self {
        Self(parent.join(token))
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Write everything that jobs of the submission need, down to the disk.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn write(&self, script: &str, manifest: &Manifest, worker: &Path) -> Result<()> {
        make_private_folder(&self.0)?;
        let about = || format!("cannot write into `{}`", self.0.display());
        files::write_json(&self.0.join(script::MANIFEST), manifest).context(about)?;
        files::write_bytes(&self.0.join(script::FILE), script.as_bytes()).context(about)?;
        symlink(worker, self.0.join(script::WORKER)).context(about)?;
        File::open(&self.0).and_then(|folder| folder.sync_all()).context(about)
    }

    /// What workers are told.
    ///
    /// # Errors
    /// It is gone or damaged.
    pub fn manifest(&self) -> Result<Manifest> {
        let path = self.0.join(script::MANIFEST);
        files::read_json(&path).context(|| "cannot read what a submission runs".to_owned())
    }

    /// Whether a worker of `element` came so far as to look at its tasks.
    #[must_use]
    pub fn was_reached(&self, element: u32) -> bool {
        self.0.join(marker(element)).exists()
    }

    /// The end of what Slurm and the worker wrote about `element`.
    #[must_use]
    pub fn log(&self, element: u32) -> String {
        tail(&log_of(&self.0, element)).unwrap_or_default()
    }
}

/// Where `element` logs what it does itself.
#[must_use]
pub fn log_of(folder: &Path, element: u32) -> PathBuf {
    folder.join(format!("{element}.log"))
}

/// Made by the worker of `element` when it starts.
pub(super) fn marker(element: u32) -> String {
    format!("{element}.started")
}

fn tail(path: &Path) -> io::Result<String> {
    let mut file = open_regular(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Keep this program where jobs find it however long they wait, and whatever is installed over it meanwhile.
///
/// # Errors
/// It cannot be read or kept.
pub(super) fn keep_worker(project: &Project) -> Result<PathBuf> {
    let about = || "cannot keep a copy of `sweep` for jobs".to_owned();
    let program = std::env::current_exe().context(about)?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(&program).context(about)?).context(about)?;
    let folder = project.content_folder(&ContentId::from_hash(&hasher.finalize()));
    let kept = folder.join(script::WORKER);
    if kept.exists() {
        return Ok(kept);
    }
    make_private_folder(&folder)?;
    let copy = || -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&folder)?;
        io::copy(&mut File::open(&program)?, &mut file)?;
        file.as_file().set_permissions(fs::Permissions::from_mode(access::kept_mode(true)))?;
        file.as_file().sync_all()?;
        file.persist(&kept).map(drop).map_err(|error| error.error)
    };
    copy().context(about)?;
    Ok(kept)
}
