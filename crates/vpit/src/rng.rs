//! Random numbers as a pure function of (seed, purpose, id), the same on every machine.
//!
//! libtorch's generator depends on the order of calls and on the device, so what must not change with the batch size,
//! the number of threads or the order of reading is drawn here: scenes, subsets, orders, noise.

use std::f64::consts::TAU;

/// The odd constant of SplitMix64 (Steele, Lea and Flood 2014): 2^64 divided by the golden ratio.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// A SplitMix64 stream. Streams that differ in seed, purpose or id are unrelated.
#[derive(Clone, Debug)]
pub struct Rng {
    state: u64,
}

impl Rng {
    /// The stream for one `id` (a sample, a step) of one `purpose` (a name such as `"order"`) under `seed`.
    pub fn new(seed: u64, purpose: &str, id: u64) -> Self {
        Self { state: key(seed, purpose, id) }
    }

    /// The next 64 random bits.
    pub fn u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        mix(self.state)
    }

    /// A uniform number in `0..n` without bias (Lemire 2019).
    ///
    /// # Panics
    /// If `n` is zero: there is nothing to draw from.
    pub fn below(&mut self, n: u64) -> u64 {
        assert!(n > 0, "cannot draw a number below zero");
        let reject_under = n.wrapping_neg() % n;
        loop {
            let wide = u128::from(self.u64()) * u128::from(n);
            if wide as u64 >= reject_under {
                return (wide >> 64) as u64;
            }
        }
    }

    /// A uniform number in `[0, 1)` with 53 random bits.
    pub fn f64(&mut self) -> f64 {
        (self.u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A standard normal number (Box and Muller 1958). Its last bits depend on the platform's `ln` and `cos`.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.f64()).ln()).sqrt();
        radius * (TAU * self.f64()).cos()
    }

    /// One of `items`, each equally likely.
    ///
    /// # Panics
    /// If `items` is empty.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }
}

/// 64 bits that identify (seed, purpose, id): the start of a stream, or the rank of an id in a subset.
pub fn key(seed: u64, purpose: &str, id: u64) -> u64 {
    let with_purpose = purpose.bytes().fold(mix(seed ^ GOLDEN), |hash, byte| mix(hash ^ u64::from(byte)));
    mix(with_purpose ^ mix(id.wrapping_add(GOLDEN)))
}

/// SplitMix64's finaliser: a bijection in which each input bit changes half of the output bits.
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitmix_gives_the_published_sequence() {
        // First outputs for seed 1234567 of Vigna's reference `splitmix64.c`.
        let mut rng = Rng { state: 1_234_567 };
        let drawn = [rng.u64(), rng.u64(), rng.u64()];
        assert_eq!(drawn, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn streams_differ_by_seed_purpose_and_id() {
        let first = |seed, purpose, id| Rng::new(seed, purpose, id).u64();
        let here = first(1, "order", 2);
        assert_eq!(here, first(1, "order", 2));
        for other in [first(2, "order", 2), first(1, "noise", 2), first(1, "order", 3), first(1, "", 2)] {
            assert_ne!(here, other);
        }
    }

    #[test]
    fn below_is_uniform_by_chi_square() {
        let mut counts = [0u32; 7];
        for id in 0..70_000 {
            counts[Rng::new(3, "chi", id).below(7) as usize] += 1;
        }
        let chi_square: f64 = counts.iter().map(|&n| (f64::from(n) - 1e4).powi(2) / 1e4).sum();
        assert!(chi_square < 22.5, "6 degrees of freedom, p < 0.001: {chi_square}");
    }

    #[test]
    fn normal_has_mean_zero_and_variance_one() {
        let mut rng = Rng::new(0, "normal", 0);
        let drawn: Vec<f64> = (0..100_000).map(|_| rng.normal()).collect();
        let mean = drawn.iter().sum::<f64>() / 1e5;
        let variance = drawn.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.015 && (variance - 1.0).abs() < 0.02, "mean {mean}, variance {variance}");
    }
}
