//! `vpit convert-inception`: the published `.pth` of FID's Inception as safetensors.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tch::{Kind, Tensor};

use super::torch_file;
use crate::judge::Inception;
use crate::model::{Weights, tensor_files, tensor_writer, weights};

/// The file that is converted, and where to.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// `pt_inception-2015-12-05-6726825d.pth`, as pytorch-fid's releases have it
    #[arg(value_name = "PTH")]
    from: PathBuf,
    /// Where the weights are written, such as `inception.safetensors`
    #[arg(value_name = "SAFETENSORS")]
    to: PathBuf,
    /// Also take weights of the right shapes that are not the published ones: scores with them are no FID
    #[arg(long)]
    unpublished: bool,
}

/// Why a file was not converted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read `{}`", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("`{}` is not FID's Inception: {problem}", path.display())]
    Format { path: PathBuf, problem: String },
    #[error("`{}` is not the published file: its SHA-256 begins with {found}, not {PUBLISHED}. Download it again, or take it as it is with --unpublished", path.display())]
    Unpublished { path: PathBuf, found: String },
    #[error(transparent)]
    Weights(#[from] weights::Error),
    #[error(transparent)]
    Files(#[from] tensor_files::Error),
}

/// How the SHA-256 of the published file begins, as its name says.
const PUBLISHED: &str = "6726825d";

/// Convert the file; gives what is to be said.
///
/// # Errors
/// The file is not what it should be, or the other cannot be written.
pub fn run(arguments: &Arguments) -> Result<String, Error> {
    let Arguments { from, to, unpublished } = arguments;
    let bytes = std::fs::read(from).map_err(|source| Error::Read { path: from.clone(), source })?;
    let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let tensors = tensors(from, &bytes)?;
    let published = sha256.starts_with(PUBLISHED);
    if !published && !unpublished {
        return Err(Error::Unpublished { path: from.clone(), found: sha256.chars().take(8).collect() });
    }
    let named: Vec<(&str, Tensor)> =
        tensors.iter().map(|(name, tensor)| (name.as_str(), tensor.shallow_clone())).collect();
    tensor_writer::write(to, &named)?;
    let kind = if published { "the published weights" } else { "weights that are not the published ones" };
    Ok(format!("{}: {} tensors, {kind} (SHA-256 of the source {sha256})\n", to.display(), tensors.len()))
}

/// The weights, all there and of the right shape, without counters of batches.
fn tensors(path: &Path, bytes: &[u8]) -> Result<Vec<(String, Tensor)>, Error> {
    let fail = |problem: String| Error::Format { path: path.to_owned(), problem };
    let mut tensors = torch_file::tensors(bytes).map_err(fail)?;
    tensors.retain(|(name, _)| !name.ends_with(".num_batches_tracked"));
    let (_, outline) = Weights::fresh(0).shapes_only().build(Inception::new)?;
    let problem = |(name, tensor): &(String, Tensor)| match outline.get(name) {
        None => Some(format!("unexpected `{name}`")),
        Some(wanted) if wanted.size() != tensor.size() => {
            Some(format!("`{name}` is {:?}, not {:?}", tensor.size(), wanted.size()))
        }
        Some(_) => None,
    };
    let mut problems: Vec<String> = tensors.iter().filter_map(problem).collect();
    let missing = outline.iter().filter(|(name, _)| !tensors.iter().any(|(there, _)| there == name));
    problems.extend(missing.map(|(name, _)| format!("missing `{name}`")));
    if let Some(first) = problems.first() {
        return Err(fail(format!("{} tensors do not fit, the first: {first}", problems.len())));
    }
    for (_, tensor) in &mut tensors {
        *tensor = tensor.to_kind(Kind::Float);
    }
    Ok(tensors)
}
