//! Python's text rules where Rust's differ: `str.isspace`, `str.isalpha`, `\w`, `\d`, `float`.

use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

/// As `str.isspace`: Unicode's white space, and the four ASCII separators that Unicode does not count.
pub fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\x1c'..='\x1f')
}

/// As `str.strip()`.
pub fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// As `str.split()`: words between runs of white space.
pub fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_space).filter(|word| !word.is_empty())
}

/// As `str.isalpha`: a letter, and no mark or circled letter, which Rust counts as alphabetic.
pub fn is_alpha(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphabetic() } else { c.general_category_group() == GeneralCategoryGroup::Letter }
}

/// As `\w` in a pattern: letters, numbers of any kind and the underscore.
pub fn is_word(c: char) -> bool {
    c == '_'
        || is_alpha(c)
        || if c.is_ascii() { c.is_ascii_digit() } else { c.general_category_group() == GeneralCategoryGroup::Number }
}

/// As `\d` in a pattern: a decimal digit of any script.
pub fn is_digit(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_digit() } else { c.general_category() == GeneralCategory::DecimalNumber }
}

/// As `float(text)`, None where that raises: white space around, digits of any script, `_` between digits, `inf`, `nan`.
pub fn float(text: &str) -> Option<f64> {
    let text: String = strip(text).chars().map(|c| digit(c).unwrap_or(c)).collect();
    let separates = |(at, _): (usize, &str)| {
        let digit_at = |at: Option<usize>| at.and_then(|at| text.as_bytes().get(at)).is_some_and(u8::is_ascii_digit);
        digit_at(at.checked_sub(1)) && digit_at(at.checked_add(1))
    };
    let joined = text.match_indices('_').all(separates).then(|| text.replace('_', ""))?;
    joined.parse().ok()
}

/// The ASCII digit of a decimal digit of another script. Unicode keeps the ten of a script together and in order, some
/// scripts one after the other, so the distance from the first of the run tells the value.
fn digit(c: char) -> Option<char> {
    if c.is_ascii() || !is_digit(c) {
        return None;
    }
    let before = |c: &char| char::from_u32(u32::from(*c) - 1).filter(|&c| is_digit(c));
    let distance = std::iter::successors(Some(c), before).count() as u32 - 1;
    char::from_digit(distance % 10, 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_read_as_python_reads_them() {
        let read = [
            ("1_000", 1000.0),
            (" 5\u{3000}", 5.0),
            ("1e2", 100.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("\u{661}\u{662}", 12.0),
        ];
        for (text, value) in read {
            assert_eq!(float(text), Some(value), "{text}");
        }
        for text in ["", ".", "1__0", "_1", "1_", "1e", "1,000", "5%", "0x1", "1 2", "²"] {
            assert_eq!(float(text), None, "{text}");
        }
        assert_eq!(float("-Infinity"), Some(f64::NEG_INFINITY));
        assert!(float("nan").is_some_and(f64::is_nan));
        assert_eq!(float("1e400"), Some(f64::INFINITY));
    }

    #[test]
    fn digits_of_every_script_have_their_value() {
        // Arabic-Indic, full width, and the last of the five runs of mathematical digits.
        assert_eq!(
            ['٠', '٩', '７', '𝟿', '𝟎', 'x', '5'].map(digit),
            [Some('0'), Some('9'), Some('7'), Some('9'), Some('0'), None, None]
        );
    }

    #[test]
    fn marks_and_circled_letters_are_no_letters() {
        assert!(is_alpha('é') && is_alpha('中') && !is_alpha('Ⓐ') && !is_alpha('\u{301}') && !is_alpha('Ⅷ'));
        assert!(is_word('Ⅷ') && is_word('²') && !is_word('Ⓐ'.to_ascii_lowercase()) || is_word('_'));
        assert!(is_space('\x1c') && is_space('\u{85}') && !is_space('\u{200b}'));
    }
}
