//! RealWorldQA: questions about scenes, with options in the question or with a word or number as the answer (xAI 2024).

use super::definition::{Counts, Definition};
use super::derived::Group;
use super::protocol::Protocol;
use super::question::Letter;
use super::rule::{Reply, Rule, Verdict};
use crate::answer::{cambrian, letter, python};

pub(super) static DEFINITION: Definition = Definition {
    name: "realworldqa",
    title: "RealWorldQA",
    group: Some(Group::VisionCentric),
    rows: |_| &[765],
    data: "lmms-lab/RealWorldQA, split test",
    counts: Counts::Questions,
    rule: Rule::Text(judge),
};

fn judge(protocol: Protocol, gold: &str, reply: Reply<'_>) -> Verdict {
    match protocol {
        Protocol::Cambrian => {
            let tail = cambrian::tail(reply.0);
            let word = python::split(tail.trim_end_matches('.')).next().map(str::to_owned);
            let right = word.as_deref() == Some(&gold.to_lowercase());
            Verdict::new(word, right)
        }
        Protocol::Official => official(python::strip(gold), reply.0),
    }
}

/// A gold that is one of the letters A to D is looked for as a letter, any other must be the whole reply.
fn official(gold: &str, reply: &str) -> Verdict {
    let letters = Letter::first(4);
    if let Some(gold) = Letter::parse(gold).filter(|letter| letters.contains(letter)) {
        let letter = letter::extract(reply, &letters);
        return Verdict::new(letter.map(|letter| letter.to_string()), letter == Some(gold));
    }
    let lower = reply.to_lowercase();
    let said = python::strip(&lower).trim_end_matches('.');
    Verdict::new(said.to_owned(), said == gold.to_lowercase())
}
