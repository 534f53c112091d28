//! Open answers as MMMU's `eval_utils.py` finds them in a reply, and lmms-eval 0.7.3 with it.

use super::python::{float, is_digit, is_word, strip};

/// An answer that can be compared.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Rounded to two decimals.
    Number(f64),
    Text(String),
}

/// What an answer may stand behind. The last one counts in the last line only.
const INDICATORS: [&str; 9] = ["could be ", "so ", "is ", "thus ", "therefore ", "final ", "answer ", "result ", "="];

/// A number, or the text in lower case; a single character with a space before or behind it, so that it does not match
/// within a word.
pub fn normalise(text: &str) -> Vec<Part> {
    let text = strip(text);
    if let Some(number) = float(&text.replace(',', "")) {
        return vec![Part::Number(rounded(number))];
    }
    let lower = text.to_lowercase();
    if lower.chars().count() == 1 {
        return vec![Part::Text(format!(" {lower}")), Part::Text(format!("{lower} "))];
    }
    vec![Part::Text(lower)]
}

/// To two decimals, ties to even: the nearest decimal of the exact value, as Python's `round` does it.
fn rounded(number: f64) -> f64 {
    format!("{number:.2}").parse().unwrap_or(number)
}

/// Whether the reply holds `gold`: a number of it equals, or a text of it contains, a part of the right answer.
pub fn holds(reply: &str, gold: &str) -> bool {
    let golds = normalise(gold);
    let matches = |part: &Part| match part {
        Part::Number(_) => golds.contains(part),
        Part::Text(said) => golds.iter().any(|gold| matches!(gold, Part::Text(gold) if said.contains(gold.as_str()))),
    };
    parts(reply).iter().any(matches)
}

/// The candidates: the key parts of the reply, and the numbers in them.
fn parts(reply: &str) -> Vec<Part> {
    let keys = keys(reply);
    let numbers = keys.iter().flat_map(|key| numbers(key));
    keys.iter().map(String::as_str).chain(numbers).flat_map(normalise).collect()
}

/// What stands behind an indicator, line by line and as short as it comes; the whole reply if nothing does.
///
/// The original also splits at sentences that begin with a capital letter, but after lower-casing there are none.
pub fn keys(reply: &str) -> Vec<String> {
    let reply = strip(reply).trim_matches('.').to_lowercase();
    let last = reply.matches('\n').count();
    let key = |(at, line): (usize, &str)| {
        let indicators = if at == last { &INDICATORS[..] } else { &INDICATORS[..INDICATORS.len() - 1] };
        let behind = indicators.iter().filter_map(|indicator| Some(strip(line.rsplit_once(indicator)?.1)));
        // An empty one gives way to whatever comes next.
        let shorter = |kept: &str, next: &str| kept.is_empty() || next.chars().count() < kept.chars().count();
        let shortest = behind.reduce(|kept, next| if shorter(kept, next) { next } else { kept })?;
        let trivial = ["", ":", ",", ".", "!", "?", ";", "'"].contains(&shortest);
        (!trivial).then(|| shortest.to_owned())
    };
    let keys: Vec<String> = reply.split('\n').enumerate().filter_map(key).collect();
    if keys.is_empty() { vec![reply] } else { keys }
}

/// Every number that one of three forms finds: with thousands separated, scientific, plain. `1,234.50` so holds 1,234 and
/// 234.50.
pub fn numbers(text: &str) -> Vec<&str> {
    [separated as Form, scientific, plain].into_iter().flat_map(|form| find_all(text, form)).collect()
}

/// The length of a match at the start of a text, 0 for none, given the character before.
type Form = fn(Option<char>, &str) -> usize;

fn find_all(text: &str, form: Form) -> Vec<&str> {
    let (mut found, mut before, mut rest) = (Vec::new(), None, text);
    while let Some(next) = rest.chars().next() {
        let length = form(before, rest);
        found.extend((length > 0).then(|| &rest[..length]));
        let (passed, left) = rest.split_at(length.max(next.len_utf8()));
        (before, rest) = (passed.chars().next_back(), left);
    }
    found
}

/// `-?\b\d{1,3}(?:,\d{3})+\b`
fn separated(before: Option<char>, text: &str) -> usize {
    let sign = sign(text);
    let mut at = sign + digits(&text[sign..]);
    let in_word = sign == 0 && before.is_some_and(is_word);
    if in_word || !(1..=3).contains(&text[sign..at].chars().count()) {
        return 0;
    }
    let mut end = 0;
    while let Some(rest) = text[at..].strip_prefix(',') {
        let three = rest.chars().take(3).take_while(|&c| is_digit(c));
        let (count, length) = three.fold((0, 0), |(count, length), c| (count + 1, length + c.len_utf8()));
        if count < 3 {
            break;
        }
        at += 1 + length;
        if !text[at..].starts_with(is_word) {
            end = at;
        }
    }
    end
}

/// `-?\d+(?:\.\d+)?[eE][+-]?\d+`
fn scientific(_: Option<char>, text: &str) -> usize {
    let sign = sign(text);
    let whole = digits(&text[sign..]);
    let mut at = sign + whole + fraction(&text[sign + whole..]);
    if whole == 0 || !text[at..].starts_with(['e', 'E']) {
        return 0;
    }
    at += 1;
    at += usize::from(text[at..].starts_with(['+', '-']));
    match digits(&text[at..]) {
        0 => 0,
        exponent => at + exponent,
    }
}

/// `-?(?:\d+\.\d+|\.\d+|\d+\b)(?![eE][+-]?\d+)(?![,\d])`
fn plain(_: Option<char>, text: &str) -> usize {
    let sign = sign(text);
    let whole = digits(&text[sign..]);
    let fraction = fraction(&text[sign + whole..]);
    let ends = |at: usize| {
        let exponent = text[at..].strip_prefix(['e', 'E']).map(|rest| rest.strip_prefix(['+', '-']).unwrap_or(rest));
        !exponent.is_some_and(|rest| rest.starts_with(is_digit)) && !text[at..].starts_with(',')
    };
    if fraction > 0 && ends(sign + whole + fraction) {
        return sign + whole + fraction;
    }
    let at = sign + whole;
    if whole > 0 && !text[at..].starts_with(is_word) && ends(at) { at } else { 0 }
}

fn sign(text: &str) -> usize {
    usize::from(text.starts_with('-'))
}

/// The length of the digits that `text` begins with.
fn digits(text: &str) -> usize {
    text.find(|c| !is_digit(c)).unwrap_or(text.len())
}

/// The length of the fraction that `text` begins with.
fn fraction(text: &str) -> usize {
    text.strip_prefix('.').map(digits).filter(|&digits| digits > 0).map_or(0, |digits| 1 + digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_form_are_found() {
        assert_eq!(numbers("1,234.50"), ["1,234", "234.50"]);
        assert_eq!(numbers("-1,234,5678 and x1,000"), ["-1,234", "5678", "000"]);
        assert_eq!(numbers("-3.14e-2 .5 7e"), ["-3.14e-2", "-3", "-2", ".5"]);
        assert_eq!(numbers("12abc 34"), ["34"]);
    }

    #[test]
    fn ties_round_to_even() {
        assert_eq!([0.125, 0.375, 2.675, 2.5].map(rounded), [0.12, 0.38, 2.67, 2.5]);
    }

    #[test]
    fn keys_stand_behind_indicators() {
        assert_eq!(keys("The answer is 5."), ["5"]);
        assert_eq!(keys("x = 3\nso y is 4"), ["4"]);
        assert_eq!(keys("Bach"), ["bach"]);
        assert!(holds("The answer is 5.", "5") && !holds("The answer is 15.", "5") && holds("12 x", "x"));
    }
}
