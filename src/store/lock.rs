//! One writer at a time: a file whose lock the kernel drops when its holder ends, however it ends.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::error::{Context, Kind};
use crate::{Error, Result, access, clock};

/// Pause between two looks at a lock that somebody else holds.
const PAUSE: Duration = Duration::from_millis(20);

/// Held while this value lives.
#[derive(Debug)]
pub(super) struct WriterLock {
    file: File,
}

/// Who holds the lock, written into the file for whoever has to wait.
#[derive(Debug, Serialize, Deserialize)]
struct Holder {
    host: String,
    pid: u32,
    verb: String,
    /// Seconds since the epoch, UTC.
    since: f64,
}

impl WriterLock {
    /// Take the lock at `path`, looking again for as long as `patience` says.
    pub fn take(path: &Path, verb: &str, patience: Duration) -> Result<Self> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(access::file_mode())
            .open(path)
            .context(|| format!("cannot open the store's lock `{}`", path.display()))?;
        let mut waited = Duration::ZERO;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(Errno::WOULDBLOCK) if waited < patience => {
                    thread::sleep(PAUSE);
                    waited += PAUSE;
                }
                Err(Errno::WOULDBLOCK) => return Err(held(&mut file)),
                Err(error) => return Err(error).context(|| format!("cannot lock `{}`", path.display())),
            }
        }
        sign(&mut file, verb).context(|| format!("cannot write `{}`", path.display()))?;
        Ok(Self { file })
    }

    /// The same lock for a process that may outlive this one.
    pub fn duplicate(&self) -> std::io::Result<File> {
        self.file.try_clone()
    }
}

fn sign(file: &mut File, verb: &str) -> std::io::Result<()> {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let holder = Holder { host, pid: std::process::id(), verb: verb.to_owned(), since: clock::now() };
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    serde_json::to_writer(&mut *file, &holder)?;
    file.flush()
}

fn held(file: &mut File) -> Error {
    let mut text = String::new();
    let holder: Option<Holder> = file.read_to_string(&mut text).ok().and_then(|_| serde_json::from_str(&text).ok());
    let who = holder.map_or_else(
        || "another process".to_owned(),
        |holder| format!("`sweep {}` (process {} on {})", holder.verb, holder.pid, holder.host),
    );
    Error::new(Kind::Locked, format!("the store is locked by {who}")).hint("wait until it has ended, then try again")
}
