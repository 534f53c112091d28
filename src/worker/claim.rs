//! Who works on a task: claims, and the evidence that a claim has lost its holder.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::{orphans, read_regular};
use crate::error::Context;
use crate::{Error, Result, access};

/// Name of the claim in an attempt's folder.
pub const FILE: &str = "claim";
/// Name of the folder of attempts in a task's folder.
pub const ATTEMPTS: &str = "attempts";
/// Largest claim that is read.
const LARGEST_CLAIM: u64 = 1 << 16;
/// Seconds for which a holder on another machine may be silent before it is taken for dead, unless it says otherwise.
pub const LEASE: u64 = 600;

/// A process that runs attempts. A process number alone can be used again; with the boot, the namespace and the moment
/// it started it names one process for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    pub host: String,
    pub boot: String,
    pub pid_namespace: String,
    pub pid: u32,
    /// Clock ticks from boot to the start of the process.
    pub started: u64,
    /// Seconds for which it may be silent: it renews its claims well within.
    #[serde(default = "lease", skip_serializing_if = "is_usual_lease")]
    pub lease: u64,
    /// The element of a Slurm array that it runs for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slurm: Option<SlurmElement>,
}

fn lease() -> u64 {
    LEASE
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_usual_lease(seconds: &u64) -> bool {
    *seconds == LEASE
}

/// One start of one element of a Slurm array.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlurmElement {
    /// The array's job, and the name that it was submitted under.
    pub job: u64,
    pub token: String,
    pub element: u32,
    /// How often Slurm had started it before.
    pub restarts: u32,
}

impl SlurmElement {
    /// Whether `other` is the same element, whichever start of it.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        (self.job, &self.token, self.element) == (other.job, &other.token, other.element)
    }
}

impl Holder {
    /// This process.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn current() -> Result<Self> {
        let pid = std::process::id();
        let read = |path: &str| fs::read_to_string(path).map(|text| text.trim().to_owned());
        Ok(Self {
            host: read("/proc/sys/kernel/hostname").context(|| "cannot read this host's name".to_owned())?,
            boot: read("/proc/sys/kernel/random/boot_id").context(|| "cannot read this boot's identity".to_owned())?,
            pid_namespace: fs::read_link("/proc/self/ns/pid")
                .map_or_else(|_| String::new(), |link| link.to_string_lossy().into_owned()),
            pid,
            started: start_of(pid).ok_or_else(|| Error::general("cannot read when this process started"))?,
            lease: LEASE,
            slurm: None,
        })
    }

    /// For how long it may be silent.
    #[must_use]
    pub fn lease(&self) -> Duration {
        Duration::from_secs(self.lease)
    }

    /// Whether the holder is known to be gone, seen from the process `me`; `idle` is the age of its last renewal.
    #[must_use]
    pub fn is_gone(&self, me: &Self, idle: Option<Duration>) -> bool {
        match (self.boot == me.boot, self.pid_namespace == me.pid_namespace, self.host == me.host) {
            (true, true, _) => start_of(self.pid) != Some(self.started),
            // The machine has started again since.
            (false, _, true) => true,
            (true, false, _) | (false, _, false) => idle.is_some_and(|idle| idle > self.lease()),
        }
    }
}

/// When the process `pid` started, in clock ticks since boot; `None` if there is none, or only its zombie.
fn start_of(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything, also a parenthesis.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// What came of asking for a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// This attempt is ours.
    Attempt(u32),
    /// The task has succeeded already.
    Done,
    /// Somebody works on it.
    Held(Holder),
    /// The claim is older than what this program can read, or damaged.
    Unreadable(PathBuf),
}

/// What is seen of the last attempt at a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastAttempt {
    pub number: u32,
    pub folder: PathBuf,
    /// The start of an element that made it.
    pub slurm: Option<SlurmElement>,
    /// Its holder lives, or may.
    pub fresh: bool,
}

/// The file that all claims of this process are links to: one renewal renews them all.
#[derive(Debug)]
pub struct ClaimFile {
    holder: Holder,
    folder: PathBuf,
    current: Mutex<PathBuf>,
    count: AtomicU32,
    /// Slurm says that earlier starts of this holder's element have ended.
    earlier_starts_are_over: AtomicBool,
}

impl ClaimFile {
    /// Write the file into `folder`, which lies on the file system of the task folders.
    ///
    /// # Errors
    /// The folder or the file cannot be written.
    pub fn create(folder: &Path, holder: Holder) -> Result<Self> {
        make_folder(folder).context(|| format!("cannot make the folder `{}`", folder.display()))?;
        forget_the_dead(folder, &holder);
        let file = Self {
            holder,
            folder: folder.to_owned(),
            current: Mutex::default(),
            count: AtomicU32::new(0),
            earlier_starts_are_over: AtomicBool::new(false),
        };
        let path = file.write().context(|| format!("cannot write a claim into `{}`", folder.display()))?;
        *lock(&file.current) = path;
        Ok(file)
    }

    /// Who claims.
    #[must_use]
    pub fn holder(&self) -> &Holder {
        &self.holder
    }

    /// Names this holder in the environment of its jobs.
    #[must_use]
    pub fn token(&self) -> String {
        let Holder { boot, pid, started, .. } = &self.holder;
        format!("{}-{pid}-{started}", boot.split('-').next().unwrap_or_default())
    }

    /// Say that this holder still lives.
    ///
    /// # Errors
    /// The file cannot be touched.
    pub fn renew(&self) -> io::Result<()> {
        let now = rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW };
        let times = rustix::fs::Timestamps { last_access: now, last_modification: now };
        let path = lock(&self.current).clone();
        Ok(rustix::fs::utimensat(rustix::fs::CWD, &path, &times, rustix::fs::AtFlags::empty())?)
    }

    /// Take Slurm's word for it that earlier starts of this holder's element have ended, on nodes that it can reach.
    pub fn trust_that_earlier_starts_are_over(&self) {
        self.earlier_starts_are_over.store(true, Ordering::Relaxed);
    }

    /// Whether `holder` is an earlier start of this holder's element.
    #[must_use]
    pub fn is_earlier_start(&self, holder: &Holder) -> bool {
        let both = self.holder.slurm.as_ref().zip(holder.slurm.as_ref());
        both.is_some_and(|(mine, other)| mine.is_same(other) && other.restarts < mine.restarts)
    }

    /// The last attempt at the task in `folder`; `None` if there was none.
    ///
    /// # Errors
    /// The folder or the claim cannot be read.
    pub fn last(&self, folder: &Path) -> io::Result<Option<LastAttempt>> {
        let number = last_attempt(folder)?;
        if number == 0 {
            return Ok(None);
        }
        let attempt = folder.join(ATTEMPTS).join(number.to_string());
        let path = attempt.join(FILE);
        let holder: Option<Holder> = serde_json::from_slice(&read_regular(&path, LARGEST_CLAIM)?).ok();
        let fresh = match &holder {
            Some(holder) => !holder.is_gone(&self.holder, self.idle(&path)?),
            // Nobody knows whose it is.
            None => true,
        };
        Ok(Some(LastAttempt { number, folder: attempt, slurm: holder.and_then(|holder| holder.slurm), fresh }))
    }

    /// Claim the next attempt at the task in `folder`, if nobody holds it.
    ///
    /// # Errors
    /// The folder cannot be read or written.
    pub fn claim(&self, folder: &Path) -> Result<Claimed> {
        self.try_claim(folder).context(|| format!("cannot claim the task in `{}`", folder.display()))
    }

    fn try_claim(&self, folder: &Path) -> io::Result<Claimed> {
        let attempts = folder.join(ATTEMPTS);
        let last = if make_new_folder(folder)? {
            0
        } else if folder.symlink_metadata()?.is_dir() {
            last_attempt(folder)?
        } else {
            return Err(io::Error::new(io::ErrorKind::NotADirectory, "it is no folder, or a link to one"));
        };
        if last > 0 {
            if folder.join(runfile::outcome::FILE).exists() {
                return Ok(Claimed::Done);
            }
            match self.state_of(&attempts.join(last.to_string()))? {
                AttemptState::Ended => {}
                AttemptState::Held(holder) => return Ok(Claimed::Held(holder)),
                AttemptState::Unreadable(path) => return Ok(Claimed::Unreadable(path)),
            }
        } else {
            make_folder(&attempts)?;
        }
        let next = attempts.join((last + 1).to_string());
        make_folder(&next)?;
        if self.link(&next.join(FILE))? {
            return Ok(Claimed::Attempt(last + 1));
        }
        match self.state_of(&next)? {
            AttemptState::Held(holder) => Ok(Claimed::Held(holder)),
            // It was claimed and has ended in this moment: its outcome says more than a second attempt would.
            AttemptState::Ended | AttemptState::Unreadable(_) => Ok(Claimed::Unreadable(next)),
        }
    }

    /// Link the claim to `target`; `false` if somebody was faster.
    fn link(&self, target: &Path) -> io::Result<bool> {
        let source = lock(&self.current).clone();
        match rustix::fs::link(&source, target) {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => Ok(false),
            Err(Errno::MLINK) => {
                let fresh = self.write()?;
                lock(&self.current).clone_from(&fresh);
                fs::hard_link(fresh, target).map(|()| true)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A new file with the claim's text. File systems limit the links to one file (ext4: 65,000).
    fn write(&self) -> io::Result<PathBuf> {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.join(format!("{}-{number}.json", self.token()));
        let mut file = File::create(&path)?;
        file.write_all(serde_json::to_string(&self.holder)?.as_bytes())?;
        file.sync_all()?;
        Ok(path)
    }

    /// Whether the attempt in `folder` goes on.
    fn state_of(&self, folder: &Path) -> io::Result<AttemptState> {
        if folder.join(runfile::outcome::FILE).exists() {
            return Ok(AttemptState::Ended);
        }
        let path = folder.join(FILE);
        let Ok(holder) = serde_json::from_slice::<Holder>(&read_regular(&path, LARGEST_CLAIM)?) else {
            return Ok(AttemptState::Unreadable(path));
        };
        let over = self.earlier_starts_are_over.load(Ordering::Relaxed) && self.is_earlier_start(&holder);
        if !over && !holder.is_gone(&self.holder, self.idle(&path)?) {
            return Ok(AttemptState::Held(holder));
        }
        // Its jobs may have outlived it; they must end before another attempt starts.
        orphans::end(&folder.join(super::attempt::OUT));
        Ok(AttemptState::Ended)
    }

    /// Time since the claim at `path` was renewed, by the clock of the file server.
    fn idle(&self, path: &Path) -> io::Result<Option<Duration>> {
        self.renew()?;
        let now = lock(&self.current).metadata()?.modified()?;
        Ok(now.duration_since(path.metadata()?.modified()?).ok())
    }
}

/// Remove the files of holders that were killed. Their claims keep the text.
fn forget_the_dead(folder: &Path, me: &Holder) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let holder =
            read_regular(&path, LARGEST_CLAIM).ok().and_then(|bytes| serde_json::from_slice::<Holder>(&bytes).ok());
        if holder.is_some_and(|holder| holder.is_gone(me, None)) {
            // A name that stays does no harm.
            let _ = fs::remove_file(path);
        }
    }
}

impl Drop for ClaimFile {
    fn drop(&mut self) {
        for number in 0..self.count.load(Ordering::Relaxed) {
            // The claims keep the text; a leftover name does no harm.
            let _ = fs::remove_file(self.folder.join(format!("{}-{number}.json", self.token())));
        }
    }
}

/// Folder for the files of holders, beside the folder of tasks.
#[must_use]
pub fn holders_folder(tasks: &Path) -> PathBuf {
    tasks.with_file_name("holders")
}

/// Looks for attempts that are under way, without changing anything.
#[derive(Debug)]
pub struct Observer {
    me: Holder,
}

impl Observer {
    /// Look below the folder `tasks`; `None` when nobody holds anything there at all.
    #[must_use]
    pub fn new(tasks: &Path) -> Option<Self> {
        let held = fs::read_dir(holders_folder(tasks)).is_ok_and(|mut entries| entries.next().is_some());
        held.then(|| Holder::current().ok()).flatten().map(|me| Self { me })
    }

    /// Folder of results of the attempt after the one called `known`, if it is under way at the task in `folder`.
    #[must_use]
    pub fn running(&self, folder: &Path, known: u32) -> Option<PathBuf> {
        let look = || -> io::Result<Option<PathBuf>> {
            let last = last_attempt(folder)?;
            let attempt = folder.join(ATTEMPTS).join(last.to_string());
            if last <= known || attempt.join(runfile::outcome::FILE).exists() {
                return Ok(None);
            }
            let path = attempt.join(FILE);
            let holder: Holder = serde_json::from_slice(&read_regular(&path, LARGEST_CLAIM)?)?;
            let idle = path.metadata()?.modified()?.elapsed().ok();
            Ok((!holder.is_gone(&self.me, idle)).then(|| attempt.join(super::attempt::OUT)))
        };
        look().unwrap_or(None)
    }

    /// Whether somebody may still work below the folder `tasks`.
    #[must_use]
    pub fn sees_holders_of(&self, tasks: &Path) -> bool {
        let lives = |path: PathBuf| -> io::Result<bool> {
            let holder: Holder = serde_json::from_slice(&read_regular(&path, LARGEST_CLAIM)?)?;
            let idle = path.metadata()?.modified()?.elapsed().ok();
            Ok(!holder.is_gone(&self.me, idle))
        };
        let entries = fs::read_dir(holders_folder(tasks)).into_iter().flatten();
        // What cannot be read is nobody's to delete.
        entries.filter_map(|entry| Some(entry.ok()?.path())).any(|path| lives(path).unwrap_or(true))
    }
}

enum AttemptState {
    Ended,
    Held(Holder),
    Unreadable(PathBuf),
}

/// Number of the last claimed attempt; 0 if there is none.
///
/// # Errors
/// The folder cannot be read.
pub fn last_attempt(folder: &Path) -> io::Result<u32> {
    let attempts = folder.join(ATTEMPTS);
    let entries = match fs::read_dir(&attempts) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut last = 0;
    for entry in entries {
        let number = entry?.file_name().to_str().and_then(|name| name.parse().ok()).unwrap_or(0);
        if number > last && attempts.join(number.to_string()).join(FILE).exists() {
            last = number;
        }
    }
    Ok(last)
}

/// Make a folder for the project's owner or group, and what is missing above it; one that exists is fine.
///
/// # Errors
/// It cannot be made.
pub fn make_folder(path: &Path) -> io::Result<()> {
    make_new_folder(path).map(drop)
}

/// As [`make_folder`]; whether it is new.
fn make_new_folder(path: &Path) -> io::Result<bool> {
    let builder = || {
        let mut builder = DirBuilder::new();
        builder.mode(access::folder_mode());
        builder
    };
    match builder().create(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => builder().recursive(true).create(path).map(|()| true),
        Err(error) => Err(error),
    }
}

/// A panic of another thread leaves these values whole.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
