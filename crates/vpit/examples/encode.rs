//! Token ids of texts by a tokenizer's folder: a JSON list of texts in, a JSON list of lists of ids out.
//!
//! `tests/golden/language.py --tokenizer` compares it with tiktoken on a vocabulary that is not ours to keep.

use std::path::PathBuf;

use vpit::tokenizer::Tokenizer;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from).ok_or("usage: encode FOLDER < TEXTS.json")?;
    let tokenizer = Tokenizer::open(&folder)?;
    let texts: Vec<String> = serde_json::from_reader(std::io::stdin().lock())?;
    let ids = texts.iter().map(|text| tokenizer.encode(text)).collect::<Result<Vec<_>, _>>()?;
    serde_json::to_writer(std::io::stdout().lock(), &ids)?;
    Ok(())
}
