//! Every benchmark against its references, reply by reply; `golden/benchmarks/generate.py` made the files.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use score::benchmark::{Benchmark, Protocol, Report, Row, read};
use serde::Deserialize;

/// What a reference makes of a reply: the extracted answer, where it shows one, and the credit.
type Reference = (Option<String>, Option<f64>);

#[derive(Deserialize)]
struct Expected {
    official: Reference,
    cambrian: Reference,
    /// Protocol to the reason why the credit is ours and not the reference's.
    #[serde(default)]
    differs: BTreeMap<String, String>,
}

impl Expected {
    fn of(&self, protocol: Protocol) -> &Reference {
        match protocol {
            Protocol::Official => &self.official,
            Protocol::Cambrian => &self.cambrian,
        }
    }
}

struct Golden {
    /// By protocol and score or category.
    aggregates: BTreeMap<String, BTreeMap<String, f64>>,
    rows: Vec<(usize, Row)>,
    expected: Vec<Expected>,
}

fn golden(benchmark: Benchmark) -> Golden {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/benchmarks/{benchmark}.jsonl.gz"));
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    Golden {
        aggregates: serde_json::from_str(first).unwrap(),
        rows: read(rest).unwrap(),
        expected: rest.split_terminator('\n').map(|line| serde_json::from_str(line).unwrap()).collect(),
    }
}

fn report(benchmark: Benchmark, protocol: Protocol, golden: &Golden) -> Report {
    let report = Report::part(benchmark, protocol, &golden.rows, None).unwrap();
    assert_eq!((report.answered.len(), report.complete), (golden.expected.len(), false));
    report
}

#[test]
fn every_reply_is_worth_what_the_references_say() {
    for benchmark in Benchmark::ALL {
        let golden = golden(benchmark);
        assert!(golden.rows.len() >= 2000, "{benchmark} has only {} replies", golden.rows.len());
        for protocol in Protocol::ALL {
            let mut wrong = Vec::new();
            for (answered, expected) in report(benchmark, protocol, &golden).answered.iter().zip(&golden.expected) {
                let (extracted, credit) = expected.of(protocol);
                let same = match (answered.verdict.credit, *credit) {
                    (Some(ours), Some(theirs)) => (ours - theirs).abs() < 1e-12,
                    (ours, theirs) => ours == theirs,
                };
                let said = extracted.clone().filter(|text| !text.is_empty());
                if !same || said.is_some() && said != answered.verdict.extracted {
                    wrong.push(format!(
                        "{:?} of {:?}: {:?}, not {:?}",
                        answered.reply,
                        answered.question.gold,
                        answered.verdict,
                        expected.of(protocol)
                    ));
                }
            }
            assert!(
                wrong.is_empty(),
                "{benchmark} {protocol}: {} differ\n{}",
                wrong.len(),
                wrong[..wrong.len().min(20)].join("\n")
            );
        }
    }
}

#[test]
fn scores_are_the_references_aggregates() {
    for benchmark in Benchmark::ALL {
        let golden = golden(benchmark);
        for (protocol, aggregates) in &golden.aggregates {
            let report = report(benchmark, protocol.parse().unwrap(), &golden);
            for (name, value) in aggregates {
                let found = report.scores.iter().find(|score| match &score.category {
                    Some(category) => category == name && score.name == "accuracy",
                    None => score.name == name,
                });
                let ours = found.unwrap_or_else(|| panic!("{benchmark} has no score {name}")).estimate.value;
                // lmms-eval rounds MMMU's to five decimals.
                assert!((ours - value).abs() < 1e-5, "{benchmark} {protocol} {name}: {ours}, not {value}");
            }
        }
    }
}

/// Each reason is in docs/metrics.md.
#[test]
fn differences_from_the_references_have_known_reasons() {
    let mut reasons: BTreeMap<(Benchmark, String, String), usize> = BTreeMap::new();
    for benchmark in Benchmark::ALL {
        for (protocol, reason) in golden(benchmark).expected.into_iter().flat_map(|expected| expected.differs) {
            *reasons.entry((benchmark, protocol, reason)).or_default() += 1;
        }
    }
    let known: Vec<_> = reasons.keys().map(|(of, protocol, reason)| format!("{of} {protocol}: {reason}")).collect();
    assert_eq!(
        known,
        [
            "mmmu official: draws an option at random",
            "realworldqa cambrian: fails on a reply without a word",
            "mvbench cambrian: counts a reply without a letter as right",
        ]
    );
}
