//! Amounts of sources as an order of samples: one pass, everything shuffled together.

use super::{Error, Source};
use crate::digits::subset;
use crate::noise::shuffle;
use crate::rng::{self, Rng};

/// The samples of a run in the order in which they are seen.
#[derive(Debug)]
pub struct Mixture {
    order: Vec<(Source, u32)>,
    digest: String,
}

impl Mixture {
    /// Of each source `[there, wanted]` samples and its index's digest. Which samples are taken depends on `seed`, and a
    /// smaller amount is part of a larger one.
    ///
    /// # Errors
    /// Nothing is wanted, or more than there is.
    pub fn new(pools: &[(Source, [u64; 2], &str)], seed: u64) -> Result<Self, Error> {
        let (mut order, mut digest) = (Vec::new(), blake3::Hasher::new());
        for &(wanted, [there, asked], index) in pools {
            let chosen = subset(there, asked, rng::key(seed, wanted.name(), 0));
            let chosen = chosen.map_err(|_| Error::TooFew { wanted, asked, there })?;
            let number =
                |id| u32::try_from(id).map_err(|_| Error::TooFew { wanted, asked, there: u64::from(u32::MAX) });
            for id in chosen {
                order.push((wanted, number(id)?));
            }
            digest.update(index.as_bytes());
        }
        if order.is_empty() {
            return Err(Error::Nothing);
        }
        shuffle(&mut Rng::new(seed, "order", 0), &mut order);
        for (source, number) in &order {
            digest.update(&[*source as u8]);
            digest.update(&number.to_le_bytes());
        }
        Ok(Self { order, digest: digest.finalize().to_hex().to_string() })
    }

    #[must_use]
    pub fn len(&self) -> u64 {
        self.order.len() as u64
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// What stands for data, amounts, seed and order: two runs with the same see the same samples in the same order.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Source and number of the sample at `position` of the pass.
    #[must_use]
    pub fn at(&self, position: u64) -> Option<(Source, u64)> {
        let (source, number) = self.order.get(usize::try_from(position).ok()?)?;
        Some((*source, u64::from(*number)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn mixture(vqa: u64, generation: u64, seed: u64) -> Mixture {
        Mixture::new(&[(Source::Vqa, [100, vqa], "a"), (Source::Generation, [50, generation], "b")], seed).unwrap()
    }

    fn seen(mixture: &Mixture) -> BTreeSet<(Source, u64)> {
        (0..mixture.len()).filter_map(|position| mixture.at(position)).collect()
    }

    #[test]
    fn one_pass_sees_each_chosen_sample_once() {
        let mixture = mixture(60, 20, 1);
        assert_eq!((mixture.len(), seen(&mixture).len(), mixture.at(80)), (80, 80, None));
        let first: Vec<Source> = (0..20).filter_map(|i| mixture.at(i)).map(|(source, _)| source).collect();
        assert!(first.contains(&Source::Vqa) && first.contains(&Source::Generation));
    }

    #[test]
    fn smaller_amounts_are_part_of_larger_ones_and_other_seeds_take_others() {
        assert!(seen(&mixture(20, 10, 1)).is_subset(&seen(&mixture(60, 20, 1))));
        assert_ne!(seen(&mixture(20, 10, 1)), seen(&mixture(20, 10, 2)));
        assert_ne!(mixture(20, 10, 1).digest(), mixture(20, 10, 2).digest());
        assert_eq!(mixture(20, 10, 1).digest(), mixture(20, 10, 1).digest());
    }

    #[test]
    fn too_much_and_nothing_are_refused() {
        assert!(matches!(Mixture::new(&[(Source::Vqa, [5, 6], "")], 0), Err(Error::TooFew { .. })));
        assert!(matches!(Mixture::new(&[], 0), Err(Error::Nothing)));
    }
}
