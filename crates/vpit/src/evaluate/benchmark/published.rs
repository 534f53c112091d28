//! What all benchmarks have in common.

use score::benchmark::{Benchmark, Gold, Protocol, QuestionId};

use super::{chartqa, mmbench, mmmu, mmvp, mvbench, realworldqa, scienceqa, seed, textvqa, vstar};
use crate::evaluate::question::{Question, Shown};
use crate::evaluate::table::{Form, Row};

/// What a row is: a question, or none that the benchmark asks. Errors say what is wrong with it.
pub type Made = Result<Option<Question>, String>;

/// A row and how it is to be asked.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub row: &'a Row,
    /// The row's number among all of the benchmark, from 0: its id where the files give none.
    pub number: usize,
    /// The same among those of its file.
    pub in_table: usize,
    pub protocol: Protocol,
}

/// A benchmark as it is published.
pub struct Published {
    /// What the names of its Parquet files begin with, or the name of their folder.
    pub split: &'static str,
    /// The folder of its configuration, where the data set has several.
    pub config: Option<&'static str>,
    /// Its other files, and how they are written.
    pub tables: &'static [Table],
    pub question: fn(Asked<'_>) -> Made,
    /// Tokens of a reply, at most.
    pub longest_reply: fn(Protocol) -> usize,
}

/// A file that a benchmark may be published as.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// Below the benchmark's folder; `*` stands for any text of the name.
    pub name: &'static str,
    pub form: Form,
}

/// What is published of a benchmark.
#[must_use]
pub fn published(benchmark: Benchmark) -> &'static Published {
    match benchmark {
        Benchmark::MmBenchEn => &mmbench::PUBLISHED,
        Benchmark::Seed => &seed::PUBLISHED,
        Benchmark::VStar => &vstar::PUBLISHED,
        Benchmark::Mmvp => &mmvp::PUBLISHED,
        Benchmark::Mmmu => &mmmu::PUBLISHED,
        Benchmark::ChartQa => &chartqa::PUBLISHED,
        Benchmark::TextVqa => &textvqa::PUBLISHED,
        Benchmark::ScienceQa => &scienceqa::PUBLISHED,
        Benchmark::RealWorldQa => &realworldqa::PUBLISHED,
        Benchmark::MvBench => &mvbench::PUBLISHED,
    }
}

pub(super) const LETTER: &str = "Answer with the option's letter from the given choices directly.";
pub(super) const SHORT: &str = "Answer the question using a single word or phrase.";

/// A question about one picture.
pub(super) fn about(asked: Asked<'_>, id: String, gold: Gold, prompt: String) -> Result<Question, String> {
    let shown = Shown::Pictures(vec![asked.row.picture("image")?]);
    Ok(question(id, gold, prompt, shown))
}

pub(super) fn question(id: String, gold: Gold, prompt: String, shown: Shown) -> Question {
    let scored = score::benchmark::Question { id: QuestionId::new(id), gold, categories: Vec::new() };
    Question { scored, prompt, shown, opening: "" }
}

impl Question {
    pub(super) fn of_categories(mut self, categories: Vec<String>) -> Self {
        self.scored.categories = categories;
        self
    }
}

/// Tokens of a reply in Cambrian's scripts, where they name no number of their own.
const CAMBRIAN_REPLY: usize = 512;

/// 512 tokens by Cambrian's scripts, `official` by lmms-eval's task.
pub(super) const fn longest(protocol: Protocol, official: usize) -> usize {
    match protocol {
        Protocol::Cambrian => CAMBRIAN_REPLY,
        Protocol::Official => official,
    }
}
