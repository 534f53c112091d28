//! Stage `finetune` (the paper's stage 2): visual-predictive instruction tuning on a mixture of questions about images and
//! requests for images. Everything but the vision tower learns.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::data::{Eye, LAYOUT};
use super::samples::{answered, granted, training_ids};
use super::task::{Result, Task};
use crate::digits::{Scene, Split, World};
use crate::model::Vpit;
use crate::sequence::{Batch, Sequence};
use crate::train::loss::Losses;
use crate::train::{Optimizer, Schedule, VisionLoss, order};
use crate::unified;

/// Parameters of the stage.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// Questions about images, samples.
    pub vqa: u64,
    /// Requests for images, samples.
    pub generation: u64,
    pub vision_loss: VisionLoss,
    pub seed: u64,
    /// What the seed draws; the rest is drawn with seed 0, and so is the same for all seeds.
    pub redraw: Vec<Purpose>,
    /// Training steps, the data repeated as needed; 0 stands for one pass over the data.
    pub steps: u64,
    pub batch: u64,
    pub lr: f64,
    /// Weight of the visual term.
    pub vision_coefficient: f64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            vqa: 4000,
            generation: 1000,
            vision_loss: VisionLoss::Cosine,
            seed: 0,
            redraw: vec![Purpose::Init, Purpose::Subset, Purpose::Order],
            steps: 0,
            batch: 16,
            lr: 2e-3,
            vision_coefficient: 1.0,
        }
    }
}

/// A random choice of the training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// The start of the vision head.
    Init,
    /// Which samples are in the training data.
    Subset,
    /// The order in which they are seen.
    Order,
}

impl Parameters {
    fn seed_of(&self, purpose: Purpose) -> u64 {
        if self.redraw.contains(&purpose) { self.seed } else { 0 }
    }
}

/// Train the model and leave its checkpoint.
///
/// # Errors
/// The parameters are not usable, an input is missing, training diverges, or a file cannot be written.
pub fn run(task: &Task) -> Result<()> {
    let parameters: Parameters = task.parameters()?;
    let adapter = task.input("adapter")?;
    let config = unified::config(adapter)?;
    // The adapter's checkpoint holds a vision head that nothing has trained; each seed starts from its own.
    let weights = unified::weights(adapter)?
        .without(&["vision_head."])
        .with_fresh(&["vision_head."], parameters.seed_of(Purpose::Init));
    let (model, tensors) = weights.build(|scope| Vpit::new(scope, &config))?;
    let mixture = Mixture::open(&parameters, &Eye::open(task.input("encoder")?)?)?;
    train(task, &parameters, &model, tensors.train(|_| true), &mixture)?;
    Ok(unified::save(task.folder(), &config, &tensors, Kind::Float)?)
}

/// The training data of a run.
struct Mixture {
    samples: Vec<Sequence>,
    /// Visual tokens of all scenes, seen once: the tower is frozen, so they never change.
    visual: Tensor,
}

impl Mixture {
    fn open(parameters: &Parameters, eye: &Eye) -> Result<Self> {
        let world = World::open(Split::Train);
        let (mut scenes, mut samples): (Vec<Scene>, Vec<Sequence>) = (Vec::new(), Vec::new());
        let seed = parameters.seed_of(Purpose::Subset);
        for id in training_ids("vqa", parameters.vqa, seed)? {
            let (scene, question) = world.vqa(id);
            samples.push(answered(Some(scenes.len()), &question)?);
            scenes.push(scene);
        }
        for id in training_ids("generation", parameters.generation, seed)? {
            let scene = world.generation(id);
            samples.push(granted(scenes.len(), &scene.caption)?);
            scenes.push(scene);
        }
        let visual = eye.see(&scenes.iter().collect::<Vec<_>>());
        Ok(Self { samples, visual })
    }
}

fn train(task: &Task, parameters: &Parameters, model: &Vpit, chosen: Vec<Tensor>, mixture: &Mixture) -> Result<()> {
    let steps = (parameters.steps > 0).then_some(parameters.steps);
    let seed = parameters.seed_of(Purpose::Order);
    let batches = order::batches(mixture.samples.len(), parameters.batch as usize, steps, seed);
    let total = batches.len() as u64;
    let mut optimizer = Optimizer::new(chosen, Schedule::cosine(parameters.lr, total))?.with_clip(1.0);
    let mut series = task.series()?;
    for (step, ids) in (0..).zip(&batches) {
        let samples: Vec<&Sequence> = ids.iter().filter_map(|&id| mixture.samples.get(id)).collect();
        let batch = Batch::collate(&samples, &LAYOUT);
        let losses = Losses::of(model, &batch, &mixture.visual, parameters.vision_loss);
        let rate = optimizer.rate();
        let loss = optimizer.descend(&(&losses.text + &losses.vision * parameters.vision_coefficient))?;
        if step % 10 == 0 || step + 1 == total {
            let (text, vision) = (losses.text.double_value(&[]), losses.vision.double_value(&[]));
            series.push(step, &[("loss", loss), ("text_loss", text), ("vision_loss", vision), ("lr", rate)])?;
        }
    }
    Ok(())
}
