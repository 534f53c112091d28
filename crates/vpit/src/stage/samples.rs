//! Training and evaluation samples of the miniature as conversations.

use super::data::LAYOUT;
use super::task::Result;
use crate::digits::vocabulary::encode;
use crate::digits::{Question, subset};
use crate::sequence::{Part, Role, Sequence};

/// Samples of each kind that training can draw from; a subset is a share of these.
pub const POOL: u64 = 1 << 16;

/// The ids of the `count` samples of `kind` that a run with `seed` trains on: nested, other ones for other kinds.
///
/// # Errors
/// More samples are asked for than there are.
pub fn training_ids(kind: &str, count: u64, seed: u64) -> Result<Vec<u64>> {
    Ok(subset(POOL, count, crate::rng::key(seed, kind, 0))?)
}

/// The question about image `image` (or about none), for the assistant to answer.
///
/// # Errors
/// The prompt has a word outside the vocabulary.
pub fn question(image: Option<usize>, question: &Question) -> Result<Sequence> {
    let prompt = encode(&question.prompt)?;
    let parts: Vec<Part<'_>> = image.map(Part::Image).into_iter().chain([Part::Text(&prompt)]).collect();
    Ok(LAYOUT.turn(LAYOUT.begin(), Role::User, &parts))
}

/// The question with its answer.
///
/// # Errors
/// The question has a word outside the vocabulary.
pub fn answered(image: Option<usize>, asked: &Question) -> Result<Sequence> {
    Ok(LAYOUT.turn(question(image, asked)?, Role::Assistant, &[Part::Text(&encode(&asked.answer)?)]))
}

/// The request for an image of `caption`.
///
/// # Errors
/// The caption has a word outside the vocabulary.
pub fn request(caption: &str) -> Result<Sequence> {
    let prompt = encode(&format!("generate an image of {caption}"))?;
    Ok(LAYOUT.turn(LAYOUT.begin(), Role::User, &[Part::Text(&prompt)]))
}

/// The request, answered by image `image`.
///
/// # Errors
/// The caption has a word outside the vocabulary.
pub fn granted(image: usize, caption: &str) -> Result<Sequence> {
    let words = encode("this is it")?;
    Ok(LAYOUT.turn(request(caption)?, Role::Assistant, &[Part::Text(&words), Part::Image(image)]))
}
