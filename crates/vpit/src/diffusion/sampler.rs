//! Drawing images: DDIM steps with classifier-free guidance.

use tch::Tensor;

use super::{Noising, Visualizer};

/// How images are drawn.
#[derive(Debug, Clone, Copy)]
pub struct Sampling {
    /// Steps from noise to image.
    pub steps: usize,
    /// Guidance scale: 1 uses the condition alone, more moves away from what no condition would give.
    pub guidance: f64,
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
            let said = guided(model, &x, time, &condition, how.guidance);
            let (now, next) = (noising.alpha_bar(Some(time)), noising.alpha_bar(times.get(index + 1).copied()));
            let clean = model.prediction.clean(noising, &x, &said, time).clamp(-1.0, 1.0);
            let eps = (&x - &clean * now.sqrt()) / (1.0 - now).sqrt();
            x = clean * next.sqrt() + eps * (1.0 - next).sqrt();
        }
        x
    })
}

/// What the network says, moved from the unconditional towards and past the conditional prediction.
fn guided(model: &Visualizer, x: &Tensor, time: usize, condition: &Tensor, guidance: f64) -> Tensor {
    if (guidance - 1.0).abs() < f64::EPSILON {
        return model.forward(x, &vec![time; x.size()[0] as usize], condition);
    }
    let both = Tensor::cat(&[&condition.zeros_like(), condition], 0);
    let said = model.forward(&Tensor::cat(&[x, x], 0), &vec![time; 2 * x.size()[0] as usize], &both).chunk(2, 0);
    let [without, with] = said.as_slice() else { unreachable!("two chunks were asked for") };
    without + (with - without) * guidance
}
