//! Tensors in safetensors files: one file, or shards with an index as published checkpoints have them.
//!
//! Reading maps files into memory and copies a tensor only when it is asked for, so that a model of 16 GB needs its own
//! size and not twice that. Writing makes whole files or none.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use memmap2::Mmap;
use safetensors::{Dtype, SafeTensorError, SafeTensors, View};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, TchError, Tensor};

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
struct Index {
    #[serde(default)]
    metadata: serde_json::Map<String, serde_json::Value>,
    /// The shard of each tensor.
    weight_map: BTreeMap<String, String>,
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

/// A tensor as the writer asks for it: copied to the CPU when its turn comes.
struct Saved<'a> {
    tensor: &'a Tensor,
    dtype: Dtype,
    shape: Vec<usize>,
}

impl<'a> Saved<'a> {
    /// Nothing for a type that is not saved.
    fn new(tensor: &'a Tensor) -> Option<Self> {
        let dtype = match tensor.kind() {
            Kind::Float => Dtype::F32,
            Kind::Half => Dtype::F16,
            Kind::BFloat16 => Dtype::BF16,
            Kind::Uint8 => Dtype::U8,
            _ => return None,
        };
        Some(Self { tensor, dtype, shape: tensor.size().iter().map(|&size| size as usize).collect() })
    }
}

impl View for Saved<'_> {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let tensor = self.tensor.detach().to_device(Device::Cpu).contiguous();
        let mut bytes = vec![0; self.data_len()];
        tensor.copy_data_u8(&mut bytes, tensor.numel());
        bytes.into()
    }

    fn data_len(&self) -> usize {
        bytes(self.tensor) as usize
    }
}

/// Write tensors as one file, flushed to disk and then renamed into place.
///
/// The file says that it is PyTorch's, without which transformers refuses it.
///
/// # Errors
/// Any step fails; the file at `path` is then what it was before.
pub fn write(path: &Path, tensors: &[(&str, Tensor)]) -> Result<(), Error> {
    let fail = |source: Box<dyn std::error::Error + Send + Sync>| Error::Write { path: path.to_owned(), source };
    let temporary = path.with_extension("tmp");
    let mut views = Vec::new();
    for (name, tensor) in tensors {
        let unknown = || fail(format!("`{name}` is of type {:?}, which is not saved", tensor.kind()).into());
        views.push((*name, Saved::new(tensor).ok_or_else(unknown)?));
    }
    let format = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize_to_file(views, Some(format), &temporary).map_err(|error| fail(error.into()))?;
    File::open(&temporary).and_then(|file| file.sync_all()).map_err(|error| fail(error.into()))?;
    std::fs::rename(&temporary, path).map_err(|error| fail(error.into()))
}

/// Write tensors into a checkpoint's folder: one file, or shards of at most `limit` bytes (a tensor is never cut) with
/// their index, which comes last.
///
/// # Errors
/// A file cannot be written.
pub fn write_folder(folder: &Path, tensors: &[(&str, Tensor)], limit: u64) -> Result<(), Error> {
    let shards = cut(tensors, limit);
    if let [whole] = shards.as_slice() {
        write(&folder.join(WHOLE), whole)?;
        return remove(&folder.join(INDEX));
    }
    let count = shards.len();
    let mut weight_map = BTreeMap::new();
    for (number, shard) in (1..).zip(shards) {
        let file = format!("model-{number:05}-of-{count:05}.safetensors");
        write(&folder.join(&file), shard)?;
        weight_map.extend(shard.iter().map(|(name, _)| ((*name).to_owned(), file.clone())));
    }
    let total: u64 = tensors.iter().map(|(_, tensor)| bytes(tensor)).sum();
    let metadata = serde_json::Map::from_iter([("total_size".to_owned(), total.into())]);
    runfile::files::write_json(&folder.join(INDEX), &Index { metadata, weight_map })?;
    remove(&folder.join(WHOLE))
}

/// Runs of tensors that fit into `limit` bytes each; at least one run.
fn cut<'a, 'b>(tensors: &'a [(&'b str, Tensor)], limit: u64) -> Vec<&'a [(&'b str, Tensor)]> {
    let mut shards = Vec::new();
    let (mut start, mut size) = (0, 0);
    for (i, (_, tensor)) in tensors.iter().enumerate() {
        if i > start && size + bytes(tensor) > limit {
            shards.push(&tensors[start..i]);
            (start, size) = (i, 0);
        }
        size += bytes(tensor);
    }
    shards.push(&tensors[start..]);
    shards
}

fn bytes(tensor: &Tensor) -> u64 {
    (tensor.numel() * tensor.kind().elt_size_in_bytes()) as u64
}

/// Remove the other form of an earlier checkpoint: with both, nobody could say which one is meant.
fn remove(path: &Path) -> Result<(), Error> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::Write { path: path.to_owned(), source: error.into() })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Vec<(&'static str, Tensor)> {
        let row = |start: f32| Tensor::from_slice(&[start, start + 1.0]);
        vec![("a", row(1.0)), ("b", row(3.0).to_kind(Kind::BFloat16)), ("c", row(5.0).to_kind(Kind::Half))]
    }

    fn sharded() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        write_folder(folder.path(), &three(), 8).unwrap();
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
    fn a_later_checkpoint_in_another_form_replaces_the_earlier_one() {
        let folder = sharded();
        write_folder(folder.path(), &three()[..1], SHARD).unwrap();
        assert_eq!(TensorFiles::folder(folder.path()).unwrap().names().count(), 1);
        write_folder(folder.path(), &three(), 8).unwrap();
        assert_eq!(TensorFiles::folder(folder.path()).unwrap().names().count(), 3);
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
