//! `vpit clip-score`: how well pictures fit their captions.

use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

use score::Estimate;
use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

use super::folder;
use super::printed::printed;
use super::stream::{self, Broken};
use crate::framing;
use crate::judge::agreement::{self, Judge, Scale};

/// Pictures, captions and the encoder.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// One JSON object a line, `{"image": "a.png", "caption": "a red fox"}`; images lie beside the file
    pairs: PathBuf,
    /// A CLIP as transformers saves it: `config.json`, `model.safetensors`, `tokenizer.json`
    #[arg(long, value_name = "FOLDER")]
    model: PathBuf,
    /// What becomes of a cosine; part of the score's name
    #[arg(long, value_name = "NAME", default_value = "cosine")]
    scale: Scale,
    /// Where the images lie, if not beside the file
    #[arg(long, value_name = "FOLDER")]
    images: Option<PathBuf>,
    /// Pairs at once; changes no score beyond rounding
    #[arg(long, default_value_t = 32)]
    batch: usize,
    /// Pass over pictures that cannot be read, and say how many
    #[arg(long)]
    skip_broken: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Why there is no score.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Picture(#[from] folder::Error),
    #[error(transparent)]
    Encoder(#[from] agreement::Error),
    #[error("cannot read `{}`", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("`{}`:{line}: {problem}", path.display())]
    Line { path: PathBuf, line: usize, problem: String },
    #[error("cannot compute the CLIP score")]
    Score(#[from] score::clip::Error),
    #[error("cannot print the result")]
    Print(#[from] serde_json::Error),
}

#[derive(Debug, Deserialize)]
struct Pair {
    image: PathBuf,
    caption: String,
}

/// What was found.
#[derive(Debug, Serialize)]
struct Report {
    metric: String,
    value: f64,
    stderr: Option<f64>,
    n: u64,
    passed_over: usize,
    /// Captions longer than the text tower.
    cut: usize,
}

/// Score pairs; gives what is to be printed.
///
/// # Errors
/// Pairs, pictures or the model cannot be used.
pub fn run(arguments: &Arguments) -> Result<String, Error> {
    let pairs = pairs(&arguments.pairs)?;
    let judge = Judge::open(&arguments.model, Device::cuda_if_available())?;
    let beside = arguments.pairs.parent().unwrap_or(Path::new(""));
    let folder = arguments.images.as_deref().unwrap_or(beside);
    let paths: Vec<PathBuf> = pairs.iter().map(|pair| folder.join(&pair.image)).collect();
    let prompts: Vec<String> = pairs.iter().map(|pair| arguments.scale.prompt(&pair.caption)).collect();
    let broken = if arguments.skip_broken { Broken::Counts } else { Broken::Fails };
    let side = judge.side();
    let prepare = |path: &PathBuf| folder::levels(path).map(|levels| framing::clip(&levels, side));
    let (mut cosines, mut cut) = (Vec::new(), 0);
    let passed_over = stream::batches(&paths, arguments.batch, broken, prepare, |pictures, numbers| {
        let captions: Vec<&str> = numbers.iter().filter_map(|&at| prompts.get(at)).map(String::as_str).collect();
        let (texts, longer) = judge.texts(&captions)?;
        cut += longer;
        cosines.extend(judge.cosines(&judge.images(&Tensor::stack(pictures, 0)), &texts)?);
        Ok::<(), Error>(())
    })?;
    let Estimate { value, stderr, n } = arguments.scale.score(&cosines)?;
    let metric = judge.metric(arguments.scale);
    Ok(printed(&Report { metric, value, stderr, n, passed_over: passed_over.len(), cut }, arguments.json)?)
}

fn pairs(path: &Path) -> Result<Vec<Pair>, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let fail = |line, problem| Error::Line { path: path.to_owned(), line, problem };
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let pair = |(number, line): (usize, &str)| {
        let pair: Pair = serde_json::from_str(line).map_err(|error| fail(number, error.to_string()))?;
        if pair.caption.trim().is_empty() { Err(fail(number, "the caption is empty".to_owned())) } else { Ok(pair) }
    };
    lines.map(pair).collect()
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stderr = self.stderr.map(|stderr| format!(" ± {stderr:.4}")).unwrap_or_default();
        writeln!(f, "{} {:.4}{stderr} at n = {}", self.metric, self.value, self.n)?;
        if self.passed_over > 0 {
            writeln!(f, "  passed over: {} pictures that cannot be read", self.passed_over)?;
        }
        if self.cut > 0 {
            writeln!(f, "  cut: {} captions longer than the encoder reads", self.cut)?;
        }
        Ok(())
    }
}
