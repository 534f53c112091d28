//! Drawing images: DDIM steps with classifier-free guidance.

use tch::Tensor;

use super::{Noising, Visualizer};
use crate::model::dims;

/// How images are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// Steps from noise to image.
    pub steps: usize,
    /// Guidance scale: up to 1 uses the condition alone, more moves away from what no condition would give.
    pub guidance: f64,
}

impl Sampling {
    /// What a `network` of images, times and conditions says of `x` at `time`, moved from what it says without condition
    /// towards and past what it says with it (Ho and Salimans 2022). Zeros stand for no condition.
    ///
    /// Up to scale 1 there is no guidance: the condition alone is used.
    pub fn guided(
        &self,
        x: &Tensor,
        time: usize,
        condition: &Tensor,
        network: impl Fn(&Tensor, &[usize], &Tensor) -> Tensor,
    ) -> Tensor {
        let [batch, ..] = dims::<4>(x);
        let times = |images: i64| vec![time; images as usize];
        if self.guidance <= 1.0 {
            return network(x, &times(batch), condition);
        }
        let both = Tensor::cat(&[&condition.zeros_like(), condition], 0);
        let said = network(&Tensor::cat(&[x, x], 0), &times(2 * batch), &both).chunk(2, 0);
        let [without, with] = said.as_slice() else { unreachable!("two chunks were asked for") };
        without + (with - without) * self.guidance
    }
}

/// Images `[batch, 1, side, side]` in [-1, 1] from visual tokens `[batch, tokens, width]`, starting at `noise`.
///
/// Deterministic (DDIM with eta 0; Song, Meng and Ermon 2021). The estimate of the clean image is cut to [-1, 1] at every
/// step, which is possible because the model works on pixels.
pub fn sample(model: &Visualizer, noising: &Noising, tokens: &Tensor, noise: &Tensor, how: Sampling) -> Tensor {
    tch::no_grad(|| {
        let condition = model.condition(tokens);
        let times = noising.descent(how.steps);
        let mut x = noise.shallow_clone();
        for (index, &time) in times.iter().enumerate() {
            let network = |x: &Tensor, times: &[usize], condition: &Tensor| model.forward(x, times, condition);
            let said = how.guided(&x, time, &condition, network);
            let (now, next) = (noising.alpha_bar(Some(time)), noising.alpha_bar(times.get(index + 1).copied()));
            let clean = model.prediction.clean(noising, &x, &said, time).clamp(-1.0, 1.0);
            let eps = (&x - &clean * now.sqrt()) / (1.0 - now).sqrt();
            x = clean * next.sqrt() + eps * (1.0 - next).sqrt();
        }
        x
    })
}
