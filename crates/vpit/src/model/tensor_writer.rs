//! Tensors to safetensors files: one file, or shards with an index as published checkpoints have them. Whole files are
//! written or none.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};

use safetensors::{Dtype, View};
use tch::{Device, Kind, Tensor};

use super::tensor_files::{Error, INDEX, Index, WHOLE};

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

/// A checkpoint's folder whose tensors come one after the other, for one process or for several that see the same tensors
/// and write different files of it: nobody holds more than one file's tensors.
#[derive(Debug)]
pub struct FolderWriter {
    folder: PathBuf,
    /// The file of each tensor.
    files: BTreeMap<String, usize>,
    /// By file: how many tensors it still lacks, and those that this process holds for it.
    open: Vec<(usize, Vec<(String, Tensor)>)>,
    bytes: u64,
    /// This process among those that write, counted from 0, and their number.
    share: [usize; 2],
}

impl FolderWriter {
    /// A folder for `tensors`, which come in this order with so many bytes each: one file, or files of at most `limit` bytes;
    /// a tensor is never cut. `share` is the number of this process and how many there are.
    #[must_use]
    pub fn new(folder: &Path, tensors: &[(String, u64)], limit: u64, share: [usize; 2]) -> Self {
        let (mut files, mut open, mut size) = (BTreeMap::new(), vec![(0, Vec::new())], 0);
        for (name, bytes) in tensors {
            if size > 0 && size + bytes > limit {
                open.push((0, Vec::new()));
                size = 0;
            }
            size += bytes;
            files.insert(name.clone(), open.len() - 1);
            if let Some((lacks, _)) = open.last_mut() {
                *lacks += 1;
            }
        }
        let bytes = tensors.iter().map(|(_, bytes)| bytes).sum();
        Self { folder: folder.to_owned(), files, open, bytes, share }
    }

    /// Take a tensor; the last one of a file writes it, in the process whose file it is.
    ///
    /// # Errors
    /// The file cannot be written, or nobody said that this tensor would come.
    pub fn take(&mut self, name: &str, tensor: &Tensor) -> Result<(), Error> {
        let fail = |problem: String| Error::Write { path: self.folder.clone(), source: problem.into() };
        let file = *self.files.get(name).ok_or_else(|| fail(format!("nobody announced `{name}`")))?;
        let path = self.folder.join(self.file_name(file));
        let [number, count] = self.share;
        let Some((lacks, held)) = self.open.get_mut(file) else { return Ok(()) };
        if file % count == number {
            held.push((name.to_owned(), tensor.detach().to_device(Device::Cpu)));
        }
        *lacks = lacks.saturating_sub(1);
        if *lacks > 0 || held.is_empty() {
            return Ok(());
        }
        let held = std::mem::take(held);
        let held: Vec<(&str, Tensor)> =
            held.iter().map(|(name, tensor)| (name.as_str(), tensor.shallow_clone())).collect();
        write(&path, &held)
    }

    /// Once all processes have written all files: say where each tensor is, and remove another form of an earlier
    /// checkpoint.
    ///
    /// # Errors
    /// A file cannot be written or removed.
    pub fn finish(self) -> Result<(), Error> {
        if self.open.len() == 1 {
            return remove(&self.folder.join(INDEX));
        }
        let weight_map = self.files.iter().map(|(name, file)| (name.clone(), self.file_name(*file))).collect();
        let metadata = serde_json::Map::from_iter([("total_size".to_owned(), self.bytes.into())]);
        runfile::files::write_json(&self.folder.join(INDEX), &Index { metadata, weight_map })?;
        remove(&self.folder.join(WHOLE))
    }

    fn file_name(&self, file: usize) -> String {
        match self.open.len() {
            1 => WHOLE.to_owned(),
            count => format!("model-{:05}-of-{count:05}.safetensors", file + 1),
        }
    }
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
    use super::super::tensor_files::TensorFiles;
    use super::*;

    fn write_folder(folder: &Path, count: usize, share: [usize; 2]) -> FolderWriter {
        let row = |start: f32| Tensor::from_slice(&[start, start + 1.0]);
        let tensors: Vec<(String, Tensor)> = (0..count).map(|i| (format!("t{i}"), row(i as f32))).collect();
        let sizes: Vec<(String, u64)> = tensors.iter().map(|(name, tensor)| (name.clone(), bytes(tensor))).collect();
        // Two tensors a file.
        let mut writer = FolderWriter::new(folder, &sizes, 20, share);
        tensors.iter().for_each(|(name, tensor)| writer.take(name, tensor).unwrap());
        writer
    }

    fn names(folder: &Path) -> usize {
        TensorFiles::folder(folder).unwrap().names().count()
    }

    #[test]
    fn processes_write_different_files_of_one_folder() {
        let folder = tempfile::tempdir().unwrap();
        let first = write_folder(folder.path(), 5, [0, 2]);
        let file = |number: u32| folder.path().join(format!("model-{number:05}-of-00003.safetensors"));
        assert_eq!([1, 2, 3].map(|number| file(number).exists()), [true, false, true]);
        drop(write_folder(folder.path(), 5, [1, 2]));
        first.finish().unwrap();
        let mut files = TensorFiles::folder(folder.path()).unwrap();
        for i in 0..5 {
            let tensor = files.take(&format!("t{i}")).unwrap().unwrap();
            assert_eq!(tensor, Tensor::from_slice(&[i as f32, i as f32 + 1.0]));
        }
    }

    #[test]
    fn a_later_checkpoint_in_another_form_replaces_the_earlier_one() {
        let folder = tempfile::tempdir().unwrap();
        for count in [5, 2, 5] {
            write_folder(folder.path(), count, [0, 1]).finish().unwrap();
            assert_eq!(names(folder.path()), count);
        }
    }

    #[test]
    fn a_tensor_that_nobody_announced_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = write_folder(folder.path(), 2, [0, 1]);
        let error = writer.take("other", &Tensor::from_slice(&[1f32])).unwrap_err();
        assert!(std::error::Error::source(&error).unwrap().to_string().contains("`other`"), "{error}");
    }
}
