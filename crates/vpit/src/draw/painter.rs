//! Captions to visual tokens to images: a trained model asked for each caption, its visualizer shown what it said.

use std::path::Path;

use tch::{Device, Kind, Tensor};

use super::benchmark::Caption;
use crate::data::line::request;
use crate::decode;
use crate::diffusion::sampler::Sampling;
use crate::diffusion::stable_diffusion::scheduler::TooManySteps;
use crate::diffusion::stable_diffusion::trained as visualizer;
use crate::rng::Rng;
use crate::sequence::{Part, Role, Sequence};
use crate::trained::{self, Trained, Training};
use crate::{noise, tokenizer};

/// Why nothing can be drawn.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Model(#[from] trained::Error),
    #[error(transparent)]
    Visualizer(#[from] visualizer::Error),
    #[error(
        "the model says {model:?} visual tokens and the visualizer was trained on {visualizer:?} (how many, and their width)"
    )]
    Tokens { model: [i64; 2], visualizer: [i64; 2] },
    #[error("images of {side} pixels cannot be drawn: the autoencoder makes squares of {step} pixels of each place")]
    Side { side: i64, step: i64 },
    #[error(transparent)]
    Steps(#[from] TooManySteps),
    #[error("the caption {id} cannot be read")]
    Caption { id: u64, source: tokenizer::Error },
}

/// How images are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Style {
    pub how: Sampling,
    /// Pixels along one side.
    pub side: i64,
    /// With the caption's own number it draws the noise that its image starts from.
    pub seed: u64,
}

/// What came of a caption.
#[derive(Debug)]
pub struct Drawn {
    /// What the model said, without what is no text.
    pub response: String,
    /// Whether an image was among it; if not, the visualizer drew without a condition.
    pub said: bool,
    /// Levels 0 to 255, `[3, side, side]`, as bytes on the CPU.
    pub levels: Tensor,
}

/// A model with its visualizer.
#[derive(Debug)]
pub struct Painter {
    trained: Trained,
    visualizer: visualizer::Trained,
    style: Style,
}

/// Words that a response may have beside its first image.
const WORDS: usize = 64;

impl Painter {
    /// Open the model that lies in `finetuned`, at `point` of its training or at its end, and the visualizer in
    /// `visualizer`, both on `device`; what they started from is below `models`.
    ///
    /// # Errors
    /// A file is missing or damaged, both do not fit each other, or nothing can be drawn in this way.
    pub fn open(
        [finetuned, visualizer]: [&Path; 2],
        point: Option<&str>,
        models: &Path,
        style: Style,
        device: Device,
    ) -> Result<Self, Error> {
        let visualizer = visualizer::Trained::open(visualizer, models, device)?;
        visualizer.visualizer.check(style.how)?;
        let step = visualizer.reduction;
        if style.side < step || style.side % step != 0 {
            return Err(Error::Side { side: style.side, step });
        }
        let training = Training::read(finetuned)?;
        let kept = point.map_or_else(|| finetuned.to_owned(), |point| finetuned.join("points").join(point));
        let trained = Trained::open(&kept, &training, models, device)?;
        let said = [trained.config.visual.visual_tokens, trained.config.visual.visual_width];
        let facts = &visualizer.facts;
        let shown = [facts.visual_tokens, facts.projector.first().copied().unwrap_or_default()];
        if said != shown {
            return Err(Error::Tokens { model: said, visualizer: shown });
        }
        Ok(Self { trained, visualizer, style })
    }

    /// Draw `captions` together. An image depends on its caption and, beyond rounding, on no other.
    ///
    /// # Errors
    /// A caption cannot be read.
    pub fn draw(&self, captions: &[Caption]) -> Result<Vec<Drawn>, Error> {
        let Trained { model, layout, tokenizer, config, kind, device, .. } = &self.trained;
        let prompts = captions.iter().map(|caption| self.prompt(caption)).collect::<Result<Vec<Sequence>, Error>>()?;
        let prompts: Vec<&Sequence> = prompts.iter().collect();
        let nothing = Tensor::zeros([0, config.visual.visual_width], (*kind, *device));
        let responses = decode::greedy(model, layout, &prompts, &nothing, layout.visual_tokens + WORDS);
        let images = self.images(captions, &responses)?;
        let responses = captions.iter().zip(responses).zip((0..).map(|row| images.get(row)));
        let drawn = responses.map(|((caption, response), levels)| {
            let text = tokenizer.decode(&response.tokens);
            let text = text.map_err(|source| Error::Caption { id: caption.id, source })?;
            Ok(Drawn { response: text, said: !response.images.is_empty(), levels })
        });
        drawn.collect()
    }

    /// The request, for the model to answer.
    fn prompt(&self, caption: &Caption) -> Result<Sequence, Error> {
        let layout = &self.trained.layout;
        let ids = self.trained.tokenizer.encode(&request(&caption.caption));
        let ids = ids.map_err(|source| Error::Caption { id: caption.id, source })?;
        Ok(layout.open(layout.turn(layout.begin(), Role::User, &[Part::Text(&ids)]), Role::Assistant))
    }

    /// Levels `[captions, 3, side, side]` of the first image of each response.
    fn images(&self, captions: &[Caption], responses: &[decode::Response]) -> Result<Tensor, Error> {
        let visualizer::Trained { visualizer, facts, channels, reduction } = &self.visualizer;
        let (device, place) = (self.trained.device, self.style.side / reduction);
        let width = facts.projector.first().copied().unwrap_or_default();
        let blank = Tensor::zeros([facts.visual_tokens, width], (Kind::Float, device));
        let tokens = responses.iter().map(|response| match response.images.first() {
            Some(image) => image.to_kind(Kind::Float),
            None => blank.shallow_clone(),
        });
        let tokens = Tensor::stack(&tokens.collect::<Vec<Tensor>>(), 0);
        let said: Vec<bool> = responses.iter().map(|response| !response.images.is_empty()).collect();
        let said = Tensor::from_slice(&said).to_kind(Kind::Float).view([-1, 1, 1]).to_device(device);
        let start = |caption: &Caption| {
            noise::normal(&mut Rng::new(self.style.seed, "generate", caption.id), &[*channels, place, place])
        };
        let start = Tensor::stack(&captions.iter().map(start).collect::<Vec<Tensor>>(), 0).to_device(device);
        let condition = tch::no_grad(|| visualizer.condition(&tokens) * said);
        let images = visualizer.draw_conditioned(&condition, &start, self.style.how)?;
        Ok((images * 255.0).round().to_kind(Kind::Uint8).to_device(Device::Cpu))
    }
}
