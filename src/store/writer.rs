//! The store as its callers see it: open for reading or, by one process at a time, for writing.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::bulk::Sink;
use super::database::{Access, Database, damaged, rename_durably};
use super::journal::{self, Entry, Fact, Journal};
use super::lock::WriterLock;
use crate::error::Context;
use crate::id::StoreId;
use crate::project::{Project, make_private_folder};
use crate::{Error, Result, clock};

/// How long [`Store::open_for_writing`] waits for another writer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A project's results.
#[derive(Debug)]
pub struct Store {
    pub(super) database: Database,
    pub(super) project: Project,
    writing: Option<Writing>,
}

/// What only the writer has.
#[derive(Debug)]
struct Writing {
    journal: Journal,
    lock: WriterLock,
}

impl Store {
    /// Open for reading.
    ///
    /// # Errors
    /// There is no database, or it is damaged, of another version, or empty while results exist.
    pub fn open(project: &Project) -> Result<Self> {
        let path = project.database();
        if !path.exists() {
            return Err(missing(project)?);
        }
        let database = Database::open(&path, Access::Read)?;
        let mut store = Self { database, project: project.clone(), writing: None };
        store.check_identity()?;
        Ok(store)
    }

    /// Open the database at `path` for reading, whosever it is: another group's, another cluster's. Its folders and its
    /// journal are not looked for.
    ///
    /// # Errors
    /// There is none, or it is damaged or of another version.
    pub fn open_other(project: &Project, path: &Path) -> Result<Self> {
        if !path.is_file() {
            return Err(Error::usage(format!("there is no database `{}`", path.display())));
        }
        Ok(Self { database: Database::open(path, Access::Read)?, project: project.clone(), writing: None })
    }

    /// Open as the only writer, making the database if the project is new. `verb` tells others who holds the store.
    ///
    /// # Errors
    /// As [`Store::open`], or another process is writing and does not end within ten seconds.
    pub fn open_for_writing(project: &Project, verb: &str) -> Result<Self> {
        Self::open_for_writing_within(project, verb, PATIENCE)
    }

    /// As [`Store::open_for_writing`], waiting for another writer as long as `patience` says.
    ///
    /// # Errors
    /// As [`Store::open_for_writing`].
    pub fn open_for_writing_within(project: &Project, verb: &str, patience: Duration) -> Result<Self> {
        make_private_folder(&project.state_folder())?;
        let lock = WriterLock::take(&project.lock_file(), verb, patience)?;
        let contents = journal::read(&project.journal_folder())?;
        let path = project.database();
        let database = if path.exists() {
            Database::open(&path, Access::Write)?
        } else if contents.entries.is_empty() && !has_task_folders(project)? {
            create(&path, project.store_id())?
        } else {
            return Err(missing(project)?);
        };
        let journal = Journal::after(&project.journal_folder(), &contents)?;
        let mut store = Self { database, project: project.clone(), writing: Some(Writing { journal, lock }) };
        store.check_identity()?;
        store.catch_up(contents.entries)?;
        Ok(store)
    }

    /// The lock that makes this the only writer: while any duplicate of it is open, nobody else writes.
    ///
    /// # Errors
    /// The store is open for reading, or the system refuses.
    pub fn duplicate_lock(&self) -> Result<File> {
        match &self.writing {
            Some(writing) => writing.lock.duplicate().context(|| "cannot duplicate the store's lock".to_owned()),
            None => Err(Error::general(format!("`{}` is open for reading", self.project.database().display()))),
        }
    }

    /// A store over a database that is being made.
    pub(super) fn over(database: Database, project: Project) -> Self {
        Self { database, project, writing: None }
    }

    /// Where this store lies.
    #[must_use]
    pub fn project(&self) -> &Project {
        &self.project
    }

    fn check_identity(&mut self) -> Result<()> {
        let known: Option<Vec<u8>> = self
            .database
            .run("read", async |db| sqlx::query_scalar("SELECT id FROM store").fetch_optional(db).await)?;
        match known {
            Some(id) if id == self.project.store_id().0 => Ok(()),
            Some(_) => Err(Error::general(format!(
                "`{}` belongs to another store than `{}`",
                self.project.database().display(),
                self.project.state_folder().display()
            ))
            .hint("put back the file that belongs here, or run `sweep db rebuild`")),
            None => Err(damaged(&self.project.database(), "it does not say which store it is")),
        }
    }

    /// Bring in the facts that reached the journal but not the database, because a command was killed in between.
    fn catch_up(&mut self, entries: Vec<Entry>) -> Result<()> {
        let applied = self.applied()?;
        let written = entries.last().map_or(0, |entry| entry.position);
        if written < applied {
            return Err(Error::general(format!(
                "the journal in `{}` ends at fact {written}, `{}` knows {applied}",
                self.project.journal_folder().display(),
                self.project.database().display()
            ))
            .hint("put the journal back from where the database came from; reading works without it"));
        }
        entries.into_iter().filter(|entry| entry.position > applied).try_for_each(|entry| self.apply(entry))
    }

    /// Fail if the journal knows more than the database: what seems not to be there may be missing in the latter alone.
    pub(super) fn check_behind(&mut self) -> Result<()> {
        let written = journal::read(&self.project.journal_folder())?.entries.last().map_or(0, |entry| entry.position);
        let applied = self.applied()?;
        if written <= applied {
            return Ok(());
        }
        let (database, folder) = (self.project.database(), self.project.journal_folder());
        Err(Error::general(format!(
            "`{}` is older than its journal in `{}`: it knows {applied} of {written} facts",
            database.display(),
            folder.display()
        ))
        .hint("`sweep collect` brings it up to date; `sweep db rebuild` makes it again"))
    }

    pub(super) fn applied(&mut self) -> Result<u64> {
        self.database.run("read", async |db| {
            let applied: i64 = sqlx::query_scalar("SELECT applied FROM store").fetch_one(db).await?;
            Ok(applied.unsigned_abs())
        })
    }

    /// Put `fact` on record: in the journal, not yet in the database.
    pub(super) fn record(&mut self, fact: Fact) -> Result<Entry> {
        let Some(writing) = &mut self.writing else {
            return Err(Error::general(format!("`{}` is open for reading", self.project.database().display())));
        };
        writing.journal.append(clock::now(), fact)
    }
}

/// With the rows of the fact at `position`: say that they are there.
pub(super) fn mark_applied(sink: &Sink, position: u64) {
    sink.statement("UPDATE store SET applied = ?").add(position.cast_signed());
}

/// The identity that the database at `path` carries.
pub(crate) fn read_identity(path: &Path) -> Result<StoreId> {
    let mut database = Database::open(path, Access::Read)?;
    let id: Option<Vec<u8>> =
        database.run("read", async |db| sqlx::query_scalar("SELECT id FROM store").fetch_optional(db).await)?;
    let id = id.and_then(|id| <[u8; 16]>::try_from(id).ok());
    id.map(StoreId).ok_or_else(|| damaged(path, "it does not say which store it is"))
}

/// Make an empty database under another name than `path`, and say where.
pub(super) fn create_beside(path: &Path, id: StoreId) -> Result<(PathBuf, Database)> {
    let beside = path.with_extension("db.new");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).context(|| format!("cannot remove `{}`", beside.display()));
        }
        _ => {}
    }
    let mut database = Database::create(&beside)?;
    database.run("make", async |db| {
        let query = sqlx::query("INSERT INTO store (only, id, applied) VALUES (1, ?, 0)").bind(&id.0[..]);
        query.execute(db).await.map(drop)
    })?;
    Ok((beside, database))
}

/// Make a database: under another name first, so that nobody ever sees half of one.
fn create(path: &Path, id: StoreId) -> Result<Database> {
    let (beside, database) = create_beside(path, id)?;
    database.close()?;
    rename_durably(&beside, path).context(|| format!("cannot make the database `{}`", path.display()))?;
    Database::open(path, Access::Write)
}

fn has_task_folders(project: &Project) -> Result<bool> {
    let folder = project.tasks_folder();
    match fs::read_dir(&folder) {
        Ok(mut entries) => Ok(entries.next().is_some()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).context(|| format!("cannot read `{}`", folder.display())),
    }
}

/// Why there is no database, and what to do.
fn missing(project: &Project) -> Result<Error> {
    let path = project.database();
    let is_new = !has_task_folders(project)? && journal::read(&project.journal_folder())?.entries.is_empty();
    Ok(if is_new {
        Error::usage(format!("`{}` does not exist: nothing was planned here yet", path.display()))
            .hint("`sweep plan <file>` makes it")
    } else {
        Error::general(format!("`{}` is missing, while its journal or its task folders exist", path.display()))
            .hint("`sweep db rebuild` makes it again from them")
    })
}
