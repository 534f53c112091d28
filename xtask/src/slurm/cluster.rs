//! One cluster: its folder, what was settled when it was made, and the lock that one command at a time holds.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::config::Settings;
use crate::failure::{Failure, Result};

/// A Unix socket's path ends after 107 bytes; slurmstepd's is the longest one: `spool/n1/n1_<job>.<step>`.
const LONGEST_FOLDER: usize = 107 - "/spool/n1/n1_4294967295.4294967295".len();

/// What one command makes below the folder, in the order in which `down` removes it; `log` stays.
const PARTS: [&str; 10] =
    ["db", "db.partial", "munge", "run", "spool", "state", "slurm.conf", "slurmdbd.conf", "gres.conf", SETTINGS];
/// Written first and removed last: a folder without it is not ours.
const SETTINGS: &str = "cluster.json";

/// A cluster that may or may not exist; its folder is absolute, and short and plain enough for Slurm.
pub struct Cluster {
    folder: PathBuf,
}

impl Cluster {
    pub fn at(folder: &Path) -> Result<Self> {
        let folder = std::path::absolute(folder).map_err(|error| Failure::io("find", folder, &error))?;
        // `x/..` would make two names for one cluster; a folder that is not there yet has a parent that is.
        let folder = fs::canonicalize(&folder).unwrap_or(folder);
        let text = folder.to_string_lossy();
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._+-".contains(c);
        if text.len() > LONGEST_FOLDER || !text.chars().all(is_plain) {
            let rule = format!("at most {LONGEST_FOLDER} characters, each a letter, a digit or one of `/._+-`");
            return Err(Failure::new(format!("Slurm cannot live in `{text}`: a folder for it has {rule}"))
                .hint("name another folder with `--at`"));
        }
        Ok(Self { folder })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn path(&self, part: &str) -> PathBuf {
        self.folder.join(part)
    }

    /// The same as text; the folder's letters are plain.
    pub fn text(&self, part: &str) -> String {
        self.path(part).to_string_lossy().into_owned()
    }

    /// The variable by which Slurm's own programs find this cluster.
    pub fn client(&self) -> (&'static str, String) {
        ("SLURM_CONF", self.text("slurm.conf"))
    }

    pub fn export(&self) -> String {
        let (name, value) = self.client();
        format!("export {name}={value}")
    }

    /// Two commands at once would tread on each other: the second waits.
    pub fn lock(&self) -> Result<File> {
        // Beside the folder, which `down` empties.
        let mut path = self.folder.clone().into_os_string();
        path.push(".lock");
        let path = PathBuf::from(path);
        let held = || {
            fs::create_dir_all(path.parent().unwrap_or(&path))?;
            let file = File::create(&path)?;
            file.lock()?;
            Ok(file)
        };
        held().map_err(|error| Failure::io("lock", &path, &error))
    }

    /// What was settled when it was made, if it was.
    pub fn settings(&self) -> Result<Option<Settings>> {
        let path = self.path(SETTINGS);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(|error| Failure::io("read", &path, &error))?,
        };
        let settings = serde_json::from_str(&text);
        settings.map(Some).map_err(|error| {
            Failure::new(format!("cannot read `{}`: {error}", path.display())).hint(
                "another version wrote it: take its cluster down with that one, or name another folder with `--at`",
            )
        })
    }

    /// Make this folder a cluster's.
    pub fn settle(&self, settings: &Settings) -> Result<()> {
        self.refuse_foreign()?;
        self.create("")?;
        let text = serde_json::to_string_pretty(settings).map_err(|error| Failure::new(error.to_string()))?;
        self.write(SETTINGS, &(text + "\n"), 0o644)
    }

    /// `down` removes names like `db`: never where they could be somebody's own.
    fn refuse_foreign(&self) -> Result<()> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten();
        let foreign = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).find(|name| name != "log");
        foreign.map_or(Ok(()), |name| {
            Err(Failure::new(format!("`{}` holds `{name}`, which no cluster made", self.folder.display()))
                .hint("name a folder that is empty or not there yet"))
        })
    }

    /// Make the folder `part` (or, for "", the cluster's own) where it is not there. Users reach the socket of munge and
    /// `slurm.conf` through it, whatever our umask.
    pub fn create(&self, part: &str) -> Result<PathBuf> {
        let folder = if part.is_empty() { self.folder.clone() } else { self.path(part) };
        let create = || {
            fs::create_dir_all(&folder)?;
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))
        };
        create().map_err(|error| Failure::io("create", &folder, &error))?;
        Ok(folder)
    }

    /// Write the file `part` whole or not at all.
    pub fn write(&self, part: &str, bytes: impl AsRef<[u8]>, mode: u32) -> Result<()> {
        let (path, partial) = (self.path(part), self.path(&format!("{part}.partial")));
        let write = || {
            let mut file = File::options().write(true).create(true).truncate(true).mode(mode).open(&partial)?;
            file.set_permissions(fs::Permissions::from_mode(mode))?;
            file.write_all(bytes.as_ref())?;
            fs::rename(&partial, &path)
        };
        write().map_err(|error| Failure::io("write", &path, &error))
    }

    /// Remove the cluster from the disk, except its logs.
    pub fn remove(&self) -> Result<()> {
        for part in PARTS {
            let path = self.path(part);
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            match removed {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Failure::io("remove", &path, &error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slurm::config::example;

    #[test]
    fn a_folder_is_refused_where_slurm_could_not_live() {
        let refuse = |folder: &str| Cluster::at(Path::new(folder)).err().map(|failure| failure.to_string());
        assert_eq!(refuse("/somewhere/.slurm"), None);
        assert!(refuse("/some where").is_some_and(|text| text.contains("Slurm cannot live in `/some where`")));
        assert!(refuse(&format!("/{}", "x".repeat(LONGEST_FOLDER - 1))).is_none());
        assert!(refuse(&format!("/{}", "x".repeat(LONGEST_FOLDER))).is_some());
    }

    #[test]
    fn settings_are_read_as_written_and_go_with_the_cluster() {
        let folder = tempfile::tempdir().expect("a folder");
        let cluster = Cluster::at(&folder.path().join("c")).expect("a plain name");
        assert!(cluster.settings().expect("nothing to read").is_none());
        cluster.settle(&example()).expect("a fresh folder");
        assert_eq!(cluster.settings().expect("readable"), Some(example()));
        cluster.create("log").expect("a folder");
        cluster.remove().expect("ours");
        let left: Vec<_> = fs::read_dir(cluster.folder()).expect("a folder").map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, ["log"]);
        cluster.settle(&example()).expect("logs are no hindrance");
    }

    #[test]
    fn a_folder_with_something_else_in_it_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("db"), "mine").expect("written");
        let cluster = Cluster::at(folder.path()).expect("a plain name");
        let failure = cluster.settle(&example()).expect_err("not ours").to_string();
        assert!(failure.contains("holds `db`, which no cluster made"), "{failure}");
    }
}
