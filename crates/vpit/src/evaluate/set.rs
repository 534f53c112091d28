//! A benchmark opened: its questions, whole and each once.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use score::benchmark::{self as scored, Benchmark, Gold, Protocol};

use super::benchmark::{Asked, Published, published};
use super::files;
use super::question::Question;
use super::table::{self, Row};

/// Why a benchmark cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no {benchmark} in `{}`: get {}, and put its files there as they are published",
        folder.display(), benchmark.definition().data)]
    Missing { benchmark: Benchmark, folder: PathBuf },
    #[error("cannot read `{}`", folder.display())]
    Folder { folder: PathBuf, source: std::io::Error },
    #[error("{0}")]
    Digest(String),
    #[error("`{}`: {problem}", table.display())]
    Table { table: PathBuf, problem: String },
    #[error("`{}`, row {row}: {problem}", table.display())]
    Row { table: PathBuf, row: usize, problem: String },
    #[error("{benchmark} has the question `{id}` twice")]
    Twice { benchmark: Benchmark, id: String },
    #[error(transparent)]
    Rows(#[from] scored::Error),
}

/// Which questions, by whose rules.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    pub benchmark: Benchmark,
    pub protocol: Protocol,
    /// Whether a part of the benchmark will do.
    pub partial: bool,
}

/// A benchmark's questions in the order of its files.
#[derive(Debug)]
pub struct Set {
    pub wanted: Wanted,
    pub questions: Vec<Question>,
    /// Of ids, prompts, right answers, and how many pictures each question shows.
    pub digest: String,
    /// Files that are what their publisher says they are.
    pub compared: usize,
}

impl Set {
    /// Open the benchmark in its folder below `data`.
    ///
    /// # Errors
    /// It is missing, or not what it should be.
    pub fn open(data: &Path, wanted: Wanted) -> Result<Self, Error> {
        let Wanted { benchmark, protocol, partial } = wanted;
        let (root, published): (Arc<Path>, _) = (data.join(benchmark.name()).into(), published(benchmark));
        let tables =
            files::tables(&root, published).map_err(|source| Error::Folder { folder: root.to_path_buf(), source })?;
        if tables.is_empty() {
            return Err(Error::Missing { benchmark, folder: root.to_path_buf() });
        }
        let compared = files::compare(&root).map_err(Error::Digest)?;
        let (mut questions, mut before) = (Vec::new(), 0);
        for (form, table) in tables {
            let rows = table::rows(form, &table, &root)
                .map_err(|problem| Error::Table { table: table.to_path_buf(), problem })?;
            questions.extend(asked(published, protocol, &table, &rows, before)?);
            before += rows.len();
        }
        each_once(benchmark, &questions)?;
        let (expected, found) = ((benchmark.definition().rows)(protocol), questions.len() as u64);
        if !partial && !expected.contains(&found) {
            return Err(scored::Error::Rows { benchmark, expected: expected.to_vec(), found }.into());
        }
        let digest = digest(&questions);
        Ok(Self { wanted, questions, digest, compared })
    }

    /// Tokens of a reply, at most.
    #[must_use]
    pub fn longest_reply(&self) -> usize {
        (published(self.wanted.benchmark).longest_reply)(self.wanted.protocol)
    }

    /// Whether these are all of the benchmark's questions, as far as their number tells.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let expected = (self.wanted.benchmark.definition().rows)(self.wanted.protocol);
        expected.contains(&(self.questions.len() as u64))
    }

    #[must_use]
    pub fn pictures(&self) -> usize {
        self.questions.iter().map(|question| question.pictures().len()).sum()
    }
}

fn asked(
    published: &Published,
    protocol: Protocol,
    table: &Path,
    rows: &[Row],
    before: usize,
) -> Result<Vec<Question>, Error> {
    let make = |(in_table, row): (usize, &Row)| {
        let asked = Asked { row, number: before + in_table, in_table, protocol };
        let fail = |problem| Error::Row { table: table.to_owned(), row: in_table + 1, problem };
        (published.question)(asked).map_err(fail).transpose()
    };
    rows.iter().enumerate().filter_map(make).collect()
}

fn each_once(benchmark: Benchmark, questions: &[Question]) -> Result<(), Error> {
    let mut seen = HashSet::with_capacity(questions.len());
    match questions.iter().find(|question| !seen.insert(question.scored.id.as_str())) {
        Some(twice) => Err(Error::Twice { benchmark, id: twice.scored.id.to_string() }),
        None => Ok(()),
    }
}

fn digest(questions: &[Question]) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut add = |text: &str| {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    for question in questions {
        add(question.scored.id.as_str());
        add(&question.prompt);
        add(question.opening);
        match &question.scored.gold {
            Gold::Choice(choice) => {
                add(&choice.right().to_string());
                choice.options().iter().for_each(|option| add(option));
            }
            Gold::Text(text) => add(text),
            Gold::Consensus(texts) => texts.iter().for_each(|text| add(text)),
        }
        add(&question.pictures().len().to_string());
    }
    hasher.finalize().to_hex().to_string()
}
