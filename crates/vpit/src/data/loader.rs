//! Samples made ready by threads while the model computes, in an order that does not depend on them.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tch::Tensor;

use super::{Library, Mixture, Source};
use crate::conversation::lay_out;
use crate::framing;
use crate::sequence::{Layout, Sequence, Slot};
use crate::tokenizer::Tokenizer;

/// What turns samples into what the model reads.
#[derive(Debug)]
pub struct Workshop {
    pub library: Library,
    pub mixture: Mixture,
    pub tokenizer: Tokenizer,
    pub layout: Layout,
    /// Places of a sequence.
    pub max_length: usize,
    /// Pixels of the vision tower's images along one side.
    pub side: i64,
    pub seed: u64,
}

/// A sample ready for a batch: its images are numbered from 0.
#[derive(Debug)]
pub struct Ready {
    pub sequence: Sequence,
    /// `[3, side, side]` in [-1, 1] each.
    pub pictures: Vec<Tensor>,
}

/// A sample that could not be used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    pub source: Source,
    pub number: u64,
    pub reason: String,
}

impl Workshop {
    /// The sample at `position` of the pass; nothing behind its end.
    #[must_use]
    pub fn make(&self, position: u64) -> Option<Result<Ready, Broken>> {
        let (source, number) = self.mixture.at(position)?;
        // A decoder that panics on a damaged file must not end the training, nor leave it waiting for the sample.
        let ready = catch_unwind(AssertUnwindSafe(|| self.ready(source, number)));
        let ready = ready.unwrap_or_else(|_| Err("its decoding panicked".to_owned()));
        Some(ready.map_err(|reason| Broken { source, number, reason }))
    }

    fn ready(&self, source: Source, number: u64) -> Result<Ready, String> {
        let sample = self.library.sample(source, number, self.seed)?;
        let sequence = lay_out(&sample.turns, &self.tokenizer, &self.layout, 0).map_err(|error| error.to_string())?;
        let sequence = sequence.truncated(self.max_length);
        if !sequence.predicted.contains(&true) {
            return Err(format!("within {} places there is nothing to predict", self.max_length));
        }
        let images = sequence.slots.iter().filter_map(|slot| match slot {
            Slot::Visual { image, .. } => Some(image + 1),
            Slot::Token(_) => None,
        });
        // Pictures that did not fit are not looked at.
        let shown = sample.pictures.iter().take(images.max().unwrap_or(0));
        let pictures = shown.map(|picture| Ok(framing::whole(&picture.levels()?, self.side)));
        Ok(Ready { sequence, pictures: pictures.collect::<Result<_, String>>()? })
    }
}

/// Which samples of the pass one process sees: of each step its share, one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Slice {
    /// Samples a step, of all processes.
    pub batch: u64,
    pub first_step: u64,
    pub rank: u64,
    pub ranks: u64,
}

impl Slice {
    /// The position in the pass of the `number`th sample from the first step on.
    fn position(self, number: u64) -> u64 {
        let share = self.batch / self.ranks;
        (self.first_step + number / share) * self.batch + self.rank * share + number % share
    }
}

/// A finished sample: nothing behind the end of the pass.
type Item = Option<Result<Ready, Broken>>;

/// What the threads share.
struct Bench {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The next sample that nobody has begun, and the next that is wanted.
    next: u64,
    wanted: u64,
    done: BTreeMap<u64, Item>,
    stop: bool,
}

impl Bench {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A thread that panicked has said so, and the others' samples are whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, guard: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(guard).unwrap_or_else(PoisonError::into_inner)
    }
}

/// Threads at work.
pub struct Loader {
    bench: Arc<Bench>,
    threads: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for Loader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loader").field("threads", &self.threads.len()).finish()
    }
}

impl Loader {
    /// Let `threads` threads make the samples of `slice` ready, at most `ahead` of them in advance.
    #[must_use]
    pub fn start(workshop: &Arc<Workshop>, slice: Slice, threads: usize, ahead: u64) -> Self {
        let bench = Arc::new(Bench { state: Mutex::default(), changed: Condvar::new() });
        let spawn = |_| {
            let (bench, workshop) = (Arc::clone(&bench), Arc::clone(workshop));
            std::thread::spawn(move || work(&bench, ahead.max(1), |number| workshop.make(slice.position(number))))
        };
        Self { threads: (0..threads.max(1)).map(spawn).collect(), bench }
    }

    /// The next sample; nothing behind the end of the pass.
    pub fn take(&self) -> Option<Result<Ready, Broken>> {
        let mut state = self.bench.lock();
        let wanted = state.wanted;
        loop {
            if let Some(item) = state.done.remove(&wanted) {
                state.wanted += 1;
                self.bench.changed.notify_all();
                return item;
            }
            state = self.bench.wait(state);
        }
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.bench.lock().stop = true;
        self.bench.changed.notify_all();
        for thread in self.threads.drain(..) {
            // One that panicked has said so.
            drop(thread.join());
        }
    }
}

fn work(bench: &Bench, ahead: u64, make: impl Fn(u64) -> Item) {
    // libtorch counts threads for each thread: here one sample is one thread's.
    tch::set_num_threads(1);
    let mut state = bench.lock();
    while !state.stop {
        if state.next >= state.wanted + ahead {
            state = bench.wait(state);
            continue;
        }
        let number = state.next;
        state.next += 1;
        drop(state);
        let item = make(number);
        state = bench.lock();
        state.done.insert(number, item);
        bench.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_a_step_are_disjoint_and_together_the_step() {
        for ranks in [1, 2, 4] {
            let mut seen = Vec::new();
            for rank in 0..ranks {
                let slice = Slice { batch: 8, first_step: 3, rank, ranks };
                seen.extend((0..2 * 8 / ranks).map(|number| slice.position(number)));
            }
            seen.sort_unstable();
            assert_eq!(seen, (24..40).collect::<Vec<_>>());
        }
    }
}
