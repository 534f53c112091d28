use serde_json::{Value, json};

use super::*;

/// Attempts at task 0 that failed for `reason`, each with what its provenance says.
fn failures(reason: FailureReason, provenances: &[Value]) -> (Fixture, Store) {
    let fixture = Fixture::new();
    let mut store = fixture.writer();
    let attempt = |(number, provenance): (u32, &Value)| {
        let mut collected = failed(&fixture.project, fixture.task(0), number, reason);
        collected.stage = "train".to_owned();
        collected.outcome.provenance = provenance.as_object().unwrap().clone();
        collected
    };
    let collected: Vec<CollectedTask> = (1..).zip(provenances).map(attempt).collect();
    store.record_results(&collected).unwrap();
    (fixture, store)
}

#[test]
fn a_node_with_which_attempts_keep_failing_is_known_by_its_name() {
    let on = |nodes: &str| json!({ "nodes": nodes });
    let provenances = [on("n3"), on("n1"), on("n3"), on("n[1-2]"), on("n[1-2]"), on(""), on(""), json!({})];
    let (_fixture, mut store) = failures(FailureReason::NodeFailure, &provenances);
    assert_eq!(store.failing_nodes(2, 12.0).unwrap(), ["n3"]);
    assert_eq!(store.failing_nodes(1, 12.0).unwrap(), ["n1", "n3"]);
    assert!(store.failing_nodes(2, 13.0).unwrap().is_empty(), "all of it is long ago");
    let (_fixture, mut store) = failures(FailureReason::ExitCode, &[on("n3"), on("n3")]);
    assert!(store.failing_nodes(2, 0.0).unwrap().is_empty(), "that was not the node");
}

#[test]
fn the_longest_time_that_saving_took_is_known_by_stage() {
    let took = |seconds: f64| json!({ "save_seconds": seconds });
    let (_fixture, mut store) = failures(FailureReason::Preempted, &[took(3.0), took(40.5), json!({})]);
    assert_eq!(store.saving_times().unwrap(), [("train".to_owned(), 40.5)].into_iter().collect());
}
