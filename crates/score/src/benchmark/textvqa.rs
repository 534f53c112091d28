//! TextVQA: reading in images, judged against what ten people answered (Singh et al. 2019).

use super::definition::{Counts, Definition};
use super::derived::Group;
use super::protocol::Protocol;
use super::rule::{Reply, Rule, Verdict};
use crate::answer::evalai::normalise;

pub(super) static DEFINITION: Definition = Definition {
    name: "textvqa",
    title: "TextVQA (val)",
    group: Some(Group::TextAndChart),
    rows: |_| &[5_000],
    data: "lmms-lab/textvqa, split validation",
    counts: Counts::Questions,
    rule: Rule::Consensus(judge),
};

/// Both protocols are one here: Cambrian looks the reply up among the scores of the right answers, lmms-eval counts it.
fn judge(_: Protocol, golds: &[String], reply: Reply<'_>) -> Verdict {
    let said = normalise(reply.0);
    let matches = matches(&said, golds);
    Verdict { extracted: Some(said), credit: Some(credit(matches, golds.len() as u64)) }
}

/// How many of `golds` are `said`. People agree, so that the same text is not normalised again.
fn matches(said: &str, golds: &[String]) -> u64 {
    let mut seen: Vec<(&str, bool)> = Vec::with_capacity(golds.len());
    let mut matches = 0;
    for gold in golds {
        let known = seen.iter().find(|(text, _)| text == gold).map(|(_, equal)| *equal);
        let equal = known.unwrap_or_else(|| normalise(gold) == said);
        if known.is_none() {
            seen.push((gold, equal));
        }
        matches += u64::from(equal);
    }
    matches
}

/// The mean, over leaving out each of `n` people, of a third for each match among the others, at most 1.
fn credit(matches: u64, n: u64) -> f64 {
    let thirds = matches * matches.saturating_sub(1).min(3) + (n - matches) * matches.min(3);
    thirds as f64 / (3 * n) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credit_grows_by_three_tenths() {
        assert_eq!([0, 1, 2, 3, 4, 10].map(|matches| credit(matches, 10)), [0.0, 0.3, 0.6, 0.9, 1.0, 1.0]);
    }
}
