//! Models that are kept on the way, for stages that look at a training before its end.
//!
//! Until the training is done they lie beside its checkpoint, so that an attempt which goes on with it takes them along.

use std::io;
use std::path::{Path, PathBuf};

/// A share of a training, `25%`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point(u64);

const FOLDER: &str = "points";

impl Point {
    /// The step of `steps` after which it is reached.
    #[must_use]
    pub const fn step(self, steps: u64) -> u64 {
        (steps * self.0).div_ceil(100)
    }

    /// Where the model lies as it was then, below a training's results or its checkpoint.
    #[must_use]
    pub fn folder(self, below: &Path) -> PathBuf {
        below.join(FOLDER).join(self.to_string())
    }
}

impl std::str::FromStr for Point {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let percent = text.strip_suffix('%').and_then(|number| number.parse().ok());
        let percent = percent.filter(|percent| (1..100).contains(percent));
        percent.map(Self).ok_or_else(|| format!("`{text}` is no point of a training such as `25%`"))
    }
}

impl std::fmt::Display for Point {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}%", self.0)
    }
}

/// Let the checkpoint `to` have all points of the checkpoint `from`, which stays as it is.
///
/// # Errors
/// A file cannot be read or written; the path is the one that could not.
pub fn take_along(from: &Path, to: &Path) -> Result<(), (PathBuf, io::Error)> {
    let points = from.join(FOLDER);
    if from == to || !points.exists() {
        return Ok(());
    }
    link(&points, &to.join(FOLDER))
}

/// The same files in another folder, without their bytes where the file system can.
fn link(from: &Path, to: &Path) -> Result<(), (PathBuf, io::Error)> {
    std::fs::create_dir_all(to).map_err(at(to))?;
    for entry in std::fs::read_dir(from).map_err(at(from))? {
        let entry = entry.map_err(at(from))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            link(&source, &target)?;
        } else if !target.exists() {
            let linked = std::fs::hard_link(&source, &target);
            linked.or_else(|_| std::fs::copy(&source, &target).map(drop)).map_err(at(&target))?;
        }
    }
    Ok(())
}

/// Make the points of a training that is done a part of its results.
///
/// # Errors
/// A folder cannot be moved; the path is the one that could not.
pub fn hand_over(checkpoint: &Path, results: &Path) -> Result<(), (PathBuf, io::Error)> {
    let (points, results) = (checkpoint.join(FOLDER), results.join(FOLDER));
    if !points.exists() {
        return Ok(());
    }
    std::fs::create_dir_all(&results).map_err(at(&results))?;
    for entry in std::fs::read_dir(&points).map_err(at(&points))? {
        let entry = entry.map_err(at(&points))?;
        let target = results.join(entry.file_name());
        // Of a training that was done before and went on again.
        if target.exists() {
            std::fs::remove_dir_all(&target).map_err(at(&target))?;
        }
        std::fs::rename(entry.path(), &target).map_err(at(&target))?;
    }
    std::fs::remove_dir(&points).map_err(at(&points))
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> (PathBuf, io::Error) {
    let path = path.to_owned();
    move |error| (path, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_a_share_in_whole_percent_and_the_first_step_that_reaches_it() {
        let point: Point = "25%".parse().unwrap();
        assert_eq!([1, 4, 20, 101].map(|steps| point.step(steps)), [1, 1, 5, 26]);
        assert_eq!(point.folder(Path::new("/a")), Path::new("/a/points/25%"));
        for text in ["25", "0%", "100%", "1.5%", "%", "last"] {
            assert!(text.parse::<Point>().unwrap_err().contains("no point"), "{text}");
        }
    }

    #[test]
    fn points_go_along_with_a_checkpoint_and_in_the_end_to_the_results() {
        let folder = tempfile::tempdir().unwrap();
        let [first, second, results] = ["first", "second", "results"].map(|name| folder.path().join(name));
        take_along(&first, &second).unwrap();
        assert!(!second.exists());
        std::fs::create_dir_all(first.join("points/25%")).unwrap();
        std::fs::write(first.join("points/25%/a"), "1").unwrap();
        take_along(&first, &second).unwrap();
        take_along(&first, &second).unwrap();
        std::fs::remove_dir_all(&first).unwrap();
        std::fs::create_dir_all(results.join("points/25%/older")).unwrap();
        hand_over(&second, &results).unwrap();
        hand_over(&second, &results).unwrap();
        assert!(!results.join("points/25%/older").exists());
        assert_eq!(std::fs::read_to_string(results.join("points/25%/a")).unwrap(), "1");
    }
}
