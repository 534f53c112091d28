//! Tensors of random numbers from explicit generators.
//!
//! libtorch's own generator is hidden state: what it returns depends on everything drawn before. Nothing here uses it.

use tch::Tensor;

use crate::rng::Rng;

/// A tensor of standard normal numbers, f32 on the CPU.
pub fn normal(rng: &mut Rng, shape: &[i64]) -> Tensor {
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| rng.normal() as f32).collect();
    Tensor::from_slice(&values).view(shape)
}

/// Reorder `items`, every order equally likely (Fisher and Yates).
pub fn shuffle<T>(rng: &mut Rng, items: &mut [T]) {
    for last in (1..items.len()).rev() {
        items.swap(last, rng.below(last as u64 + 1) as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shuffle_keeps_every_item() {
        let mut items: Vec<u32> = (0..50).collect();
        shuffle(&mut Rng::new(5, "order", 0), &mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
    }
}
