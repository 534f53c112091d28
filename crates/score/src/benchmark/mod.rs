//! Ten published benchmarks of visual question answering: what their questions are, and what a reply is worth.
//!
//! A [`Question`] has an id, a [`Gold`] and categories; a [`Rule`] turns a [`Reply`] to it into a [`Verdict`], by one of two
//! [`Protocol`]s; a [`Report`] has the [`Score`]s of a whole benchmark and refuses to look complete when it is not.
//! Each benchmark is a file with its [`Definition`]. `docs/metrics.md` has the rules in words and how they were checked.

mod answers;
mod chartqa;
mod definition;
mod derived;
mod error;
mod mmbench;
mod mmmu;
mod mmvp;
mod mvbench;
mod name;
mod protocol;
mod question;
mod realworldqa;
mod report;
mod rule;
mod scienceqa;
mod seed;
mod textvqa;
mod vstar;

pub use answers::{Answered, Row, read, write};
pub use definition::{Counts, Definition};
pub use derived::{Group, average};
pub use error::{Error, Mistake};
pub use name::Benchmark;
pub use protocol::Protocol;
pub use question::{Choice, Gold, Letter, Question, QuestionId};
pub use report::{Report, Score};
pub use rule::{Reply, Rule, Verdict};
