//! A question as it is asked.

use score::benchmark as scored;

use super::table::Place;
use crate::conversation::{Piece, Turn, lay_out};
use crate::sequence::{Layout, Role, Sequence, Slot};
use crate::tokenizer::{self, Tokenizer};

/// A question: what scoring needs of it, what is said, and what is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub scored: scored::Question,
    /// What is said behind the pictures.
    pub prompt: String,
    pub shown: Shown,
    /// What the reply begins with: said for the model, and no part of its reply.
    pub opening: &'static str,
}

/// What is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// Side by side on a line of their own.
    Pictures(Vec<Place>),
    /// Frames of a video, directly before the words, as questions about videos are trained.
    Frames(Vec<Place>),
}

impl Question {
    pub fn pictures(&self) -> &[Place] {
        match &self.shown {
            Shown::Pictures(places) | Shown::Frames(places) => places,
        }
    }

    /// The question as the model reads it, ready for its reply; its pictures are numbered from 0.
    ///
    /// # Errors
    /// The tokenizer cannot encode it.
    pub fn sequence(&self, tokenizer: &Tokenizer, layout: &Layout) -> Result<Sequence, tokenizer::Error> {
        let asked = lay_out(&[Turn { role: Role::User, pieces: self.pieces() }], tokenizer, layout, 0)?;
        let mut sequence = layout.open(asked, Role::Assistant);
        for id in tokenizer.encode(self.opening)? {
            sequence.slots.push(Slot::Token(id));
            sequence.predicted.push(false);
        }
        Ok(sequence)
    }

    fn pieces(&self) -> Vec<Piece> {
        let text = |text: &str| Piece::Text(text.to_owned());
        match &self.shown {
            Shown::Pictures(places) if places.is_empty() => vec![text(&self.prompt)],
            Shown::Pictures(places) => {
                let mut pieces: Vec<Piece> = places.iter().flat_map(|_| [Piece::Image, text(" ")]).collect();
                pieces.pop();
                pieces.push(text(&format!("\n{}", self.prompt)));
                pieces
            }
            Shown::Frames(places) => {
                places.iter().map(|_| Piece::Image).chain(std::iter::once(text(&self.prompt))).collect()
            }
        }
    }
}
