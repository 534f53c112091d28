//! Captions as ids for CLIP, by the `tokenizer.json` that lies beside its weights.

use std::path::{Path, PathBuf};

use tch::Tensor;
use tokenizers::utils::truncation::TruncationParams;

use super::clip::TextConfig;

/// Why captions cannot be read; every variant names the file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("`{}` is no tokenizer of CLIP: {problem}", path.display())]
    Format { path: PathBuf, problem: String },
    #[error("the tokenizer `{}` has the id {id} and the model {rows} rows: they are of different models", path.display())]
    TooMany { path: PathBuf, id: u32, rows: i64 },
    #[error("the tokenizer `{}` cannot encode `{caption}`: {problem}", path.display())]
    Caption { path: PathBuf, caption: String, problem: String },
}

/// CLIP's tokenizer with its limit.
#[derive(Debug)]
pub struct Captions {
    inner: tokenizers::Tokenizer,
    path: PathBuf,
}

impl Captions {
    /// The tokenizer in `folder`, for the text tower of this configuration.
    ///
    /// What is longer than the tower is cut before the end's token, which stays, as OpenAI's code does it.
    ///
    /// # Errors
    /// It is missing, no tokenizer, or of another model.
    pub fn open(folder: &Path, config: &TextConfig) -> Result<Self, Error> {
        let path = folder.join("tokenizer.json");
        let fail = |problem: String| Error::Format { path: path.clone(), problem };
        let bytes = std::fs::read(&path).map_err(|error| fail(error.to_string()))?;
        let mut inner = tokenizers::Tokenizer::from_bytes(&bytes).map_err(|error| fail(error.to_string()))?;
        let highest = inner.get_vocab(true).into_values().max().unwrap_or_default();
        if i64::from(highest) >= config.vocab_size {
            return Err(Error::TooMany { path, id: highest, rows: config.vocab_size });
        }
        let max_length = usize::try_from(config.max_position_embeddings).unwrap_or_default();
        let limit = TruncationParams { max_length, ..TruncationParams::default() };
        inner.with_truncation(Some(limit)).map_err(|error| fail(error.to_string()))?;
        inner.with_padding(None);
        Ok(Self { inner, path })
    }

    /// Ids of captions, `[n, longest]`, padded with 0, and how many captions were cut.
    ///
    /// # Errors
    /// A caption has a character that the tokenizer does not know.
    pub fn ids(&self, captions: &[&str]) -> Result<(Tensor, usize), Error> {
        let (mut rows, mut cut) = (Vec::new(), 0);
        for &caption in captions {
            let encoded = self.inner.encode(caption, true).map_err(|error| Error::Caption {
                path: self.path.clone(),
                caption: caption.to_owned(),
                problem: error.to_string(),
            })?;
            cut += usize::from(!encoded.get_overflowing().is_empty());
            rows.push(encoded.get_ids().iter().map(|&id| i64::from(id)).collect::<Vec<i64>>());
        }
        let longest = rows.iter().map(Vec::len).max().unwrap_or_default();
        rows.iter_mut().for_each(|row| row.resize(longest, 0));
        let shape = [rows.len() as i64, longest as i64];
        Ok((Tensor::from_slice(&rows.concat()).view(shape), cut))
    }
}
