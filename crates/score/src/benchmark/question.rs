//! What is asked: ids, options, and the right answer in the three kinds that benchmarks have.

use std::fmt;

use super::error::Mistake;

/// What names a question within its benchmark.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QuestionId(String);

impl QuestionId {
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as a number, for benchmarks whose ids say which questions belong together.
    pub(super) fn number(&self) -> Result<u64, Mistake> {
        self.0.parse().map_err(|_| Mistake::NotANumber)
    }
}

impl fmt::Display for QuestionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The letter of an option, `A` to `Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Letter(u8);

impl Letter {
    /// None unless `text` is one letter; its case does not matter.
    pub fn parse(text: &str) -> Option<Self> {
        match text.as_bytes() {
            [byte] if byte.is_ascii_alphabetic() => Some(Self(byte.to_ascii_uppercase() - b'A')),
            _ => None,
        }
    }

    /// The first `n` letters, at most 26.
    pub fn first(n: usize) -> Vec<Self> {
        (0..26).take(n).map(Self).collect()
    }

    /// In upper case.
    pub fn as_char(self) -> char {
        char::from(b'A' + self.0)
    }

    /// From 0 for `A`.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Display for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_char())
    }
}

/// Options, lettered from `A`, with the right one among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    options: Vec<String>,
    right: Letter,
}

impl Choice {
    /// # Errors
    /// `right` is not the letter of one of `options`, or there are more than 26.
    pub fn new(options: Vec<String>, right: &str) -> Result<Self, Mistake> {
        let letter = Letter::parse(right).filter(|letter| letter.index() < options.len() && options.len() <= 26);
        match letter {
            Some(right) => Ok(Self { options, right }),
            None => Err(Mistake::GoldNotAnOption { gold: right.to_owned(), options: options.len() }),
        }
    }

    pub fn options(&self) -> &[String] {
        &self.options
    }

    pub fn right(&self) -> Letter {
        self.right
    }

    /// The text of the right option.
    pub fn right_text(&self) -> &str {
        self.options.get(self.right.index()).map_or("", String::as_str)
    }

    /// Each option with its letter.
    pub fn lettered(&self) -> impl Iterator<Item = (Letter, &str)> {
        Letter::first(self.options.len()).into_iter().zip(self.options.iter().map(String::as_str))
    }
}

/// The right answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gold {
    /// One of the options.
    Choice(Choice),
    /// A word, a phrase or a number.
    Text(String),
    /// What ten people answered.
    Consensus(Vec<String>),
}

/// A question as far as scoring needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub id: QuestionId,
    pub gold: Gold,
    /// Every category that the question counts towards besides the whole benchmark.
    pub categories: Vec<String>,
}
