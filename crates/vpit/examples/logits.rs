//! Logits of a language model's folder: a JSON list of lists of ids in, the logits as JSON out.
//!
//! `tests/golden/language.py --dimensions` compares it with transformers on models of random sizes.

use std::path::PathBuf;

use tch::Tensor;
use vpit::checkpoint;
use vpit::model::Weights;
use vpit::model::llama::LanguageModel;
use vpit::model::tensor_files::TensorFiles;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from).ok_or("usage: logits FOLDER < IDS.json")?;
    let config = checkpoint::config(&folder)?;
    let (model, _) = Weights::of(TensorFiles::folder(&folder)?).build(|scope| LanguageModel::new(scope, &config))?;
    let rows: Vec<Vec<i64>> = serde_json::from_reader(std::io::stdin().lock())?;
    let logits =
        |row: &Vec<i64>| Vec::<f32>::try_from(model.forward(&Tensor::from_slice(row).unsqueeze(0)).flatten(0, -1));
    let logits = rows.iter().map(logits).collect::<Result<Vec<_>, _>>()?;
    serde_json::to_writer(std::io::stdout().lock(), &logits)?;
    Ok(())
}
