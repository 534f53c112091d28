//! Other people's programs that read what `sweep` writes: Python packages in a folder of their own.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};
use crate::{repo, tool};

/// What is installed.
const REQUIREMENTS: &str = "tests/exchange/requirements.txt";
/// In the folder: the requirements that it was made from.
const STAMP: &str = "requirements.txt";

/// The folder with the packages, made below cargo's own if it is not there.
///
/// # Errors
/// There is no pip, or no network.
pub fn provide(root: &Path) -> Result<PathBuf> {
    let folder = repo::target(root)?.join("python-packages");
    let requirements = root.join(REQUIREMENTS);
    let wanted = fs::read(&requirements).map_err(|error| Failure::io("read", &requirements, &error))?;
    if fs::read(folder.join(STAMP)).is_ok_and(|made| made == wanted) {
        return Ok(folder);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|error| Failure::io("delete", &folder, &error))?;
    }
    let (target, list) = (folder.to_string_lossy(), requirements.to_string_lossy());
    let args = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-cache-dir"];
    let args = [&args[..], &["--target", &target, "--requirement", &list]].concat();
    tool::run("python3", &args, root)?;
    fs::write(folder.join(STAMP), wanted).map_err(|error| Failure::io("write", &folder, &error))?;
    Ok(folder)
}
