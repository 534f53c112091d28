//! The unified model on disk.
//!
//! | file | holds |
//! |---|---|
//! | `config.json`, `model.safetensors` (or shards with an index) | the language model, as transformers' `LlamaForCausalLM` reads it |
//! | `vision.json`, `vision.safetensors` | adapter and vision head, named as the released code names them |

use std::path::{Path, PathBuf};

use serde_json::json;
use tch::{Device, Kind, Tensor};

use crate::checkpoint::{self, Error};
use crate::model::llama::LlamaConfig;
use crate::model::tensor_files::{SHARD, TensorFiles};
use crate::model::tensor_writer::{self, FolderWriter};
use crate::model::vpit::VisualConfig;
use crate::model::{Parameters, Vpit, VpitConfig, Weights};

const CONFIG: &str = "config.json";
const VISION: &str = "vision.json";
const VISION_WEIGHTS: &str = "vision.safetensors";
/// What is not the language model's.
pub const VISION_PARTS: [&str; 2] = ["model.mm_projector.", "vision_head."];
/// The two tensors with a row for each token; where they are tied there is only the first.
pub const TOKEN_ROWS: [&str; 2] = ["model.embed_tokens.weight", "lm_head.weight"];

/// Write a model into `folder`, its tensors in the type `kind`.
///
/// # Errors
/// A file cannot be written.
pub fn save(folder: &Path, config: &VpitConfig, parameters: &Parameters, kind: Kind) -> Result<(), Error> {
    let coming: Vec<(String, i64)> =
        parameters.iter().map(|(name, tensor)| (name.to_owned(), tensor.numel() as i64)).collect();
    let mut writer = Writer::new(folder, &coming, kind, [0, 1]);
    parameters.iter().try_for_each(|(name, tensor)| writer.take(name, tensor))?;
    writer.finish(config)
}

/// Writes a model whose tensors come one after the other, in one process or in several that all see them.
#[derive(Debug)]
pub struct Writer {
    folder: PathBuf,
    kind: Kind,
    first: bool,
    language: FolderWriter,
    vision: Vec<(String, Tensor)>,
}

impl Writer {
    /// A folder for tensors that come in this order with so many numbers each and are written in the type `kind`; `share`
    /// as of [`FolderWriter::new`].
    #[must_use]
    pub fn new(folder: &Path, coming: &[(String, i64)], kind: Kind, share: [usize; 2]) -> Self {
        let bytes = |numbers: i64| numbers as u64 * kind.elt_size_in_bytes() as u64;
        let language = coming.iter().filter(|(name, _)| !is_vision(name));
        let language: Vec<(String, u64)> = language.map(|(name, numbers)| (name.clone(), bytes(*numbers))).collect();
        let language = FolderWriter::new(folder, &language, SHARD, share);
        Self { folder: folder.to_owned(), kind, first: share[0] == 0, language, vision: Vec::new() }
    }

    /// Take the next tensor.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn take(&mut self, name: &str, tensor: &Tensor) -> Result<(), Error> {
        let tensor = tensor.detach().to_kind(self.kind);
        if !is_vision(name) {
            return Ok(self.language.take(name, &tensor)?);
        }
        if self.first {
            self.vision.push((name.to_owned(), tensor.to_device(Device::Cpu)));
        }
        Ok(())
    }

    /// Make the folder a model, in the first process once all have taken all tensors.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn finish(self, config: &VpitConfig) -> Result<(), Error> {
        let vision: Vec<(&str, Tensor)> =
            self.vision.iter().map(|(name, tensor)| (name.as_str(), tensor.shallow_clone())).collect();
        tensor_writer::write(&self.folder.join(VISION_WEIGHTS), &vision)?;
        self.language.finish()?;
        let mut llama = config.llama.clone();
        llama.notes.insert("torch_dtype".to_owned(), json!(torch_name(self.kind)));
        runfile::files::write_json(&self.folder.join(CONFIG), &llama)?;
        Ok(runfile::files::write_json(&self.folder.join(VISION), &config.visual)?)
    }
}

fn is_vision(name: &str) -> bool {
    VISION_PARTS.iter().any(|prefix| name.starts_with(prefix))
}

/// The configuration of the model in `folder`.
///
/// # Errors
/// A file is missing or not a configuration of this kind of model.
pub fn config(folder: &Path) -> Result<VpitConfig, Error> {
    let visual = runfile::files::read_json::<VisualConfig>(&folder.join(VISION))?;
    Ok(VpitConfig { llama: checkpoint::config::<LlamaConfig>(folder)?, visual })
}

/// The weights of the model in `folder`.
///
/// # Errors
/// A file is missing or damaged.
pub fn weights(folder: &Path) -> Result<Weights, Error> {
    let mut files = TensorFiles::folder(folder)?;
    files.add(&folder.join(VISION_WEIGHTS))?;
    Ok(Weights::of(files))
}

/// The whole model in `folder`.
///
/// # Errors
/// A file is missing or damaged, or the weights do not fit the configuration.
pub fn load(folder: &Path) -> Result<(Vpit, VpitConfig, Parameters), Error> {
    let config = config(folder)?;
    let (model, parameters) = weights(folder)?.build(|scope| Vpit::new(scope, &config))?;
    Ok((model, config, parameters))
}

/// The weights of the language model in `folder` for a unified model that has `more` tokens than it: adapter and vision
/// head are drawn with `seed`, and the new rows of embedding and text head are zero until [`start_image_rows`].
///
/// # Errors
/// A file is missing or damaged.
pub fn morph(folder: &Path, more: i64, seed: u64) -> Result<Weights, Error> {
    let weights = Weights::of(TensorFiles::folder(folder)?);
    Ok(weights.with_more_rows(&TOKEN_ROWS, more).with_fresh(&VISION_PARTS, seed))
}

/// Set the rows of the two image tokens, in embedding and text head, to the mean of the rows of all other tokens.
pub fn start_image_rows(parameters: &Parameters, image: [i64; 2]) {
    for rows in TOKEN_ROWS.iter().filter_map(|name| parameters.get(name)) {
        let others: Vec<i64> = (0..rows.size()[0]).filter(|id| !image.contains(id)).collect();
        tch::no_grad(|| {
            let others = rows.index_select(0, &Tensor::from_slice(&others).to(rows.device()));
            let mean = others.mean_dim(0, false, Kind::Float);
            for id in image {
                rows.get(id).copy_(&mean);
            }
        });
    }
}

const fn torch_name(kind: Kind) -> &'static str {
    match kind {
        Kind::BFloat16 => "bfloat16",
        Kind::Half => "float16",
        _ => "float32",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::llama::LanguageModel;
    use crate::model::vpit::VisionHeadKind;

    fn llama(tied: bool) -> LlamaConfig {
        serde_json::from_value(json!({
            "model_type": "llama", "vocab_size": 6, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1,
            "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 16, "rms_norm_eps": 1e-5,
            "rope_theta": 10000.0, "tie_word_embeddings": tied, "eos_token_id": 5,
        }))
        .unwrap()
    }

    fn unified(tied: bool) -> VpitConfig {
        let visual = VisualConfig { visual_width: 4, visual_tokens: 4, vision_head: VisionHeadKind::Linear };
        VpitConfig { llama: llama(tied).with_more_tokens(2), visual }
    }

    /// A language model's folder, and the unified model that starts from it.
    fn morphed(tied: bool) -> (tempfile::TempDir, Parameters) {
        let folder = tempfile::tempdir().unwrap();
        let (_, language) = Weights::fresh(1).build(|scope| LanguageModel::new(scope, &llama(tied))).unwrap();
        checkpoint::save(folder.path(), &llama(tied), &language).unwrap();
        let weights = morph(folder.path(), 2, 7).unwrap();
        let (_, parameters) = weights.build(|scope| Vpit::new(scope, &unified(tied))).unwrap();
        start_image_rows(&parameters, [6, 7]);
        (folder, parameters)
    }

    #[test]
    fn the_rows_of_the_image_tokens_start_at_the_mean_and_the_others_stay() {
        let (folder, parameters) = morphed(false);
        let mut files = TensorFiles::folder(folder.path()).unwrap();
        for name in TOKEN_ROWS {
            let (old, new) = (files.take(name).unwrap().unwrap(), parameters.get(name).unwrap());
            assert_eq!(new.narrow(0, 0, 6), old);
            for id in [6, 7] {
                let difference = (new.get(id) - old.mean_dim(0, false, Kind::Float)).abs().max();
                assert!(difference.double_value(&[]) < 1e-6);
            }
        }
    }

    #[test]
    fn a_model_survives_its_folder_with_the_vision_parts_in_a_file_of_their_own() {
        for tied in [false, true] {
            let (_, parameters) = morphed(tied);
            let folder = tempfile::tempdir().unwrap();
            save(folder.path(), &unified(tied), &parameters, Kind::Float).unwrap();
            let (_, config, read) = load(folder.path()).unwrap();
            assert_eq!((config.visual, config.llama.vocab_size), (unified(tied).visual, 8));
            assert_eq!(config.llama.notes["eos_token_id"], 5);
            assert!(parameters.iter().eq(read.iter()));
            let vision = TensorFiles::file(&folder.path().join(VISION_WEIGHTS)).unwrap();
            let names = ["model.mm_projector.0.bias", "model.mm_projector.0.weight", "model.mm_projector.2.bias"];
            assert_eq!(vision.names().take(3).collect::<Vec<_>>(), names);
            let language = TensorFiles::folder(folder.path()).unwrap();
            assert_eq!(language.names().any(|name| name == "lm_head.weight"), !tied);
        }
    }
}
