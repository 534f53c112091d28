//! `sweep bundle`, its verification, and its way into another project.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::Value;

use crate::project::Project;
use crate::{finished, python};

fn bundled() -> Project {
    let project = finished();
    let _ = project.sweep(&["bundle", "--out", "bundle"]).with(0);
    project
}

#[test]
fn an_independent_validator_accepts_a_bundle() {
    let project = bundled();
    assert!(python::run(&project, "crate_reads.py").is_none_or(|out| out.contains("9 actions")));
}

#[test]
fn a_bundle_holds_what_was_found_and_not_what_it_was_found_with() {
    let project = bundled();
    assert_eq!(project.glob("bundle/tasks/*/provenance.json").len(), 8);
    assert_eq!(project.glob("bundle/tasks/*/predictions/a b.jsonl").len(), 4);
    assert_eq!(
        (project.glob("bundle/tasks/*/metrics.jsonl").len(), project.glob("bundle/tasks/*/model").len()),
        (4, 0)
    );
    assert!(!project.glob("bundle/report/*.svg").is_empty());
    let provenance = &project.glob("bundle/tasks/*/provenance.json")[0];
    let provenance: Value = serde_json::from_slice(&fs::read(provenance).unwrap()).unwrap();
    assert!(provenance["provenance"]["kept"].is_string() && provenance["artifacts"][0]["blake3"].is_string());
    let home = project.path().to_str().unwrap().to_owned();
    for path in project.glob("bundle/**/*").iter().filter(|path| path.is_file()) {
        let bytes = fs::read(path).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains(&home), "{} names where it was made", path.display());
    }
    let _ = project.sweep(&["bundle", "--out", "all", "--all"]).with(0);
    assert_eq!(project.glob("all/tasks/*/model").len(), 4);
}

#[test]
fn the_same_results_give_the_same_bytes() {
    let project = bundled();
    let list = fs::read(project.path().join("bundle/digests.b3")).unwrap();
    let first = project.sweep(&["bundle", "verify", "bundle"]).with(0).out;
    let _ = project.sweep(&["bundle", "--out", "bundle"]).with(0);
    assert!(fs::read(project.path().join("bundle/digests.b3")).unwrap() == list);
    assert_eq!(project.sweep(&["bundle", "verify", "bundle"]).with(0).out, first);
    assert_eq!(project.glob(".bundle-*"), [] as [&std::path::Path; 0]);
}

#[test]
fn every_difference_is_named() {
    let project = bundled();
    let at = |name: &str| project.path().join("bundle").join(name);
    fs::write(at("scores.jsonl"), "{}\n").unwrap();
    fs::remove_file(at("plan.json")).unwrap();
    fs::write(at("report/new.svg"), "").unwrap();
    symlink("/etc/passwd", at("link")).unwrap();
    let ended = project.sweep(&["bundle", "verify", "bundle"]).with(6);
    let expected = "missing: plan.json\nextra: report/new.svg\naltered: scores.jsonl\nnot a file: link\n";
    assert_eq!(ended.out, expected);
    let json: Value =
        serde_json::from_str(&project.sweep(&["bundle", "verify", "bundle", "--json"]).with(6).out).unwrap();
    assert_eq!((&json["whole"], &json["altered"][0]), (&false.into(), &"scores.jsonl".into()));
    // Whoever alters the list as well is found by its digest.
    let list = fs::read_to_string(at("digests.b3")).unwrap();
    let digest = blake3::hash(list.as_bytes()).to_hex();
    fs::write(at("digests.b3"), list.replace("plan.json", "plan2.json")).unwrap();
    let ended = project.sweep(&["bundle", "verify", "bundle", "--digest", digest.as_str()]).with(6);
    assert!(ended.err.contains("is another list than the one with that digest"), "{}", ended.err);
}

#[test]
fn what_is_no_bundle_is_refused_and_never_replaced() {
    let project = finished();
    project.write("mine/notes.txt", "mine");
    let ended = project.sweep(&["bundle", "--out", "mine"]).with(2);
    assert!(ended.err.contains("is there already and is no bundle"), "{}", ended.err);
    assert_eq!(project.read("mine/notes.txt"), "mine");
    let ended = project.sweep(&["bundle", "verify", "mine"]).with(2);
    assert!(ended.err.contains("`mine` is no bundle"), "{}", ended.err);
    project.write("mine/digests.b3", &format!("{}  ../grid.toml\n", blake3::hash(b"").to_hex()));
    let ended = project.sweep(&["bundle", "verify", "mine"]).with(1);
    assert!(ended.err.contains("line 1 names a path that leaves the bundle"), "{}", ended.err);
}

#[test]
fn a_file_that_was_altered_is_not_bundled_as_if_nothing_were() {
    let project = finished();
    let scores = &project.glob("runs/*/tasks/*/*/attempts/1/out/predictions/a b.jsonl")[0];
    fs::write(scores, "better").unwrap();
    let ended = project.sweep(&["bundle", "--out", "bundle"]).with(1);
    assert!(ended.err.contains("a b.jsonl` was altered after its task had ended"), "{}", ended.err);
    assert!(!project.path().join("bundle").exists());
}
