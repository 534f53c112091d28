//! The full-size visualizer: visual tokens through a projector to what Stable Diffusion's U-Net attends to.

use tch::{Kind, Reduction, Tensor};

use super::scheduler::{Pndm, SchedulerConfig, TooManySteps};
use super::unet::Unet;
use super::vae::Vae;
use crate::diffusion::Noising;
use crate::diffusion::projector::Projector;
use crate::diffusion::sampler::Sampling;
use crate::model::dims;
use crate::noise;
use crate::rng::Rng;

/// Tokens of a condition: what CLIP's text encoder, with which the U-Net was trained, gives for every text.
const CONTEXT: i64 = 77;

/// Projector and U-Net, which are trained, and the autoencoder, which is not.
#[derive(Debug)]
pub struct Visualizer {
    pub projector: Projector,
    pub unet: Unet,
    pub vae: Vae,
    scheduler: SchedulerConfig,
    noising: Noising,
}

/// Images with what the vision tower sees in them.
#[derive(Debug)]
pub struct Batch {
    /// Pixels in [-1, 1], `[batch, 3, height, width]`.
    pub images: Tensor,
    /// Visual tokens of unit length, `[batch, tokens, visual width]`.
    pub tokens: Tensor,
}

/// The random choices of one training step.
#[derive(Debug)]
pub struct Draws {
    /// Picks latents among those that an image may have, `[batch, latent channels, height, width]`.
    pub latent: Tensor,
    /// What is added to the latents, of the same shape.
    pub noise: Tensor,
    /// A time for each image.
    pub times: Vec<usize>,
    /// Whether an image keeps its condition.
    pub kept: Vec<bool>,
}

/// What random choices are made for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Purpose {
    pub seed: u64,
    pub step: u64,
    /// Share of images whose condition becomes zeros.
    pub drop_condition: f64,
}

impl Purpose {
    fn generator(self, id: u64) -> Rng {
        Rng::new(self.seed, &format!("visualizer/{}", self.step), id)
    }
}

impl Visualizer {
    #[must_use]
    pub fn new(projector: Projector, unet: Unet, vae: Vae, scheduler: SchedulerConfig) -> Self {
        Self { projector, unet, vae, noising: scheduler.noising(), scheduler }
    }

    /// Visual tokens `[batch, tokens, visual width]` to what the U-Net attends to, `[batch, 77, width]`.
    ///
    /// The places behind the tokens are zeros. They are not masked: their keys are zeros too, since the U-Net's have no
    /// bias, and take their share of the attention.
    pub fn condition(&self, tokens: &Tensor) -> Tensor {
        let projected = self.projector.forward(tokens);
        let [_, length, _] = dims(&projected);
        projected.constant_pad_nd([0, 0, 0, (CONTEXT - length).max(0)])
    }

    /// The random choices of a step for the images numbered `ids`. Each depends on the purpose and on the image's own number,
    /// so that how images are spread over devices changes nothing.
    ///
    /// `shape` is that of one latent image, `[channels, height, width]`.
    #[must_use]
    pub fn draws(&self, purpose: Purpose, ids: &[u64], shape: [i64; 3]) -> Draws {
        let known = self.noising.steps() as u64;
        let mut generators: Vec<Rng> = ids.iter().map(|&id| purpose.generator(id)).collect();
        let normal = |rng: &mut Rng| noise::normal(rng, &shape);
        Draws {
            times: generators.iter_mut().map(|rng| rng.below(known) as usize).collect(),
            kept: generators.iter_mut().map(|rng| rng.f64() >= purpose.drop_condition).collect(),
            latent: Tensor::stack(&generators.iter_mut().map(normal).collect::<Vec<_>>(), 0),
            noise: Tensor::stack(&generators.iter_mut().map(normal).collect::<Vec<_>>(), 0),
        }
    }

    /// Mean squared error between noise and what the U-Net takes for it: the loss of one training step.
    ///
    /// Gradients reach projector and U-Net; the autoencoder is asked without.
    pub fn loss(&self, batch: &Batch, draws: &Draws) -> Tensor {
        let latents = tch::no_grad(|| self.vae.encode(&batch.images).sample(&draws.latent));
        let noisy = self.noising.add(&latents, &draws.noise, &draws.times);
        let condition = self.condition(&batch.tokens) * column(&draws.kept);
        let said = self.unet.forward(&noisy, &draws.times, &condition);
        said.mse_loss(&draws.noise, Reduction::Mean)
    }

    /// Whether images can be drawn in this way, before any is.
    ///
    /// # Errors
    /// The schedule does not have as many steps.
    pub fn check(&self, how: Sampling) -> Result<(), TooManySteps> {
        Pndm::new(&self.scheduler, how.steps).map(|_| ())
    }

    /// Images `[batch, 3, height, width]` in [0, 1] from visual tokens, starting at standard normal latents `noise`.
    ///
    /// As diffusers' `StableDiffusionPipeline` does it with zeros for the negative prompt; there is no guidance at scales
    /// up to 1.
    ///
    /// # Errors
    /// The schedule does not have as many steps.
    pub fn draw(&self, tokens: &Tensor, noise: &Tensor, how: Sampling) -> Result<Tensor, TooManySteps> {
        self.draw_conditioned(&tch::no_grad(|| self.condition(tokens)), noise, how)
    }

    /// The same from conditions `[batch, 77, width]`, of which zeros are none.
    ///
    /// # Errors
    /// As for [`Visualizer::draw`].
    pub fn draw_conditioned(&self, condition: &Tensor, noise: &Tensor, how: Sampling) -> Result<Tensor, TooManySteps> {
        let mut pndm = Pndm::new(&self.scheduler, how.steps)?;
        Ok(tch::no_grad(|| {
            let network = |x: &Tensor, times: &[usize], condition: &Tensor| self.unet.forward(x, times, condition);
            let mut latents = noise.shallow_clone();
            for time in pndm.times().to_vec() {
                let said = how.guided(&latents, time, condition, network);
                latents = pndm.step(&said, &latents);
            }
            (self.vae.decode(&latents) / 2.0 + 0.5).clamp(0.0, 1.0)
        }))
    }
}

/// 1 where true and 0 where false, `[count, 1, 1]`.
fn column(kept: &[bool]) -> Tensor {
    Tensor::from_slice(kept).to_kind(Kind::Float).view([-1, 1, 1])
}
