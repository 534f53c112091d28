//! Nested subsets: the first k of a larger set are the same samples.

use crate::rng;

/// More samples were asked for than there are.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot take {asked} of {pool} samples: raise the pool or lower the amount")]
pub struct SubsetTooLarge {
    pub asked: u64,
    pub pool: u64,
}

/// The `k` ids of `0..pool` with the lowest keyed hash under `data_seed`, in the order of that hash.
///
/// `subset(pool, k, s)` is the start of `subset(pool, k + 1, s)`, whatever the order in which samples are read.
///
/// # Errors
/// If `k` exceeds `pool`: repeating samples is a decision of the training schedule, never of the subset.
pub fn subset(pool: u64, k: u64, data_seed: u64) -> Result<Vec<u64>, SubsetTooLarge> {
    if k > pool {
        return Err(SubsetTooLarge { asked: k, pool });
    }
    let mut ranked: Vec<(u64, u64)> = (0..pool).map(|id| (rng::key(data_seed, "subset", id), id)).collect();
    ranked.sort_unstable();
    Ok(ranked.into_iter().take(k as usize).map(|(_, id)| id).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smaller_subsets_begin_larger_ones() {
        let large = subset(1000, 600, 7).unwrap();
        for k in [0, 1, 10, 599] {
            assert_eq!(subset(1000, k, 7).unwrap(), large[..k as usize]);
        }
    }

    #[test]
    fn every_id_comes_once_and_seeds_differ() {
        let mut all = subset(500, 500, 1).unwrap();
        assert_ne!(all, subset(500, 500, 2).unwrap());
        all.sort_unstable();
        assert_eq!(all, (0..500).collect::<Vec<_>>());
    }

    #[test]
    fn more_than_the_pool_is_refused() {
        assert_eq!(subset(3, 4, 0), Err(SubsetTooLarge { asked: 4, pool: 3 }));
    }
}
