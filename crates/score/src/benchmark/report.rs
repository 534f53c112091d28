//! The scores of a benchmark, and whether they are of all of it.

use std::collections::{BTreeMap, BTreeSet};

use super::answers::{self, Answered, Row};
use super::definition::Counts;
use super::error::{Error, Mistake};
use super::name::Benchmark;
use super::protocol::Protocol;
use super::question::{Question, QuestionId};
use crate::Estimate;

/// One number, as a share in [0, 1] with its standard error and n.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// `accuracy` is the benchmark's own; `question_accuracy` counts single questions where that counts groups.
    pub name: &'static str,
    /// None for the whole benchmark.
    pub category: Option<String>,
    pub estimate: Estimate,
}

/// What came of a benchmark under a protocol.
#[derive(Clone, Debug)]
pub struct Report {
    pub benchmark: Benchmark,
    pub protocol: Protocol,
    /// How many predictions there were.
    pub predictions: u64,
    /// Whether that is what the benchmark has.
    pub complete: bool,
    /// Predictions that the protocol leaves out of every mean.
    pub not_counted: u64,
    /// Predictions of groups that are not whole, which count nowhere; only in a part of a benchmark.
    pub not_whole: u64,
    /// The whole benchmark first, then its categories by name.
    pub scores: Vec<Score>,
    pub answered: Vec<Answered>,
}

impl Report {
    /// Scores the rows of a whole benchmark. With the benchmark's `data` its ids decide what the whole is, else its known
    /// number of rows.
    ///
    /// # Errors
    /// An id comes twice, is missing or unknown; there are too few or too many rows; a question is broken.
    pub fn whole(
        benchmark: Benchmark,
        protocol: Protocol,
        rows: &[(usize, Row)],
        data: Option<&[Question]>,
    ) -> Result<Self, Error> {
        let answered = answers::judge(benchmark, protocol, rows, data, false)?;
        let found = data.map_or(rows.len(), <[Question]>::len) as u64;
        let expected = (benchmark.definition().rows)(protocol);
        if !expected.contains(&found) {
            return Err(Error::Rows { benchmark, expected: expected.to_vec(), found });
        }
        Self::of(benchmark, protocol, answered, true)
    }

    /// Scores whatever rows there are; the report says that it is of a part.
    ///
    /// # Errors
    /// An id comes twice or is unknown, a question is broken, or nothing can be counted.
    pub fn part(
        benchmark: Benchmark,
        protocol: Protocol,
        rows: &[(usize, Row)],
        data: Option<&[Question]>,
    ) -> Result<Self, Error> {
        let answered = answers::judge(benchmark, protocol, rows, data, true)?;
        Self::of(benchmark, protocol, answered, false)
    }

    fn of(benchmark: Benchmark, protocol: Protocol, answered: Vec<Answered>, complete: bool) -> Result<Self, Error> {
        let not_counted = answered.iter().filter(|answered| answered.verdict.credit.is_none()).count() as u64;
        let (points, not_whole) = points(benchmark.definition().counts, &answered)?;
        let mut scores = by_category("accuracy", &points);
        if matches!(benchmark.definition().counts, Counts::Groups { .. }) {
            scores.extend(by_category("question_accuracy", &each(&answered)));
        }
        let predictions = answered.len() as u64;
        Ok(Self { benchmark, protocol, predictions, complete, not_counted, not_whole, scores, answered })
    }

    /// The benchmark's main score.
    pub fn accuracy(&self) -> Estimate {
        // There is one: without any point no report is made.
        self.scores.first().map_or(Estimate { value: f64::NAN, stderr: None, n: 0 }, |score| score.estimate)
    }

    /// The questions whose stored verdict of this protocol and version is another than the one found now.
    pub fn changed(&self) -> Vec<&QuestionId> {
        let changed = |answered: &&Answered| answered.stored.is_some_and(|stored| stored != answered.verdict.credit);
        self.answered.iter().filter(changed).map(|answered| &answered.question.id).collect()
    }
}

/// What counts once.
struct Point<'a> {
    credit: f64,
    categories: &'a [String],
}

fn each(answered: &[Answered]) -> Vec<Point<'_>> {
    let point = |answered: &'_ Answered| answered.verdict.credit;
    answered
        .iter()
        .filter_map(|answered| Some(Point { credit: point(answered)?, categories: &answered.question.categories }))
        .collect()
}

/// The points of the main score, and how many predictions are in groups that are not whole.
fn points(counts: Counts, answered: &[Answered]) -> Result<(Vec<Point<'_>>, u64), Error> {
    let Counts::Groups { key, whole, what } = counts else {
        let points = each(answered);
        return if points.is_empty() { Err(Error::Empty) } else { Ok((points, 0)) };
    };
    let mut groups: BTreeMap<u64, Vec<&Answered>> = BTreeMap::new();
    for (at, answered) in answered.iter().enumerate() {
        let id = &answered.question.id;
        let of = |mistake: Mistake| Error::Question { id: id.clone(), line: at + 1, mistake };
        groups.entry(key(id).map_err(of)?).or_default().push(answered);
    }
    let (mut points, mut not_whole) = (Vec::with_capacity(groups.len()), 0);
    for group in groups.values() {
        let questions: Vec<&Question> = group.iter().map(|answered| &answered.question).collect();
        if whole(&questions) {
            let right = group.iter().all(|answered| answered.verdict.credit == Some(1.0));
            points.push(Point { credit: f64::from(u8::from(right)), categories: &group[0].question.categories });
        } else {
            not_whole += group.len() as u64;
        }
    }
    if points.is_empty() { Err(Error::NothingWhole { what }) } else { Ok((points, not_whole)) }
}

fn by_category(name: &'static str, points: &[Point<'_>]) -> Vec<Score> {
    let categories: BTreeSet<&String> = points.iter().flat_map(|point| point.categories).collect();
    let of = |category: Option<&String>| {
        let within = |point: &&Point<'_>| category.is_none_or(|category| point.categories.contains(category));
        let credits: Vec<f64> = points.iter().filter(within).map(|point| point.credit).collect();
        Some(Score { name, category: category.cloned(), estimate: estimate(&credits)? })
    };
    std::iter::once(None).chain(categories.into_iter().map(Some)).filter_map(of).collect()
}

/// A share with its binomial error where every credit is 0 or 1, else a mean with the error of the sample.
fn estimate(credits: &[f64]) -> Option<Estimate> {
    let right = credits.iter().filter(|&&credit| credit == 1.0).count() as u64;
    let partial = credits.iter().any(|&credit| credit != 0.0 && credit != 1.0);
    if partial { Estimate::of(credits) } else { Estimate::share(right, credits.len() as u64) }
}
