//! Small data sets in the forms of the published ones, read and asked as the references read and ask them;
//! `golden/benchmarks/generate.py` made them.

use std::path::{Path, PathBuf};

use score::benchmark::{Benchmark, Gold, Protocol};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use vpit::evaluate::question::{Question, Shown};
use vpit::evaluate::set::{Set, Wanted};
use vpit::evaluate::table::Pictures;
use vpit::picture;

pub fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/benchmarks")
}

/// Each benchmark in each form that there is of it.
const FORMS: [(Benchmark, &str); 13] = [
    (Benchmark::MmBenchEn, "tables"),
    (Benchmark::MmBenchEn, "parquet"),
    (Benchmark::Seed, "parquet"),
    (Benchmark::VStar, "tables"),
    (Benchmark::VStar, "parquet"),
    (Benchmark::Mmvp, "tables"),
    (Benchmark::Mmvp, "parquet"),
    (Benchmark::Mmmu, "parquet"),
    (Benchmark::ChartQa, "parquet"),
    (Benchmark::TextVqa, "parquet"),
    (Benchmark::ScienceQa, "parquet"),
    (Benchmark::RealWorldQa, "parquet"),
    (Benchmark::MvBench, "tables"),
];

#[derive(Deserialize)]
struct Expected {
    longest: By<Option<usize>>,
    rows: Vec<Row>,
}

/// What each protocol has.
#[derive(Deserialize)]
struct By<T> {
    official: T,
    cambrian: T,
}

impl<T> By<T> {
    fn of(&self, protocol: Protocol) -> &T {
        match protocol {
            Protocol::Official => &self.official,
            Protocol::Cambrian => &self.cambrian,
        }
    }
}

#[derive(Deserialize)]
struct Row {
    id: String,
    official: String,
    cambrian: String,
    gold: serde_json::Value,
    options: Option<Vec<String>>,
    categories: Vec<String>,
    pictures: By<Vec<(u32, u32, Option<String>)>>,
}

fn expected(benchmark: Benchmark, form: &str) -> Expected {
    runfile::files::read_json(&golden().join(format!("expected/{benchmark}.{form}.json"))).unwrap()
}

fn set(benchmark: Benchmark, form: &str, protocol: Protocol) -> Set {
    Set::open(&golden().join(form), Wanted { benchmark, protocol, partial: true }).unwrap()
}

fn gold(question: &Question) -> (serde_json::Value, Option<Vec<String>>) {
    match &question.scored.gold {
        Gold::Choice(choice) => (choice.right().to_string().into(), Some(choice.options().to_vec())),
        Gold::Text(text) => (text.as_str().into(), None),
        Gold::Consensus(texts) => (texts.iter().map(String::as_str).collect(), None),
    }
}

/// Sizes, and digests of all levels, which are compared where there is no loss.
fn seen(question: &Question, pictures: &mut Pictures) -> Vec<(u32, u32, String)> {
    let see = |place| {
        let picture = picture::decode(&pictures.read(place).unwrap()).unwrap();
        let digest = Sha256::digest(picture.as_raw()).iter().map(|byte| format!("{byte:02x}")).collect();
        (picture.width(), picture.height(), digest)
    };
    question.pictures().iter().map(see).collect()
}

#[test]
fn every_row_is_asked_as_the_references_ask_it() {
    for ((benchmark, form), protocol) in
        FORMS.into_iter().flat_map(|form| Protocol::ALL.map(|protocol| (form, protocol)))
    {
        let (expected, set) = (expected(benchmark, form), set(benchmark, form, protocol));
        let ids: Vec<&str> = set.questions.iter().map(|question| question.scored.id.as_str()).collect();
        assert_eq!(ids, expected.rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), "{benchmark} {form}");
        let mut pictures = Pictures::default();
        for (question, row) in set.questions.iter().zip(&expected.rows) {
            let of = format!("{benchmark} {form} {protocol} {}", row.id);
            let prompt = By { official: &row.official, cambrian: &row.cambrian };
            assert_eq!(&question.prompt, *prompt.of(protocol), "{of}");
            assert_eq!(gold(question), (row.gold.clone(), row.options.clone()), "{of}");
            assert_eq!(question.scored.categories, row.categories, "{of}");
            let (found, shown) = (seen(question, &mut pictures), row.pictures.of(protocol));
            assert_eq!(found.len(), shown.len(), "{of}");
            for ((width, height, digest), (right_width, right_height, right)) in found.iter().zip(shown) {
                assert_eq!((width, height), (right_width, right_height), "{of}");
                assert!(right.as_ref().is_none_or(|right| right == digest), "{of}");
            }
        }
    }
}

#[test]
fn replies_are_as_long_as_the_references_let_them_be() {
    for ((benchmark, form), protocol) in
        FORMS.into_iter().flat_map(|form| Protocol::ALL.map(|protocol| (form, protocol)))
    {
        let longest = set(benchmark, form, protocol).longest_reply();
        // Where a task of lmms-eval names no number, its models take 1024.
        let expected = match (expected(benchmark, form).longest.of(protocol), protocol) {
            (Some(expected), _) => *expected,
            (None, Protocol::Official) => 1024,
            (None, Protocol::Cambrian) => 512,
        };
        assert_eq!(longest, expected, "{benchmark} {protocol}");
    }
}

#[test]
fn videos_come_before_their_words_and_the_authors_begin_the_reply() {
    let cambrian = set(Benchmark::MvBench, "tables", Protocol::Cambrian);
    assert!(cambrian.questions.iter().all(|question| question.opening == "Best option:("));
    let official = set(Benchmark::MvBench, "tables", Protocol::Official);
    assert!(official.questions.iter().all(|question| question.opening.is_empty()));
    assert!(official.questions.iter().all(|question| matches!(question.shown, Shown::Frames(_))));
}

#[test]
fn pictures_are_found_in_any_order() {
    let set = set(Benchmark::Seed, "parquet", Protocol::Official);
    let mut pictures = Pictures::default();
    let forwards: Vec<_> = set.questions.iter().map(|question| seen(question, &mut pictures)).collect();
    let backwards: Vec<_> = set.questions.iter().rev().map(|question| seen(question, &mut pictures)).collect();
    assert!(forwards.iter().eq(backwards.iter().rev()));
}

#[test]
fn the_digest_of_a_benchmark_is_of_what_is_asked() {
    let digest = |protocol| set(Benchmark::Mmvp, "tables", protocol).digest;
    assert_eq!(digest(Protocol::Official), digest(Protocol::Official));
    assert_ne!(digest(Protocol::Official), digest(Protocol::Cambrian));
}
