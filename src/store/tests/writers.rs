use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use super::*;
use crate::error::Kind;
use crate::project::Created;
use crate::store::journal::{self, Fact, Journal};

#[test]
fn a_second_writer_is_told_who_holds_the_store() {
    let fixture = Fixture::new();
    let held = fixture.writer();
    let error = Store::open_for_writing_within(&fixture.project, "import", Duration::ZERO).unwrap_err();
    assert_eq!(error.kind(), Kind::Locked);
    let expected = format!("the store is locked by `sweep test` (process {} on ", std::process::id());
    assert!(error.message().starts_with(&expected), "{error}");
    drop(held);
    Store::open_for_writing_within(&fixture.project, "import", Duration::ZERO).unwrap();
}

#[test]
fn readers_read_while_somebody_writes() {
    let fixture = Fixture::new();
    let _held = fixture.writer();
    assert_eq!(fixture.reader().ledger(&fixture.plan).unwrap().tasks.len(), fixture.plan.tasks.len());
}

#[test]
fn many_writers_lose_nothing() {
    let fixture = Fixture::new();
    std::thread::scope(|scope| {
        for index in 0..fixture.plan.tasks.len() {
            let fixture = &fixture;
            scope.spawn(move || {
                let patience = Duration::from_secs(600);
                let mut store = Store::open_for_writing_within(&fixture.project, "collect", patience).unwrap();
                store.record_results(&[succeeded(&fixture.project, fixture.task(index), 1)]).unwrap();
            });
        }
    });
    let ledger = fixture.reader().ledger(&fixture.plan).unwrap();
    assert!(fixture.plan.tasks.iter().all(|task| ledger.has_succeeded(&task.id)));
}

#[test]
fn a_reader_cannot_write() {
    let fixture = Fixture::new();
    let error = fixture.reader().record_cancellation(&[fixture.task(0)]).unwrap_err();
    assert!(error.message().ends_with("is open for reading"), "{error}");
    assert!(fixture.reader().record_results(&[succeeded(&fixture.project, fixture.task(0), 1)]).is_err());
}

#[test]
fn a_fact_that_reached_the_journal_alone_is_brought_in_by_the_next_writer() {
    let fixture = Fixture::new();
    let task = fixture.task(0);
    let folder = fixture.project.journal_folder();
    let mut journal = Journal::after(&folder, &journal::read(&folder).unwrap()).unwrap();
    journal.append(5.0, Fact::Cancellation { tasks: vec![task.to_string()] }).unwrap();
    let before = fixture.reader().ledger(&fixture.plan).unwrap();
    drop(fixture.writer());
    let after = fixture.reader().ledger(&fixture.plan).unwrap();
    assert_ne!(before.get(&task).unwrap().state, after.get(&task).unwrap().state);
}

#[test]
fn a_journal_torn_at_any_byte_loses_no_earlier_fact() {
    let fixture = Fixture::new();
    let file = fixture.project.journal_folder().join("000001.jsonl");
    let whole = std::fs::read(&file).unwrap();
    fixture.writer().record_cancellation(&[fixture.task(0)]).unwrap();
    let longer = std::fs::read(&file).unwrap();
    for length in whole.len()..longer.len() {
        std::fs::write(&file, &longer[..length]).unwrap();
        let contents = journal::read(&fixture.project.journal_folder()).unwrap();
        assert_eq!(contents.entries.len(), 1, "{length}");
        assert_eq!(contents.torn.len(), usize::from(length > whole.len()), "{length}");
    }
}

#[test]
fn after_a_torn_line_the_journal_goes_on_in_a_new_file() {
    let fixture = Fixture::new();
    let folder = fixture.project.journal_folder();
    let file = folder.join("000001.jsonl");
    let mut torn = std::fs::read(&file).unwrap();
    torn.extend_from_slice(b"{\"position\":2,\"rec");
    std::fs::write(&file, &torn).unwrap();
    fixture.writer().record_cancellation(&[fixture.task(0)]).unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), torn);
    assert!(folder.join("000002.jsonl").exists());
    let contents = journal::read(&folder).unwrap();
    assert_eq!((contents.entries.len(), contents.torn.len()), (2, 1));
    fixture.writer().record_cancellation(&[fixture.task(1)]).unwrap();
    assert_eq!(journal::read(&folder).unwrap().entries.len(), 3);
}

#[test]
fn a_journal_line_that_was_changed_is_an_error_with_its_place() {
    let fixture = Fixture::new();
    fixture.writer().record_cancellation(&[fixture.task(0)]).unwrap();
    let file = fixture.project.journal_folder().join("000001.jsonl");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replacen("\"position\":1", "\"position\":4", 1)).unwrap();
    let error = Store::open_for_writing(&fixture.project, "test").unwrap_err();
    assert!(
        error.message().ends_with("000001.jsonl:1: the journal is damaged: position 4 stands where 1 should"),
        "{error}"
    );
}

#[test]
fn a_journal_that_is_behind_the_database_is_not_written_to() {
    let fixture = Fixture::new();
    std::fs::remove_file(fixture.project.journal_folder().join("000001.jsonl")).unwrap();
    let error = Store::open_for_writing(&fixture.project, "test").unwrap_err();
    assert!(error.message().contains("ends at fact 0"), "{error}");
    assert!(!fixture.reader().ledger(&fixture.plan).unwrap().tasks.is_empty());
}

#[test]
fn only_the_owner_reads_a_project() {
    let fixture = Fixture::new();
    let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(fixture.project.state_folder()), 0o700);
    assert_eq!(mode(fixture.project.journal_folder()), 0o700);
    assert_eq!(mode(fixture.project.database()), 0o600);
    assert_eq!(mode(fixture.project.journal_folder().join("000001.jsonl")), 0o600);
}

#[test]
fn a_project_is_found_from_below_and_made_once() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("a/b");
    std::fs::create_dir_all(&below).unwrap();
    assert_eq!(Project::find(&below).unwrap(), None);
    let (made, created) = Project::find_or_create(folder.path()).unwrap();
    assert_eq!(created, Created::New);
    assert_eq!(Project::find_or_create(&below).unwrap(), (made.clone(), Created::Existing));
    let task = TaskId([0xab; 16]);
    let expected = made.root().join("runs").join(made.store_id().to_string()).join("tasks/ab").join(task.to_string());
    assert_eq!(made.task_folder(&task), expected);
}

#[test]
fn a_database_that_somebody_sent_can_be_read_without_its_journal() {
    let fixture = Fixture::new();
    fixture.writer().record_results(&[succeeded(&fixture.project, fixture.task(0), 1)]).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::copy(fixture.project.database(), elsewhere.path().join("results.db")).unwrap();
    let project = Project::find(elsewhere.path()).unwrap().unwrap();
    assert_eq!(project.store_id(), fixture.project.store_id());
    assert_eq!(Store::open(&project).unwrap().observations(&fixture.plan).unwrap().len(), 1);
}
