//! Reading JSON with the place of a mistake, and writing files so that nobody ever sees half of one.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, Result};

/// Read a whole JSON file.
///
/// # Errors
/// The file cannot be read, or is not the JSON that `T` asks for (with line and column).
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    serde_json::from_slice(&bytes).map_err(|error| Error::syntax(path, &error))
}

/// Write `value` as JSON under a temporary name in the same folder, flush it to disk, then rename it into place.
///
/// # Errors
/// Any step fails; the file at `path` is then what it was before.
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let mut bytes = serde_json::to_vec_pretty(value)
        .map_err(|error| Error::Write { path: path.to_owned(), source: error.into() })?;
    bytes.push(b'\n');
    write_bytes(path, &bytes)
}

/// As [`write_json`], for bytes.
///
/// # Errors
/// Any step fails; the file at `path` is then what it was before.
pub fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    let fail = |source| Error::Write { path: path.to_owned(), source };
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    let temporary = Path::new(&temporary);
    let mut file = File::create(temporary).map_err(fail)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(fail)?;
    fs::rename(temporary, path).map_err(fail)
}
