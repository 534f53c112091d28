//! Shapes by name.

use tch::Tensor;

/// The `N` sizes of a tensor, for destructuring: `let [batch, length, width] = dims(&hidden)`.
///
/// # Panics
/// The tensor has another number of dimensions; the message shows its shape.
#[must_use]
#[track_caller]
pub fn dims<const N: usize>(tensor: &Tensor) -> [i64; N] {
    let size = tensor.size();
    size.as_slice().try_into().unwrap_or_else(|_| panic!("expected {N} dimensions, found shape {size:?}"))
}
