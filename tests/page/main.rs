//! The page of a report in a real browser: what it draws, what it answers, what it refuses.
//!
//! Where no Chromium is installed these tests look at nothing; `cargo xtask test` installs it where it may and says loudly
//! where it could not.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod audit;
mod browser;
mod figures;
mod lab;
mod live;
mod media;
mod runs;
mod safety;
