//! `vpit evaluate`: published benchmarks of visual question answering, asked of a trained model.
//!
//! | module | owns |
//! |---|---|
//! | [`table`] | rows of published files in any form, and the bytes of their pictures |
//! | [`files`] | which files are a benchmark's, and whether they are what was published |
//! | [`benchmark`], [`question`] | rows to questions, as each protocol asks them |
//! | [`set`] | a benchmark whole, each question once |
//! | [`ready`], [`model`] | questions made ready by threads, and replies to them |
//! | [`progress`], [`run`](mod@run) | replies on disk as they come, and the stage |
//! | [`check`] | data looked at before anything is started |

pub mod benchmark;
pub mod check;
pub mod files;
pub mod model;
pub mod parameters;
pub mod progress;
pub(crate) mod python;
pub mod question;
pub mod ready;
pub mod run;
pub mod scores;
pub mod set;
pub mod table;

pub use question::Question;
pub use run::{Arguments, Error, look, run};
pub use set::Set;
