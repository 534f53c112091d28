//! Questions made ready for the model: read in the order of their files, decoded by threads.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tch::{Kind, Tensor};

use super::question::Question;
use super::table::Pictures;
use crate::sequence::{Layout, Sequence};
use crate::tokenizer::Tokenizer;
use crate::{framing, picture};

/// What makes questions ready.
#[derive(Debug, Clone, Copy)]
pub struct Desk<'a> {
    pub tokenizer: &'a Tokenizer,
    pub layout: &'a Layout,
    /// Pixels of the vision tower's pictures along one side.
    pub side: i64,
    pub threads: usize,
}

/// A question for the model.
#[derive(Debug)]
pub struct Ready {
    /// Its pictures are numbered from 0.
    pub sequence: Sequence,
    /// `[3, side, side]` in [-1, 1] each.
    pub pictures: Vec<Tensor>,
}

/// A question with the bytes of its pictures, or why they cannot be read.
type Read<'a> = (Result<Vec<Vec<u8>>, String>, &'a Question);

impl Desk<'_> {
    /// The questions of a range, in order; what cannot be used of them, in words.
    pub fn make(
        self,
        questions: &[Question],
        range: Range<usize>,
        pictures: &mut Pictures,
    ) -> Vec<Result<Ready, String>> {
        let mut bytes = |question: &Question| question.pictures().iter().map(|place| pictures.read(place)).collect();
        let read: Vec<Read<'_>> = questions[range].iter().map(|question| (bytes(question), question)).collect();
        let share = read.len().div_ceil(self.threads.max(1)).max(1);
        std::thread::scope(|scope| {
            let spawn = |part| scope.spawn(move || self.make_part(part));
            let threads: Vec<_> = read.chunks(share).map(spawn).collect();
            // A thread catches what panics within it.
            threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
        })
    }

    fn make_part(self, part: &[Read<'_>]) -> Vec<Result<Ready, String>> {
        // libtorch counts threads for each thread.
        tch::set_num_threads(1);
        let one = |(bytes, question): &Read<'_>| {
            // A decoder that panics on a damaged file must not end the evaluation.
            let made = catch_unwind(AssertUnwindSafe(|| self.make_one(bytes.as_ref(), question)));
            made.unwrap_or_else(|_| Err("its decoding panicked".to_owned()))
        };
        part.iter().map(one).collect()
    }

    fn make_one(self, bytes: Result<&Vec<Vec<u8>>, &String>, question: &Question) -> Result<Ready, String> {
        let sequence = question.sequence(self.tokenizer, self.layout).map_err(|error| error.to_string())?;
        let show = |bytes: &Vec<u8>| Ok(framing::whole(&levels(bytes)?, self.side));
        let pictures = bytes.map_err(String::clone)?.iter().map(show).collect::<Result<_, String>>()?;
        Ok(Ready { sequence, pictures })
    }
}

/// Levels 0 to 255 of a picture's bytes, `[3, height, width]`.
fn levels(bytes: &[u8]) -> Result<Tensor, String> {
    Ok(picture::levels(&picture::decode(bytes)?).to_kind(Kind::Float))
}
