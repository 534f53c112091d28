//! From tensors to plain numbers.

use tch::{Device, Tensor};

/// All numbers of a tensor, row by row.
#[must_use]
pub fn floats(tensor: &Tensor) -> Vec<f32> {
    let mut values = vec![0.0; tensor.numel()];
    tensor.to_device(Device::Cpu).contiguous().copy_data(&mut values, tensor.numel());
    values
}
