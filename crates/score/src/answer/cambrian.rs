//! Answers as Cambrian-1's evaluation scripts take them from a reply (`eval/eval/*/*_test.py`, commit 539ffc3).

use super::python::strip;

/// The lower-cased reply after the last `answer is` or `answer:`, stripped.
pub fn tail(reply: &str) -> String {
    let lower = reply.to_lowercase();
    let mut text = strip(&lower);
    // In this order: what follows `answer is` may begin with the colon of `answer is:`, which then stays.
    for keyword in ["answer is", "answer is:", "answer:"] {
        text = text.rsplit_once(keyword).map_or(text, |(_, after)| after);
    }
    strip(text).to_owned()
}

/// [`tail`] without the characters `ends` behind it and without brackets around it.
pub fn bare(reply: &str, ends: &[char]) -> String {
    let tail = tail(reply);
    tail.trim_end_matches(ends).trim_start_matches('(').trim_end_matches(')').to_owned()
}

/// The first character of [`bare`]: of `I think B` it is `i`.
pub fn first(reply: &str, ends: &[char]) -> Option<char> {
    bare(reply, ends).chars().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quirks_are_kept() {
        let of = |reply| first(reply, &['.', ':', ',']);
        assert_eq!(["A", "(b)", "The answer is C.", "d. dog"].map(of), [Some('a'), Some('b'), Some('c'), Some('d')]);
        assert_eq!(
            ["The answer is: C", "**A**", "I think B", "", "()"].map(of),
            [Some(':'), Some('*'), Some('i'), None, None]
        );
    }
}
