use super::*;
use crate::attempt::TaskState;
use crate::collect::Problem;
use crate::metric::Subject;

#[test]
fn scores_read_back_bit_for_bit() {
    let fixture = Fixture::new();
    let values =
        [0.1 + 0.2, 1.0 / 3.0, f64::MIN_POSITIVE, 5e-324, f64::MAX, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    let mut collected = succeeded(&fixture.project, fixture.task(0), 1);
    collected.scores = values
        .iter()
        .zip(0..)
        .map(|(&value, step)| Score { step: Some(step), ..Score::new("fid", "coco", value) })
        .collect();
    let ingested = fixture.writer().record_results(&[collected]).unwrap();
    assert_eq!((ingested.attempts, ingested.scores), (1, values.len()));
    let observations = fixture.reader().observations(&fixture.plan).unwrap();
    let read: Vec<u64> = observations.iter().map(|observation| observation.value.to_bits()).collect();
    let written: Vec<u64> = values.iter().map(|value| value.to_bits()).collect();
    // SQLite has one zero.
    let written: Vec<u64> =
        written.into_iter().map(|bits| if bits == (-0.0_f64).to_bits() { read[5] } else { bits }).collect();
    assert_eq!(read, written);
    assert!(observations.iter().all(|observation| observation.subject == Subject::Task(fixture.task(0))));
    assert!(observations.iter().all(|observation| observation.kind.source == "measured"));
}

#[test]
fn collecting_again_changes_nothing() {
    let fixture = Fixture::new();
    let collected = [
        succeeded(&fixture.project, fixture.task(0), 1),
        failed(&fixture.project, fixture.task(1), 1, FailureReason::OutOfMemory),
    ];
    fixture.writer().record_results(&collected).unwrap();
    let before = fixture.dump();
    let again = fixture.writer().record_results(&collected).unwrap();
    assert_eq!((again.attempts, again.known), (0, 2));
    assert_eq!(fixture.dump(), before);
}

#[test]
fn a_success_in_the_place_of_a_failure_leaves_nothing_of_it() {
    let fixture = Fixture::new();
    let mut dead = failed(&fixture.project, fixture.task(0), 1, FailureReason::NodeFailure);
    dead.series = series(&[("loss", 1, 2.0), ("loss", 2, 1.0)]);
    dead.problems = vec![Problem { path: "metrics.jsonl".into(), line: Some(1), message: "no point".to_owned() }];
    dead.scores = vec![Score::share("accuracy", "digits", 1, 4)];
    dead.outcome.artifacts = succeeded(&fixture.project, fixture.task(0), 1).outcome.artifacts;
    fixture.writer().record_results(&[dead]).unwrap();
    let late = succeeded(&fixture.project, fixture.task(0), 1);
    fixture.writer().record_results(std::slice::from_ref(&late)).unwrap();
    let other = Fixture::new();
    let mut alone = succeeded(&other.project, other.task(0), 1);
    alone.results = other.project.task_folder(&other.task(0)).join("attempts/1/out");
    other.writer().record_results(&[alone]).unwrap();
    let facts = |dump: String| {
        dump.lines().skip_while(|line| !line.starts_with("attempt")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(facts(fixture.dump()), facts(other.dump()));
}

#[test]
fn the_ledger_knows_how_tasks_ended() {
    let fixture = Fixture::new();
    let (done, broken) = (fixture.task(0), fixture.task(1));
    let collected = [
        failed(&fixture.project, done, 1, FailureReason::NodeFailure),
        succeeded(&fixture.project, done, 2),
        failed(&fixture.project, broken, 1, FailureReason::Diverged),
    ];
    fixture.writer().record_results(&collected).unwrap();
    let ledger = fixture.reader().ledger(&fixture.plan).unwrap();
    let record = ledger.get(&done).unwrap();
    assert_eq!((record.state, record.attempts, record.seconds), (TaskState::Succeeded, 2, Some(2.5)));
    assert_eq!(record.results.as_ref(), Some(&collected[1].results));
    let record = ledger.get(&broken).unwrap();
    assert_eq!((record.state, record.message.as_str()), (TaskState::Failed(FailureReason::Diverged), "it broke"));
}

#[test]
fn a_second_success_is_not_counted() {
    let fixture = Fixture::new();
    let task = fixture.task(0);
    let both = [succeeded(&fixture.project, task, 1), succeeded(&fixture.project, task, 2)];
    let ingested = fixture.writer().record_results(&both).unwrap();
    assert_eq!((ingested.attempts, ingested.refused.len()), (1, 1));
    assert_eq!(ingested.refused[0].reason, "attempt 1 succeeded already: it alone counts");
    let later = fixture.writer().record_results(&both[1..]).unwrap();
    assert_eq!((later.attempts, later.refused.len()), (0, 1));
}

#[test]
fn one_malformed_outcome_does_not_hide_the_others() {
    let fixture = Fixture::new();
    let mut without_reason = failed(&fixture.project, fixture.task(0), 1, FailureReason::Signal);
    without_reason.outcome.reason = None;
    let mut bad_digest = succeeded(&fixture.project, fixture.task(1), 1);
    bad_digest.outcome.artifacts[0].blake3 = "feed".to_owned();
    let good = succeeded(&fixture.project, fixture.task(2), 1);
    let ingested = fixture.writer().record_results(&[without_reason, bad_digest, good]).unwrap();
    let reasons: Vec<&str> = ingested.refused.iter().map(|refused| refused.reason.as_str()).collect();
    assert_eq!(ingested.attempts, 1);
    assert_eq!(
        reasons,
        ["its outcome says `failed` without a reason", "the digest of `weights.safetensors` is not one"]
    );
}

#[test]
fn scores_of_a_failed_attempt_are_stored_and_not_reported() {
    let fixture = Fixture::new();
    let mut diverged = failed(&fixture.project, fixture.task(0), 1, FailureReason::Diverged);
    diverged.scores = vec![Score::new("fid", "coco", f64::NAN)];
    let ingested = fixture.writer().record_results(&[diverged]).unwrap();
    assert_eq!(ingested.scores, 1);
    assert_eq!(fixture.reader().observations(&fixture.plan).unwrap(), []);
}

#[test]
fn series_keep_their_steps_and_the_first_of_two_values() {
    let fixture = Fixture::new();
    let task = fixture.task(0);
    let mut collected = succeeded(&fixture.project, task, 1);
    collected.series =
        series(&[("loss", 2, 0.5), ("lr", 1, 0.1), ("loss", 1, f64::NAN), ("loss", 2, 0.25), ("lr", 2, f64::INFINITY)]);
    let ingested = fixture.writer().record_results(&[collected]).unwrap();
    assert_eq!(ingested.points, 4);
    let stored = fixture.reader().series(&task).unwrap();
    let names: Vec<&str> = stored.iter().map(|series| series.name.as_str()).collect();
    assert_eq!(names, ["loss", "lr"]);
    assert_eq!(stored[0].points[1], (2, 0.5));
    assert!(stored[0].points[0].1.is_nan());
    assert_eq!(stored[1].points, [(1, 0.1), (2, f64::INFINITY)]);
    let problems = fixture.dump();
    assert!(problems.contains("1 of its points repeat a step; the first of each stands"), "{problems}");
}

#[test]
fn more_rows_than_one_statement_takes_arrive_whole() {
    let fixture = Fixture::new();
    let task = fixture.task(0);
    let mut collected = succeeded(&fixture.project, task, 1);
    let points: Vec<(&str, u64, f64)> = (0..2_345).map(|step| ("loss", step, 1.0 / (1.0 + step as f64))).collect();
    collected.series = series(&points);
    fixture.writer().record_results(&[collected]).unwrap();
    let stored = fixture.reader().series(&task).unwrap();
    let expected: Vec<(u64, f64)> = points.iter().map(|&(_, step, value)| (step, value)).collect();
    assert_eq!(stored[0].points, expected);
}

#[test]
fn artifacts_are_listed_with_their_digests() {
    let fixture = Fixture::new();
    let task = fixture.task(0);
    fixture.writer().record_results(&[succeeded(&fixture.project, task, 1)]).unwrap();
    let artifacts = fixture.reader().artifacts(&task).unwrap();
    assert_eq!(artifacts.len(), 1);
    assert_eq!((artifacts[0].attempt, artifacts[0].bytes, artifacts[0].deleted), (1, 7, None));
    assert_eq!(artifacts[0].digest, blake3::hash(b"weights"));
}

#[test]
fn results_of_a_task_that_no_plan_holds_are_kept() {
    let fixture = Fixture::new();
    let stray = TaskId([7; 16]);
    let ingested = fixture.writer().record_results(&[succeeded(&fixture.project, stray, 1)]).unwrap();
    assert_eq!(ingested.attempts, 1);
    assert_eq!(fixture.reader().artifacts(&stray).unwrap().len(), 1);
}

#[test]
fn a_cancelled_task_stays_cancelled_until_it_is_submitted_again() {
    let fixture = Fixture::new();
    let task = fixture.task(0);
    let mut store = fixture.writer();
    store.record_cancellation(&[task]).unwrap();
    assert_eq!(store.ledger(&fixture.plan).unwrap().get(&task).unwrap().state, TaskState::Cancelled);
    store.record_submission("token-1", "local", &[task]).unwrap();
    assert_eq!(store.ledger(&fixture.plan).unwrap().get(&task).unwrap().state, TaskState::Pending);
}

#[test]
fn what_the_store_does_not_know_is_not_put_on_record() {
    let fixture = Fixture::new();
    let before = fixture.dump();
    let error = fixture.writer().record_cancellation(&[TaskId([9; 16])]).unwrap_err();
    assert_eq!(error.message(), format!("the store does not know `{}`", "09".repeat(16)));
    assert_eq!(fixture.dump(), before);
}

#[test]
fn a_full_disk_loses_nothing_that_was_stored() {
    let fixture = Fixture::new();
    let mut store = fixture.writer();
    store.record_results(&[succeeded(&fixture.project, fixture.task(0), 1)]).unwrap();
    let before = fixture.dump();
    store.database.limit_pages();
    let mut large = succeeded(&fixture.project, fixture.task(1), 1);
    large.outcome.message = "x".repeat(1 << 20);
    let error = store.record_results(std::slice::from_ref(&large)).unwrap_err();
    assert!(error.message().ends_with("the disk is full"), "{error}");
    drop(store);
    assert_eq!(fixture.dump(), before);
    assert_eq!(fixture.writer().record_results(&[large]).unwrap().attempts, 1);
}
