//! An option's letter in free text, by the ranking of lmms-eval 0.7.3 (`_task_utils/mcq_extract.py`).

use super::python::{is_alpha, strip};
use crate::benchmark::Letter;

/// Phrases after which the letter of an answer is looked for.
const PHRASES: [&str; 27] = [
    "answer is",
    "the answer is",
    "the correct answer is",
    "correct answer is",
    "the best answer is",
    "best answer is",
    "the correct option is",
    "correct option is",
    "the best option is",
    "best option is",
    "the choice is",
    "choice is",
    "the correct choice is",
    "correct choice is",
    "i choose",
    "i select",
    "i pick",
    "my answer is",
    "my choice is",
    "옵션",
    "정답은",
    "답은",
    "답:",
    "答案是",
    "答案为",
    "选",
    "答えは",
];

/// How a letter stands in the reply; the more telling, the larger.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    Anywhere,
    BeforeSpace,
    BeforeBracket,
    BeforeColon,
    BeforePeriod,
    InBrackets,
    AfterPhrase,
    AtEnd,
    AtStart,
}

/// The letter among `letters` that the reply gives in the most telling form; of several the last. Letters count in upper
/// case only.
pub fn extract(reply: &str, letters: &[Letter]) -> Option<Letter> {
    let mut text = strip(reply);
    for mark in [',', '.', '!', '?', ';', ':', '\'', '"'] {
        text = text.trim_matches(mark);
    }
    let padded = format!(" {text} ");
    let phrases = phrase_ends(&padded);
    let mut found: Vec<(Form, usize, Letter)> = Vec::new();
    for &letter in letters {
        let c = letter.as_char();
        let forms = [
            (Form::InBrackets, format!("({c})")),
            (Form::BeforePeriod, format!("{c}.")),
            (Form::BeforeColon, format!("{c}:")),
            (Form::BeforeBracket, format!("{c})")),
            (Form::BeforeSpace, format!("{c} ")),
        ];
        found.extend(forms.iter().filter_map(|(form, text)| Some((*form, padded.rfind(text)?, letter))));
        let after = |&end: &usize| Some((Form::AfterPhrase, end + padded[end..].find(c)?, letter));
        found.extend(phrases.iter().filter_map(after));
        found.extend(at_the_ends(strip(&padded), letter).into_iter().map(|form| (form, 0, letter)));
    }
    if found.is_empty() {
        let anywhere = |&letter: &Letter| Some((Form::Anywhere, padded.rfind(letter.as_char())?, letter));
        found.extend(letters.iter().filter_map(anywhere));
    }
    // No two letters share a form and a place, so the largest is one.
    found.into_iter().max_by_key(|&(form, at, _)| (form, at)).map(|(_, _, letter)| letter)
}

/// Where in `text` the search behind each phrase begins, in bytes.
///
/// The reference finds the phrase in the lower-cased text and goes on in the original from the same number of characters;
/// lower-casing may change that number.
fn phrase_ends(text: &str) -> Vec<usize> {
    let lower = text.to_lowercase();
    let end = |phrase: &&str| {
        let characters = lower[..lower.find(*phrase)? + phrase.len()].chars().count();
        Some(text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at))
    };
    PHRASES.iter().filter_map(end).collect()
}

/// Whether `letter` begins or ends `text` and is no part of a word there.
fn at_the_ends(text: &str, letter: Letter) -> Vec<Form> {
    let alone = |next: Option<char>| !next.is_some_and(is_alpha);
    let c = letter.as_char();
    let start = text.strip_prefix(c).is_some_and(|rest| alone(rest.chars().next()));
    let end = text.strip_suffix(c).is_some_and(|rest| alone(rest.chars().next_back()));
    [(start, Form::AtStart), (end, Form::AtEnd)].into_iter().filter_map(|(is, form)| is.then_some(form)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(reply: &str) -> Option<char> {
        extract(reply, &Letter::first(4)).map(Letter::as_char)
    }

    #[test]
    fn the_most_telling_form_wins_and_then_the_last() {
        assert_eq!(of("(A) or (B)"), Some('B'));
        assert_eq!(of("(A) is wrong. The answer is C, see D: there"), Some('D'));
        assert_eq!(of("B because (A) is wrong"), Some('B'));
        assert_eq!(of("答案是C。"), Some('C'));
        assert_eq!(of("Banana"), Some('B'));
    }

    #[test]
    fn silence_and_lower_case_hold_no_letter() {
        assert_eq!(["", " ", "a", "none", "E"].map(of), [None; 5]);
    }
}
