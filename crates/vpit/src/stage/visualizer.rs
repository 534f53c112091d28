//! Stage `visualizer`: the diffusion model that turns visual tokens back into pixels (paper, appendix A.2).

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::data::{self, Eye};
use super::task::{Result, Task};
use crate::diffusion::{Noising, Prediction, Visualizer, VisualizerConfig};
use crate::digits::{SIDE, Scene, Split, World};
use crate::model::{Weights, presets};
use crate::rng::Rng;
use crate::train::optimizer::Average;
use crate::train::{Optimizer, Schedule};
use crate::{checkpoint, noise};

/// Parameters of the stage.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    pub seed: u64,
    pub steps: u64,
    pub batch: u64,
    pub lr: f64,
    /// Share of samples whose condition is set to zero, for classifier-free guidance.
    pub drop_condition: f64,
    pub channels: i64,
    pub blocks: i64,
    pub prediction: Prediction,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            seed: 0,
            steps: 1200,
            batch: 16,
            lr: 2e-3,
            drop_condition: 0.1,
            channels: 64,
            blocks: 3,
            prediction: Prediction::Sample,
        }
    }
}

/// Scenes for this stage: others than the encoder and the adapter were trained on.
const FIRST_SCENE: u64 = 2 << 32;

/// Train the visualizer and leave its checkpoint: the running average of its weights.
///
/// # Errors
/// The parameters are not usable, an input is missing, training diverges, or a file cannot be written.
pub fn run(task: &Task) -> Result<()> {
    let parameters: Parameters = task.parameters()?;
    let eye = Eye::open(task.input("encoder")?)?;
    let config = config(&parameters, eye.width);
    let (model, tensors) = Weights::fresh(parameters.seed).build(|scope| Visualizer::new(scope, &config))?;
    let chosen = tensors.train(|_| true);
    let mut average = Average::start(&chosen, 0.995);
    let mut optimizer = Optimizer::new(chosen, Schedule::cosine(parameters.lr, parameters.steps))?.with_clip(1.0);
    let (world, noising, mut series) = (World::open(Split::Train), Noising::stable_diffusion(), task.series()?);
    for step in 0..parameters.steps {
        let start = FIRST_SCENE + step * parameters.batch;
        let scenes: Vec<Scene> = (start..start + parameters.batch).map(|id| world.scene(id)).collect();
        let loss = optimizer.descend(&loss(&model, &noising, &eye, &scenes, &mut Draw::new(&parameters, step)))?;
        average.follow();
        if step % 10 == 0 || step + 1 == parameters.steps {
            series.push(step, &[("loss", loss)])?;
        }
    }
    average.adopt();
    Ok(checkpoint::save(task.folder(), &config, &tensors)?)
}

fn config(parameters: &Parameters, visual_width: i64) -> VisualizerConfig {
    VisualizerConfig {
        visual_width,
        visual_side: presets::DIGITS_VISUAL_SIDE,
        image_size: SIDE as i64,
        fold: 4,
        channels: parameters.channels,
        blocks: parameters.blocks,
        heads: 4,
        projector_width: 128,
        prediction: parameters.prediction,
    }
}

/// The random choices of one step.
struct Draw {
    rng: Rng,
    drop_condition: f64,
}

impl Draw {
    fn new(parameters: &Parameters, step: u64) -> Self {
        Self { rng: Rng::new(parameters.seed, "visualizer", step), drop_condition: parameters.drop_condition }
    }

    /// A time for each of `count` images.
    fn times(&mut self, noising: &Noising, count: usize) -> Vec<usize> {
        (0..count).map(|_| self.rng.below(noising.steps() as u64) as usize).collect()
    }

    /// 1 where the condition stays and 0 where it goes, `[count, 1, 1]`.
    fn kept(&mut self, count: usize) -> Tensor {
        let kept: Vec<f32> = (0..count).map(|_| if self.rng.f64() < self.drop_condition { 0.0 } else { 1.0 }).collect();
        Tensor::from_slice(&kept).view([-1, 1, 1])
    }
}

/// Mean squared error of the prediction.
fn loss(model: &Visualizer, noising: &Noising, eye: &Eye, scenes: &[Scene], draw: &mut Draw) -> Tensor {
    let images = data::pixels(scenes);
    let tokens = eye.see(&scenes.iter().collect::<Vec<_>>()).view([scenes.len() as i64, -1, eye.width]);
    let (times, noise) = (draw.times(noising, scenes.len()), noise::normal(&mut draw.rng, &images.size()));
    let condition = model.condition(&tokens) * draw.kept(scenes.len());
    let predicted = model.forward(&noising.add(&images, &noise, &times), &times, &condition);
    predicted.mse_loss(model.prediction.target(&images, &noise), tch::Reduction::Mean)
}
