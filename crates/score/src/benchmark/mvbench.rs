//! MV-Bench: twenty tasks on videos (Li et al. 2024).

use super::definition::{Counts, Definition};
use super::protocol::Protocol;
use super::question::Choice;
use super::rule::{Reply, Rule, Verdict};
use crate::answer::{punctuation, python};

pub(super) static DEFINITION: Definition = Definition {
    name: "mvbench",
    title: "MV-Bench",
    group: None,
    rows: |_| &[4_000],
    data: "OpenGVLab/MVBench, its 20 files of json/ with their videos",
    counts: Counts::Questions,
    rule: Rule::Choice(judge),
};

fn judge(protocol: Protocol, choice: &Choice, reply: Reply<'_>) -> Verdict {
    let letter = choice.right().to_string();
    match protocol {
        Protocol::Cambrian => authors(&letter.to_lowercase(), reply.0),
        // The reference leaves empty replies out of its mean.
        Protocol::Official if reply.0.is_empty() => Verdict { extracted: None, credit: None },
        Protocol::Official => {
            let said = official(reply.0);
            let right = said == official(&letter);
            Verdict::new(said, right)
        }
    }
}

/// The first word of the first line is within `(a)`, or `(a)` within it. By the original's letter that holds of a word
/// without a letter too, such as of silence; here such a word is wrong.
fn authors(letter: &str, reply: &str) -> Verdict {
    let line = python::strip(reply).split('\n').next().unwrap_or_default().to_lowercase();
    let word = line.split(' ').next().unwrap_or_default();
    let right = format!("({letter})");
    let within = right.contains(&word.replace('.', "")) || word.contains(&right);
    Verdict::new(word.to_owned(), within && word.contains(|c: char| c.is_ascii_alphabetic()))
}

/// The letter A to E that the reply begins with before a period, else the first that stands alone in the reply without
/// punctuation, else that reply.
fn official(reply: &str) -> String {
    let reply = python::strip(reply);
    if let Some(letter) = leading(reply) {
        return letter.to_string();
    }
    let line = reply.replace(['\n', '\t'], " ");
    let line = python::strip(&line);
    let text = punctuation::remove(line, has_digit_comma_digit(line));
    let text = python::strip(text.trim_matches('\'')).to_lowercase();
    match alone(&text) {
        Some(letter) => letter.to_string(),
        None => text,
    }
}

/// `^([A-E])\.\s*(.+)$`, where `.` matches no end of line.
fn leading(reply: &str) -> Option<char> {
    let mut characters = reply.chars();
    let letter = characters.next().filter(|c| matches!(c, 'A'..='E' | 'a'..='e'))?;
    let rest = characters.as_str().strip_prefix('.')?.trim_start_matches(python::is_space);
    (!rest.is_empty() && !rest.contains('\n')).then_some(letter.to_ascii_uppercase())
}

fn has_digit_comma_digit(text: &str) -> bool {
    text.match_indices(',')
        .any(|(at, _)| text[..at].ends_with(python::is_digit) && text[at + 1..].starts_with(python::is_digit))
}

/// `\b([A-E])\b`, in any case.
fn alone(text: &str) -> Option<char> {
    let stands = |(at, _): &(usize, &str)| {
        !text[..*at].ends_with(python::is_word) && !text[at + 1..].starts_with(python::is_word)
    };
    let mut letters = text.match_indices(['a', 'b', 'c', 'd', 'e', 'A', 'B', 'C', 'D', 'E']);
    letters.find(stands).and_then(|(_, letter)| letter.chars().next()).map(|c| c.to_ascii_uppercase())
}
