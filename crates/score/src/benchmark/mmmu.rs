//! MMMU, split validation: college-level questions of 30 subjects, most with options (Yue et al. 2024).

use super::definition::{Counts, Definition};
use super::derived::Group;
use super::protocol::Protocol;
use super::question::{Choice, Letter};
use super::rule::{Reply, Rule, Verdict};
use crate::answer::{cambrian, open, python};

pub(super) static DEFINITION: Definition = Definition {
    name: "mmmu",
    title: "MMMU (val)",
    group: Some(Group::Knowledge),
    rows: |_| &[900],
    data: "lmms-lab/MMMU, split validation",
    counts: Counts::Questions,
    rule: Rule::ChoiceOrText(judge_choice, judge_text),
};

fn judge_choice(protocol: Protocol, choice: &Choice, reply: Reply<'_>) -> Verdict {
    match protocol {
        Protocol::Cambrian => {
            let first = cambrian::first(reply.0, &['.', ':', ',']);
            Verdict::new(first.map(String::from), first == Some(choice.right().as_char().to_ascii_lowercase()))
        }
        Protocol::Official => {
            let letter = official(reply.0, choice);
            Verdict::new(letter.map(|letter| letter.to_string()), letter == Some(choice.right()))
        }
    }
}

fn judge_text(protocol: Protocol, gold: &str, reply: Reply<'_>) -> Verdict {
    match protocol {
        Protocol::Cambrian => {
            let tail = cambrian::tail(reply.0);
            let said = tail.trim_end_matches('.');
            let gold = gold.to_lowercase();
            // Relative to what was said: the original swaps the arguments.
            let near = |gold: f64, said: f64| (gold - said).abs() <= said.abs() * 0.05;
            let right = said == gold || python::float(&gold).zip(python::float(said)).is_some_and(|(a, b)| near(a, b));
            Verdict::new(said.to_owned(), right)
        }
        Protocol::Official => Verdict::new(open::keys(reply.0).into_iter().next(), open::holds(reply.0, gold)),
    }
}

/// The letter that stands in brackets, else before a space, else before a period, else the option whose text a reply of
/// more than five words contains; of several the one that comes last.
///
/// Where there is none, the original draws an option at random; here the reply is wrong.
fn official(reply: &str, choice: &Choice) -> Option<Letter> {
    let mut text = reply;
    for mark in [',', '.', '!', '?', ';', ':', '\''] {
        text = text.trim_matches(mark);
    }
    let text = format!(" {text} ");
    let letters = Letter::first(choice.options().len());
    let last = |found: &[Letter], place: &dyn Fn(Letter) -> Option<usize>| {
        // The first of those with the largest place, as `argmax` takes it: none of them may have one.
        let place = |letter: &Letter| place(*letter);
        found.iter().copied().rev().max_by_key(place)
    };
    let with = |form: &dyn Fn(Letter) -> String| -> Vec<Letter> {
        letters.iter().copied().filter(|&letter| text.contains(&form(letter))).collect()
    };
    let bracketed = |letter| format!("({letter})");
    let spaced = |letter| text.rfind(&format!(" {letter} "));
    let found = with(&bracketed);
    if !found.is_empty() {
        return last(&found, &|letter| text.rfind(&bracketed(letter)));
    }
    for after in [' ', '.'] {
        let found = with(&|letter| format!("{letter}{after}"));
        if !found.is_empty() {
            return last(&found, &spaced);
        }
    }
    by_text(&text, choice)
}

fn by_text(text: &str, choice: &Choice) -> Option<Letter> {
    if python::split(text).count() <= 5 {
        return None;
    }
    let lower = text.to_lowercase();
    let places = choice.lettered().filter_map(|(letter, option)| Some((lower.rfind(&option.to_lowercase())?, letter)));
    places.collect::<Vec<_>>().into_iter().rev().max_by_key(|(place, _)| *place).map(|(_, letter)| letter)
}
