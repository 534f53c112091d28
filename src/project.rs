//! Where things are: the project's root, its database, journal, task folders and frozen programs.

use std::fs::{self, DirBuilder};
use std::io::Read;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use runfile::files;
use serde::{Deserialize, Serialize};

use crate::error::Context;
use crate::id::{ContentId, StoreId, TaskId};
use crate::{Error, Result, access, store};

/// Folder of everything about a project that is neither a result nor written by the user.
const STATE_FOLDER: &str = ".sweep";
const IDENTITY_FILE: &str = "project.json";
const DATABASE_FILE: &str = "results.db";
/// Format of the identity file; a newer one is refused.
const FORMAT: u32 = 1;

/// A folder that holds a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    root: PathBuf,
    store_id: StoreId,
    runs: PathBuf,
}

/// Whether a project was made or found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    New,
    Existing,
}

/// `.sweep/project.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Identity {
    format: u32,
    /// 32 hexadecimal digits.
    store: String,
    /// Where task folders go; relative to the root unless absolute.
    runs: PathBuf,
}

impl Project {
    /// The nearest project at or above `start`: a folder with `.sweep/` or `results.db`.
    ///
    /// # Errors
    /// What was found cannot be read or is of a newer format.
    pub fn find(start: &Path) -> Result<Option<Self>> {
        let start = fs::canonicalize(start).context(|| format!("cannot find the folder `{}`", start.display()))?;
        start.ancestors().find_map(|folder| Self::at(folder).transpose()).transpose()
    }

    /// As [`Project::find`], for verbs that need a project.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn require(start: &Path) -> Result<Self> {
        Self::find(start)?.ok_or_else(|| {
            Error::usage(format!("no project at or above `{}`", start.display()))
                .hint("`sweep plan <file>` makes one in the folder where it runs")
        })
    }

    /// The nearest project at or above `start`, or a new one in `start` itself.
    ///
    /// # Errors
    /// A folder cannot be made, or what was found cannot be read.
    pub fn find_or_create(start: &Path) -> Result<(Self, Created)> {
        Self::find_or_create_for(start, None)
    }

    /// As [`Project::find_or_create`], a new one for a group.
    ///
    /// # Errors
    /// As [`Project::find_or_create`]; there is no such group, or the folder cannot be given to it.
    pub fn find_or_create_for(start: &Path, group: Option<&str>) -> Result<(Self, Created)> {
        if let Some(project) = Self::find(start)? {
            return Ok((project, Created::Existing));
        }
        let root = fs::canonicalize(start).context(|| format!("cannot find the folder `{}`", start.display()))?;
        if let Some(group) = group {
            access::share(&root, group)?;
        }
        let state = root.join(STATE_FOLDER);
        make_private_folder(&state)?;
        let store_id = random_store_id()?;
        let identity = Identity { format: FORMAT, store: store_id.to_string(), runs: "runs".into() };
        let path = state.join(IDENTITY_FILE);
        files::write_json(&path, &identity).context(|| format!("cannot make a project in `{}`", root.display()))?;
        let project = Self { runs: root.join("runs"), root, store_id };
        Ok((project, Created::New))
    }

    fn at(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(STATE_FOLDER).join(IDENTITY_FILE);
        if path.exists() {
            return Self::read(folder, &path).map(Some);
        }
        let database = folder.join(DATABASE_FILE);
        if !database.is_file() {
            return Ok(None);
        }
        // A `results.db` that somebody sent can be reported without the journal that it grew from.
        let store_id = store::read_identity(&database)?;
        Ok(Some(Self { root: folder.to_owned(), store_id, runs: folder.join("runs") }))
    }

    fn read(folder: &Path, path: &Path) -> Result<Self> {
        let identity: Identity = files::read_json(path).context(|| format!("cannot read `{}`", path.display()))?;
        if identity.format > FORMAT {
            return Err(Error::general(format!(
                "`{}` has format {}, this program knows {FORMAT}",
                path.display(),
                identity.format
            ))
            .hint("use the newer `sweep` that made this project"));
        }
        access::follow(&folder.join(STATE_FOLDER))?;
        let store_id = identity.store.parse().context(|| format!("the store's identity in `{}`", path.display()))?;
        Ok(Self { root: folder.to_owned(), store_id, runs: folder.join(identity.runs) })
    }

    /// The folder that holds `.sweep/` and `results.db`.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Names the store in task folders and in the database.
    #[must_use]
    pub fn store_id(&self) -> StoreId {
        self.store_id
    }

    /// Put task folders into `runs` from now on.
    ///
    /// # Errors
    /// There are some elsewhere already, or the project cannot be written.
    pub fn move_runs(&mut self, runs: &Path) -> Result<()> {
        if self.runs == runs {
            return Ok(());
        }
        if self.tasks_folder().exists() {
            let message =
                format!("task folders of this project are in `{}`, not in `{}`", self.runs.display(), runs.display());
            let hint = "leave `runs` out of the profile, or use another project for it: results stay where they are";
            return Err(Error::usage(message).hint(hint));
        }
        let identity = Identity { format: FORMAT, store: self.store_id.to_string(), runs: runs.to_owned() };
        let path = self.state_folder().join(IDENTITY_FILE);
        files::write_json(&path, &identity).context(|| format!("cannot write `{}`", path.display()))?;
        self.runs = runs.to_owned();
        Ok(())
    }

    /// `results.db`.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.root.join(DATABASE_FILE)
    }

    /// `.sweep/`.
    #[must_use]
    pub fn state_folder(&self) -> PathBuf {
        self.root.join(STATE_FOLDER)
    }

    /// Append-only files of the facts that no job writes.
    #[must_use]
    pub fn journal_folder(&self) -> PathBuf {
        self.state_folder().join("journal")
    }

    /// The file whose lock makes a process the store's only writer.
    #[must_use]
    pub fn lock_file(&self) -> PathBuf {
        self.state_folder().join("lock")
    }

    /// Parent of all task folders of this store.
    #[must_use]
    pub fn tasks_folder(&self) -> PathBuf {
        self.runs.join(self.store_id.to_string()).join("tasks")
    }

    /// Folder of one task: `<runs>/<store>/tasks/<aa>/<task>`, where `aa` are the task's first two digits.
    #[must_use]
    pub fn task_folder(&self, task: &TaskId) -> PathBuf {
        self.tasks_folder().join(task.short(2)).join(task.to_string())
    }

    /// Parent of the folders of submissions to a scheduler, which are named by their tokens.
    #[must_use]
    pub fn submissions_folder(&self) -> PathBuf {
        self.runs.join(self.store_id.to_string()).join("submissions")
    }

    /// Parent of the folders of reruns, which are named by their tokens. Nothing in them is a result.
    #[must_use]
    pub fn reruns_folder(&self) -> PathBuf {
        self.runs.join(self.store_id.to_string()).join("reruns")
    }

    /// Parent of frozen programs and scripts, by content.
    #[must_use]
    pub fn contents_folder(&self) -> PathBuf {
        self.runs.join(self.store_id.to_string()).join("content")
    }

    /// Folder of one frozen file.
    #[must_use]
    pub fn content_folder(&self, content: &ContentId) -> PathBuf {
        self.contents_folder().join(content.short(2)).join(content.to_string())
    }
}

/// Make a folder, and what is missing above it, that only its owner can enter, or the project's group.
///
/// # Errors
/// It cannot be made.
pub fn make_private_folder(path: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(access::folder_mode())
        .create(path)
        .context(|| format!("cannot make the folder `{}`", path.display()))
        .map_err(|error| error.hint("the folders above it must be there, be yours to write, and be folders"))
}

fn random_store_id() -> Result<StoreId> {
    let mut bytes = [0; 16];
    fs::File::open("/dev/urandom")
        .and_then(|mut random| random.read_exact(&mut bytes))
        .context(|| "cannot draw an identity for the store".to_owned())?;
    Ok(StoreId(bytes))
}
