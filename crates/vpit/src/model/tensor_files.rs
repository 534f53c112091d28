//! Tensors from safetensors files: one file, or shards with an index as published checkpoints have them.
//!
//! Files are mapped into memory and a tensor is copied only when it is asked for, so that a model of 16 GB needs its own
//! size and not twice that. `tensor_writer` writes them.

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use memmap2::Mmap;
use safetensors::{Dtype, SafeTensorError, SafeTensors};
use serde::{Deserialize, Serialize};
use tch::{Kind, TchError, Tensor};

/// The file of a checkpoint that has one.
pub const WHOLE: &str = "model.safetensors";
/// The index of a checkpoint in shards.
pub const INDEX: &str = "model.safetensors.index.json";
/// Bytes of tensors in one shard, as published checkpoints are cut.
pub const SHARD: u64 = 5_000_000_000;

/// Why tensors could not be read or written; every variant names the file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot open `{}`", path.display())]
    Open { path: PathBuf, source: std::io::Error },
    #[error("`{}` is no whole safetensors file", path.display())]
    Format { path: PathBuf, source: SafeTensorError },
    #[error("`{}`: `{name}` is of type {kind}, and weights are F32, F16 or BF16", path.display())]
    Kind { path: PathBuf, name: String, kind: Dtype },
    #[error(transparent)]
    Json(#[from] runfile::Error),
    #[error("the index `{}` names the file `{shard}`, which is no plain file name", path.display())]
    Outside { path: PathBuf, shard: String },
    #[error("the index `{}` does not agree with its shards: {problem}", path.display())]
    Index { path: PathBuf, problem: String },
    #[error("`{}` has neither `{WHOLE}` nor `{INDEX}`", folder.display())]
    Nothing { folder: PathBuf },
    #[error("`{}` has both `{WHOLE}` and `{INDEX}`: remove the one that is not meant", folder.display())]
    Both { folder: PathBuf },
    #[error("`{name}` is in `{}` and in another file of the same model", path.display())]
    Twice { path: PathBuf, name: String },
    #[error("cannot copy `{name}` out of `{}`", path.display())]
    Copy { path: PathBuf, name: String, source: TchError },
    #[error("cannot write `{}`", path.display())]
    Write { path: PathBuf, source: Box<dyn std::error::Error + Send + Sync> },
}

/// The tensors of some files, by name; nothing is copied yet.
#[derive(Debug, Default)]
pub struct TensorFiles {
    files: Vec<Mapped>,
    tensors: BTreeMap<String, Entry>,
}

/// A file in memory as the kernel pages it in.
#[derive(Debug)]
struct Mapped {
    path: PathBuf,
    bytes: Mmap,
}

/// Where a tensor lies and what it is.
#[derive(Debug)]
struct Entry {
    file: usize,
    dtype: Dtype,
    shape: Vec<i64>,
    /// In bytes of the file.
    place: Range<usize>,
}

/// `model.safetensors.index.json`. What else it has is information.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Index {
    #[serde(default)]
    pub metadata: serde_json::Map<String, serde_json::Value>,
    /// The shard of each tensor.
    pub weight_map: BTreeMap<String, String>,
}

impl TensorFiles {
    /// The tensors of one file.
    ///
    /// # Errors
    /// The file is missing, truncated or not in the format.
    pub fn file(path: &Path) -> Result<Self, Error> {
        let mut files = Self::default();
        files.add(path)?;
        Ok(files)
    }

    /// The tensors of a checkpoint's folder.
    ///
    /// # Errors
    /// As for [`TensorFiles::file`]; a shard that the index names is missing, or index and shards disagree.
    pub fn folder(folder: &Path) -> Result<Self, Error> {
        let (whole, index) = (folder.join(WHOLE), folder.join(INDEX));
        match (whole.exists(), index.exists()) {
            (true, false) => Self::file(&whole),
            (false, true) => Self::shards(folder, &index),
            (false, false) => Err(Error::Nothing { folder: folder.to_owned() }),
            (true, true) => Err(Error::Both { folder: folder.to_owned() }),
        }
    }

    fn shards(folder: &Path, path: &Path) -> Result<Self, Error> {
        let index: Index = runfile::files::read_json(path)?;
        let fail = |problem| Error::Index { path: path.to_owned(), problem };
        let mut by_shard: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, shard) in &index.weight_map {
            by_shard.entry(shard).or_default().push(name);
        }
        let mut found = Self::default();
        for (&shard, names) in &by_shard {
            if !is_plain(shard) {
                return Err(Error::Outside { path: path.to_owned(), shard: shard.to_owned() });
            }
            if !folder.join(shard).exists() {
                return Err(fail(format!("there is no `{shard}`, which should hold {} tensors", names.len())));
            }
            let number = found.files.len();
            found.add(&folder.join(shard))?;
            if let Some(name) = names.iter().find(|&&name| found.tensors.get(name).is_none_or(|at| at.file != number)) {
                return Err(fail(format!("`{name}` is not in `{shard}`")));
            }
        }
        match found.tensors.keys().find(|&name| !index.weight_map.contains_key(name)) {
            Some(name) => Err(fail(format!("`{name}` is in a shard and not in the index"))),
            None => Ok(found),
        }
    }

    /// Add the tensors of another file.
    ///
    /// # Errors
    /// As for [`TensorFiles::file`].
    pub fn add(&mut self, path: &Path) -> Result<(), Error> {
        let bytes = map(path).map_err(|source| Error::Open { path: path.to_owned(), source })?;
        let format = |source| Error::Format { path: path.to_owned(), source };
        let (header, metadata) = SafeTensors::read_metadata(&bytes).map_err(format)?;
        // Eight bytes say how long the header is; offsets count from its end.
        let start = 8 + header;
        for (name, info) in metadata.tensors() {
            let place = start + info.data_offsets.0..start + info.data_offsets.1;
            let shape = info.shape.iter().map(|&size| size as i64).collect();
            let entry = Entry { file: self.files.len(), dtype: info.dtype, shape, place };
            if self.tensors.insert(name.clone(), entry).is_some() {
                return Err(Error::Twice { path: path.to_owned(), name });
            }
        }
        self.files.push(Mapped { path: path.to_owned(), bytes });
        Ok(())
    }

    /// Where the tensors come from, for messages: the file, or the folder of several.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self.files.as_slice() {
            [] => Path::new(""),
            [file] => &file.path,
            [first, ..] => first.path.parent().unwrap_or(&first.path),
        }
    }

    /// The file of the tensor `name`, if there are several.
    #[must_use]
    pub fn file_of(&self, name: &str) -> Option<&Path> {
        let entry = self.tensors.get(name).filter(|_| self.files.len() > 1)?;
        self.files.get(entry.file).map(|file| file.path.as_path())
    }

    /// The names of all tensors, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The shape of the tensor `name`, if there is one.
    #[must_use]
    pub fn shape(&self, name: &str) -> Option<&[i64]> {
        self.tensors.get(name).map(|entry| entry.shape.as_slice())
    }

    /// Give the tensors the names that `name` makes of theirs.
    #[must_use]
    pub fn renamed(self, name: impl Fn(&str) -> String) -> Self {
        let tensors = self.tensors.into_iter().map(|(old, entry)| (name(&old), entry)).collect();
        Self { tensors, ..self }
    }

    /// Forget the tensors that `chosen` rejects.
    pub fn retain(&mut self, chosen: impl Fn(&str) -> bool) {
        self.tensors.retain(|name, _| chosen(name));
    }

    /// Forget the tensor `name`; true if there was one.
    pub fn forget(&mut self, name: &str) -> bool {
        self.tensors.remove(name).is_some()
    }

    /// Copy the tensor `name` out, in the type it is stored in, and forget it.
    ///
    /// # Errors
    /// It is of a type that no weight has, or libtorch has no memory for it. Tensors that nobody takes, such as the counters
    /// that some exporters leave in a file, may be of any type.
    pub fn take(&mut self, name: &str) -> Option<Result<Tensor, Error>> {
        let copied = self.get(name);
        self.forget(name);
        copied
    }

    /// The same, and keep it in mind.
    ///
    /// # Errors
    /// As for [`TensorFiles::take`].
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Result<Tensor, Error>> {
        let entry = self.tensors.get(name)?;
        let file = self.files.get(entry.file)?;
        let (path, name) = (file.path.clone(), name.to_owned());
        let Some(kind) = kind(entry.dtype) else { return Some(Err(Error::Kind { path, name, kind: entry.dtype })) };
        let copied = Tensor::f_from_data_size(file.bytes.get(entry.place.clone())?, &entry.shape, kind);
        Some(copied.map_err(|source| Error::Copy { path, name, source }))
    }
}

#[expect(unsafe_code, reason = "a mapped file can be changed by others, which no type can rule out")]
fn map(path: &Path) -> std::io::Result<Mmap> {
    let file = File::open(path)?;
    // SAFETY: the map is read only. Checkpoints are replaced by renaming and never written in place.
    unsafe { Mmap::map(&file) }
}

/// Whether a name stays inside its folder.
fn is_plain(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None))
}

const fn kind(dtype: Dtype) -> Option<Kind> {
    match dtype {
        Dtype::F32 => Some(Kind::Float),
        Dtype::F16 => Some(Kind::Half),
        Dtype::BF16 => Some(Kind::BFloat16),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tensor_writer::{FolderWriter, write};
    use super::*;

    fn three() -> Vec<(&'static str, Tensor)> {
        let row = |start: f32| Tensor::from_slice(&[start, start + 1.0]);
        vec![("a", row(1.0)), ("b", row(3.0).to_kind(Kind::BFloat16)), ("c", row(5.0).to_kind(Kind::Half))]
    }

    fn sharded() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let sizes: Vec<(String, u64)> = three()
            .iter()
            .map(|(name, tensor)| ((*name).to_owned(), 2 * tensor.kind().elt_size_in_bytes() as u64))
            .collect();
        let mut writer = FolderWriter::new(folder.path(), &sizes, 8, [0, 1]);
        three().iter().for_each(|(name, tensor)| writer.take(name, tensor).unwrap());
        writer.finish().unwrap();
        folder
    }

    fn edit_index(folder: &Path, from: &str, to: &str) {
        let path = folder.join(INDEX);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }

    fn refusal(folder: &Path) -> String {
        TensorFiles::folder(folder).unwrap_err().to_string()
    }

    #[test]
    fn shards_give_back_what_was_written_in_the_type_it_had() {
        let folder = sharded();
        let mut files = TensorFiles::folder(folder.path()).unwrap();
        assert_eq!(files.names().collect::<Vec<_>>(), ["a", "b", "c"]);
        for (name, tensor) in three() {
            let read = files.take(name).unwrap().unwrap();
            assert_eq!((read.kind(), &read), (tensor.kind(), &tensor));
        }
        assert!(files.take("a").is_none());
    }

    #[test]
    fn a_truncated_file_is_named() {
        let folder = sharded();
        let path = folder.path().join("model-00002-of-00002.safetensors");
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert!(refusal(folder.path()).contains("model-00002-of-00002.safetensors` is no whole safetensors file"));
    }

    #[test]
    fn an_index_that_names_a_missing_shard_or_a_path_outside_is_refused() {
        let folder = sharded();
        std::fs::remove_file(folder.path().join("model-00001-of-00002.safetensors")).unwrap();
        let message = refusal(folder.path());
        assert!(message.contains("there is no `model-00001-of-00002.safetensors`"), "{message}");
        edit_index(folder.path(), "model-00001-of-00002.safetensors", "../model.safetensors");
        assert!(refusal(folder.path()).contains("`../model.safetensors`, which is no plain file name"));
    }

    #[test]
    fn an_index_that_disagrees_with_its_shards_is_refused() {
        let folder = sharded();
        edit_index(folder.path(), "\"a\"", "\"z\"");
        assert!(refusal(folder.path()).contains("`z` is not in"), "{}", refusal(folder.path()));
        edit_index(folder.path(), "\"z\"", "\"a\"");
        edit_index(folder.path(), "\"b\": \"model-00002-of-00002.safetensors\",", "");
        assert!(refusal(folder.path()).contains("is in a shard and not in the index"), "{}", refusal(folder.path()));
    }

    #[test]
    fn a_folder_with_no_checkpoint_or_two_is_refused() {
        let folder = sharded();
        write(&folder.path().join(WHOLE), &three()).unwrap();
        assert!(refusal(folder.path()).contains("has both"));
        let empty = tempfile::tempdir().unwrap();
        assert!(refusal(empty.path()).contains("has neither"));
    }
}
