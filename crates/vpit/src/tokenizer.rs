//! Text to token ids and back, by a published tokenizer: `tokenizer.json`, or Llama's own `tokenizer.model`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::sequence::Specials;

/// Why a tokenizer could not be used; every variant names the file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("`{}` has neither `{JSON}` nor `{MODEL}`", folder.display())]
    Nothing { folder: PathBuf },
    #[error("cannot read `{}`", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("`{}` is no tokenizer: {reason}", path.display())]
    Format { path: PathBuf, reason: String },
    #[error("`{}`:{line}: a line is bytes in base64, a space and the rank {expected}", path.display())]
    Line { path: PathBuf, line: usize, expected: usize },
    #[error("the tokenizer `{}` has no token `{token}`: is it one of Llama 3?", path.display())]
    NoToken { path: PathBuf, token: &'static str },
    #[error("the tokenizer `{}` has {tokens} tokens and the model {rows} rows for them", path.display())]
    TooMany { path: PathBuf, tokens: usize, rows: i64 },
    #[error("the tokenizer `{}` cannot encode a text: {reason}", path.display())]
    Text { path: PathBuf, reason: String },
}

const JSON: &str = "tokenizer.json";
const MODEL: &str = "tokenizer.model";

/// How turns are written. The paper does not say; the released code differs from Llama's own form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Template {
    /// As the released code: two `<|begin_of_text|>` (one by the template, one by the tokenizer), one line break after a
    /// turn's header.
    #[default]
    Release,
    /// As Llama 3 was tuned: one `<|begin_of_text|>`, two line breaks.
    Llama3,
}

impl Template {
    const fn begins(self) -> usize {
        match self {
            Self::Release => 2,
            Self::Llama3 => 1,
        }
    }

    const fn line_breaks(self) -> &'static str {
        match self {
            Self::Release => "\n",
            Self::Llama3 => "\n\n",
        }
    }
}

/// A tokenizer and where it came from.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    path: PathBuf,
}

impl Tokenizer {
    /// Open the tokenizer of a checkpoint's folder, `tokenizer.json` before `tokenizer.model`.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let (json, model) = (folder.join(JSON), folder.join(MODEL));
        match (json.exists(), model.exists()) {
            (true, _) => Self::from_json(&json),
            (false, true) => Self::from_model(&model),
            (false, false) => Err(Error::Nothing { folder: folder.to_owned() }),
        }
    }

    /// Read a `tokenizer.json`.
    ///
    /// # Errors
    /// The file is missing or no tokenizer.
    pub fn from_json(path: &Path) -> Result<Self, Error> {
        Self::parse(path, &read(path)?)
    }

    /// Read a `tokenizer.model` of Llama 3: a token a line, its bytes in base64 and its rank.
    ///
    /// # Errors
    /// The file is missing, or a line is not of this form.
    pub fn from_model(path: &Path) -> Result<Self, Error> {
        let text = read(path)?;
        let tokens = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).enumerate();
        let token = |(rank, line): (usize, &[u8])| {
            ranked(line, rank).ok_or_else(|| Error::Line { path: path.to_owned(), line: rank + 1, expected: rank })
        };
        let tokens = tokens.map(token).collect::<Result<Vec<Vec<u8>>, Error>>()?;
        Self::parse(path, published_form(&tokens).to_string().as_bytes())
    }

    fn parse(path: &Path, json: &[u8]) -> Result<Self, Error> {
        let format = |reason: String| Error::Format { path: path.to_owned(), reason };
        let mut inner = tokenizers::Tokenizer::from_bytes(json).map_err(|error| format(error.to_string()))?;
        // What a person writes is text, `<|eot_id|>` too: nobody else's turn can be ended from inside one's own.
        inner.set_encode_special_tokens(true);
        Ok(Self { inner, path: path.to_owned() })
    }

    /// The ids of a text, of its characters alone: nothing is put before or after it.
    ///
    /// # Errors
    /// The tokenizer knows no token for a part of it.
    pub fn encode(&self, text: &str) -> Result<Vec<i64>, Error> {
        let fail = |reason: String| Error::Text { path: self.path.clone(), reason };
        let encoded = self.inner.encode_fast(text, false).map_err(|error| fail(error.to_string()))?;
        Ok(encoded.get_ids().iter().map(|&id| i64::from(id)).collect())
    }

    /// The text of ids, without tokens that are no text.
    ///
    /// # Errors
    /// The tokenizer cannot put the tokens together.
    pub fn decode(&self, ids: &[i64]) -> Result<String, Error> {
        let known = ids.iter().filter_map(|&id| u32::try_from(id).ok());
        let known: Vec<u32> = known.filter(|&id| self.inner.id_to_token(id).is_some()).collect();
        self.inner
            .decode(&known, true)
            .map_err(|error| Error::Text { path: self.path.clone(), reason: error.to_string() })
    }

    /// The tokens that give a conversation its form, for a model that had `rows` tokens before the two of images were
    /// added at its end.
    ///
    /// # Errors
    /// The tokenizer lacks one of Llama 3's, or has more tokens than the model rows.
    pub fn specials(&self, rows: i64, template: Template) -> Result<Specials, Error> {
        let tokens = self.inner.get_vocab_size(true);
        if tokens as i64 > rows {
            return Err(Error::TooMany { path: self.path.clone(), tokens, rows });
        }
        let id = |token: &'static str| {
            let found = self.inner.token_to_id(token);
            found.map(i64::from).ok_or_else(|| Error::NoToken { path: self.path.clone(), token })
        };
        let header = |role: &str| -> Result<Cow<'static, [i64]>, Error> {
            let mut ids = vec![id("<|start_header_id|>")?];
            ids.extend(self.encode(role)?);
            ids.push(id("<|end_header_id|>")?);
            ids.extend(self.encode(template.line_breaks())?);
            Ok(ids.into())
        };
        let end = id("<|end_of_text|>")?;
        Ok(Specials {
            pad: end,
            bos: vec![id("<|begin_of_text|>")?; template.begins()].into(),
            eot: id("<|eot_id|>")?,
            user: header("user")?,
            assistant: header("assistant")?,
            image_start: rows,
            image_end: rows + 1,
            text_end: Some(end),
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

/// The bytes of a line's token, if its rank is the expected one.
fn ranked(line: &[u8], expected: usize) -> Option<Vec<u8>> {
    let (token, rank) = std::str::from_utf8(line).ok()?.trim_end().split_once(' ')?;
    let rank: usize = rank.parse().ok()?;
    (rank == expected).then(|| STANDARD.decode(token).ok()).flatten()
}

/// How Llama 3 cuts a text before it merges bytes, from its published tokenizer.
const PATTERN: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// How many special tokens Llama 3 has behind its ranks.
const SPECIALS: usize = 256;

/// The special token `number`, counted from the last rank.
fn special(number: usize) -> String {
    let name = match number {
        0 => "begin_of_text",
        1 => "end_of_text",
        6 => "start_header_id",
        7 => "end_header_id",
        9 => "eot_id",
        2..=5 => return format!("<|reserved_special_token_{}|>", number - 2),
        8 => "reserved_special_token_4",
        _ => return format!("<|reserved_special_token_{}|>", number - 5),
    };
    format!("<|{name}|>")
}

/// The `tokenizer.json` of a list of tokens by rank.
fn published_form(tokens: &[Vec<u8>]) -> Value {
    let spelling = spelling();
    let spell = |bytes: &[u8]| -> String { bytes.iter().map(|&byte| spelling[usize::from(byte)]).collect() };
    let vocabulary: Map<String, Value> = (0..).zip(tokens).map(|(id, token)| (spell(token), json!(id))).collect();
    let merges = merges(tokens);
    let merges: Vec<[String; 2]> = merges.into_iter().map(|[left, right]| [spell(left), spell(right)]).collect();
    let added = (0..SPECIALS).map(|number| {
        json!({
            "id": tokens.len() + number, "content": special(number), "special": true,
            "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
        })
    });
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "normalizer": null,
        "post_processor": null,
        "added_tokens": added.collect::<Vec<Value>>(),
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                { "type": "Split", "pattern": { "Regex": PATTERN }, "behavior": "Isolated", "invert": false },
                { "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false },
            ],
        },
        "decoder": { "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true },
        "model": { "type": "BPE", "ignore_merges": true, "vocab": vocabulary, "merges": merges },
    })
}

/// The pairs that make a token, in the order of what they make: the ranks say only that.
fn merges(tokens: &[Vec<u8>]) -> Vec<[&[u8]; 2]> {
    let ranks: HashMap<&[u8], usize> =
        tokens.iter().enumerate().map(|(rank, token)| (token.as_slice(), rank)).collect();
    let pairs = |token: &'_ Vec<u8>| -> Vec<(usize, usize)> {
        let halves = (1..token.len()).map(|at| token.split_at(at));
        let mut pairs: Vec<(usize, usize)> =
            halves.filter_map(|(left, right)| Some((*ranks.get(left)?, *ranks.get(right)?))).collect();
        pairs.sort_unstable();
        pairs
    };
    tokens.iter().flat_map(pairs).map(|(left, right)| [tokens[left].as_slice(), tokens[right].as_slice()]).collect()
}

/// The printable character that stands for each byte in a `tokenizer.json`, GPT-2's table: printable Latin-1 for itself,
/// the rest from U+0100 on.
fn spelling() -> [char; 256] {
    let mut next = 0x100;
    std::array::from_fn(|byte| match byte {
        0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF => char::from(byte as u8),
        _ => {
            next += 1;
            char::from_u32(next - 1).unwrap_or(char::REPLACEMENT_CHARACTER)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_spelled_as_in_gpt_2() {
        let spelling = spelling();
        assert_eq!((spelling[0x20], spelling[0x0A], spelling[0x41], spelling[0xAD]), ('Ġ', 'Ċ', 'A', 'Ń'));
        assert_eq!(spelling.iter().collect::<std::collections::HashSet<_>>().len(), 256);
    }

    #[test]
    fn special_tokens_have_the_published_places() {
        let names = [(0, "<|begin_of_text|>"), (5, "<|reserved_special_token_3|>"), (9, "<|eot_id|>")];
        for (number, name) in names.into_iter().chain([(10, "<|reserved_special_token_5|>")]) {
            assert_eq!(special(number), name);
        }
        assert_eq!(special(SPECIALS - 1), "<|reserved_special_token_250|>");
    }

    #[test]
    fn a_line_out_of_order_or_not_in_base64_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(MODEL);
        for (text, line) in [("YQ== 0\nYg== 2\n", 2), ("!! 0\n", 1), ("YQ==\n", 1)] {
            std::fs::write(&path, text).unwrap();
            let message = Tokenizer::open(folder.path()).unwrap_err().to_string();
            assert!(message.contains(&format!("`:{line}: ")), "{message}");
        }
    }

    #[test]
    fn a_file_that_is_no_tokenizer_and_a_folder_without_one_are_named() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Tokenizer::open(folder.path()).unwrap_err().to_string().contains("has neither"));
        std::fs::write(folder.path().join(JSON), "{}").unwrap();
        assert!(Tokenizer::open(folder.path()).unwrap_err().to_string().contains("is no tokenizer"));
    }
}
