//! Who may use a project, whatever the umask of whoever made it: its owner, or a group.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::project::Project;

fn project() -> Project {
    let project = Project::new("name = \"one\"\ncommand = [\"./train\", \"{x}\"]\n[vary]\nx = [1, 2]\n");
    project.script("train", "mkdir deep; echo $1 > deep/value; echo '{\"a\": 1}' > scores.json");
    project
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

/// Everything that `sweep` and its jobs made.
fn made(project: &Project) -> Vec<PathBuf> {
    ["results.db", ".sweep", ".sweep/**/*", "runs", "runs/**/*"]
        .iter()
        .flat_map(|pattern| project.glob(pattern))
        .collect()
}

/// A group that this process is in, by its name.
fn own_group() -> String {
    duct::cmd!("id", "-gn").read().unwrap()
}

#[test]
fn a_project_is_its_owners_alone_however_open_the_umask_is() {
    let project = project();
    let _ = project.sweep_masked("000", &["submit", "grid.toml", "--jobs", "2"]).with(0);
    let store = &project.glob("runs/*")[0];
    for path in ["results.db", ".sweep", ".sweep/journal", ".sweep/lock", "runs"].map(|name| project.path().join(name))
    {
        assert_eq!(mode(&path) & 0o077, 0, "{}", path.display());
    }
    assert_eq!(mode(store) & 0o077, 0);
}

#[test]
fn a_groups_project_is_all_its_members_however_strict_the_umask_is() {
    let project = project();
    let group = own_group();
    let planned = project.sweep_masked("077", &["plan", "grid.toml", "--group", &group]).with(0);
    assert!(planned.err.contains(&format!("for the group `{group}`")), "{}", planned.err);
    // A later command follows what is there.
    let _ = project.sweep_masked("077", &["submit", "--jobs", "2"]).with(0);
    let owner = project.path().metadata().unwrap().gid();
    let all = made(&project);
    assert!(all.iter().any(|path| path.ends_with("deep/value")), "{all:?}");
    for path in all {
        let kept = path.components().any(|part| part.as_os_str() == "content")
            && path.is_file()
            && !path.ends_with("digests.json");
        let (needed, mode) = (
            if kept {
                0o040
            } else if path.is_dir() {
                0o2070
            } else {
                0o060
            },
            mode(&path),
        );
        assert_eq!((mode & needed, mode & 0o007), (needed, 0), "{}: {mode:o}", path.display());
        assert_eq!(path.metadata().unwrap().gid(), owner, "{}", path.display());
    }
}

#[test]
fn a_group_is_named_when_a_project_is_made_and_must_exist() {
    let project = project();
    let refused = project.sweep(&["plan", "grid.toml", "--group", "no-such-group-here"]).with(2);
    assert!(refused.err.contains("there is no group `no-such-group-here`"), "{}", refused.err);
    assert!(!project.path().join(".sweep").exists());
    let _ = project.sweep(&["plan", "grid.toml"]).with(0);
    let refused = project.sweep(&["plan", "grid.toml", "--group", &own_group()]).with(2);
    assert!(refused.err.contains("`--group` is for a new project"), "{}", refused.err);
    assert_eq!(mode(&project.path().join(".sweep")) & 0o077, 0);
}
