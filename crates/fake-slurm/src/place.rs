//! Where a fake cluster keeps what it knows.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::{Result, time};

/// The folder of one cluster.
#[derive(Clone)]
pub struct Place {
    folder: PathBuf,
}

impl Place {
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The folder whose `bin` holds the link by which this program was called: as `called` names it, or on the path.
    pub fn of(called: &str, program: &str) -> Result<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let on_path = || std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.exists());
        let link = if called.contains('/') { Some(PathBuf::from(called)) } else { on_path() };
        let link = std::path::absolute(link.ok_or("not found on the path by which it was called")?)?;
        let folder = link.parent().and_then(Path::parent).ok_or("its link lies in no `bin` folder")?;
        Ok(Self::at(folder))
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What belongs to one element: its script, environment, and orders to its runner.
    pub fn spool(&self, own: u64, name: &str) -> PathBuf {
        self.folder.join("spool").join(own.to_string()).join(name)
    }

    /// Held by whoever reads or changes the state or the misbehaviour, until it is dropped.
    pub fn lock(&self) -> Result<File> {
        let file = File::create(self.path("lock"))?;
        file.lock()?;
        Ok(file)
    }

    /// One line a call, for tests that count them.
    pub fn log(&self, program: &str, args: &[String]) -> Result<()> {
        let mut file = File::options().append(true).create(true).open(self.path("calls"))?;
        let words: Vec<String> = args.iter().map(|word| word.replace('\n', "\\n")).collect();
        Ok(file.write_all(format!("{} {program} {}\n", time::now(), words.join(" ")).as_bytes())?)
    }

    /// Replace a file as a whole.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let partial = path.with_extension("partial");
        fs::create_dir_all(path.parent().unwrap_or(path))?;
        fs::write(&partial, bytes)?;
        Ok(fs::rename(&partial, path)?)
    }
}
