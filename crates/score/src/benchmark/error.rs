//! Why there is no score.

use super::name::Benchmark;
use super::question::QuestionId;

/// What is wrong with one row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    #[error("it is not JSON of the expected form: {0}")]
    Malformed(String),
    #[error("its right answer `{gold}` is not the letter of one of its {options} options")]
    GoldNotAnOption { gold: String, options: usize },
    #[error("it has no right answer, and no benchmark data was given to take it from")]
    NoGold,
    #[error("it has no options, and the benchmark is one of multiple choice")]
    NoOptions,
    #[error("its right answer is not of the kind that the benchmark has")]
    WrongKind,
    #[error("its right answer or options differ from the benchmark data")]
    OtherGold,
    #[error("its id is not a number, and the benchmark's ids are")]
    NotANumber,
}

/// Why predictions cannot be scored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("there are no predictions")]
    Empty,
    #[error("line {line}: {mistake}")]
    Line { line: usize, mistake: Mistake },
    #[error("question `{id}` (line {line}): {mistake}")]
    Question { id: QuestionId, line: usize, mistake: Mistake },
    #[error("question `{id}` has two predictions, in lines {first} and {second}")]
    Duplicate { id: QuestionId, first: usize, second: usize },
    #[error("{count} of the benchmark's questions {} no prediction: {}", have(*.count), list(.examples, *.count))]
    Missing { count: usize, examples: Vec<QuestionId> },
    #[error("{count} of the predictions {} no question of the benchmark: {}", belong(*.count), list(.examples, *.count))]
    Extra { count: usize, examples: Vec<QuestionId> },
    #[error("{benchmark} has {} rows, there are {found}: a score of them would be of another benchmark", or(.expected))]
    Rows { benchmark: Benchmark, expected: Vec<u64>, found: u64 },
    #[error("no {what} is whole, so nothing can be counted")]
    NothingWhole { what: &'static str },
    #[error("there is no mean without {}", names(.missing))]
    NoMean { missing: Vec<Benchmark> },
    #[error("the score of {benchmark} is of a part of it, and a mean would hide that")]
    PartialMember { benchmark: Benchmark },
    #[error("scores of different protocols have no mean")]
    MixedProtocols,
}

fn have(count: usize) -> &'static str {
    if count == 1 { "has" } else { "have" }
}

fn belong(count: usize) -> &'static str {
    if count == 1 { "belongs to" } else { "belong to" }
}

fn names(benchmarks: &[Benchmark]) -> String {
    if benchmarks.is_empty() {
        "any benchmark".to_owned()
    } else {
        benchmarks.iter().map(|b| b.name()).collect::<Vec<_>>().join(", ")
    }
}

fn or(counts: &[u64]) -> String {
    counts.iter().map(u64::to_string).collect::<Vec<_>>().join(" or ")
}

fn list(examples: &[QuestionId], count: usize) -> String {
    let named: Vec<String> = examples.iter().map(|id| format!("`{id}`")).collect();
    let more = if count > examples.len() { ", ..." } else { "" };
    format!("{}{more}", named.join(", "))
}
