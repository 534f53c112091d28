use runfile::Outcome;
use sqlx::SqliteConnection;

use super::*;
use crate::store::database::{Database, TestMigrations};

async fn texts(db: &mut SqliteConnection, sql: &'static str) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(sql).fetch_all(db).await
}

#[test]
fn every_foreign_key_cascades() {
    let fixture = Fixture::new();
    let mut store = fixture.reader();
    let keys = store
        .database
        .run("read", async |db| {
            texts(
                db,
                "SELECT sqlite_schema.name || ' -> ' || list.\"table\" || ' ' || list.on_delete FROM sqlite_schema \
                 JOIN pragma_foreign_key_list(sqlite_schema.name) AS list WHERE type = 'table'",
            )
            .await
        })
        .unwrap();
    assert!(keys.len() > 15, "{keys:?}");
    let others: Vec<&String> = keys.iter().filter(|key| !key.ends_with(" CASCADE")).collect();
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn every_reason_and_verdict_is_spelled_as_the_database_allows() {
    let fixture = Fixture::new();
    let collected: Vec<CollectedTask> = FailureReason::ALL
        .iter()
        .zip(1..)
        .map(|(&reason, attempt)| failed(&fixture.project, fixture.task(0), attempt, reason))
        .collect();
    let mut cancelled = succeeded(&fixture.project, fixture.task(1), 1);
    cancelled.outcome.verdict = Verdict::Cancelled;
    let ended = succeeded(&fixture.project, fixture.task(1), 2);
    let mut store = fixture.writer();
    assert_eq!(store.record_results(&collected).unwrap().attempts, FailureReason::ALL.len());
    assert_eq!(store.record_results(&[cancelled, ended]).unwrap().attempts, 2);
    let mut stored = store
        .database
        .run("read", async |db| texts(db, "SELECT reason FROM attempt WHERE reason NOT NULL").await)
        .unwrap();
    let mut spelled: Vec<String> = FailureReason::ALL.iter().map(ToString::to_string).collect();
    stored.sort();
    spelled.sort();
    assert_eq!(stored, spelled);
}

#[test]
fn the_database_refuses_what_no_enum_spells() {
    let fixture = Fixture::new();
    let mut store = fixture.writer();
    store.record_results(&[failed(&fixture.project, fixture.task(0), 1, FailureReason::Signal)]).unwrap();
    for sql in [
        "UPDATE attempt SET verdict = 'done'",
        "UPDATE attempt SET reason = 'bad luck'",
        "UPDATE attempt SET reason = NULL",
        "UPDATE attempt SET number = 0",
        "UPDATE run SET digest = x'00'",
        "INSERT INTO observation (attempt_id, quantity_id, source_id, value) VALUES (NULL, 1, 1, 1.0)",
        "INSERT INTO observation (attempt_id, quantity_id, source_id) VALUES (1, 1, 1)",
    ] {
        let result = store.database.run("write", async |db| crate::store::database::execute(db, sql).await);
        assert!(result.is_err(), "{sql}");
    }
}

#[test]
fn an_outcome_spells_its_verdict_as_the_database_does() {
    for verdict in [Verdict::Succeeded, Verdict::Failed, Verdict::Cancelled] {
        let text = crate::store::spelling::spell(&verdict).unwrap();
        let json = format!(r#"{{"protocol":1,"task":"0","attempt":1,"verdict":"{text}","started":0,"ended":1}}"#);
        assert_eq!(serde_json::from_str::<Outcome>(&json).unwrap().verdict, verdict);
        assert_eq!(crate::store::spelling::read::<Verdict>(&text).unwrap(), verdict);
    }
}

#[test]
fn an_older_store_is_brought_up_to_date_and_a_copy_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (project, _) = Project::find_or_create(folder.path()).unwrap();
    Database::create_older(&project.database(), project.store_id(), TestMigrations(1)).unwrap();
    let old = std::fs::read(project.database()).unwrap();
    let error = Store::open(&project).unwrap_err();
    assert!(error.message().ends_with("has version 1, this program reads 5"), "{error}");
    assert_eq!(std::fs::read(project.database()).unwrap(), old, "a reader changes nothing");
    let sweep = sweep(SWEEP);
    Store::open_for_writing(&project, "test").unwrap().record_plan(&sweep, &plan(&sweep)).unwrap();
    assert!(Store::open(&project).unwrap().latest_sweep(None).unwrap().is_some());
    assert_eq!(std::fs::read(project.root().join("results.db.v1")).unwrap(), old);
}
