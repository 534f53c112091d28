//! Stage `anchors`: what the scores are to be compared with.
//!
//! For accuracy: chance, and a model that never sees an image. For images: real ones against real ones; the visualizer on
//! true visual tokens, the best that any model could do with it; the visualizer on tokens mixed over scenes, each place's
//! from another, which is what a model would reach that knows each token's distribution and nothing of the caption; and
//! captions that belong to other images. (Whole scenes under other captions are no floor for a distance between sets: it
//! cannot see the order.)

use runfile::Score;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::data::{self, Eye, LAYOUT};
use super::evaluate_images::{clip_score, fid};
use super::evaluate_vqa::{accuracies, answers};
use super::generate::Painter;
use super::judges::Judges;
use super::samples::{answered, training_ids};
use super::task::{Result, Task};
use crate::digits::{Group, Scene, Split, World};
use crate::sequence::{Batch, Sequence};
use crate::train::loss::Losses;
use crate::train::{Optimizer, Schedule, VisionLoss, order};
use crate::unified;

/// Parameters of the stage.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    pub seed: u64,
    /// Questions that the model without images is trained on.
    pub vqa: u64,
    pub batch: u64,
    pub lr: f64,
    pub questions: u64,
    pub images: u64,
    pub real_images: u64,
    pub sampling_steps: usize,
    pub guidance: f64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            seed: 0,
            vqa: 4000,
            batch: 16,
            lr: 2e-3,
            questions: 1500,
            images: 400,
            real_images: 2048,
            sampling_steps: 8,
            guidance: 1.5,
        }
    }
}

/// Measure all anchors.
///
/// # Errors
/// The parameters are not usable, an input is missing, training diverges, or a file cannot be written.
pub fn run(task: &Task) -> Result<()> {
    let parameters: Parameters = task.parameters()?;
    let mut scores: Vec<Score> = Group::ALL
        .into_iter()
        .map(|group| Score::new("accuracy", &format!("chance/{}", group.name()), group.chance()))
        .collect();
    let chance = scores.iter().map(|score| score.value).sum::<f64>() / scores.len() as f64;
    scores.push(Score::new("accuracy", "chance/average", chance));
    scores.extend(without_images(task, &parameters)?);
    scores.extend(of_images(task, &parameters)?);
    task.scores(&scores)
}

/// Accuracy of a model trained and asked without images: what the words of the questions give away.
fn without_images(task: &Task, parameters: &Parameters) -> Result<Vec<Score>> {
    let (model, _, tensors) = unified::load(task.input("adapter")?)?;
    let world = World::open(Split::Train);
    let ids = training_ids("vqa", parameters.vqa, parameters.seed)?;
    let samples = ids.into_iter().map(|id| answered(None, &world.vqa(id).1)).collect::<Result<Vec<Sequence>>>()?;
    let batches = order::batches(samples.len(), parameters.batch as usize, None, parameters.seed);
    let schedule = Schedule::cosine(parameters.lr, batches.len() as u64);
    let mut optimizer = Optimizer::new(tensors.train(|name| !name.contains("vision")), schedule)?.with_clip(1.0);
    let blind = Tensor::zeros([0, 1], tch::kind::FLOAT_CPU);
    for ids in &batches {
        let samples: Vec<&Sequence> = ids.iter().filter_map(|&id| samples.get(id)).collect();
        let losses = Losses::of(&model, &Batch::collate(&samples, &LAYOUT), &blind, VisionLoss::None);
        optimizer.descend(&losses.text)?;
    }
    Ok(accuracies("text_only/", &answers(&model, None, parameters.questions)?))
}

/// Distances and scores of images that no model generated.
fn of_images(task: &Task, parameters: &Parameters) -> Result<Vec<Score>> {
    let (eye, judges) = (Eye::open(task.input("encoder")?)?, Judges::open(task.input("judges")?)?);
    let painter = Painter::open(task.input("visualizer")?, parameters.sampling_steps, parameters.guidance)?;
    let world = World::open(Split::Test);
    let reference: Vec<Scene> = (0..parameters.real_images).map(|id| world.scene(id)).collect();
    let scenes: Vec<Scene> = (0..parameters.images).map(|id| world.generation(id)).collect();
    let (reference, real) = (data::pixels(&reference), data::pixels(&scenes));
    let tokens = eye.see(&scenes.iter().collect::<Vec<_>>()).view([scenes.len() as i64, -1, eye.width]);
    let painted = |tokens: &Tensor| {
        let each: Vec<Tensor> = tokens.unbind(0);
        data::from_bytes(&data::to_bytes(&painter.paint(&each.iter().map(Some).collect::<Vec<_>>(), eye.width)))
    };
    let true_tokens = painted(&tokens);
    let captions: Vec<String> = scenes.iter().map(|scene| scene.caption.clone()).collect();
    let mut others = captions.clone();
    others.rotate_left(1);
    Ok(vec![
        fid("real", &judges, &real, &reference)?,
        fid("true_tokens", &judges, &true_tokens, &reference)?,
        fid("mixed_tokens", &judges, &painted(&mix(&tokens)), &reference)?,
        clip_score("real", &judges, &real, &captions)?,
        clip_score("true_tokens", &judges, &true_tokens, &captions)?,
        clip_score("shuffled_captions", &judges, &real, &others)?,
    ])
}

/// Take each place's token from another scene, `[scenes, tokens, width]`.
fn mix(tokens: &Tensor) -> Tensor {
    let places = (0..).zip(tokens.unbind(1)).map(|(place, tokens)| tokens.roll([place * 7], [0]));
    Tensor::stack(&places.collect::<Vec<_>>(), 1)
}
