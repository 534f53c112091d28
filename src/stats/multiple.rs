//! Several comparisons at once.

/// Holm's adjusted p of each of `p`, in their order: those below 5% are the ones that may be rejected together with at
/// most 5% chance of any false one.
///
/// Source: Holm 1979, "A simple sequentially rejective multiple test procedure".
#[must_use]
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut largest = 0.0_f64;
    let mut adjusted = vec![0.0; p.len()];
    for (rank, &position) in ascending(p).iter().enumerate() {
        largest = largest.max(((p.len() - rank) as f64 * p[position]).min(1.0));
        adjusted[position] = largest;
    }
    adjusted
}

/// The adjusted p of Benjamini and Hochberg: those below 5% are a set of which at most 5% are expected to be false.
///
/// Source: Benjamini & Hochberg 1995, "Controlling the false discovery rate".
#[must_use]
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let mut smallest = 1.0_f64;
    let mut adjusted = vec![0.0; p.len()];
    for (rank, &position) in ascending(p).iter().enumerate().rev() {
        smallest = smallest.min(p.len() as f64 * p[position] / (rank + 1) as f64);
        adjusted[position] = smallest;
    }
    adjusted
}

/// The level that Holm's method leaves for the interval of each of `p` at a family's `level`: an interval at it leaves
/// its boundary out exactly where the adjusted p is at most `1 - level`.
#[must_use]
pub fn holm_levels(p: &[f64], level: f64) -> Vec<f64> {
    let alpha = 1.0 - level;
    let order = ascending(p);
    let first_kept = order.iter().enumerate().position(|(rank, &at)| p[at] > alpha / (p.len() - rank) as f64);
    let mut levels = vec![level; p.len()];
    for (rank, &position) in order.iter().enumerate() {
        let rank = rank.min(first_kept.unwrap_or(rank));
        levels[position] = 1.0 - alpha / (p.len() - rank) as f64;
    }
    levels
}

/// Positions by ascending p; NaN last.
fn ascending(p: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&left, &right| p[left].total_cmp(&p[right]));
    order
}
