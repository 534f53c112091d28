//! MMBench-EN with CircularEval (Liu et al. 2024): every question is asked with its options in each rotation, and counts
//! as right when all replies are.

use super::definition::{Counts, Definition};
use super::derived::Group;
use super::protocol::Protocol;
use super::question::{Choice, Letter};
use super::rule::{Reply, Rule, Verdict};
use crate::answer::{cambrian, letter, python};

/// Rotation `k` of question `i` has the index `i + k * 1,000,000`.
const ROTATION: u64 = 1_000_000;

pub(super) static DEFINITION: Definition = Definition {
    name: "mmbench-en",
    title: "MMBench-EN (circular)",
    group: Some(Group::General),
    rows: |protocol| match protocol {
        Protocol::Cambrian => &[4_377],
        Protocol::Official => &[4_329],
    },
    data: "split dev of lmms-lab/MMBench_EN (4377 rows) for `cambrian`, of lmms-lab/MMBench, config en (4329 rows), for `official`",
    counts: Counts::Groups {
        key: |id| Ok(id.number()? % ROTATION),
        whole: |questions| questions.iter().any(|question| question.id.number().is_ok_and(|index| index < ROTATION)),
        what: "question with its first rotation",
    },
    rule: Rule::Choice(judge),
};

fn judge(protocol: Protocol, choice: &Choice, reply: Reply<'_>) -> Verdict {
    match protocol {
        Protocol::Cambrian => {
            let first = cambrian::first(reply.0, &['.', ':', ',']);
            Verdict::new(first.map(String::from), first == Some(choice.right().as_char().to_ascii_lowercase()))
        }
        Protocol::Official => {
            let reply = python::strip(reply.0);
            let inferred = option(reply).or_else(|| text(reply, choice));
            let letter = inferred.or_else(|| letter::extract(reply, &Letter::first(4)));
            Verdict::new(letter.map(|letter| letter.to_string()), letter == Some(choice.right()))
        }
    }
}

/// How a letter may stand as a word, in the order in which the forms are tried.
const FORMS: [(&str, &str); 12] = [
    ("", "."),
    ("", ","),
    ("", ":"),
    ("", ")"),
    ("", ")."),
    ("(", ")"),
    ("(", ")."),
    (":", ""),
    (":", ","),
    (":", "."),
    (":", ")"),
    (":", ")."),
];

/// The one letter of A to E that stands in the reply as a word; a bare `A` among more than three words is an article.
fn option(reply: &str) -> Option<Letter> {
    if reply.contains("Failed to obtain answer via API") {
        return None;
    }
    let words: Vec<&str> = python::split(reply).collect();
    let only = |before: &str, after: &str| {
        let stands = |letter: &Letter| {
            let form = format!("{before}{letter}{after}");
            words.contains(&form.as_str())
        };
        let mut found = Letter::first(5).into_iter().filter(stands);
        found.next().filter(|_| found.next().is_none())
    };
    let article = words.len() > 3 && words.contains(&"A");
    let bare = only("", "").filter(|_| !article);
    bare.or_else(|| FORMS.into_iter().find_map(|(before, after)| only(before, after)))
}

/// The one option of four whose text the reply contains. An option that a question lacks is the text `nan` in the data,
/// and the reference takes it for one: `banana` contains it.
fn text(reply: &str, choice: &Choice) -> Option<Letter> {
    let lower = reply.to_lowercase();
    let lacking = std::iter::repeat_n("nan", 4_usize.saturating_sub(choice.options().len()));
    let texts = choice.options().iter().map(String::as_str).chain(lacking).take(4);
    let mut found = Letter::first(4).into_iter().zip(texts).filter(|(_, text)| lower.contains(&text.to_lowercase()));
    found.next().filter(|_| found.next().is_none()).map(|(letter, _)| letter)
}
