//! A store that is newer, damaged, gone or older than its journal: an error that says what to do, and nothing lost.

use std::fs;

use crate::project::Project;

/// Every verb that opens the store.
const VERBS: [&[&str]; 8] = [
    &["status"],
    &["report"],
    &["collect"],
    &["submit"],
    &["gc"],
    &["db", "check"],
    &["explain", "x=1"],
    &["plan", "grid.toml"],
];

/// Two tasks that have succeeded.
fn finished() -> Project {
    let project = Project::new("name = \"one\"\ncommand = [\"./train\", \"{x}\"]\n[vary]\nx = [1, 2]\n");
    project.script("train", "echo \"{\\\"a\\\": $1}\" > scores.json");
    let _ = project.run().with(0);
    project
}

fn database(project: &Project) -> Vec<u8> {
    fs::read(project.path().join("results.db")).unwrap()
}

fn put_database(project: &Project, bytes: &[u8]) {
    fs::write(project.path().join("results.db"), bytes).unwrap();
}

#[test]
fn a_store_of_a_newer_version_is_left_alone_by_every_verb() {
    let project = finished();
    let mut newer = database(&project);
    // SQLite keeps the version that a program gave its schema at byte 60.
    newer[60..64].copy_from_slice(&99_u32.to_be_bytes());
    put_database(&project, &newer);
    for verb in VERBS.into_iter().chain([&["db", "rebuild"][..], &["db", "migrate"]]) {
        let ended = project.sweep(verb).with(1);
        assert!(ended.err.contains("results.db` has version 99, this program knows"), "{verb:?}: {}", ended.err);
        assert!(ended.err.contains("hint: use the newer `sweep`"), "{verb:?}: {}", ended.err);
    }
    assert_eq!(database(&project), newer);
}

#[test]
fn a_damaged_store_names_the_way_out_and_the_way_out_works() {
    let project = finished();
    let (whole, status) = (database(&project), project.status());
    let mut scrambled = whole.clone();
    scrambled[5000..9000].iter_mut().for_each(|byte| *byte ^= 0x5a);
    for damaged in [&whole[..whole.len() / 2], &whole[..50], &b""[..], b"not a database at all", &scrambled] {
        put_database(&project, damaged);
        for verb in VERBS {
            let ended = project.sweep(verb).with(1);
            assert!(ended.err.contains("results.db` is damaged: "), "{verb:?}: {}", ended.err);
            assert!(ended.err.contains("hint: `sweep db rebuild`"), "{verb:?}: {}", ended.err);
            assert_eq!(ended.err.lines().count(), 2, "{verb:?}: {}", ended.err);
        }
        assert_eq!(database(&project), damaged, "nobody writes into a damaged store");
        let rebuilt = project.sweep(&["db", "rebuild"]).with(0);
        assert!(rebuilt.out.contains("2 attempts in task folders"), "{}", rebuilt.out);
        assert!(rebuilt.out.contains("the old one is kept as"), "{}", rebuilt.out);
        assert_eq!(project.status(), status);
    }
}

#[test]
fn a_store_that_is_gone_is_not_made_anew_over_its_task_folders() {
    let project = finished();
    let status = project.status();
    fs::remove_file(project.path().join("results.db")).unwrap();
    for verb in VERBS {
        let ended = project.sweep(verb).with(1);
        assert!(ended.err.contains("is missing, while its journal or its task folders exist"), "{}", ended.err);
        assert!(ended.err.contains("hint: `sweep db rebuild`"), "{}", ended.err);
    }
    assert!(!project.path().join("results.db").exists());
    let _ = project.sweep(&["db", "rebuild"]).with(0);
    assert_eq!(project.status(), status);
}

#[test]
fn a_store_from_before_everything_says_that_it_is_old_and_catches_up() {
    let project = Project::new("name = \"one\"\ncommand = [\"./train\", \"{x}\"]\n[vary]\nx = [1, 2]\n");
    project.script("train", "echo '{\"a\": 1}' > scores.json");
    let _ = project.sweep(&["plan", "grid.toml"]).with(0);
    // A store of the same project in which nothing was planned yet.
    let store = project.read(".sweep/project.json");
    let empty = Project::new("");
    empty.write(".sweep/project.json", &store);
    let _ = empty.sweep(&["collect"]).with(2);
    let empty = database(&empty);

    let _ = project.run().with(0);
    let status = project.status();
    put_database(&project, &empty);
    for verb in [&["status"][..], &["report"], &["explain", "x=1"], &["submit", "--dry-run"]] {
        let ended = project.sweep(verb).with(1);
        assert!(ended.err.contains("is older than its journal"), "{verb:?}: {}", ended.err);
        assert!(ended.err.contains("hint: `sweep collect`"), "{verb:?}: {}", ended.err);
    }
    assert!(project.sweep(&["collect"]).with(0).out.starts_with("2 new attempts with 2 scores"));
    assert_eq!(project.status(), status);
}
