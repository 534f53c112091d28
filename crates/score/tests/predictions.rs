//! Stored predictions: what is refused, what a part of a benchmark says of itself, and scoring again.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use score::benchmark::{
    Benchmark, Choice, Error, Gold, Group, Mistake, Protocol, Question, QuestionId, Report, average, read, write,
};

/// Rows of a benchmark whose questions have two options, all answered by `A`, which is right.
fn rows(ids: impl IntoIterator<Item = u64>) -> String {
    let row = |id| format!(r#"{{"id": {id}, "prediction": "A", "gold": "A", "options": ["cat", "dog"]}}"#) + "\n";
    ids.into_iter().map(row).collect()
}

fn question(id: u64, right: &str) -> Question {
    let choice = Choice::new(vec!["cat".into(), "dog".into()], right).unwrap();
    Question { id: QuestionId::new(id.to_string()), gold: Gold::Choice(choice), categories: Vec::new() }
}

fn whole(benchmark: Benchmark, text: &str, data: Option<&[Question]>) -> Result<Report, Error> {
    Report::whole(benchmark, Protocol::Official, &read(text)?, data)
}

#[test]
fn a_whole_benchmark_has_its_number_of_rows() {
    let report = whole(Benchmark::Mmvp, &rows(1..=300), None).unwrap();
    assert!(report.complete);
    let accuracy = report.accuracy();
    assert_eq!((accuracy.value, accuracy.n, accuracy.stderr), (1.0, 150, Some(0.0)));
    let error = whole(Benchmark::Mmvp, &rows(1..=298), None).unwrap_err();
    assert_eq!(error, Error::Rows { benchmark: Benchmark::Mmvp, expected: vec![300], found: 298 });
    assert_eq!(error.to_string(), "mmvp has 300 rows, there are 298: a score of them would be of another benchmark");
}

#[test]
fn a_benchmark_file_with_fewer_rows_than_it_should_have_is_no_benchmark() {
    let data: Vec<Question> = (1..=298).map(|id| question(id, "A")).collect();
    let error = whole(Benchmark::Mmvp, &rows(1..=298), Some(&data)).unwrap_err();
    assert_eq!(error, Error::Rows { benchmark: Benchmark::Mmvp, expected: vec![300], found: 298 });
}

#[test]
fn missing_extra_and_duplicate_ids_are_named() {
    let data: Vec<Question> = (1..=300).map(|id| question(id, "A")).collect();
    let missing = whole(Benchmark::Mmvp, &rows(1..=293), Some(&data)).unwrap_err();
    assert_eq!(
        missing.to_string(),
        "7 of the benchmark's questions have no prediction: `294`, `295`, `296`, `297`, `298`, ..."
    );
    let extra = whole(Benchmark::Mmvp, &rows(1..=301), Some(&data)).unwrap_err();
    assert_eq!(extra.to_string(), "1 of the predictions belongs to no question of the benchmark: `301`");
    let duplicate = whole(Benchmark::Mmvp, &rows([1, 2, 1]), None).unwrap_err();
    assert_eq!(duplicate.to_string(), "question `1` has two predictions, in lines 1 and 3");
}

#[test]
fn a_broken_row_is_named_with_its_line() {
    let cases = [
        (
            r#"{"id": 1, "prediction": "A", "gold": "C", "options": ["cat", "dog"]}"#,
            "`C` is not the letter of one of its 2",
        ),
        (r#"{"id": 1, "prediction": "A", "gold": "A"}"#, "question `1` (line 1): it has no options"),
        (r#"{"id": 1, "prediction": "A", "options": ["cat", "dog"]}"#, "it has no right answer"),
        (r#"{"id": 1, "prediction": "A", "gold": ["a", "b"]}"#, "not of the kind"),
        (r#"{"id": "x", "prediction": "A", "gold": "A", "options": ["cat", "dog"]}"#, "its id is not a number"),
        (r#"{"id": 1}"#, "line 1: it is not JSON of the expected form: missing field `prediction`"),
        ("\n{", "line 2: it is not JSON"),
        ("", "there are no predictions"),
    ];
    for (text, expected) in cases {
        let rows = read(text);
        let error = rows.and_then(|rows| Report::part(Benchmark::Mmvp, Protocol::Official, &rows, None)).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn golds_come_from_the_data_and_may_not_differ_from_the_rows() {
    let data = [question(1, "B"), question(2, "A")];
    let without = "{\"id\": 1, \"prediction\": \"A\"}\n{\"id\": 2, \"prediction\": \"A\"}\n";
    let part = |text: &str| Report::part(Benchmark::Mmvp, Protocol::Official, &read(text).unwrap(), Some(&data));
    let report = part(without).unwrap();
    assert_eq!((report.accuracy().value, report.scores[1].estimate.value), (0.0, 0.5));
    let error = part(&rows([1, 2])).unwrap_err();
    assert!(matches!(error, Error::Question { line: 1, mistake: Mistake::OtherGold, .. }), "{error}");
}

#[test]
fn half_a_pair_counts_nowhere() {
    let report = Report::part(Benchmark::Mmvp, Protocol::Official, &read(&rows([1, 2, 3])).unwrap(), None).unwrap();
    assert_eq!((report.accuracy().n, report.not_whole, report.complete), (1, 1, false));
    let error = Report::part(Benchmark::Mmvp, Protocol::Official, &read(&rows([3])).unwrap(), None).unwrap_err();
    assert_eq!(error.to_string(), "no pair is whole, so nothing can be counted");
}

#[test]
fn circular_questions_are_right_in_every_rotation_or_wrong() {
    let row =
        |id: u64, said| format!(r#"{{"id": {id}, "prediction": "{said}", "gold": "A", "options": ["cat", "dog"]}}"#);
    let text = [row(7, "A"), row(1_000_007, "A"), row(8, "A"), row(1_000_008, "B")].join("\n");
    let report = Report::part(Benchmark::MmBenchEn, Protocol::Cambrian, &read(&text).unwrap(), None).unwrap();
    assert_eq!((report.accuracy().value, report.accuracy().n, report.scores[1].estimate.value), (0.5, 2, 0.75));
}

#[test]
fn empty_replies_to_mv_bench_leave_the_official_mean_and_are_counted() {
    let text = rows([1, 2]) + r#"{"id": 3, "prediction": "", "gold": "A", "options": ["cat", "dog"]}"#;
    let of = |protocol| Report::part(Benchmark::MvBench, protocol, &read(&text).unwrap(), None).unwrap();
    let official = of(Protocol::Official);
    assert_eq!((official.accuracy().value, official.accuracy().n, official.not_counted), (1.0, 2, 1));
    let cambrian = of(Protocol::Cambrian);
    assert_eq!((cambrian.accuracy().n, cambrian.not_counted), (3, 0));
}

#[test]
fn what_was_written_scores_the_same_and_a_changed_verdict_is_found() {
    let report = Report::part(Benchmark::Mmvp, Protocol::Official, &read(&rows(1..=4)).unwrap(), None).unwrap();
    let text = write(&report.answered, Protocol::Official).unwrap();
    let again = |text: &str, protocol| Report::part(Benchmark::Mmvp, protocol, &read(text).unwrap(), None).unwrap();
    assert_eq!(again(&text, Protocol::Official).scores, report.scores);
    assert!(again(&text, Protocol::Official).changed().is_empty());
    let doctored = text.replacen("\"verdict\":1.0", "\"verdict\":0.0", 1);
    assert_eq!(again(&doctored, Protocol::Official).changed(), [&QuestionId::new("1")]);
    assert!(again(&doctored, Protocol::Cambrian).changed().is_empty(), "they are verdicts of another protocol");
}

#[test]
fn the_groups_of_figure_8_hold_the_nine_image_benchmarks() {
    let names = |group: Group| group.members().into_iter().map(Benchmark::name).collect::<Vec<_>>();
    let expected = [
        vec!["mmbench-en", "seed"],
        vec!["mmvp", "realworldqa"],
        vec!["chartqa", "textvqa"],
        vec!["vstar"],
        vec!["mmmu", "scienceqa"],
    ];
    assert_eq!(Group::ALL.map(names).to_vec(), expected);
    assert_eq!(Group::all_members().len(), 9);
}

#[test]
fn a_mean_over_benchmarks_needs_all_of_them_whole_and_one_protocol() {
    let report = |benchmark, protocol, n: u64| {
        let row =
            |id| format!(r#"{{"id": {id}, "prediction": "A", "gold": "{}"}}"#, if id % 2 == 0 { "A" } else { "B" });
        let text: Vec<String> = (0..n).map(row).collect();
        Report::whole(benchmark, protocol, &read(&text.join("\n")).unwrap(), None).unwrap()
    };
    let members = [Benchmark::ChartQa, Benchmark::RealWorldQa];
    let chartqa = report(Benchmark::ChartQa, Protocol::Official, 2500);
    let realworldqa = report(Benchmark::RealWorldQa, Protocol::Official, 765);
    let mean = average(&members, &[chartqa.clone(), realworldqa.clone()]).unwrap();
    assert_eq!(mean.n, 3265);
    assert!((mean.value - (0.5 + 383.0 / 765.0) / 2.0).abs() < 1e-12);
    // Errors sqrt(0.25 / n), as of independent halves.
    assert!((mean.stderr.unwrap() - (0.25 / 2500.0 + 0.25 / 765.0_f64).sqrt() / 2.0).abs() < 1e-6);

    let missing = average(&members, std::slice::from_ref(&chartqa)).unwrap_err();
    assert_eq!(missing.to_string(), "there is no mean without realworldqa");
    let mixed = [chartqa.clone(), report(Benchmark::RealWorldQa, Protocol::Cambrian, 765)];
    assert_eq!(average(&members, &mixed).unwrap_err(), Error::MixedProtocols);
    let part = Report { complete: false, ..realworldqa };
    let benchmark = Benchmark::RealWorldQa;
    assert_eq!(average(&members, &[chartqa, part]).unwrap_err(), Error::PartialMember { benchmark });
}
