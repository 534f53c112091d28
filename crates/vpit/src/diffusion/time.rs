//! When in the diffusion a network is: times as vectors.

use tch::{Device, Kind, Tensor};

use crate::model::layers::{Bias, Linear};
use crate::model::weights::Scope;

/// Cosines and sines of a time at frequencies from 1 down to nearly 1/10,000.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Waves {
    /// Of both together; an odd width ends with a zero.
    pub width: i64,
    /// Whether the cosines come first, as in Stable Diffusion; the sines do otherwise.
    pub cosines_first: bool,
    /// How much earlier than at half the width the frequencies would reach 1/10,000: 0 in Stable Diffusion.
    pub shift: f64,
}

impl Waves {
    /// `[times, width]`, f32 on `device`.
    pub fn of(&self, times: &[usize], device: Device) -> Tensor {
        let half = self.width / 2;
        #[expect(clippy::cast_precision_loss, reason = "times and widths are some thousands")]
        let (times, span): (Vec<f32>, f64) = (times.iter().map(|&t| t as f32).collect(), half as f64 - self.shift);
        // In the order of diffusers: at time 999 a last bit of the exponent is a ten-thousandth of the wave.
        let exponents = Tensor::arange(half, (Kind::Float, device)) * -10_000f64.ln() / span;
        let angles = Tensor::from_slice(&times).to_device(device).outer(&exponents.exp());
        let (cosines, sines) = (angles.cos(), angles.sin());
        let waves = if self.cosines_first { [cosines, sines] } else { [sines, cosines] };
        Tensor::cat(&waves, -1).constant_pad_nd([0, self.width % 2])
    }
}

/// A time through two layers.
#[derive(Debug)]
pub struct TimeEmbedding {
    linear_1: Linear,
    linear_2: Linear,
    waves: Waves,
}

impl TimeEmbedding {
    #[must_use]
    pub fn new(scope: &Scope<'_>, waves: Waves, width: i64) -> Self {
        Self {
            linear_1: Linear::new(&scope.at("linear_1"), waves.width, width, Bias::With),
            linear_2: Linear::new(&scope.at("linear_2"), width, width, Bias::With),
            waves,
        }
    }

    /// `[times, width]`, after a last SiLU, because every block that reads it applies that first.
    pub fn forward(&self, times: &[usize]) -> Tensor {
        let weight = &self.linear_1.weight;
        let waves = self.waves.of(times, weight.device()).to_kind(weight.kind());
        self.linear_2.forward(&self.linear_1.forward(&waves).silu()).silu()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waves_of_a_time_start_with_its_cosine_and_end_with_a_zero_where_the_width_is_odd() {
        let waves = Waves { width: 5, cosines_first: true, shift: 0.0 }.of(&[2], Device::Cpu);
        let slow = 2.0 * 10_000f64.powf(-0.5);
        let expected = [2f64.cos(), slow.cos(), 2f64.sin(), slow.sin(), 0.0];
        let difference = waves.flatten(0, 1).to_kind(Kind::Double) - Tensor::from_slice(&expected);
        assert!(difference.abs().max().double_value(&[]) < 1e-6, "{difference}");
    }
}
