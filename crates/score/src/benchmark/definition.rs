//! What a benchmark says of itself.

use super::derived::Group;
use super::error::Mistake;
use super::protocol::Protocol;
use super::question::{Question, QuestionId};
use super::rule::Rule;

/// What one point of the main score is given for.
#[derive(Clone, Copy)]
pub enum Counts {
    /// Each question.
    Questions,
    /// Each group of questions with the same key, if all of them are right. A group of less than `whole` questions does
    /// not count.
    Groups { key: fn(&QuestionId) -> Result<u64, Mistake>, whole: fn(&[&Question]) -> bool, what: &'static str },
}

/// A benchmark: a static of its own file.
pub struct Definition {
    /// In the command line and in `scores.json`.
    pub name: &'static str,
    /// In print.
    pub title: &'static str,
    /// The colour of Figure 8.
    pub group: Option<Group>,
    /// How many rows the published split has; more than one number where sources disagree.
    pub rows: fn(Protocol) -> &'static [u64],
    /// What the data set is called and which split is meant.
    pub data: &'static str,
    pub counts: Counts,
    pub rule: Rule,
}
