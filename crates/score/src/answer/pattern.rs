//! Patterns of the references, with the meaning that Python gives them.

use regex::Regex;

use crate::benchmark::Letter;

/// Compiles patterns that ignore case, as `re.IGNORECASE` does.
///
/// Two things are not the same by themselves: Python's white space has four ASCII separators more, and its `i` matches the
/// dotted capital and the dotless small one of Turkish.
#[expect(clippy::expect_used, reason = "the patterns are constants, and a test compiles each")]
pub fn compile(patterns: &[&str]) -> Vec<Regex> {
    let translated = |pattern: &&str| pattern.replace(r"\s", r"[\s\x1c-\x1f]").replace('i', "[iıİ]");
    patterns
        .iter()
        .map(|pattern| Regex::new(&format!("(?i){}", translated(pattern))).expect("a valid pattern"))
        .collect()
}

/// The letter in the first group of the first pattern that matches.
pub fn letter(patterns: &[Regex], text: &str) -> Option<Letter> {
    let found = patterns.iter().find_map(|pattern| pattern.captures(text))?;
    Letter::parse(found.get(1)?.as_str())
}
