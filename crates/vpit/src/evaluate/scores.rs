//! Replies to scores, as `scores.json` has them.

use std::collections::HashMap;

use runfile::Score;
use score::benchmark::{self, Error, Report, Row};

use super::progress::Reply;
use super::question::Question;
use super::set::Set;

/// What the replies to a benchmark are worth. Without a question that was left out it is a part of it.
///
/// # Errors
/// A question has no reply, or nothing can be counted.
pub fn report(set: &Set, replies: &HashMap<String, Reply>) -> Result<Report, Error> {
    let reply = |question: &Question| replies.get(question.scored.id.as_str());
    let left_out = |question: &&Question| reply(question).is_some_and(|reply| reply.broken.is_some());
    let asked: Vec<&Question> = set.questions.iter().filter(|question| !left_out(question)).collect();
    let row = |(number, question): (usize, &&Question)| {
        let prediction = reply(question)?.prediction.clone()?;
        Some((number, Row::new(question.scored.id.as_str(), &question.prompt, prediction)))
    };
    let rows: Vec<(usize, Row)> = (1..).zip(&asked).filter_map(row).collect();
    let whole = set.is_whole() && asked.len() == set.questions.len();
    // Without a reply that should be there, a score of the rest would look like one of all.
    let of = if whole || rows.len() < asked.len() { Report::whole } else { Report::part };
    let data: Vec<_> = asked.iter().map(|question| question.scored.clone()).collect();
    of(set.wanted.benchmark, set.wanted.protocol, &rows, Some(&data))
}

/// Shares in percent, with protocol and version as their split; and how many pictures could not be used.
///
/// Those of a part are scores of another benchmark, `mmvp/part`, so that nothing takes them for the benchmark's.
#[must_use]
pub fn of(set: &Set, report: &Report, replies: &HashMap<String, Reply>, step: Option<u64>) -> Vec<Score> {
    let name = set.wanted.benchmark.name();
    let name = if report.complete { name.to_owned() } else { format!("{name}/part") };
    let split = format!("{}/{}", report.protocol, report.protocol.version());
    let score = |score: &benchmark::Score| {
        let of = score.category.as_ref().map_or_else(|| name.clone(), |category| format!("{name}/{category}"));
        let n = Some(score.estimate.n);
        let stderr = score.estimate.stderr.map(|stderr| 100.0 * stderr);
        Score { n, stderr, ..Score::new(score.name, &of, 100.0 * score.estimate.value) }
    };
    let count =
        |metric: &str, count: u64, n: usize| Score { n: Some(n as u64), ..Score::new(metric, &name, count as f64) };
    let broken = replies.values().filter(|reply| reply.broken.is_some()).count() as u64;
    let counts = [
        count("broken_questions", broken, set.questions.len()),
        count("uncounted_replies", report.not_counted + report.not_whole, report.answered.len()),
        count("pictures", set.pictures() as u64, set.questions.len()),
    ];
    let all = report.scores.iter().map(score).chain(counts);
    all.map(|score| Score { split: split.clone(), step, ..score }).collect()
}
