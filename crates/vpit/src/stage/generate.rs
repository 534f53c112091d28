//! Stage `generate`: captions to visual tokens to images.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::data::{self, LAYOUT};
use super::samples::request;
use super::task::{Error, Result, Task};
use crate::decode::{self, Response};
use crate::diffusion::sampler::{Sampling, sample};
use crate::diffusion::{Noising, Visualizer, VisualizerConfig};
use crate::digits::{SIDE, Scene, Split, World, vocabulary};
use crate::model::Vpit;
use crate::rng::Rng;
use crate::sequence::{Role, Sequence};
use crate::{checkpoint, noise, unified};

/// Parameters of the stage.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// Number of captions, one image each.
    pub images: u64,
    pub sampling_steps: usize,
    pub guidance: f64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { images: 400, sampling_steps: 8, guidance: 1.5 }
    }
}

/// The generated images, `[n, SIDE, SIDE]` grey values under the name [`TENSOR`].
pub const FILE: &str = "images.safetensors";
pub const TENSOR: &str = "images";
/// Captions and images at once: bounds memory, and is part of no result.
const CHUNK: usize = 128;
/// Words before an image, the image with its markers, and room to ramble.
const RESPONSE_LENGTH: usize = 6 + LAYOUT.visual_tokens + 4;

/// One caption and what the model said to it.
#[derive(Debug, Serialize)]
pub struct Prediction {
    pub id: u64,
    pub caption: String,
    pub response: String,
    /// Whether the response holds a complete image; if not, the visualizer drew without a condition.
    pub image: bool,
}

/// Generate an image for each test caption and leave images and responses.
///
/// # Errors
/// The parameters are not usable, an input is missing, or a file cannot be written.
pub fn run(task: &Task) -> Result<()> {
    let parameters: Parameters = task.parameters()?;
    let (model, config, _) = unified::load(task.input("finetune")?)?;
    let painter = Painter::open(task.input("visualizer")?, parameters.sampling_steps, parameters.guidance)?;
    let world = World::open(Split::Test);
    let scenes: Vec<Scene> = (0..parameters.images).map(|id| world.generation(id)).collect();
    let responses = respond(&model, &scenes)?;
    let tokens: Vec<Option<&Tensor>> = responses.iter().map(|response| response.images.first()).collect();
    let images = data::to_bytes(&painter.paint(&tokens, config.visual.visual_width));
    let predictions: Vec<Prediction> = (0..)
        .zip(scenes.iter().zip(&responses))
        .map(|(id, (scene, response))| prediction(id, scene, response))
        .collect();
    task.predictions("generation", &predictions)?;
    save_sheet(task, &images)?;
    let path = task.path(FILE);
    Tensor::write_safetensors(&[(TENSOR, images)], &path).map_err(|source| Error::Tensors { path, source })
}

fn respond(model: &Vpit, scenes: &[Scene]) -> Result<Vec<Response>> {
    let mut responses = Vec::new();
    let none = Tensor::zeros([0, 1], tch::kind::FLOAT_CPU);
    for chunk in scenes.chunks(CHUNK) {
        let prompts = chunk
            .iter()
            .map(|scene| Ok(LAYOUT.open(request(&scene.caption)?, Role::Assistant)))
            .collect::<Result<Vec<Sequence>>>()?;
        let prompts: Vec<&Sequence> = prompts.iter().collect();
        responses.extend(decode::greedy(model, &LAYOUT, &prompts, &none, RESPONSE_LENGTH));
    }
    Ok(responses)
}

fn prediction(id: u64, scene: &Scene, response: &Response) -> Prediction {
    Prediction {
        id,
        caption: scene.caption.clone(),
        response: vocabulary::decode(&response.tokens),
        image: !response.images.is_empty(),
    }
}

/// The visualizer, ready to draw.
#[derive(Debug)]
pub struct Painter {
    model: Visualizer,
    noising: Noising,
    how: Sampling,
}

impl Painter {
    /// Open the visualizer whose checkpoint lies in `folder`.
    ///
    /// # Errors
    /// The checkpoint is missing or damaged.
    pub fn open(folder: &std::path::Path, steps: usize, guidance: f64) -> Result<Self> {
        let (model, _, _) =
            checkpoint::load(folder, |scope, config: &VisualizerConfig| Visualizer::new(scope, config))?;
        Ok(Self { model, noising: Noising::stable_diffusion(), how: Sampling { steps, guidance } })
    }

    /// An image for each set of visual tokens `[tokens, width]`, or for none; `[n, 1, SIDE, SIDE]` in [-1, 1].
    ///
    /// Image `i` always starts at the same noise, whoever asks, so that models differ by their tokens alone.
    pub fn paint(&self, tokens: &[Option<&Tensor>], width: i64) -> Tensor {
        let none = Tensor::zeros([LAYOUT.visual_tokens as i64, width], (Kind::Float, tch::Device::Cpu));
        let side = SIDE as i64;
        let paint = |(chunk, tokens): (usize, &[Option<&Tensor>])| {
            let start = (0..).zip(tokens).map(|(i, _)| (chunk * CHUNK + i) as u64);
            let start: Vec<Tensor> =
                start.map(|id| noise::normal(&mut Rng::new(0, "generate", id), &[1, side, side])).collect();
            let tokens: Vec<&Tensor> = tokens.iter().map(|tokens| tokens.unwrap_or(&none)).collect();
            sample(&self.model, &self.noising, &Tensor::stack(&tokens, 0), &Tensor::stack(&start, 0), self.how)
        };
        let painted: Vec<Tensor> = tokens.chunks(CHUNK).enumerate().map(paint).collect();
        Tensor::cat(&painted, 0)
    }
}

/// The first 64 images in one picture, for people.
fn save_sheet(task: &Task, images: &Tensor) -> Result<()> {
    let (path, side, count) = (task.path("sheet.png"), SIDE as i64, images.size()[0].min(64));
    let blank = Tensor::zeros([64 - count, side, side], (Kind::Uint8, tch::Device::Cpu));
    let sheet = Tensor::cat(&[images.narrow(0, 0, count), blank], 0).view([8, 8, side, side]);
    let sheet = sheet.permute([0, 2, 1, 3]).reshape([1, 8 * side, 8 * side]);
    tch::vision::image::save(&sheet, &path).map_err(|source| Error::Tensors { path, source })
}
