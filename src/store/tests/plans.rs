use super::*;
use crate::attempt::TaskState;

#[test]
fn a_plan_is_known_once_it_is_recorded() {
    let fixture = Fixture::new();
    let mut store = fixture.reader();
    let ledger = store.ledger(&fixture.plan).unwrap();
    assert_eq!(ledger.tasks.len(), fixture.plan.tasks.len());
    assert!(ledger.tasks.values().all(|record| record.state == TaskState::Pending && record.attempts == 0));
    let latest = store.latest_sweep(None).unwrap().unwrap();
    assert_eq!((latest.name.as_str(), latest.digest), ("first", fixture.sweep.digest));
    assert_eq!(latest.text, SWEEP);
    assert_eq!(store.latest_sweep(Some("second")).unwrap(), None);
}

#[test]
fn recording_the_latest_plan_again_changes_nothing() {
    let fixture = Fixture::new();
    let before = fixture.dump();
    fixture.writer().record_plan(&fixture.sweep, &fixture.plan).unwrap();
    assert_eq!(fixture.dump(), before);
}

#[test]
fn an_older_plan_that_is_recorded_again_is_the_latest_one() {
    let fixture = Fixture::new();
    let wider = sweep(&SWEEP.replace("[64, 128]", "[64, 128, 256]"));
    let mut store = fixture.writer();
    store.record_plan(&wider, &plan(&wider)).unwrap();
    assert_eq!(store.latest_sweep(None).unwrap().unwrap().digest, wider.digest);
    store.record_plan(&fixture.sweep, &fixture.plan).unwrap();
    assert_eq!(store.latest_sweep(None).unwrap().unwrap().digest, fixture.sweep.digest);
}

#[test]
fn runs_that_two_plans_share_are_stored_once() {
    let fixture = Fixture::new();
    let wider = sweep(&SWEEP.replace("[64, 128]", "[64, 128, 256]"));
    let runs = |dump: &str| dump.lines().filter(|line| line.starts_with("run ")).count();
    assert_eq!(runs(&fixture.dump()), 4);
    fixture.writer().record_plan(&wider, &plan(&wider)).unwrap();
    assert_eq!(runs(&fixture.dump()), 6);
}

#[test]
fn a_run_says_which_parameters_differ_from_the_defaults() {
    let fixture = Fixture::new();
    let dump = fixture.dump();
    let parameters: Vec<&str> =
        dump.lines().filter(|line| line.starts_with("run ")).map(|line| line.rsplit(' ').next().unwrap()).collect();
    assert!(parameters.contains(&r#"'{"lr":0.01,"width":128}'"#), "{parameters:?}");
    for parameters in parameters {
        serde_json::from_str::<serde_json::Value>(parameters.trim_matches('\'')).unwrap();
    }
}
