//! Where things lie in this repository.

use std::path::{Path, PathBuf};

/// The folder of the root package.
pub fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}
