//! One connection to one SQLite file: opening, checking, migrating, and turning its errors into ours.

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tokio::runtime::{Builder, Runtime};

use super::bulk::{Sink, pipe};
use super::scan;
use crate::error::{Context, Kind};
use crate::{Error, Result, access};

static MIGRATIONS: Migrator = sqlx::migrate!("src/store/migrations");

/// Version of the schema that the migrations end at.
const VERSION: u32 = 5;
/// Where SQLite's header holds what we want to know before SQLite touches the file.
const HEADER_BYTES: usize = 100;
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// 'SWEP', as the first migration sets it.
const APPLICATION: u32 = 0x5357_4550;
/// How long a statement waits for another process's transaction.
const PATIENCE: Duration = Duration::from_secs(30);
/// Up to this size a database is checked whole before each use, which takes some 60 ms; a larger one by `sweep db check`.
const CHECKED_BYTES: u64 = 4 << 20;
/// Of a new database. Network file systems prefer few large pages, and a plan of a million runs is stored in 4.8 s, not 5.3.
const PAGE_BYTES: u32 = 16_384;
/// Page cache in KiB (negative by SQLite's convention): a plan of a million runs is written once, not page by page.
const CACHE: &str = "-262144";

/// Whether rows may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

#[derive(Debug)]
pub(super) struct Database {
    path: PathBuf,
    runtime: Runtime,
    connection: SqliteConnection,
}

impl Database {
    /// Open the database at `path` after looking at its header.
    pub fn open(path: &Path, access: Access) -> Result<Self> {
        let header = Header::read(path)?;
        header.check(path)?;
        if header.version < VERSION && access == Access::Write {
            keep_copy(path, header.version)?;
        }
        let mut database = Self::connect(path)?;
        database.quick_check()?;
        match access {
            Access::Write => database.migrate()?,
            Access::Read if header.version < VERSION => return Err(outdated(path, header.version)),
            Access::Read => database.run("open", async |db| execute(db, "PRAGMA query_only = ON").await)?,
        }
        Ok(database)
    }

    /// Make a new, empty database at `path`, for the project's owner or group.
    pub fn create(path: &Path) -> Result<Self> {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(access::file_mode())
            .open(path)
            .context(|| format!("cannot make the database `{}`", path.display()))?;
        let mut database = Self::connect(path)?;
        database.migrate()?;
        Ok(database)
    }

    fn connect(path: &Path) -> Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .context(|| "cannot start the runtime of the database".to_owned())?;
        // A rollback journal, not a write-ahead log: that one needs shared memory, which network file systems lack.
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Delete)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(PATIENCE)
            .pragma("cache_size", CACHE)
            .page_size(PAGE_BYTES)
            .row_buffer_size(4096)
            .disable_statement_logging();
        let connection = runtime.block_on(options.connect()).map_err(|error| explain(path, "open", error))?;
        Ok(Self { path: path.to_owned(), runtime, connection })
    }

    /// Close the file; what was written is in it.
    pub fn close(self) -> Result<()> {
        let Self { path, runtime, connection } = self;
        runtime.block_on(connection.close()).map_err(|error| explain(&path, "close", error))
    }

    fn migrate(&mut self) -> Result<()> {
        match self.runtime.block_on(MIGRATIONS.run(&mut self.connection)) {
            Err(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => {
                Err(explain(&self.path, "bring up to date", error))
            }
            done => done.context(|| format!("cannot bring `{}` up to version {VERSION}", self.path.display())),
        }
    }

    /// Run `work` on the connection; `verb` completes "cannot ... `results.db`".
    pub fn run<T>(
        &mut self,
        verb: &str,
        work: impl AsyncFnOnce(&mut SqliteConnection) -> sqlx::Result<T>,
    ) -> Result<T> {
        let Self { path, runtime, connection } = self;
        runtime.block_on(work(connection)).map_err(|error| explain(path, verb, error))
    }

    /// As [`Database::run`], all or nothing.
    pub fn transact<T>(
        &mut self,
        verb: &str,
        work: impl AsyncFnOnce(&mut SqliteConnection) -> sqlx::Result<T>,
    ) -> Result<T> {
        self.run(verb, async |connection| {
            let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
            let value = work(&mut transaction).await?;
            transaction.commit().await?;
            Ok(value)
        })
    }

    /// Execute what `make` sends, all or nothing. `make` runs in a thread of its own.
    ///
    /// Foreign keys are not looked up row by row (measured: that takes five times as long as the rows themselves):
    /// the keys in bulk rows are given out here. Test builds check them all at the end, and so does `sweep db check`.
    pub fn load<T: Send>(&mut self, verb: &str, make: impl FnOnce(&Sink) -> T + Send) -> Result<T> {
        let (sink, statements) = pipe();
        self.run(verb, async |db| execute(db, "PRAGMA foreign_keys = OFF").await)?;
        let (made, stored) = thread::scope(|scope| {
            let maker = scope.spawn(move || make(&sink));
            let stored = self.transact(verb, async |db| {
                for statement in statements {
                    statement?.execute(db).await?;
                }
                if cfg!(debug_assertions) { check_foreign_keys(db).await } else { Ok(()) }
            });
            (maker.join(), stored)
        });
        self.run(verb, async |db| execute(db, "PRAGMA foreign_keys = ON").await)?;
        stored?;
        made.map_err(|panic| std::panic::resume_unwind(panic))
    }

    fn quick_check(&mut self) -> Result<()> {
        let bytes = fs::metadata(&self.path).map_or(0, |metadata| metadata.len());
        if bytes > CHECKED_BYTES {
            return Ok(());
        }
        let verdict: String =
            self.run("check", async |db| sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(db).await)?;
        if verdict == "ok" { Ok(()) } else { Err(damaged(&self.path, &verdict)) }
    }
}

/// Run one statement without parameters.
pub(super) async fn execute(db: &mut SqliteConnection, sql: &'static str) -> sqlx::Result<()> {
    sqlx::query(sql).execute(db).await.map(drop)
}

/// Fail at the first row that refers to nothing.
async fn check_foreign_keys(db: &mut SqliteConnection) -> sqlx::Result<()> {
    let broken: Option<String> =
        sqlx::query_scalar("SELECT \"table\" FROM pragma_foreign_key_check LIMIT 1").fetch_optional(db).await?;
    match broken {
        None => Ok(()),
        Some(table) => Err(sqlx::Error::Protocol(format!("a row of `{table}` refers to nothing"))),
    }
}

/// Refuse a database of a newer version; anything else that is wrong with it is no obstacle to making it again.
pub(super) fn refuse_newer(path: &Path) -> Result<()> {
    match Header::read(path) {
        Ok(header) if header.application == APPLICATION && header.version > VERSION => header.check(path),
        _ => Ok(()),
    }
}

/// What the first bytes of the file say, read without SQLite: a store of a newer version is never touched.
struct Header {
    application: u32,
    version: u32,
    /// What the file's length should be, in bytes; 0 where the header does not say.
    length: u64,
}

impl Header {
    fn read(path: &Path) -> Result<Self> {
        let mut bytes = [0; HEADER_BYTES];
        let cannot_read = || format!("cannot read `{}`", path.display());
        let mut file = File::open(path).context(cannot_read)?;
        match file.read_exact(&mut bytes) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                return Err(damaged(path, "it is shorter than a database's header"));
            }
            Err(error) => return Err(error).context(cannot_read),
        }
        if !bytes.starts_with(MAGIC) {
            return Err(damaged(path, "it is not an SQLite database"));
        }
        let page = match u64::from(u16::from_be_bytes([bytes[16], bytes[17]])) {
            1 => 65_536,
            page => page,
        };
        let word = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        Ok(Self { application: word(68), version: word(60), length: page * u64::from(word(28)) })
    }

    fn check(&self, path: &Path) -> Result<()> {
        if self.application != APPLICATION {
            return Err(damaged(path, "it is a database of another program"));
        }
        if self.version > VERSION {
            return Err(Error::general(format!(
                "`{}` has version {}, this program knows {VERSION}",
                path.display(),
                self.version
            ))
            .hint("use the newer `sweep` that wrote it; nothing was changed"));
        }
        let length = fs::metadata(path).map_or(0, |metadata| metadata.len());
        if length < self.length {
            return Err(damaged(path, &format!("{length} of {} bytes are there", self.length)));
        }
        Ok(())
    }
}

/// Rename a file and make the new name durable.
pub(super) fn rename_durably(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::rename(from, to)?;
    to.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// Keep what an older version wrote, before it is migrated.
fn keep_copy(path: &Path, version: u32) -> Result<()> {
    let copy = path.with_extension(format!("db.v{version}"));
    fs::copy(path, &copy).map(drop).context(|| format!("cannot keep a copy as `{}`", copy.display()))
}

fn outdated(path: &Path, version: u32) -> Error {
    Error::general(format!("`{}` has version {version}, this program reads {VERSION}", path.display()))
        .hint("`sweep db migrate` brings it up to date and keeps a copy")
}

/// The database cannot be used, for the given reason; the files it can be made from again are named.
pub(super) fn damaged(path: &Path, reason: &str) -> Error {
    // SQLite begins with a line that names the database `main`, and breaks lines.
    let lines = reason.lines().filter(|line| !line.starts_with("***"));
    let reason = lines.collect::<Vec<_>>().join("; ");
    Error::general(format!("`{}` is damaged: {reason}", path.display()))
        .hint("`sweep db rebuild` makes it again from the journal and the task folders, and keeps the damaged file")
}

/// Say what SQLite's error means for a person.
fn explain(path: &Path, verb: &str, error: sqlx::Error) -> Error {
    let code = error.as_database_error().and_then(|error| error.code()).and_then(|code| code.parse::<u32>().ok());
    let code = code.or_else(|| scan::code_of(&error));
    let shown = path.display();
    let cause = error.to_string();
    // The low byte is the primary result code, https://sqlite.org/rescode.html.
    match code.map(|code| code & 0xff) {
        Some(5 | 6) => Error::new(Kind::Locked, format!("cannot {verb} `{shown}`: another process is writing"))
            .hint("try again when it has ended"),
        Some(11 | 26) => damaged(path, &cause),
        Some(13) => Error::general(format!("cannot {verb} `{shown}`: the disk is full"))
            .hint("free some space and run the same command again; nothing that was stored is lost"),
        Some(8) => Error::general(format!("cannot {verb} `{shown}`: it is read-only")),
        _ => Error::general(cause).context(format!("cannot {verb} `{shown}`")),
    }
}

/// Only the first so many migrations, as an older program had them.
#[cfg(test)]
pub(super) struct TestMigrations(pub usize);

#[cfg(test)]
impl Database {
    /// Make the store that an older program would have made.
    pub fn create_older(path: &Path, id: crate::id::StoreId, TestMigrations(count): TestMigrations) -> Result<()> {
        File::create_new(path).context(|| "cannot make the database".to_owned())?;
        let mut database = Self::connect(path)?;
        let older = Migrator::with_migrations(MIGRATIONS.iter().take(count).cloned().collect());
        database.runtime.block_on(older.run(&mut database.connection)).context(|| "cannot migrate".to_owned())?;
        database.run("make", async |db| {
            let query = sqlx::query("INSERT INTO store (only, id, applied) VALUES (1, ?, 0)").bind(id.0.to_vec());
            query.execute(db).await.map(drop)
        })?;
        database.close()
    }

    /// Let the file grow no further, as on a full disk.
    pub fn limit_pages(&mut self) {
        self.run("limit", async |db| execute(db, "PRAGMA max_page_count = 1").await).unwrap();
    }
}
