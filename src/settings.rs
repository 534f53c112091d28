//! Configuration files: where they are, and their profiles.

use std::io;
use std::path::{Path, PathBuf};

use crate::error::Context;
use crate::project::Project;
use crate::slurm::Settings;
use crate::slurm::profile::SettingsFile;
use crate::worker::read_regular;
use crate::{Error, Result};

/// Name of the project's file, at its root.
pub const PROJECT_FILE: &str = "sweep.toml";
/// Below the site's and the user's folders of configuration.
const SHARED_FILE: &str = "sweep/config.toml";
const SITE_FOLDER: &str = "/etc/xdg";
/// Larger than any file that a person writes.
const LARGEST: u64 = 1 << 20;

/// Read the site's, the user's and the project's configuration; a file that is not there is fine.
///
/// # Errors
/// A file cannot be read, or has mistakes.
pub fn load(project: &Project) -> Result<Settings> {
    let mut files = Vec::new();
    for path in places(project) {
        match read_regular(&path, LARGEST) {
            Ok(bytes) => {
                let text = String::from_utf8(bytes).map_err(|_| not_text(&path))?;
                files.push(SettingsFile { name: shown(&path, project), text });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).context(|| format!("cannot read `{}`", path.display())),
        }
    }
    Settings::read(&files)
}

/// From the farthest to the nearest.
fn places(project: &Project) -> Vec<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let user = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")));
    let mut places = vec![Path::new(SITE_FOLDER).join(SHARED_FILE)];
    places.extend(user.map(|folder| folder.join(SHARED_FILE)));
    places.push(project.root().join(PROJECT_FILE));
    places
}

/// A path as errors show it: short where that is clear.
fn shown(path: &Path, project: &Project) -> String {
    path.strip_prefix(project.root()).unwrap_or(path).display().to_string()
}

fn not_text(path: &Path) -> Error {
    Error::usage(format!("`{}` is not UTF-8 text", path.display()))
}
