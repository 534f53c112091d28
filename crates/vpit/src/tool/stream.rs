//! Pictures in batches, read and prepared by a thread of their own while the network computes.

use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::thread;

use tch::Tensor;

use super::folder;

/// What happens to pictures that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// The first one ends everything, as in the references.
    Fails,
    /// They are passed over and counted.
    Counts,
}

/// Batches that wait for the network.
const WAITING: usize = 2;

/// Give `see` the pictures at `paths`, prepared, in batches of at most `batch` with the number of each picture in `paths`.
/// Gives the pictures that were passed over.
///
/// # Errors
/// A picture is broken and that is not to be counted, or `see` fails.
pub fn batches<E: From<folder::Error>>(
    paths: &[PathBuf],
    batch: usize,
    broken: Broken,
    prepare: impl Fn(&Path) -> Result<Tensor, folder::Error> + Send,
    mut see: impl FnMut(&Tensor, &[usize]) -> Result<(), E>,
) -> Result<Vec<folder::Error>, E> {
    let (sender, receiver) = sync_channel(WAITING);
    thread::scope(|scope| {
        scope.spawn(move || {
            for (at, chunk) in paths.chunks(batch.max(1)).enumerate() {
                let ready: Vec<_> = chunk.iter().map(|path| prepare(path)).collect();
                // Nobody waits any more once `see` has failed.
                if sender.send((at * batch.max(1), ready)).is_err() {
                    return;
                }
            }
        });
        let mut passed_over = Vec::new();
        for (start, ready) in receiver {
            let (mut pictures, mut numbers) = (Vec::new(), Vec::new());
            for (number, picture) in (start..).zip(ready) {
                match picture {
                    Ok(picture) => {
                        pictures.push(picture);
                        numbers.push(number);
                    }
                    Err(error) if broken == Broken::Counts => passed_over.push(error),
                    Err(error) => return Err(error.into()),
                }
            }
            if !pictures.is_empty() {
                see(&Tensor::stack(&pictures, 0), &numbers)?;
            }
        }
        Ok(passed_over)
    })
}

/// All numbers of a tensor, row by row.
#[must_use]
pub fn floats(tensor: &Tensor) -> Vec<f32> {
    let mut values = vec![0.0; tensor.numel()];
    tensor.to_device(tch::Device::Cpu).contiguous().copy_data(&mut values, tensor.numel());
    values
}
