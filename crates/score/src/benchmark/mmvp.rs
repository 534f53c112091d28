//! MMVP: pairs of images that CLIP takes for the same (Tong et al. 2024). A point is given for a pair.

use std::sync::LazyLock;

use regex::Regex;

use super::definition::{Counts, Definition};
use super::derived::Group;
use super::protocol::Protocol;
use super::question::Choice;
use super::rule::{Reply, Rule, Verdict};
use crate::answer::{cambrian, pattern, python};

pub(super) static DEFINITION: Definition = Definition {
    name: "mmvp",
    title: "MMVP (pairs)",
    group: Some(Group::VisionCentric),
    rows: |_| &[300],
    data: "MMVP/MMVP, Questions.csv with its folder of images",
    counts: Counts::Groups {
        // Questions 1 and 2 are a pair, 3 and 4, and so on.
        key: |id| Ok(id.number()?.saturating_sub(1) / 2),
        whole: |questions| questions.len() == 2,
        what: "pair",
    },
    rule: Rule::Choice(judge),
};

fn judge(protocol: Protocol, choice: &Choice, reply: Reply<'_>) -> Verdict {
    match protocol {
        Protocol::Cambrian => {
            let said = cambrian::bare(reply.0, &['.', ':', ',']);
            let right = said == choice.right().to_string().to_lowercase() || said == choice.right_text().to_lowercase();
            Verdict::new(said, right)
        }
        Protocol::Official => {
            let letter = pattern::letter(&PATTERNS, python::strip(reply.0));
            Verdict::new(letter.map(|letter| letter.to_string()), letter == Some(choice.right()))
        }
    }
}

/// The last one is the reference's way out when nothing else matches.
static PATTERNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    pattern::compile(&[
        r"^\s*\(?([AB])\)?\.?\s*$",
        r"^\s*\(?([AB])\)?[\.\s]",
        r"answer\s+is\s+\(?([AB])\)?",
        r"option\s+\(?([AB])\)?",
        r"\(?([AB])\)?(?:\s|$)",
        r"^([AB])",
    ])
});
