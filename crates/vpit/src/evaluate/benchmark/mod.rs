//! What each benchmark's files are, and its questions as each protocol asks them; a benchmark a file.
//!
//! Prompts of `official` are those of lmms-eval 0.7.3's tasks with their default settings, prompts of `cambrian` those of
//! Cambrian-1's evaluation scripts. Each is what decides a score, to the line break.

mod chartqa;
mod mmbench;
mod mmmu;
mod mmvp;
mod mvbench;
mod options;
mod published;
mod realworldqa;
mod scienceqa;
mod seed;
mod textvqa;
mod vstar;

pub use published::{Asked, Made, Published, Table, published};
use published::{LETTER, SHORT, about, longest, question};
