//! V*Bench: details in high-resolution images (Wu and Xie 2024).

use std::sync::LazyLock;

use regex::Regex;

use super::definition::{Counts, Definition};
use super::derived::Group;
use super::protocol::Protocol;
use super::question::{Choice, Letter};
use super::rule::{Reply, Rule, Verdict};
use crate::answer::{cambrian, pattern, python};

pub(super) static DEFINITION: Definition = Definition {
    name: "vstar",
    title: "V*Bench",
    group: Some(Group::HighResolution),
    rows: |_| &[191],
    data: "craigwu/vstar_bench, test_questions.jsonl",
    counts: Counts::Questions,
    rule: Rule::Choice(judge),
};

fn judge(protocol: Protocol, choice: &Choice, reply: Reply<'_>) -> Verdict {
    match protocol {
        Protocol::Cambrian => {
            let first = cambrian::first(reply.0, &['.']);
            Verdict::new(first.map(String::from), first == Some(choice.right().as_char().to_ascii_lowercase()))
        }
        Protocol::Official => {
            let letter = official(reply.0);
            Verdict::new(letter.map(|letter| letter.to_string()), letter == Some(choice.right()))
        }
    }
}

static PATTERNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    pattern::compile(&[
        r"^([A-D])\s*[\.)\]]*",
        r"(?:THE\s+)?(?:ANSWER|CHOICE|OPTION)(?:\s+IS)?[\s:]+([A-D])",
        r"\(([A-D])\)",
        r"([A-D])\s*(?:\.|\)|\])",
        r"(?:^|\s)([A-D])(?:\s|$)",
    ])
});

/// Any reply that begins with one of the four letters gives it, `Banana` too.
fn official(reply: &str) -> Option<Letter> {
    let upper = python::strip(reply).to_uppercase();
    pattern::letter(&PATTERNS, &upper).or_else(|| {
        let mut letters = upper.chars().filter(|c| matches!(c, 'A'..='D'));
        let only = letters.next().filter(|_| letters.next().is_none())?;
        Letter::parse(only.encode_utf8(&mut [0; 4]))
    })
}
