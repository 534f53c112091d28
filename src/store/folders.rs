//! Task folders as the store finds them on disk.

use std::fs::{self, DirEntry};
use std::io;
use std::path::PathBuf;

use crate::Result;
use crate::error::Context;
use crate::id::TaskId;
use crate::project::Project;

/// A folder that bears the name of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TaskFolder {
    pub task: TaskId,
    pub path: PathBuf,
}

/// Every task folder of the project, in order of task. What has another name is not ours and passed over.
pub(super) fn task_folders(project: &Project) -> Result<Vec<TaskFolder>> {
    let root = project.tasks_folder();
    let mut folders = Vec::new();
    for outer in entries(&root).context(|| format!("cannot read `{}`", root.display()))? {
        let path = outer.path();
        for entry in entries(&path).context(|| format!("cannot read `{}`", path.display()))? {
            let task = entry.file_name().to_str().and_then(|name| name.parse().ok());
            folders.extend(task.map(|task| TaskFolder { task, path: entry.path() }));
        }
    }
    folders.sort_unstable_by_key(|folder| folder.task);
    Ok(folders)
}

/// The folders in a folder, itself not followed if it is a link; none if it does not exist.
fn entries(path: &std::path::Path) -> io::Result<Vec<DirEntry>> {
    let listed = match fs::read_dir(path) {
        Ok(listed) => listed,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut folders = Vec::new();
    for entry in listed {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry);
        }
    }
    Ok(folders)
}

/// Folder of a task's attempts, each named by its number.
const ATTEMPTS: &str = "attempts";

/// The largest number of an attempt in a task's folder; 0 if there is none.
pub(super) fn last_attempt(folder: &std::path::Path) -> io::Result<u32> {
    let numbers = entries(&folder.join(ATTEMPTS))?;
    Ok(numbers.iter().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).max().unwrap_or(0))
}
