//! Pictures in batches, read and prepared by a thread of their own while the network computes.

use std::sync::mpsc::sync_channel;
use std::thread;

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

/// Give `see` what `prepare` makes of `items`, in batches of at most `batch` with the number of each item.
/// Gives why items were passed over.
///
/// # Errors
/// An item is broken and that is not to be counted, or `see` fails.
pub fn batches<I: Sync, T: Send, P: Send, E: From<P>>(
    items: &[I],
    batch: usize,
    broken: Broken,
    prepare: impl Fn(&I) -> Result<T, P> + Send,
    mut see: impl FnMut(&[T], &[usize]) -> Result<(), E>,
) -> Result<Vec<P>, E> {
    let (sender, receiver) = sync_channel(WAITING);
    thread::scope(|scope| {
        scope.spawn(move || {
            for (at, chunk) in items.chunks(batch.max(1)).enumerate() {
                let ready: Vec<_> = chunk.iter().map(&prepare).collect();
                // Nobody waits any more once `see` has failed.
                if sender.send((at * batch.max(1), ready)).is_err() {
                    return;
                }
            }
        });
        let mut passed_over = Vec::new();
        for (start, ready) in receiver {
            let (mut there, mut numbers) = (Vec::new(), Vec::new());
            for (number, item) in (start..).zip(ready) {
                match item {
                    Ok(item) => {
                        there.push(item);
                        numbers.push(number);
                    }
                    Err(error) if broken == Broken::Counts => passed_over.push(error),
                    Err(error) => return Err(error.into()),
                }
            }
            if !there.is_empty() {
                see(&there, &numbers)?;
            }
        }
        Ok(passed_over)
    })
}
