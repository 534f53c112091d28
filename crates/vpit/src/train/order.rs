//! The order in which samples are seen.

use crate::noise::shuffle;
use crate::rng::Rng;

/// The samples of every step: whole passes over `samples` items, each pass shuffled anew, cut into batches of `batch`.
///
/// The last batch of a pass may be smaller; a batch never mixes passes. With `steps` the passes repeat until there are that
/// many batches; without, there is one pass.
#[must_use]
pub fn batches(samples: usize, batch: usize, steps: Option<u64>, seed: u64) -> Vec<Vec<usize>> {
    let batch = batch.max(1);
    let per_pass = samples.div_ceil(batch);
    let wanted = steps.map_or(per_pass, |steps| if samples == 0 { 0 } else { steps as usize });
    let mut order = Vec::with_capacity(wanted);
    for pass in 0.. {
        if order.len() >= wanted {
            break;
        }
        let mut ids: Vec<usize> = (0..samples).collect();
        shuffle(&mut Rng::new(seed, "order", pass), &mut ids);
        order.extend(ids.chunks(batch).take(wanted - order.len()).map(<[usize]>::to_vec));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pass_sees_every_sample_once() {
        let mut seen: Vec<usize> = batches(10, 4, None, 1).concat();
        assert_eq!(seen.len(), 10);
        seen.sort_unstable();
        assert_eq!(seen, (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn a_number_of_steps_repeats_or_cuts_passes() {
        assert_eq!(batches(10, 4, Some(7), 1).len(), 7);
        assert_eq!(batches(10, 4, Some(2), 1).len(), 2);
        assert!(batches(0, 4, Some(7), 1).is_empty());
        assert_ne!(batches(10, 10, Some(2), 1)[0], batches(10, 10, Some(2), 1)[1]);
    }
}
