//! Punctuation as the VQA challenges remove it, in the variants of EvalAI and of MVBench.

use super::python::is_digit;

/// What is removed or becomes a space, as a set of ASCII characters.
const MARKS: u128 = set(b";/[]\"{}()=+\\_-><@`,?!");

/// A period is removed where no digit follows, but no more than this often: the references hand a flag of value 32 to a
/// parameter that is a count.
const PERIODS: usize = 32;

/// `text` without punctuation: a mark that stands beside a space anywhere in the text (or any mark, `if_all`) disappears
/// everywhere, another becomes a space; then periods that no digit follows go.
pub fn remove(text: &str, if_all: bool) -> String {
    let loose = if if_all { MARKS } else { MARKS & beside_space(text) };
    let has = |set: u128, c: char| c.is_ascii() && set >> u32::from(c) & 1 == 1;
    let mut out = String::with_capacity(text.len());
    for c in text.chars().filter(|&c| !has(loose, c)) {
        out.push(if has(MARKS, c) { ' ' } else { c });
    }
    remove_periods(&out)
}

const fn set(of: &[u8]) -> u128 {
    let (mut set, mut at) = (0, 0);
    while at < of.len() {
        set |= 1 << of[at];
        at += 1;
    }
    set
}

fn beside_space(text: &str) -> u128 {
    let bytes = text.as_bytes();
    let beside = |pair: &[u8]| match *pair {
        [b' ', mark] | [mark, b' '] if mark.is_ascii() => 1 << mark,
        _ => 0,
    };
    bytes.windows(2).map(beside).fold(0, |set, bit| set | bit)
}

fn remove_periods(text: &str) -> String {
    if !text.contains('.') {
        return text.to_owned();
    }
    let mut removed = 0;
    let goes = |(at, c): (usize, char)| {
        let is_end = c == '.' && removed < PERIODS && !text[at + 1..].chars().next().is_some_and(is_digit);
        removed += usize::from(is_end);
        (!is_end).then_some(c)
    };
    text.char_indices().filter_map(goes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_beside_a_space_disappears_and_another_becomes_a_space() {
        assert_eq!(remove("rock-n-roll", false), "rock n roll");
        assert_eq!(remove("a - b-c", false), "a  bc");
        assert_eq!(remove("a/b", true), "ab");
    }

    #[test]
    fn periods_before_digits_stay_and_only_32_go() {
        assert_eq!(remove("5. 1.5 U.S.A.", false), "5 1.5 USA");
        assert_eq!(remove(&".".repeat(40), false), ".".repeat(8));
    }
}
