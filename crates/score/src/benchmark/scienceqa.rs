//! ScienceQA, its questions with an image (Lu et al. 2022).

use super::definition::{Counts, Definition};
use super::derived::Group;
use super::protocol::Protocol;
use super::question::Choice;
use super::rule::{Reply, Rule, Verdict};
use crate::answer::{cambrian, python};

pub(super) static DEFINITION: Definition = Definition {
    name: "scienceqa",
    title: "ScienceQA-IMG",
    group: Some(Group::Knowledge),
    rows: |_| &[2_017],
    data: "lmms-lab/ScienceQA, config ScienceQA-IMG, split test",
    counts: Counts::Questions,
    rule: Rule::Choice(judge),
};

fn judge(protocol: Protocol, choice: &Choice, reply: Reply<'_>) -> Verdict {
    let gold = choice.right().to_string().to_lowercase();
    match protocol {
        Protocol::Cambrian => {
            let tail = cambrian::tail(reply.0);
            let said = tail.trim_end_matches('.');
            let letter = said.split('.').next() == Some(&gold);
            let text = plain(said) == plain(python::strip(&choice.right_text().to_lowercase()));
            Verdict::new(said.to_owned(), letter || text)
        }
        Protocol::Official => {
            let said = official(python::strip(reply.0));
            let right = said.as_deref() == Some(&gold);
            Verdict::new(said, right)
        }
    }
}

/// Without ASCII punctuation, in lower case, stripped.
fn plain(text: &str) -> String {
    let kept: String = text.chars().filter(|c| !c.is_ascii_punctuation()).collect();
    python::strip(&kept.to_lowercase()).to_owned()
}

/// The letter before a period that is the second character, else all of the reply; `(A)` is no letter.
fn official(reply: &str) -> Option<String> {
    let mut characters = reply.chars();
    match (characters.next()?, characters.next()) {
        (first, Some('.')) if first.is_uppercase() => Some(first.to_lowercase().collect()),
        _ => Some(reply.to_lowercase()),
    }
}
