//! Stage `adapter` (the paper's stage 1): the adapter and the embeddings of the two image tokens learn to show images to
//! the frozen decoder, by captioning.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::data::{Eye, LAYOUT};
use super::task::{Result, Task};
use crate::digits::{Scene, Split, World, vocabulary};
use crate::model::llama::LlamaConfig;
use crate::model::vpit::{VisionHeadKind, VisualConfig};
use crate::model::{Parameters as Tensors, Vpit, VpitConfig};
use crate::sequence::{Batch, Part, Role, Sequence};
use crate::train::loss::{Losses, VisionLoss};
use crate::train::{Optimizer, Schedule};
use crate::{checkpoint, unified};

/// Parameters of the stage.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    pub seed: u64,
    pub steps: u64,
    pub batch: u64,
    pub lr: f64,
    pub vision_head: VisionHeadKind,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { seed: 0, steps: 60, batch: 64, lr: 3e-3, vision_head: VisionHeadKind::Mlp }
    }
}

const EMBEDDING: &str = unified::TOKEN_ROWS[0];
const IMAGE: [i64; 2] = [vocabulary::IMAGE_START, vocabulary::IMAGE_END];
/// Scenes for this stage: others than the encoder was trained on.
const FIRST_SCENE: u64 = 1 << 32;

/// Train the adapter and leave a checkpoint of the whole model, its vision head fresh.
///
/// # Errors
/// The parameters are not usable, an input is missing, training diverges, or a file cannot be written.
pub fn run(task: &Task) -> Result<()> {
    let parameters: Parameters = task.parameters()?;
    let (eye, lm) = (Eye::open(task.input("encoder")?)?, task.input("lm")?);
    let config = VpitConfig {
        llama: checkpoint::config::<LlamaConfig>(lm)?,
        visual: VisualConfig {
            visual_width: eye.width,
            visual_tokens: LAYOUT.visual_tokens as i64,
            vision_head: parameters.vision_head,
        },
    };
    // The miniature's vocabulary has the image tokens from the start.
    let weights = unified::morph(lm, 0, parameters.seed)?;
    let (model, tensors) = weights.build(|scope| Vpit::new(scope, &config))?;
    unified::start_image_rows(&tensors, IMAGE);
    train(task, &parameters, &model, &tensors, &eye)?;
    Ok(unified::save(task.folder(), &config, &tensors, Kind::Float)?)
}

fn train(task: &Task, parameters: &Parameters, model: &Vpit, tensors: &Tensors, eye: &Eye) -> Result<()> {
    let chosen = tensors.train(|name| name.starts_with("model.mm_projector.") || name == EMBEDDING);
    let mut optimizer = Optimizer::new(chosen, Schedule::cosine(parameters.lr, parameters.steps))?.with_clip(1.0);
    let old_rows = ImageRowsOnly::new(tensors);
    let (world, mut series) = (World::open(Split::Train), task.series()?);
    for step in 0..parameters.steps {
        let start = FIRST_SCENE + step * parameters.batch;
        let scenes: Vec<Scene> = (start..start + parameters.batch).map(|id| world.scene(id)).collect();
        let visual = eye.see(&scenes.iter().collect::<Vec<_>>());
        let samples = (0..).zip(&scenes).map(|(i, scene)| caption(i, scene)).collect::<Result<Vec<Sequence>>>()?;
        let batch = Batch::collate(&samples.iter().collect::<Vec<_>>(), &LAYOUT);
        let losses = Losses::of(model, &batch, &visual, VisionLoss::None);
        let loss = optimizer.descend(&losses.text)?;
        old_rows.restore();
        if step % 10 == 0 || step + 1 == parameters.steps {
            series.push(step, &[("loss", loss)])?;
        }
    }
    Ok(())
}

/// "what is in the image" with the image, answered by its caption.
fn caption(image: usize, scene: &Scene) -> Result<Sequence> {
    let (question, caption) = (vocabulary::encode("what is in the image")?, vocabulary::encode(&scene.caption)?);
    let asked = LAYOUT.turn(LAYOUT.begin(), Role::User, &[Part::Image(image), Part::Text(&question)]);
    Ok(LAYOUT.turn(asked, Role::Assistant, &[Part::Text(&caption)]))
}

/// Keeps the embeddings of all tokens but the two of images as they were: AdamW knows whole tensors only.
struct ImageRowsOnly {
    embedding: Option<Tensor>,
    ids: Tensor,
    rows: Option<Tensor>,
}

impl ImageRowsOnly {
    fn new(tensors: &Tensors) -> Self {
        let embedding = tensors.get(EMBEDDING).map(Tensor::detach);
        let count = embedding.as_ref().map_or(0, |rows| rows.size()[0]);
        let others: Vec<i64> = (0..count).filter(|id| !IMAGE.contains(id)).collect();
        let ids = Tensor::from_slice(&others);
        let rows = embedding.as_ref().map(|embedding| embedding.index_select(0, &ids));
        Self { embedding, ids, rows }
    }

    fn restore(&self) {
        if let (Some(embedding), Some(rows)) = (&self.embedding, &self.rows) {
            let _ = embedding.shallow_clone().index_copy_(0, &self.ids, rows);
        }
    }
}
