//! Digests of large files, remembered: libtorch has 440 MB, and every submission asks for it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use runfile::files;

use crate::Result;
use crate::error::Context;

/// Smaller files are digested as fast as they are looked up.
const WORTH_REMEMBERING: u64 = 1 << 20;

/// Digests by what the file system says of a file: device, inode, size and times of change.
#[derive(Debug)]
pub struct Digests {
    path: PathBuf,
    known: BTreeMap<String, String>,
    grown: bool,
}

impl Digests {
    /// Read what is remembered at `path`; a file that is missing or damaged means that nothing is.
    #[must_use]
    pub fn open(path: PathBuf) -> Self {
        let known = files::read_json(&path).unwrap_or_default();
        Self { path, known, grown: false }
    }

    /// The BLAKE3 digest of the file at `path`, in hexadecimal.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn of(&mut self, path: &Path) -> Result<String> {
        let about = || format!("cannot digest `{}`", path.display());
        let metadata = fs::metadata(path).context(about)?;
        // The time of change, unlike that of modification, cannot be set by hand.
        let key = format!(
            "{}:{}:{}:{}.{}:{}.{}",
            metadata.dev(),
            metadata.ino(),
            metadata.size(),
            metadata.mtime(),
            metadata.mtime_nsec(),
            metadata.ctime(),
            metadata.ctime_nsec()
        );
        if let Some(digest) = self.known.get(&key) {
            return Ok(digest.clone());
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(File::open(path).context(about)?).context(about)?;
        let digest = hasher.finalize().to_hex().to_string();
        if metadata.size() >= WORTH_REMEMBERING {
            self.known.insert(key, digest.clone());
            self.grown = true;
        }
        Ok(digest)
    }

    /// Remember for the next time.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self) -> Result<()> {
        if !self.grown {
            return Ok(());
        }
        files::write_json(&self.path, &self.known).context(|| "cannot remember digests".to_owned())
    }
}
