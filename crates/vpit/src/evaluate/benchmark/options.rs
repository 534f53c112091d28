//! Options: how they are lettered in a prompt, and how they are found in a text that has them inside.

use score::answer::python;
use score::benchmark::{Choice, Gold};

/// `A. first`, a line each.
pub fn lettered<'a>(options: impl IntoIterator<Item = &'a str>) -> String {
    let line = |(letter, option): (char, &str)| format!("{letter}. {option}");
    ('A'..).zip(options).map(line).collect::<Vec<_>>().join("\n")
}

/// The right option among all.
///
/// # Errors
/// `right` is not the letter of one of them.
pub fn gold(options: Vec<String>, right: &str) -> Result<Gold, String> {
    Choice::new(options, right).map(Gold::Choice).map_err(|mistake| mistake.to_string())
}

/// Options behind letters in brackets within a text, `(a) red (b) blue`, as the reference's pattern finds them: an option
/// reaches to the next letter in brackets or the end, and any other bracket in it makes it none. With `closing` a closing
/// bracket may be in it.
pub fn bracketed(text: &str, is_letter: fn(char) -> bool, closing: bool) -> Vec<String> {
    let (mut options, mut at) = (Vec::new(), 0);
    while let Some(found) = text[at..].find('(') {
        at += found;
        let Some(begin) = mark(&text[at..], is_letter) else {
            at += 1;
            continue;
        };
        let rest = &text[at + begin..];
        let end = rest.find(|c| c == '(' || c == ')' && !closing).unwrap_or(rest.len());
        if end > 0 && (end == rest.len() || mark(&rest[end..], is_letter).is_some()) {
            options.push(python::strip(&rest[..end]).to_owned());
            at += begin + end;
        } else {
            at += 1;
        }
    }
    options
}

/// The length of a letter in brackets at the beginning of a text.
fn mark(text: &str, is_letter: fn(char) -> bool) -> Option<usize> {
    let letter = text.strip_prefix('(')?.chars().next().filter(|&letter| is_letter(letter))?;
    let length = 1 + letter.len_utf8();
    text[length..].starts_with(')').then_some(length + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_found_behind_their_letters() {
        let small = |text| bracketed(text, |c| c.is_ascii_alphabetic(), true);
        assert_eq!(small("(a) Open (b) Closed"), ["Open", "Closed"]);
        assert_eq!(small("(a) 4:00)  (b)Closed\n"), ["4:00)", "Closed"]);
        assert_eq!(small("(a) in (dark) red (b) blue"), ["blue"]);
        assert_eq!((small("none"), small("(a)(b) x")), (vec![], vec!["x".to_owned()]));
        let large = |text| bracketed(text, |c| matches!(c, 'A'..='D'), false);
        assert_eq!(large("What?\n(A) red\n(B) blue\nAnswer."), ["red", "blue\nAnswer."]);
        assert_eq!(large("(A) a) (B) b"), ["b"]);
    }
}
