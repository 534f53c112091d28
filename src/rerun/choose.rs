//! Which runs are done again: a choice that a seed decides and that anybody can repeat.

use std::fmt;
use std::str::FromStr;

use crate::id::RunId;

/// How many runs are done again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Share {
    Runs(usize),
    /// Of all that could be; more than 0, at most 100.
    Percent(f64),
    All,
}

/// The text is no share of runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write a number of runs like `3`, a share like `5%`, or `all`")]
pub struct InvalidShare;

impl FromStr for Share {
    type Err = InvalidShare;

    fn from_str(text: &str) -> Result<Self, InvalidShare> {
        if text == "all" {
            return Ok(Self::All);
        }
        match text.strip_suffix('%') {
            Some(percent) => {
                let percent: f64 = percent.trim().parse().map_err(|_| InvalidShare)?;
                (percent > 0.0 && percent <= 100.0).then_some(Self::Percent(percent)).ok_or(InvalidShare)
            }
            None => text.parse().ok().filter(|&runs| runs > 0).map(Self::Runs).ok_or(InvalidShare),
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Runs(runs) => write!(f, "{runs}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
            Self::All => f.write_str("all"),
        }
    }
}

impl Share {
    /// The number of runs that it is of `total`: a share of any is at least one.
    #[must_use]
    pub fn of(self, total: usize) -> usize {
        match self {
            Self::Runs(runs) => runs.min(total),
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "the share of a count is a count, far below 2^53"
            )]
            Self::Percent(percent) => ((total as f64 * percent / 100.0).ceil() as usize).min(total),
            Self::All => total,
        }
    }
}

/// The chosen ones of `runs`, by position, ascending.
///
/// Each run draws a lot, a digest of `seed` and its identity, and the lowest lots are chosen. A run keeps its lot when
/// others come or go, so that a larger share holds the smaller one.
#[must_use]
pub fn choose(runs: &[RunId], share: Share, seed: u64) -> Vec<usize> {
    let lot = |run: &RunId| *blake3::Hasher::new().update(&seed.to_le_bytes()).update(&run.0).finalize().as_bytes();
    let mut lots: Vec<([u8; 32], usize)> = runs.iter().map(lot).zip(0..).collect();
    lots.sort_unstable();
    lots.truncate(share.of(runs.len()));
    let mut chosen: Vec<usize> = lots.into_iter().map(|(_, position)| position).collect();
    chosen.sort_unstable();
    chosen
}
