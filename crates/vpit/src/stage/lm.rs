//! Stage `lm`: the decoder learns the words, the facts and the forms of conversation from text alone, so that there is
//! something to morph.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::data::LAYOUT;
use super::task::{Result, Task};
use crate::checkpoint;
use crate::digits::{text, vocabulary};
use crate::model::Weights;
use crate::model::llama::LanguageModel;
use crate::model::presets::Llm;
use crate::sequence::{Batch, Sequence};
use crate::train::loss::cross_entropy;
use crate::train::{Optimizer, Schedule};

/// Parameters of the stage.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    pub llm: Llm,
    pub seed: u64,
    pub steps: u64,
    pub batch: u64,
    pub lr: f64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { llm: Llm::DigitsBase, seed: 0, steps: 300, batch: 64, lr: 3e-3 }
    }
}

/// Train the language model and leave its checkpoint.
///
/// # Errors
/// The parameters are not usable, training diverges, or a file cannot be written.
pub fn run(task: &Task) -> Result<()> {
    let parameters: Parameters = task.parameters()?;
    let config = parameters.llm.config(vocabulary::SIZE);
    let (model, tensors) = Weights::fresh(parameters.seed).build(|scope| LanguageModel::new(scope, &config))?;
    let schedule = Schedule::cosine(parameters.lr, parameters.steps);
    let mut optimizer = Optimizer::new(tensors.train(|_| true), schedule)?.with_clip(1.0);
    let mut series = task.series()?;
    for step in 0..parameters.steps {
        let ids = step * parameters.batch..(step + 1) * parameters.batch;
        let lines = ids.map(line).collect::<Result<Vec<Sequence>>>()?;
        let batch = Batch::collate(&lines.iter().collect::<Vec<_>>(), &LAYOUT);
        let loss = optimizer.descend(&cross_entropy(&logits(&model, &batch), &batch.text_targets))?;
        if step % 10 == 0 || step + 1 == parameters.steps {
            series.push(step, &[("loss", loss)])?;
        }
    }
    Ok(checkpoint::save(task.folder(), &config, &tensors)?)
}

/// Logits wherever the next place is predicted, `[places, vocabulary]`.
fn logits(model: &LanguageModel, batch: &Batch) -> Tensor {
    let hidden = model.model.forward(&model.model.embed_tokens.forward(&batch.ids)).flatten(0, 1);
    model.lm_head.forward(&hidden.index_select(0, &batch.text_from))
}

fn line(id: u64) -> Result<Sequence> {
    let mut ids = vec![vocabulary::BOS];
    ids.extend(vocabulary::encode(&text::line(id))?);
    Ok(Sequence::text(&ids))
}
