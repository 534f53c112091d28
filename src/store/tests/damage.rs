use std::fs;

use super::*;

fn refused(project: &Project) -> Error {
    let before = fs::read(project.database()).ok();
    let reading = Store::open(project).unwrap_err();
    let writing = Store::open_for_writing(project, "test").unwrap_err();
    assert_eq!(reading.message(), writing.message());
    assert_eq!(fs::read(project.database()).ok(), before, "what is refused is not touched");
    writing
}

fn names_the_repair(error: &Error) -> bool {
    error.hints().iter().any(|hint| hint.contains("`sweep db rebuild`"))
}

#[test]
fn a_store_of_a_newer_version_is_refused_and_not_touched() {
    let fixture = Fixture::new();
    let path = fixture.project.database();
    let mut bytes = fs::read(&path).unwrap();
    bytes[60..64].copy_from_slice(&99_u32.to_be_bytes());
    fs::write(&path, bytes).unwrap();
    let error = refused(&fixture.project);
    assert!(error.message().ends_with("has version 99, this program knows 5"), "{error}");
    assert!(!names_the_repair(&error), "a rebuild would throw the newer store away");
}

#[test]
fn a_file_that_is_not_a_store_is_refused_with_the_repair() {
    let cases: [(&[u8], &str); 3] = [
        (b"", "it is shorter than a database's header"),
        (&[b'#'; 200], "it is not an SQLite database"),
        (b"SQLite format 3\0", "it is shorter than a database's header"),
    ];
    for (bytes, reason) in cases {
        let fixture = Fixture::new();
        fs::write(fixture.project.database(), bytes).unwrap();
        let error = refused(&fixture.project);
        assert!(error.message().ends_with(&format!("is damaged: {reason}")), "{error}");
        assert!(names_the_repair(&error));
    }
}

#[test]
fn a_database_of_another_program_is_refused() {
    let fixture = Fixture::new();
    let path = fixture.project.database();
    let mut bytes = fs::read(&path).unwrap();
    bytes[68..72].copy_from_slice(&0_u32.to_be_bytes());
    fs::write(&path, bytes).unwrap();
    assert!(refused(&fixture.project).message().ends_with("it is a database of another program"));
}

#[test]
fn a_store_truncated_at_any_page_is_refused() {
    let fixture = Fixture::new();
    let path = fixture.project.database();
    let whole = fs::read(&path).unwrap();
    for length in (0..whole.len()).step_by(4096) {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(names_the_repair(&refused(&fixture.project)), "{length}");
    }
}

#[test]
fn a_page_that_is_overwritten_is_found_before_use() {
    let fixture = Fixture::new();
    let path = fixture.project.database();
    let whole = fs::read(&path).unwrap();
    let page_bytes = usize::from(u16::from_be_bytes([whole[16], whole[17]]));
    let pages = whole.len() / page_bytes;
    assert!(pages > 10);
    // The first page holds the header, which has tests of its own.
    for page in 1..pages {
        let mut bytes = whole.clone();
        bytes[page * page_bytes..page * page_bytes + 16].fill(0xff);
        fs::write(&path, bytes).unwrap();
        assert!(names_the_repair(&refused(&fixture.project)), "page {page}");
    }
}

#[test]
fn a_missing_store_is_not_made_anew_while_its_journal_exists() {
    let fixture = Fixture::new();
    fs::remove_file(fixture.project.database()).unwrap();
    let error = refused(&fixture.project);
    assert!(error.message().ends_with("is missing, while its journal or its task folders exist"), "{error}");
    assert!(names_the_repair(&error));
}

#[test]
fn a_missing_store_is_not_made_anew_while_task_folders_exist() {
    let folder = tempfile::tempdir().unwrap();
    let (project, _) = Project::find_or_create(folder.path()).unwrap();
    fs::create_dir_all(project.task_folder(&TaskId([1; 16]))).unwrap();
    assert!(names_the_repair(&refused(&project)));
}

#[test]
fn a_project_without_a_plan_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let (project, _) = Project::find_or_create(folder.path()).unwrap();
    let error = Store::open(&project).unwrap_err();
    assert!(error.message().ends_with("nothing was planned here yet"), "{error}");
}

#[test]
fn a_store_of_another_project_is_refused() {
    let (one, other) = (Fixture::new(), Fixture::new());
    fs::copy(one.project.database(), other.project.database()).unwrap();
    assert!(refused(&other.project).message().contains("belongs to another store"));
}
