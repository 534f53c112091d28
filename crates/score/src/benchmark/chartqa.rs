//! ChartQA by relaxed accuracy: a number may be off by a twentieth (Masry et al. 2022).

use super::definition::{Counts, Definition};
use super::derived::Group;
use super::protocol::Protocol;
use super::rule::{Reply, Rule, Verdict};
use crate::answer::python::float;

pub(super) static DEFINITION: Definition = Definition {
    name: "chartqa",
    title: "ChartQA",
    group: Some(Group::TextAndChart),
    rows: |_| &[2_500],
    data: "lmms-lab/ChartQA, split test",
    counts: Counts::Questions,
    rule: Rule::Text(judge),
};

const TOLERANCE: f64 = 0.05;

fn judge(protocol: Protocol, gold: &str, reply: Reply<'_>) -> Verdict {
    let right = match protocol {
        Protocol::Cambrian => cambrian(&reply.0.to_lowercase(), &gold.to_lowercase()),
        Protocol::Official => official(reply.0, gold),
    };
    Verdict::new(reply.0.to_lowercase(), right)
}

fn cambrian(said: &str, gold: &str) -> bool {
    match (float(said), float(gold)) {
        (Some(said), Some(gold)) => (said - gold).abs() <= gold.abs() * TOLERANCE,
        _ => said == gold,
    }
}

/// A gold of zero counts as no number, so that only the same text equals it.
fn official(said: &str, gold: &str) -> bool {
    match (percentage(said), percentage(gold).filter(|&gold| gold != 0.0)) {
        (Some(said), Some(gold)) => (said - gold).abs() / gold.abs() <= TOLERANCE,
        _ => said.to_lowercase() == gold.to_lowercase(),
    }
}

/// A number, or one before percent signs as a share of one.
fn percentage(text: &str) -> Option<f64> {
    if text.ends_with('%') { Some(float(text.trim_end_matches('%'))? / 100.0) } else { float(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_signs_and_zeros_keep_their_quirks() {
        let right = [("10%", "0.1"), ("105", "100"), (" 5 ", "5"), ("1e2", "100"), ("0", "0"), ("yes", "Yes")];
        let wrong = [("10", "10%"), ("5%", "5"), ("1,000", "1000"), ("0.0", "0"), ("nan", "5"), ("106", "100")];
        assert!(right.iter().all(|(said, gold)| official(said, gold)));
        assert!(!wrong.iter().any(|(said, gold)| official(said, gold)));
        assert!(cambrian("0.0", "0") && !cambrian("10%", "0.1") && !cambrian("yes.", "yes"));
    }
}
