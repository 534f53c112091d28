//! SEED-Bench, its questions with one image (Li et al. 2023).

use super::definition::{Counts, Definition};
use super::derived::Group;
use super::protocol::Protocol;
use super::question::Choice;
use super::rule::{Reply, Rule, Verdict};
use crate::answer::{cambrian, python};

pub(super) static DEFINITION: Definition = Definition {
    name: "seed",
    title: "SEED (image)",
    group: Some(Group::General),
    // Sources disagree about one question.
    rows: |_| &[14_232, 14_233],
    data: "lmms-lab/SEED-Bench, split test, rows with data_type `image`",
    counts: Counts::Questions,
    rule: Rule::Choice(judge),
};

fn judge(protocol: Protocol, choice: &Choice, reply: Reply<'_>) -> Verdict {
    let first = match protocol {
        Protocol::Cambrian => cambrian::first(reply.0, &['.']).map(String::from),
        Protocol::Official => python::strip(reply.0).chars().next().map(|c| c.to_lowercase().collect()),
    };
    let right = first.as_deref() == Some(&choice.right().to_string().to_lowercase());
    Verdict::new(first, right)
}
