//! Which files are digested anew.

use crate::audit::Wanted;
use crate::id::TaskId;

/// A share of all files, chosen by their names: the same seed chooses the same ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Selection {
    pub wanted: Wanted,
    pub seed: u64,
}

const MILLION: u32 = 1_000_000;

impl Selection {
    /// Whether the file `path` of an attempt is among them.
    #[must_use]
    pub fn takes(&self, task: &TaskId, attempt: u32, path: &str) -> bool {
        let Wanted::Sample(millionths) = self.wanted else { return true };
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.seed.to_le_bytes()).update(&task.0).update(&attempt.to_le_bytes()).update(path.as_bytes());
        let mut first = [0; 8];
        first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        // Of 64 bits a remainder is even enough.
        u64::from_le_bytes(first) % u64::from(MILLION) < u64::from(millionths)
    }

    /// What tells it from others, for a file of what was digested so far.
    #[must_use]
    pub fn name(&self) -> String {
        match self.wanted {
            Wanted::All => "all".to_owned(),
            Wanted::Sample(millionths) => format!("sample {millionths} {}", self.seed),
        }
    }
}

/// Read `all` or `sample:1%`.
///
/// # Errors
/// Says what is expected.
pub fn parse_verify(text: &str) -> Result<Wanted, String> {
    let expected = || "expected `all`, or `sample:` with a percentage, like `sample:1%`".to_owned();
    if text == "all" {
        return Ok(Wanted::All);
    }
    let percent = text.strip_prefix("sample:").and_then(|rest| rest.strip_suffix('%')).ok_or_else(expected)?;
    let percent: f64 = percent.parse().map_err(|_| expected())?;
    if !(percent > 0.0 && percent <= 100.0) {
        return Err(expected());
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to a million")]
    Ok(Wanted::Sample((percent * f64::from(MILLION) / 100.0).round() as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_read_and_nonsense_refused() {
        assert_eq!(parse_verify("all"), Ok(Wanted::All));
        assert_eq!(parse_verify("sample:1%"), Ok(Wanted::Sample(10_000)));
        assert_eq!(parse_verify("sample:0.5%"), Ok(Wanted::Sample(5_000)));
        for text in ["", "some", "sample", "sample:1", "sample:0%", "sample:101%", "sample:NaN%", "sample:-1%"] {
            assert!(parse_verify(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_seed_chooses_its_share_every_time() {
        let chosen = |seed| -> Vec<bool> {
            let selection = Selection { wanted: Wanted::Sample(100_000), seed };
            (0..2_000_u32).map(|number| selection.takes(&TaskId([7; 16]), number, "model.bin")).collect()
        };
        let count = chosen(0).into_iter().filter(|&chosen| chosen).count();
        // Binomial, n 2000, p 0.1: mean 200, standard deviation 13.4.
        assert!((140..260).contains(&count), "{count}");
        assert_eq!(chosen(0), chosen(0));
        assert_ne!(chosen(0), chosen(1));
    }
}
