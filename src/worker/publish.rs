//! Making an outcome known: once, whole, and only after what it speaks of has reached the disk.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use runfile::{Outcome, Verdict, outcome};
use rustix::io::Errno;

use super::Ended;
use crate::error::Context;
use crate::{Result, access};

/// An outcome that is written and not yet known.
const PREPARED: &str = "outcome.tmp";

/// Write the outcome into the attempt's folder under a name that nobody reads.
///
/// # Errors
/// The file cannot be written.
pub(super) fn prepare(attempt: &Path, outcome: &Outcome) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(outcome)?;
    bytes.push(b'\n');
    File::create(attempt.join(PREPARED))?.write_all(&bytes)
}

/// Publish the outcome of an attempt whose worker cannot, into the attempt's folder; `false` if the worker was faster.
///
/// Never a success: should the worker live after all and succeed, its own outcome takes this one's place.
///
/// # Errors
/// The file system refuses.
pub fn declare(attempt: &Path, outcome: &Outcome) -> Result<bool> {
    let write = || -> io::Result<bool> {
        let mut bytes = serde_json::to_vec(outcome)?;
        bytes.push(b'\n');
        let mode = Permissions::from_mode(access::file_mode());
        let mut file = tempfile::Builder::new().permissions(mode).tempfile_in(attempt)?;
        file.write_all(&bytes)?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(attempt.join(outcome::FILE)) {
            Ok(_) => Ok(true),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error.error),
        }
    };
    write().context(|| format!("cannot write an outcome into `{}`", attempt.display()))
}

/// Publishes the outcomes of many attempts with one flush of their file system.
///
/// A flush costs about as much for a thousand files as for one, so that whoever has many short tasks waits for few.
#[derive(Debug)]
pub struct Publisher {
    tasks: File,
}

impl Publisher {
    /// Publish below the folder `tasks`.
    ///
    /// # Errors
    /// The folder cannot be opened.
    pub fn open(tasks: &Path) -> Result<Self> {
        let tasks = File::open(tasks).context(|| format!("cannot open the folder `{}`", tasks.display()))?;
        Ok(Self { tasks })
    }

    /// Wait until everything that was written so far has reached the disk.
    ///
    /// # Errors
    /// The disk refuses; what was written is then not to be relied on.
    pub fn flush(&self) -> Result<()> {
        rustix::fs::syncfs(&self.tasks).context(|| "cannot flush the task folders to disk".to_owned())
    }

    /// Give a flushed outcome its name.
    ///
    /// A success is linked to the task's folder first: only one attempt can have that name, it is the one that counts.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn publish(&self, ended: &Ended) -> Result<()> {
        publish(ended).context(|| format!("cannot publish the outcome of the task in `{}`", ended.folder.display()))
    }
}

fn publish(ended: &Ended) -> io::Result<()> {
    let attempt = ended.attempt_folder();
    let prepared = attempt.join(PREPARED);
    if ended.outcome.verdict == Verdict::Succeeded {
        let target = ended.folder.join(outcome::FILE);
        match rustix::fs::link(&prepared, &target) {
            Ok(()) => {}
            // A network file system may have linked and lost the answer; either way one link has the name.
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
    fs::rename(&prepared, attempt.join(outcome::FILE))
}
