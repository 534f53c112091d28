//! Answers to questions: the share right by group, and the mean over groups.
//!
//! The protocol is exact match within a closed set of answers after [`normalise`]. A free text that merely contains the
//! answer is wrong; so is silence.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Estimate;

/// What was said to one question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Groups are scored apart and then averaged.
    pub group: String,
    pub said: String,
    pub right: String,
}

impl Answer {
    /// Whether what was said is the right answer, after [`normalise`].
    pub fn is_right(&self) -> bool {
        normalise(&self.said) == normalise(&self.right)
    }
}

/// Lower case, words separated by single spaces, without punctuation at the ends of a word.
pub fn normalise(answer: &str) -> String {
    let lower = answer.to_lowercase();
    let words = lower.split_whitespace().map(|word| word.trim_matches(|c: char| c.is_ascii_punctuation()));
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The share right of each group, in `[0, 1]` with its binomial standard error.
pub fn by_group(answers: &[Answer]) -> BTreeMap<String, Estimate> {
    let mut counts: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for answer in answers {
        let (right, n) = counts.entry(&answer.group).or_default();
        *right += u64::from(answer.is_right());
        *n += 1;
    }
    let share = |(group, (right, n)): (&str, _)| Some((group.to_owned(), Estimate::share(right, n)?));
    counts.into_iter().filter_map(share).collect()
}

/// The mean over groups, each with the same weight whatever its size, as the paper averages its benchmarks. The standard
/// error is that of a mean of independent shares; `n` is the number of questions. None for no group.
pub fn mean_over_groups(groups: &BTreeMap<String, Estimate>) -> Option<Estimate> {
    let k = groups.len() as f64;
    let variance: Option<f64> = groups.values().map(|group| group.stderr.map(|stderr| stderr.powi(2))).sum();
    let value = groups.values().map(|group| group.value).sum::<f64>() / k;
    let n = groups.values().map(|group| group.n).sum();
    (!groups.is_empty()).then_some(Estimate { value, stderr: variance.map(|sum| sum.sqrt() / k), n })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(group: &str, said: &str, right: &str) -> Answer {
        Answer { group: group.into(), said: said.into(), right: right.into() }
    }

    #[test]
    fn answers_match_after_normalisation_only() {
        for said in ["top left", " Top  LEFT. ", "top, left", "“top left”".trim_matches(['“', '”'])] {
            assert!(answer("g", said, "top left").is_right(), "{said}");
        }
        for said in ["", "top", "top left corner", "left top", "topleft"] {
            assert!(!answer("g", said, "top left").is_right(), "{said}");
        }
    }

    #[test]
    fn groups_count_apart_and_weigh_the_same() {
        let mut answers = vec![answer("small", "yes", "yes")];
        answers.extend((0..4).map(|i| answer("large", if i == 0 { "two" } else { "three" }, "two")));
        let groups = by_group(&answers);
        assert_eq!((groups["small"].value, groups["large"].value, groups["large"].n), (1.0, 0.25, 4));
        let mean = mean_over_groups(&groups).unwrap();
        assert_eq!((mean.value, mean.n), (0.625, 5));
        // Errors 0 and sqrt(0.25 * 0.75 / 4), halved.
        assert!((mean.stderr.unwrap() - (0.1875f64 / 4.0).sqrt() / 2.0).abs() < 1e-15);
    }

    #[test]
    fn no_answers_have_no_mean() {
        assert_eq!(mean_over_groups(&by_group(&[])), None);
    }
}
