//! What a reply says: extraction and normalisation of answers, each rule in one place.
//!
//! The references are Python programs whose quirks decide scores (which white space is stripped, what `float` reads, where
//! a word ends), so [`python`] has Python's meaning of these where Rust's differs. Rules that one benchmark alone uses are
//! in its own file.

pub mod cambrian;
pub mod evalai;
pub mod letter;
pub mod open;
pub mod pattern;
pub mod punctuation;
pub mod python;
