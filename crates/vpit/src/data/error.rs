//! Why data could not be used; every variant names the file.

use std::path::PathBuf;

use super::Source;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read `{}`", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("cannot write `{}`", path.display())]
    Write { path: PathBuf, source: std::io::Error },
    #[error("`{}`: {message}", path.display())]
    List { path: PathBuf, message: String },
    #[error("`{}`: {problem}", path.display())]
    Archive { path: PathBuf, problem: String },
    #[error("{count} samples of `{source_name}` are broken, more than --broken-limit {limit}; the first:{first}")]
    Broken { source_name: &'static str, count: u64, limit: u64, first: String },
    #[error(transparent)]
    Manifest(#[from] runfile::Error),
    #[error("`{}` is not what its manifest says, {problem}: run `vpit index` again", path.display())]
    Changed { path: PathBuf, problem: String },
    #[error("the data in `{}` has no source `{}`: name its files in data.toml and run `vpit index`", folder.display(), wanted.name())]
    NoSource { folder: PathBuf, wanted: Source },
    #[error("{asked} samples of `{}` are asked for, and there are {there}", wanted.name())]
    TooFew { wanted: Source, asked: u64, there: u64 },
    #[error("the configuration asks for no data: give an amount, such as `vqa`")]
    Nothing,
}
