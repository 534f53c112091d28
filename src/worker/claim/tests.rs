use super::*;

fn claims(root: &Path) -> ClaimFile {
    ClaimFile::create(&root.join("holders"), Holder::current().unwrap()).unwrap()
}

/// A claim by somebody else, at attempt 1.
fn foreign_claim(folder: &Path, holder: &Holder) {
    let attempt = folder.join("attempts/1");
    fs::create_dir_all(&attempt).unwrap();
    fs::write(attempt.join(FILE), serde_json::to_string(holder).unwrap()).unwrap();
}

#[test]
fn an_attempt_under_way_is_seen() {
    let root = tempfile::tempdir().unwrap();
    let (tasks, task) = (root.path().join("tasks"), root.path().join("tasks/ab"));
    assert!(Observer::new(&tasks).is_none());
    let claims = claims(root.path());
    claims.claim(&task).unwrap();
    let observer = Observer::new(&tasks).unwrap();
    assert_eq!(observer.running(&task, 0), Some(task.join("attempts/1/out")));
    assert_eq!(observer.running(&task, 1), None);
    assert!(observer.sees_holders_of(&tasks));
    fs::write(task.join("attempts/1/outcome.json"), "{}").unwrap();
    assert_eq!(observer.running(&task, 0), None);
}

#[test]
fn a_task_is_claimed_once() {
    let root = tempfile::tempdir().unwrap();
    let (claims, task) = (claims(root.path()), root.path().join("tasks/ab/abcd"));
    assert_eq!(claims.claim(&task).unwrap(), Claimed::Attempt(1));
    assert_eq!(claims.claim(&task).unwrap(), Claimed::Held(claims.holder().clone()));
}

#[test]
fn one_of_many_threads_gets_the_task() {
    let root = tempfile::tempdir().unwrap();
    let (claims, task) = (claims(root.path()), root.path().join("task"));
    let won = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(|| claims.claim(&task).unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(won.iter().filter(|claimed| matches!(claimed, Claimed::Attempt(1))).count(), 1, "{won:?}");
}

#[test]
fn an_attempt_that_ended_makes_room_for_the_next() {
    let root = tempfile::tempdir().unwrap();
    let (claims, task) = (claims(root.path()), root.path().join("task"));
    claims.claim(&task).unwrap();
    fs::write(task.join("attempts/1/outcome.json"), "{}").unwrap();
    assert_eq!(claims.claim(&task).unwrap(), Claimed::Attempt(2));
    fs::write(task.join("outcome.json"), "{}").unwrap();
    assert_eq!(claims.claim(&task).unwrap(), Claimed::Done);
}

#[test]
fn a_dead_holder_loses_its_claim_and_a_living_one_does_not() {
    let me = Holder::current().unwrap();
    let init = Holder { pid: 1, started: start_of(1).unwrap(), ..me.clone() };
    let cases = [
        (init.clone(), false, "a living process"),
        (Holder { started: init.started + 1, ..init.clone() }, true, "its number was used again"),
        (Holder { pid: u32::MAX, ..me.clone() }, true, "no such process"),
        (Holder { boot: "other".to_owned(), ..init.clone() }, true, "the machine has started again"),
        (Holder { boot: "other".to_owned(), host: "other".to_owned(), ..init.clone() }, false, "another machine"),
        (Holder { pid_namespace: "other".to_owned(), ..init }, false, "another container"),
    ];
    for (holder, gone, why) in cases {
        let root = tempfile::tempdir().unwrap();
        let (claims, task) = (claims(root.path()), root.path().join("task"));
        foreign_claim(&task, &holder);
        let expected = if gone { Claimed::Attempt(2) } else { Claimed::Held(holder) };
        assert_eq!(claims.claim(&task).unwrap(), expected, "{why}");
    }
}

#[test]
fn files_of_killed_holders_are_removed() {
    let root = tempfile::tempdir().unwrap();
    let dead = Holder { pid: u32::MAX, ..Holder::current().unwrap() };
    fs::create_dir(root.path().join("holders")).unwrap();
    fs::write(root.path().join("holders/dead.json"), serde_json::to_string(&dead).unwrap()).unwrap();
    fs::write(root.path().join("holders/odd.json"), "").unwrap();
    let claims = claims(root.path());
    let names = || fs::read_dir(root.path().join("holders")).unwrap().count();
    assert_eq!(names(), 2, "the odd one and ours");
    drop(claims);
    assert_eq!(names(), 1);
}

#[test]
fn a_foreign_holder_is_gone_when_its_lease_has_run_out() {
    let me = Holder::current().unwrap();
    let other = Holder { boot: "other".to_owned(), host: "other".to_owned(), ..me.clone() };
    assert!(!other.is_gone(&me, Some(other.lease())));
    assert!(!other.is_gone(&me, None));
    assert!(other.is_gone(&me, Some(other.lease() + Duration::from_secs(1))));
}

#[test]
fn a_damaged_claim_is_evidence_of_nothing() {
    let root = tempfile::tempdir().unwrap();
    let (claims, task) = (claims(root.path()), root.path().join("task"));
    foreign_claim(&task, claims.holder());
    fs::write(task.join("attempts/1/claim"), "").unwrap();
    assert_eq!(claims.claim(&task).unwrap(), Claimed::Unreadable(task.join("attempts/1/claim")));
}
