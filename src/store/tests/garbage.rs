use std::fs;

use super::*;
use crate::store::Reason;

/// The file of the attempt, as its outcome lists it.
fn write_weights(collected: &CollectedTask) -> PathBuf {
    fs::create_dir_all(&collected.results).unwrap();
    let path = collected.results.join("weights.safetensors");
    fs::write(&path, b"weights").unwrap();
    path
}

fn shrunk(fixture: &Fixture) {
    let small = sweep(&SWEEP.replace("[64, 128]", "[64]"));
    fixture.writer().record_plan(&small, &plan(&small)).unwrap();
}

fn only_128(fixture: &Fixture) -> TaskId {
    let width = fixture.sweep.factor("width").unwrap();
    let run = fixture
        .plan
        .run_indices()
        .find(|&run| *fixture.plan.value(&fixture.sweep, run, width) == crate::value::Value::Int(128));
    fixture.plan.tasks[fixture.plan.task_of(run.unwrap(), 0).unwrap().0 as usize].id
}

#[test]
fn what_the_latest_plan_holds_is_kept() {
    let fixture = Fixture::new();
    let collected = succeeded(&fixture.project, only_128(&fixture), 1);
    write_weights(&collected);
    fixture.writer().record_results(&[collected]).unwrap();
    assert_eq!(fixture.reader().garbage().unwrap(), []);
    shrunk(&fixture);
    let garbage = fixture.reader().garbage().unwrap();
    assert_eq!((garbage.len(), garbage[0].reason, garbage[0].runs.len()), (1, Reason::Unplanned, 1));
}

#[test]
fn what_was_deleted_stays_as_a_row() {
    let fixture = Fixture::new();
    let task = only_128(&fixture);
    let collected = succeeded(&fixture.project, task, 1);
    let file = write_weights(&collected);
    fixture.writer().record_results(&[collected]).unwrap();
    shrunk(&fixture);
    let mut store = fixture.writer();
    let garbage = store.garbage().unwrap();
    assert_eq!(store.delete(&garbage[0]).unwrap(), 7);
    assert!(!file.exists());
    assert!(store.artifacts(&task).unwrap()[0].deleted.is_some());
    assert_eq!(store.garbage().unwrap(), []);
    fs::write(&file, b"again").unwrap();
    assert_eq!(store.garbage().unwrap()[0].reason, Reason::LeftOver);
}

#[test]
fn a_pinned_run_is_kept_until_it_is_unpinned() {
    let fixture = Fixture::new();
    let collected = succeeded(&fixture.project, only_128(&fixture), 1);
    write_weights(&collected);
    let mut store = fixture.writer();
    store.record_results(&[collected]).unwrap();
    drop(store);
    shrunk(&fixture);
    let mut store = fixture.writer();
    let run = store.garbage().unwrap()[0].runs[0];
    let found = store.find_run(&run.short(10)).unwrap();
    store.pin(&found).unwrap();
    assert_eq!(store.garbage().unwrap(), []);
    store.unpin(&found).unwrap();
    assert_eq!(store.garbage().unwrap().len(), 1);
}

#[test]
fn what_a_running_task_needs_is_kept() {
    let fixture = Fixture::new();
    let train = only_128(&fixture);
    let collected = succeeded(&fixture.project, train, 1);
    write_weights(&collected);
    fixture.writer().record_results(&[collected]).unwrap();
    shrunk(&fixture);
    let index = fixture.plan.tasks.iter().position(|task| task.id == train).unwrap();
    let evaluate = fixture.plan.task_of(fixture.plan.tasks[index].run, 1).unwrap();
    let running = fixture.project.task_folder(&fixture.plan.tasks[evaluate.0 as usize].id).join("attempts/1");
    fs::create_dir_all(&running).unwrap();
    assert_eq!(fixture.reader().garbage().unwrap(), []);
    fs::remove_dir(&running).unwrap();
    assert_eq!(fixture.reader().garbage().unwrap().len(), 1);
}

#[test]
fn a_failed_attempt_is_kept_until_another_one_succeeds() {
    let fixture = Fixture::new();
    let task = fixture.task(0);
    let mut first = failed(&fixture.project, task, 1, FailureReason::NodeFailure);
    first.outcome.artifacts = succeeded(&fixture.project, task, 1).outcome.artifacts;
    write_weights(&first);
    let mut store = fixture.writer();
    store.record_results(&[first]).unwrap();
    assert_eq!(store.garbage().unwrap(), [], "the next attempt may resume from it");
    let second = succeeded(&fixture.project, task, 2);
    write_weights(&second);
    store.record_results(&[second]).unwrap();
    let garbage = store.garbage().unwrap();
    assert_eq!((garbage.len(), garbage[0].attempt, garbage[0].reason), (1, 1, Reason::Superseded));
}

#[test]
fn a_path_that_leads_out_of_the_task_folders_is_not_followed() {
    let fixture = Fixture::new();
    let outside = tempfile::tempdir().unwrap();
    let victim = outside.path().join("weights.safetensors");
    fs::write(&victim, b"precious").unwrap();
    let collected = succeeded(&fixture.project, only_128(&fixture), 1);
    fs::create_dir_all(collected.results.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(outside.path(), &collected.results).unwrap();
    fixture.writer().record_results(&[collected]).unwrap();
    shrunk(&fixture);
    let mut store = fixture.writer();
    let garbage = store.garbage().unwrap();
    let error = store.delete(&garbage[0]).unwrap_err();
    assert!(error.causes()[0].contains("leads out of the task folders"), "{error}");
    assert_eq!(fs::read(&victim).unwrap(), b"precious");
}

#[test]
fn scores_are_never_garbage() {
    let fixture = Fixture::new();
    let mut collected = succeeded(&fixture.project, only_128(&fixture), 1);
    collected.outcome.artifacts[0].path = runfile::scores::FILE.into();
    fixture.writer().record_results(&[collected]).unwrap();
    shrunk(&fixture);
    assert_eq!(fixture.reader().garbage().unwrap(), []);
}
