use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::store::{Import, ImportedScore, rebuild};

/// Something that happens to a store.
#[derive(Debug, Clone)]
enum Event {
    Plan(usize),
    Ended { task: usize, attempt: u32, good: bool, value: f64 },
    Import { run: usize, source: usize, value: f64, replace: bool },
    Submission { task: usize },
    Cancellation { task: usize },
    Pin { run: usize },
    Unpin { run: usize },
    Deletion { task: usize },
}

fn event() -> impl Strategy<Value = Event> {
    let value = prop_oneof![any::<f64>(), Just(f64::NAN), Just(f64::INFINITY)];
    prop_oneof![
        (0..3_usize).prop_map(Event::Plan),
        (0..8_usize, 1..4_u32, any::<bool>(), value).prop_map(|(task, attempt, good, value)| Event::Ended {
            task,
            attempt,
            good,
            value
        }),
        (0..4_usize, 0..2_usize, -1e3..1e3_f64, any::<bool>())
            .prop_map(|(run, source, value, replace)| Event::Import { run, source, value, replace }),
        (0..8_usize).prop_map(|task| Event::Submission { task }),
        (0..8_usize).prop_map(|task| Event::Cancellation { task }),
        (0..4_usize).prop_map(|run| Event::Pin { run }),
        (0..4_usize).prop_map(|run| Event::Unpin { run }),
        (0..8_usize).prop_map(|task| Event::Deletion { task }),
    ]
}

fn happen(fixture: &Fixture, folders: &mut Folders, store: &mut Store, event: &Event, number: usize) {
    match *event {
        Event::Plan(width) => {
            let sweep = sweep(&SWEEP.replace("[64, 128]", ["[64]", "[64, 128]", "[64, 128, 256]"][width]));
            store.record_plan(&sweep, &plan(&sweep)).unwrap();
        }
        Event::Ended { task, attempt, good, value } => {
            let task = fixture.task(task);
            let mut collected = match good {
                true => succeeded(&fixture.project, task, attempt),
                false => failed(&fixture.project, task, attempt, FailureReason::ExitCode),
            };
            collected.series = series(&[("loss", 1, value), ("loss", 2, 0.5)]);
            // A folder holds one outcome an attempt, and one success a task.
            let ingested = store.record_results(std::slice::from_ref(&collected)).unwrap();
            if ingested.attempts == 1 {
                folders.add(&fixture.project, &collected);
            }
        }
        Event::Import { run, source, value, replace } => {
            let score = ImportedScore {
                run: fixture.plan.runs[run].to_string(),
                metric: "fid".to_owned(),
                benchmark: String::new(),
                value,
                line: 2,
                note: None,
                ..ImportedScore::default()
            };
            let (name, digest) = (["a", "b"][source].to_owned(), format!("{number:032x}"));
            let source = ["Table 5", "Table 6"][source].to_owned();
            // That a source contradicts itself is an error that leaves no trace.
            let _ = store.record_import(&Import {
                name,
                file: "a.csv".into(),
                digest,
                source,
                replace,
                scores: vec![score],
            });
        }
        Event::Submission { task } => {
            store.record_submission(&format!("token-{number}"), "local", &[fixture.task(task)]).unwrap();
        }
        Event::Cancellation { task } => store.record_cancellation(&[fixture.task(task)]).unwrap(),
        Event::Pin { run } => store.pin(&fixture.plan.runs[run]).unwrap(),
        Event::Unpin { run } => store.unpin(&fixture.plan.runs[run]).unwrap(),
        // Garbage is chosen among what the store knows, so that no deletion comes before its attempt.
        Event::Deletion { task } if !folders.hold(fixture.task(task), 1) => {}
        Event::Deletion { task } => {
            store.record_deletion(&fixture.task(task), 1, vec!["weights.safetensors".into()]).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_rebuilt_store_equals_the_one_that_grew(events in prop::collection::vec(event(), 1..16)) {
        let fixture = Fixture::new();
        let mut folders = Folders::default();
        let mut store = fixture.writer();
        for (number, event) in events.iter().enumerate() {
            happen(&fixture, &mut folders, &mut store, event, number);
        }
        drop(store);
        let grown = fixture.dump();
        let rebuilt = rebuild(&fixture.project, Duration::ZERO, |stage, task, folder, known| {
            folders.read(stage, task, folder, known)
        }).unwrap();
        prop_assert_eq!(rebuilt.problems, Vec::<String>::new());
        prop_assert_eq!(fixture.dump(), grown);
    }
}

#[test]
fn a_rebuild_keeps_the_old_file_and_goes_on_from_the_new_one() {
    let fixture = Fixture::new();
    let mut folders = Folders::default();
    let collected = succeeded(&fixture.project, fixture.task(0), 1);
    folders.add(&fixture.project, &collected);
    fixture.writer().record_results(&[collected]).unwrap();
    let grown = fixture.dump();
    std::fs::write(fixture.project.database(), b"garbage").unwrap();
    let read = |stage: &str, task: TaskId, folder: &Path, known: u32| folders.read(stage, task, folder, known);
    let rebuilt = rebuild(&fixture.project, Duration::ZERO, read).unwrap();
    assert_eq!((rebuilt.facts, rebuilt.attempts), (1, 1));
    assert_eq!(std::fs::read(rebuilt.kept.unwrap()).unwrap(), b"garbage");
    assert_eq!(fixture.dump(), grown);
    fixture.writer().record_cancellation(&[fixture.task(1)]).unwrap();
    let checked = fixture.reader().check(read).unwrap();
    assert_eq!((checked.problems, checked.notes), (Vec::new(), Vec::new()));
}

#[test]
fn a_rebuild_needs_neither_the_old_file_nor_readable_folders() {
    let fixture = Fixture::new();
    let unreadable = fixture.task(1);
    std::fs::create_dir_all(fixture.project.task_folder(&unreadable)).unwrap();
    std::fs::remove_file(fixture.project.database()).unwrap();
    let folders = Folders::default();
    let rebuilt = rebuild(&fixture.project, Duration::ZERO, |stage, task, folder, known| {
        folders.read(stage, task, folder, known)
    })
    .unwrap();
    assert_eq!(rebuilt.problems, ["nobody wrote here"]);
    assert_eq!(rebuilt.kept, None);
    assert_eq!(fixture.reader().ledger(&fixture.plan).unwrap().tasks.len(), fixture.plan.tasks.len());
}

#[test]
fn a_check_tells_what_journal_database_and_folders_do_not_share() {
    let fixture = Fixture::new();
    let mut folders = Folders::default();
    folders.add(&fixture.project, &succeeded(&fixture.project, fixture.task(0), 1));
    fixture.writer().record_results(&[succeeded(&fixture.project, fixture.task(1), 1)]).unwrap();
    std::fs::remove_file(fixture.project.journal_folder().join("000001.jsonl")).unwrap();
    let read = |stage: &str, task: TaskId, folder: &Path, known: u32| folders.read(stage, task, folder, known);
    let checked = fixture.reader().check(read).unwrap();
    assert_eq!(checked.problems, ["the journal ends at fact 0, the database at fact 1"]);
    assert_eq!(checked.notes.len(), 2, "{:?}", checked.notes);
}

#[test]
fn a_row_that_refers_to_nothing_is_found() {
    let fixture = Fixture::new();
    let mut store = fixture.writer();
    for sql in ["PRAGMA foreign_keys = OFF", "DELETE FROM run", "PRAGMA foreign_keys = ON"] {
        store.database.run("write", async |db| crate::store::database::execute(db, sql).await).unwrap();
    }
    let folders = Folders::default();
    let checked = store.check(|stage, task, folder, known| folders.read(stage, task, folder, known)).unwrap();
    assert!(checked.problems.iter().any(|problem| problem.contains("rows of `run_task`")), "{:?}", checked.problems);
}
