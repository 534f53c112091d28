//! The closed word-level vocabulary of the miniature's language.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Fills a batch up to its longest sample; never predicted.
pub const PAD: i64 = 0;
/// Begins every sequence.
pub const BOS: i64 = 1;
/// Ends a turn.
pub const EOT: i64 = 2;
/// Begins what the user says.
pub const USER: i64 = 3;
/// Begins what the assistant says.
pub const ASSISTANT: i64 = 4;
/// Comes before visual tokens.
pub const IMAGE_START: i64 = 5;
/// Comes after visual tokens.
pub const IMAGE_END: i64 = 6;

/// Every token; its place is its id. Appending keeps old ids, anything else makes old checkpoints useless.
#[rustfmt::skip]
const TOKENS: [&str; 91] = [
    "<pad>", "<bos>", "<eot>", "<user>", "<assistant>", "<image_start>", "<image_end>",
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "zeros", "ones", "twos", "threes", "fours", "fives", "sixes", "sevens", "eights", "nines",
    "a", "an", "the", "and", "of", "in", "on", "is", "are", "it", "this", "there", "that", "with", "means", "not",
    "left", "right", "middle", "above", "below", "top", "bottom", "corner", "or",
    "which", "what", "how", "many", "digit", "digits", "number", "name", "count", "read", "say", "shown", "seen",
    "sign", "reading", "bar", "bars", "highest", "lowest", "higher", "lower", "small", "large",
    "prime", "yes", "no", "odd", "even", "comes", "after", "before", "next", "more", "less", "than",
    "generate", "image", "you",
];

/// How many tokens there are.
pub const SIZE: i64 = TOKENS.len() as i64;

static IDS: LazyLock<HashMap<&str, i64>> = LazyLock::new(|| TOKENS.iter().copied().zip(0..).collect());

/// A word that the miniature's language does not have.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown word `{word}` (word {place} of the text): the vocabulary is closed, see `digits::vocabulary`")]
pub struct UnknownWord {
    pub word: String,
    /// Counted from one.
    pub place: usize,
}

/// The ids of the words of `text`, which spaces separate. Special tokens are written as they are named, `<eot>`.
///
/// # Errors
/// If a word is not in the vocabulary; a closed world has no use for an "unknown" token that hides the mistake.
pub fn encode(text: &str) -> Result<Vec<i64>, UnknownWord> {
    let id = |(index, word): (usize, &str)| {
        IDS.get(word).copied().ok_or_else(|| UnknownWord { word: word.to_owned(), place: index + 1 })
    };
    text.split_whitespace().enumerate().map(id).collect()
}

/// The words of `ids`, separated by spaces. An id outside the vocabulary is shown as `<id 99>`.
pub fn decode(ids: &[i64]) -> String {
    let words: Vec<String> = ids.iter().map(|&id| word(id)).collect();
    words.join(" ")
}

fn word(id: i64) -> String {
    let known = usize::try_from(id).ok().and_then(|index| TOKENS.get(index));
    known.map_or_else(|| format!("<id {id}>"), |&token| token.to_owned())
}

/// "zero" to "ten".
///
/// # Panics
/// Above ten: the miniature counts no further.
pub fn number(n: u8) -> &'static str {
    assert!(n <= 10, "no word for {n}");
    TOKENS[7 + usize::from(n)]
}

/// "zeros" to "nines".
///
/// # Panics
/// Above nine.
pub fn plural(digit: u8) -> &'static str {
    assert!(digit <= 9, "{digit} is no digit");
    TOKENS[18 + usize::from(digit)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_has_one_id_and_reads_back() {
        assert_eq!(IDS.len(), TOKENS.len(), "no word is there twice");
        let all: Vec<i64> = (0..SIZE).collect();
        assert_eq!(encode(&decode(&all)), Ok(all));
    }

    #[test]
    fn special_tokens_have_the_ids_that_they_are_named_by() {
        let text = "<pad> <bos> <eot> <user> <assistant> <image_start> <image_end>";
        assert_eq!(encode(text), Ok(vec![PAD, BOS, EOT, USER, ASSISTANT, IMAGE_START, IMAGE_END]));
    }

    #[test]
    fn unknown_words_and_ids_are_shown() {
        assert_eq!(encode("a purple seven"), Err(UnknownWord { word: "purple".into(), place: 2 }));
        assert_eq!(decode(&[28, 99, -1]), "a <id 99> <id -1>");
    }

    #[test]
    fn digits_have_a_word_and_a_plural() {
        assert_eq!((number(0), number(10), plural(0), plural(9)), ("zero", "ten", "zeros", "nines"));
    }
}
