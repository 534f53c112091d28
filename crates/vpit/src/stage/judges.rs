//! Stage `judges`: the feature network of `fid_digits` and the image-text network of the CLIP score.
//!
//! Both see the training split alone, are trained apart from every model that they judge, and with another seed.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::data::{self, ContrastiveBatches};
use super::task::{Result, Task};
use crate::digits::{Split, World, vocabulary};
use crate::judge::{FeatureNet, PairNet};
use crate::model::Weights;
use crate::train::{Optimizer, Schedule};

/// Parameters of the stage.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    pub seed: u64,
    pub steps: u64,
    pub batch: u64,
    pub lr: f64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { seed: 1_000_003, steps: 400, batch: 64, lr: 2e-3 }
    }
}

/// File names of the two networks.
pub const FEATURES: &str = "features.safetensors";
pub const PAIRS: &str = "pairs.safetensors";
/// Scenes for this stage: others than any model was trained on.
const FIRST_SCENE: u64 = 3 << 32;

/// Train both networks and leave their weights.
///
/// # Errors
/// The parameters are not usable, training diverges, or a file cannot be written.
pub fn run(task: &Task) -> Result<()> {
    let parameters: Parameters = task.parameters()?;
    let (features, feature_tensors) =
        Weights::fresh(parameters.seed).build(|scope| FeatureNet::new(scope, vocabulary::SIZE))?;
    let (pairs, pair_tensors) =
        Weights::fresh(parameters.seed + 1).build(|scope| PairNet::new(scope, vocabulary::SIZE))?;
    let schedule = Schedule::cosine(parameters.lr, parameters.steps);
    let mut of_features = Optimizer::new(feature_tensors.train(|_| true), schedule)?.with_clip(1.0);
    let mut of_pairs = Optimizer::new(pair_tensors.train(|_| true), schedule)?.with_clip(1.0);
    let (world, mut series) = (World::open(Split::Train), task.series()?);
    for (step, scenes) in (0..parameters.steps).zip(ContrastiveBatches::new(&world, FIRST_SCENE, parameters.batch)) {
        let images = data::pixels(&scenes);
        let ids = data::captions(scenes.iter().map(|scene| scene.caption.as_str()))?;
        let word_loss = of_features.descend(&word_loss(&features.forward(&images), &ids))?;
        let pair_loss = of_pairs.descend(&pairs.loss(&images, &ids, &data::same_rows(&ids)))?;
        if step % 10 == 0 || step + 1 == parameters.steps {
            series.push(step, &[("word_loss", word_loss), ("pair_loss", pair_loss)])?;
        }
    }
    feature_tensors.save(&task.path(FEATURES))?;
    Ok(pair_tensors.save(&task.path(PAIRS))?)
}

/// Binary cross-entropy of "this word is in the caption" over the vocabulary, summed over words.
fn word_loss(logits: &Tensor, ids: &Tensor) -> Tensor {
    let present = logits.zeros_like().scatter_value(1, ids, 1.0);
    let loss = logits.binary_cross_entropy_with_logits::<Tensor>(&present, None, None, tch::Reduction::Sum);
    loss / ids.size()[0] as f64 * Tensor::ones([], (Kind::Float, ids.device()))
}

/// The trained judges.
#[derive(Debug)]
pub struct Judges {
    pub features: FeatureNet,
    pub pairs: PairNet,
}

impl Judges {
    /// Open the judges whose weights lie in `folder`.
    ///
    /// # Errors
    /// A file is missing or damaged.
    pub fn open(folder: &std::path::Path) -> Result<Self> {
        let features =
            Weights::read(&folder.join(FEATURES))?.build(|scope| FeatureNet::new(scope, vocabulary::SIZE))?;
        let pairs = Weights::read(&folder.join(PAIRS))?.build(|scope| PairNet::new(scope, vocabulary::SIZE))?;
        Ok(Self { features: features.0, pairs: pairs.0 })
    }
}
