//! Why a statistic has no value.

/// Why a statistic has no value for these data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Undefined {
    /// Fewer values than the statistic needs to exist.
    #[error("needs at least {needed} values, has {n}")]
    TooFew { n: usize, needed: usize },
    /// Without spread there is nothing to correlate with.
    #[error("all values are equal")]
    Constant,
    /// NaN or infinity among the values; whoever calls decides what to leave out, and says so.
    #[error("a value is not a finite number")]
    NotFinite,
}

/// Refuse NaN and infinity.
pub(super) fn finite(values: &[f64]) -> Result<(), Undefined> {
    if values.iter().all(|value| value.is_finite()) { Ok(()) } else { Err(Undefined::NotFinite) }
}

/// Refuse fewer than `needed` values.
pub(super) fn at_least(needed: usize, n: usize) -> Result<(), Undefined> {
    if n >= needed { Ok(()) } else { Err(Undefined::TooFew { n, needed }) }
}
