use super::*;
use crate::metric::Subject;
use crate::store::{Import, Imported, ImportedScore};

fn import(fixture: &Fixture, name: &str, source: &str, fid: f64) -> Import {
    Import {
        name: name.to_owned(),
        file: format!("{name}.csv").into(),
        digest: blake3::hash(name.as_bytes()).to_hex()[..32].to_owned(),
        source: source.to_owned(),
        replace: false,
        scores: vec![ImportedScore {
            run: fixture.plan.runs[0].to_string(),
            metric: "fid".to_owned(),
            benchmark: String::new(),
            value: fid,
            line: 14,
            note: Some("as printed".to_owned()),
            ..ImportedScore::default()
        }],
    }
}

#[test]
fn two_sources_of_one_score_are_two_observations() {
    let fixture = Fixture::new();
    let mut store = fixture.writer();
    store.record_import(&import(&fixture, "table6", "Table 6", 18.2)).unwrap();
    store.record_import(&import(&fixture, "table5", "Table 5", 18.9)).unwrap();
    let observations = store.observations(&fixture.plan).unwrap();
    let found: Vec<(f64, &str)> =
        observations.iter().map(|observation| (observation.value, observation.kind.source.as_str())).collect();
    assert_eq!(found, [(18.2, "Table 6"), (18.9, "Table 5")]);
    assert!(observations.iter().all(|observation| observation.subject == Subject::Run(fixture.plan.runs[0])));
}

#[test]
fn importing_the_same_again_changes_nothing() {
    let fixture = Fixture::new();
    let import = import(&fixture, "table6", "Table 6", 18.2);
    let mut store = fixture.writer();
    assert_eq!(store.record_import(&import).unwrap(), Imported { new: 1, known: 0 });
    let before = fixture.dump();
    assert_eq!(store.record_import(&import).unwrap(), Imported { new: 0, known: 1 });
    assert_eq!(fixture.dump(), before);
}

#[test]
fn one_source_that_gives_a_score_twice_is_an_error_with_both_places() {
    let fixture = Fixture::new();
    let mut store = fixture.writer();
    store.record_import(&import(&fixture, "table6", "Table 6", 18.2)).unwrap();
    let before = fixture.dump();
    let error = store.record_import(&import(&fixture, "copy", "Table 6", 18.9)).unwrap_err();
    assert_eq!(
        error.message(),
        "copy.csv:14: the source `Table 6` gives `fid` twice for one run: 18.9 here, 18.2 in table6.csv:14"
    );
    let mut twice = import(&fixture, "table5", "Table 5", 1.0);
    twice.scores.push(ImportedScore { line: 15, ..twice.scores[0].clone() });
    let error = store.record_import(&twice).unwrap_err();
    assert_eq!(
        error.message(),
        "table5.csv:15: the source `Table 5` gives `fid` twice for one run: 1 here, 1 in table5.csv:14"
    );
    assert_eq!(fixture.dump(), before);
}

#[test]
fn a_corrected_file_replaces_its_numbers_only_when_asked_to() {
    let fixture = Fixture::new();
    let mut store = fixture.writer();
    store.record_import(&import(&fixture, "table6", "Table 6", 18.2)).unwrap();
    let mut corrected = import(&fixture, "table6", "Table 6", 18.3);
    let error = store.record_import(&corrected).unwrap_err();
    assert!(error.hints()[0].contains("--replace"), "{:?}", error.hints());
    corrected.replace = true;
    store.record_import(&corrected).unwrap();
    let observations = store.observations(&fixture.plan).unwrap();
    assert_eq!(observations.len(), 1);
    assert_eq!(observations[0].value.to_bits(), 18.3_f64.to_bits());
}

#[test]
fn an_import_cannot_pretend_to_be_measured() {
    let fixture = Fixture::new();
    let error = fixture.writer().record_import(&import(&fixture, "table6", "measured", 1.0)).unwrap_err();
    assert!(error.message().contains("is what tasks measure"), "{error}");
}

#[test]
fn texts_of_an_import_are_bound_and_never_become_sql() {
    let fixture = Fixture::new();
    let nasty = "Table 6'); DROP TABLE run; --\n\u{202e}\"";
    let mut import = import(&fixture, nasty, nasty, 1.0);
    import.scores[0].metric = nasty.to_owned();
    fixture.writer().record_import(&import).unwrap();
    let observations = fixture.reader().observations(&fixture.plan).unwrap();
    assert_eq!((observations[0].kind.metric.as_str(), observations[0].kind.source.as_str()), (nasty, nasty));
}
