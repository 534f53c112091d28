//! Where things lie in this repository.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::failure::{Failure, Result};
use crate::tool;

/// The folder of the root package.
pub fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}

/// What cargo knows of the workspace: packages, their targets, the target folder.
pub fn metadata(root: &Path) -> Result<Value> {
    let json = tool::read("cargo", &["metadata", "--no-deps", "--format-version", "1"], root)?;
    serde_json::from_str(&json).map_err(|error| Failure::new(format!("cannot read `cargo metadata`: {error}")))
}

/// Where cargo puts what it builds.
pub fn target(root: &Path) -> Result<PathBuf> {
    let metadata = metadata(root)?;
    let folder = metadata["target_directory"].as_str();
    folder.map(PathBuf::from).ok_or_else(|| Failure::new("`cargo metadata` names no target folder"))
}

/// Build every program of the workspace that is measured or run, optimised.
///
/// Always the same packages: cargo unifies features over what is selected, and another selection builds polars anew.
pub fn build_release(root: &Path) -> Result<()> {
    tool::run("cargo", &["build", "--release", "-p", "sweep", "-p", "vpit", "-p", "bench"], root)
}
