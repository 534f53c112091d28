use std::time::Duration;

use super::*;
use crate::attempt::TaskState;
use crate::slurm::follow::{Closing, Submitted};
use crate::store::{Intent, rebuild};

/// Tasks 0 and 1 in element 0, task 2 in element 1.
fn intend(fixture: &Fixture, store: &mut Store, token: &str) {
    let tasks = [(fixture.task(0), 0), (fixture.task(1), 0), (fixture.task(2), 1)];
    store.record_intent(&Intent { token, launcher: "slurm", owner: "1000", tasks: &tasks }).unwrap();
}

fn state(fixture: &Fixture, task: usize) -> TaskState {
    fixture.reader().ledger(&fixture.plan).unwrap().get(&fixture.task(task)).unwrap().state
}

#[test]
fn a_submission_is_open_until_nothing_more_is_expected_of_it() {
    let fixture = Fixture::new();
    let mut store = fixture.writer();
    intend(&fixture, &mut store, "sweep-a");
    let expected = Submitted {
        token: "sweep-a".to_owned(),
        job: None,
        owner: "1000".to_owned(),
        released: false,
        recorded: store.open_submissions().unwrap()[0].recorded,
        tasks: vec![(fixture.task(0), 0), (fixture.task(1), 0), (fixture.task(2), 1)],
    };
    assert_eq!(store.open_submissions().unwrap(), std::slice::from_ref(&expected));
    store.record_job("sweep-a", 77).unwrap();
    store.record_release(&["sweep-a"]).unwrap();
    store.record_closing("sweep-a", &[0], Closing::Over).unwrap();
    let left = Submitted { job: Some(77), released: true, tasks: vec![(fixture.task(2), 1)], ..expected };
    assert_eq!(store.open_submissions().unwrap(), [left]);
    store.record_closing("sweep-a", &[], Closing::Lost).unwrap();
    assert_eq!(store.open_submissions().unwrap(), []);
}

#[test]
fn a_task_with_an_open_element_is_in_the_queue_whatever_became_of_it_before() {
    let fixture = Fixture::new();
    let mut store = fixture.writer();
    store.record_results(&[failed(&fixture.project, fixture.task(0), 1, FailureReason::Signal)]).unwrap();
    store.record_results(&[succeeded(&fixture.project, fixture.task(1), 1)]).unwrap();
    store.record_cancellation(&[fixture.task(2)]).unwrap();
    intend(&fixture, &mut store, "sweep-a");
    let states = [0, 1, 2].map(|task| state(&fixture, task));
    assert_eq!(states, [TaskState::Queued, TaskState::Succeeded, TaskState::Queued]);
    store.record_closing("sweep-a", &[], Closing::Refused).unwrap();
    let states = [0, 1, 2].map(|task| state(&fixture, task));
    assert_eq!(states, [TaskState::Failed(FailureReason::Signal), TaskState::Succeeded, TaskState::Pending]);
}

#[test]
fn a_rebuilt_store_knows_every_submission() {
    let fixture = Fixture::new();
    let mut store = fixture.writer();
    intend(&fixture, &mut store, "sweep-a");
    store.record_job("sweep-a", 77).unwrap();
    intend(&fixture, &mut store, "sweep-b");
    store.record_release(&["sweep-a", "sweep-b"]).unwrap();
    store.record_closing("sweep-a", &[1], Closing::Withdrawn).unwrap();
    drop(store);
    let grown = fixture.dump();
    assert!(grown.contains("sweep-a") && grown.contains("withdrawn") && grown.contains(" 77 "), "{grown}");
    rebuild(&fixture.project, Duration::ZERO, |_, _, _, _| Ok(Vec::new())).unwrap();
    assert_eq!(fixture.dump(), grown);
}

#[test]
fn an_attempt_that_was_taken_for_dead_counts_when_it_succeeds_first() {
    let fixture = Fixture::new();
    let mut store = fixture.writer();
    let dead = failed(&fixture.project, fixture.task(0), 1, FailureReason::NodeFailure);
    store.record_results(std::slice::from_ref(&dead)).unwrap();
    let late = succeeded(&fixture.project, fixture.task(0), 1);
    assert_eq!(store.record_results(std::slice::from_ref(&late)).unwrap().attempts, 1);
    assert_eq!(state(&fixture, 0), TaskState::Succeeded);
    assert_eq!(store.record_results(&[late, dead]).unwrap().attempts, 0);
}
