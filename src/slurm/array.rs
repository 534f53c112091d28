//! Slurm's notation for the elements of an array: `7`, `0-3`, `1,4-9:2`, `0-99%5`, and cut lists that end in `...`.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

/// More than any array may have (Slurm's own bound is 4,000,001): a typing error in an answer cannot fill the memory.
const LARGEST: u32 = 4_000_001;

/// The elements in one list, in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elements {
    pub indices: Vec<u32>,
    /// How many may run at the same time.
    pub throttle: Option<u32>,
    /// Slurm cut the list: there are more.
    pub cut: bool,
}

impl Elements {
    /// Read a list, with or without its square brackets; `None` where it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix('[').map_or(text, |rest| rest.strip_suffix(']').unwrap_or(rest));
        let (list, throttle) = match text.split_once('%') {
            Some((list, limit)) => (list, Some(limit.trim_end_matches('.').parse().ok()?)),
            None => (text, None),
        };
        let mut elements = Self { throttle, ..Self::default() };
        for part in list.split(',') {
            // A cut list ends anywhere: what is whole counts.
            let (part, cut) = part.strip_suffix("...").map_or((part, false), |rest| (rest, true));
            elements.cut |= cut;
            match range(part.trim()) {
                Some((first, last, step)) => elements.indices.extend((first..=last).step_by(step)),
                None if cut => {}
                None => return None,
            }
        }
        Some(elements)
    }
}

/// (first, last, step) of `7`, `0-3` or `0-8:2`.
fn range(text: &str) -> Option<(u32, u32, usize)> {
    let number = |text: &str| text.parse::<u32>().ok().filter(|&number| number < LARGEST);
    let (range, step) = match text.split_once(':') {
        Some((range, step)) => (range, step.parse().ok().filter(|&step| step > 0)?),
        None => (text, 1),
    };
    let (first, last) = match range.split_once('-') {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(range)?, number(range)?),
    };
    (first <= last).then_some((first, last, step))
}

/// `indices`, which are in order, as a list for `--array`.
#[must_use]
pub fn list(indices: &[u32]) -> String {
    let mut out = String::new();
    let mut rest = indices;
    while let [first, ..] = rest {
        let length = rest.iter().zip(*first..).take_while(|(index, next)| *index == next).count();
        if !out.is_empty() {
            out.push(',');
        }
        // Writing to a `String` cannot fail.
        let _ = match length {
            1 => write!(out, "{first}"),
            _ => write!(out, "{first}-{}", u64::from(*first) + length as u64 - 1),
        };
        rest = &rest[length..];
    }
    out
}

/// A job as its owner sees it: `123`, or elements of the array `123`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobId {
    pub job: u64,
    /// `None` for a job that is no array.
    pub elements: Option<Elements>,
}

impl JobId {
    /// Read `123`, `123_4`, `123_[5-9%2]`; `123+0` and `123_4+1` are components of a heterogeneous job, which count as
    /// the job itself. `None` for steps (`123.batch`) and for what is no id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.split_once('+').map_or(text, |(id, _)| id);
        if text.contains('.') && !text.contains("...") {
            return None;
        }
        let (job, elements) = match text.split_once('_') {
            Some((job, elements)) => (job, Some(Elements::parse(elements)?)),
            None => (text, None),
        };
        Some(Self { job: job.parse().ok()?, elements })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_form_of_a_list_is_read() {
        let cases: [(&str, &[u32], Option<u32>, bool); 9] = [
            ("7", &[7], None, false),
            ("0-3", &[0, 1, 2, 3], None, false),
            ("[0-3]", &[0, 1, 2, 3], None, false),
            ("1,4-8:2", &[1, 4, 6, 8], None, false),
            ("[5-7%4]", &[5, 6, 7], Some(4), false),
            ("0-1,9%1", &[0, 1, 9], Some(1), false),
            ("[0,2,4,...]", &[0, 2, 4], None, true),
            ("[0,2,4-...", &[0, 2], None, true),
            ("[0-2%5...]", &[0, 1, 2], Some(5), false),
        ];
        for (text, indices, throttle, cut) in cases {
            let expected = Elements { indices: indices.to_vec(), throttle, cut };
            assert_eq!(Elements::parse(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for text in ["", "a", "1-", "-1", "3-1", "1:0", "0-4000001", "1,,2", "1%x", "99999999999"] {
            assert_eq!(Elements::parse(text), None, "{text}");
        }
    }

    #[test]
    fn ids_of_jobs_and_elements_are_told_from_steps() {
        let one = |text: &str| JobId::parse(text).map(|id| (id.job, id.elements.map(|elements| elements.indices)));
        assert_eq!(one("12"), Some((12, None)));
        assert_eq!(one("12_3"), Some((12, Some(vec![3]))));
        assert_eq!(one("12_[3-5%2]"), Some((12, Some(vec![3, 4, 5]))));
        assert_eq!(one("7+0"), Some((7, None)));
        assert_eq!(one("12_[1,3,...]"), Some((12, Some(vec![1, 3]))));
        for text in ["12.batch", "12_3.extern", "12.0", "job", "", "_3", "12_x"] {
            assert_eq!(one(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_list_reads_back_what_it_was_made_of(indices in prop::collection::btree_set(0u32..2000, 1..200)) {
            let indices: Vec<u32> = indices.into_iter().collect();
            prop_assert_eq!(Elements::parse(&list(&indices)).unwrap().indices, indices);
        }

        #[test]
        fn no_text_is_a_panic(text in "[0-9,:%._\\[\\]+-]{0,24}") {
            let _ = (Elements::parse(&text), JobId::parse(&text));
        }
    }
}
