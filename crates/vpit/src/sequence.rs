//! Conversations of text and images as token sequences, and sequences as batches.
//!
//! A sequence is laid out as `<bos> <user> ... <eot> <assistant> ... <eot>`. An image stands where it was said, as
//! `<image_start>`, one place a visual token, `<image_end>`. Only what the assistant says is predicted: its words, the
//! image's start and end and the end of the turn by the text head, its visual tokens by the vision head.

use std::borrow::Cow;

use tch::{Device, Kind, Tensor};

/// Ids of the tokens that give a conversation its form.
#[derive(Debug, Clone)]
pub struct Specials {
    pub pad: i64,
    /// What every conversation begins with.
    pub bos: Cow<'static, [i64]>,
    pub eot: i64,
    /// What a user's turn begins with.
    pub user: Cow<'static, [i64]>,
    pub assistant: Cow<'static, [i64]>,
    pub image_start: i64,
    pub image_end: i64,
    /// Ends a response as `eot` does: Llama's `<|end_of_text|>`.
    pub text_end: Option<i64>,
}

impl Specials {
    /// Whether `token` ends a response.
    #[must_use]
    pub fn ends(&self, token: i64) -> bool {
        token == self.eot || Some(token) == self.text_end
    }
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    User,
    Assistant,
}

/// A piece of a turn.
#[derive(Debug, Clone, Copy)]
pub enum Part<'a> {
    /// Token ids.
    Text(&'a [i64]),
    /// An image by its row in the tensor of visual tokens.
    Image(usize),
}

/// What stands at one place of a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    Token(i64),
    /// Visual token `index` of image `image`.
    Visual {
        image: usize,
        index: usize,
    },
}

/// A conversation laid out place by place.
#[derive(Debug, Clone)]
pub struct Sequence {
    pub slots: Vec<Slot>,
    /// For each place, whether the model has to predict it.
    pub predicted: Vec<bool>,
}

/// Lays out conversations for one vocabulary and number of visual tokens.
#[derive(Debug, Clone)]
pub struct Layout {
    pub specials: Specials,
    /// Visual tokens an image.
    pub visual_tokens: usize,
}

impl Layout {
    /// A sequence that holds its beginning alone.
    #[must_use]
    pub fn begin(&self) -> Sequence {
        let mut sequence = Sequence { slots: Vec::new(), predicted: Vec::new() };
        self.specials.bos.iter().for_each(|&id| sequence.push(Slot::Token(id), false));
        sequence
    }

    /// Add a whole turn.
    #[must_use]
    pub fn turn(&self, sequence: Sequence, role: Role, parts: &[Part<'_>]) -> Sequence {
        let said = role == Role::Assistant;
        let mut sequence = self.open(sequence, role);
        for &part in parts {
            self.push(&mut sequence, part, said);
        }
        sequence.push(Slot::Token(self.specials.eot), said);
        sequence
    }

    /// Add the opening of a turn, for the model to continue.
    #[must_use]
    pub fn open(&self, mut sequence: Sequence, role: Role) -> Sequence {
        let opening = match role {
            Role::User => &self.specials.user,
            Role::Assistant => &self.specials.assistant,
        };
        opening.iter().for_each(|&id| sequence.push(Slot::Token(id), false));
        sequence
    }

    fn push(&self, sequence: &mut Sequence, part: Part<'_>, said: bool) {
        match part {
            Part::Text(ids) => ids.iter().for_each(|&id| sequence.push(Slot::Token(id), said)),
            Part::Image(image) => {
                sequence.push(Slot::Token(self.specials.image_start), said);
                (0..self.visual_tokens).for_each(|index| sequence.push(Slot::Visual { image, index }, said));
                sequence.push(Slot::Token(self.specials.image_end), said);
            }
        }
    }
}

impl Sequence {
    /// A text of which everything after the first token is predicted.
    #[must_use]
    pub fn text(ids: &[i64]) -> Self {
        Self {
            slots: ids.iter().map(|&id| Slot::Token(id)).collect(),
            predicted: (0..ids.len()).map(|i| i > 0).collect(),
        }
    }

    /// At most the first `limit` places. An image is never cut: one that does not fit goes, with everything after it.
    #[must_use]
    pub fn truncated(mut self, limit: usize) -> Self {
        let fits = match self.slots.get(limit) {
            Some(&Slot::Visual { index, .. }) => limit.saturating_sub(index),
            Some(Slot::Token(_)) | None => limit,
        };
        self.slots.truncate(fits);
        self.predicted.truncate(fits);
        self
    }

    /// The same with its images numbered from `first` on instead of 0.
    #[must_use]
    pub fn with_images_from(mut self, first: usize) -> Self {
        for slot in &mut self.slots {
            if let Slot::Visual { image, .. } = slot {
                *image += first;
            }
        }
        self
    }

    fn push(&mut self, slot: Slot, predicted: bool) {
        self.slots.push(slot);
        self.predicted.push(predicted);
    }
}

/// Sequences of one step: side by side and padded on the right, or one behind the other in one row. Places are flat: row
/// times length plus column.
#[derive(Debug)]
pub struct Batch {
    /// `[batch, length]`; padding where a visual token stands.
    pub ids: Tensor,
    /// How long the sequences of a row are, one behind the other: one number where each row is one sequence.
    pub lengths: Vec<i64>,
    /// Places of visual tokens, `[visual]`.
    pub visual_places: Tensor,
    /// What stands there, as rows of the flat tensor of visual tokens, `[visual]`.
    pub visual_rows: Tensor,
    /// Places whose next place holds a predicted token, `[text]`, and that token.
    pub text_from: Tensor,
    pub text_targets: Tensor,
    /// Places whose next place holds a predicted visual token, `[predicted]`, and its row.
    pub visual_from: Tensor,
    pub visual_targets: Tensor,
}

impl Batch {
    /// Lay `sequences` side by side.
    #[must_use]
    pub fn collate(sequences: &[&Sequence], layout: &Layout) -> Self {
        let length = sequences.iter().map(|sequence| sequence.slots.len()).max().unwrap_or(0);
        let mut lists = Lists { ids: vec![layout.specials.pad; sequences.len() * length], ..Lists::default() };
        for (row, sequence) in sequences.iter().enumerate() {
            lists.add(row * length, sequence, layout.visual_tokens);
        }
        lists.into_batch([sequences.len() as i64, length as i64], vec![length as i64])
    }

    /// Lay `sequences` one behind the other, without any padding.
    #[must_use]
    pub fn pack(sequences: &[&Sequence], layout: &Layout) -> Self {
        let lengths: Vec<i64> = sequences.iter().map(|sequence| sequence.slots.len() as i64).collect();
        let whole: i64 = lengths.iter().sum();
        let mut lists = Lists { ids: vec![layout.specials.pad; whole as usize], ..Lists::default() };
        let mut start = 0;
        for sequence in sequences {
            lists.add(start, sequence, layout.visual_tokens);
            start += sequence.slots.len();
        }
        lists.into_batch([1, whole], lengths)
    }

    /// How many places are to be predicted.
    #[must_use]
    pub fn targets(&self) -> Targets {
        Targets { text: self.text_targets.numel() as i64, vision: self.visual_targets.numel() as i64 }
    }

    /// The same on another device.
    #[must_use]
    pub fn to_device(&self, device: Device) -> Self {
        let to = |tensor: &Tensor| tensor.to_device(device);
        Self {
            ids: to(&self.ids),
            lengths: self.lengths.clone(),
            visual_places: to(&self.visual_places),
            visual_rows: to(&self.visual_rows),
            text_from: to(&self.text_from),
            text_targets: to(&self.text_targets),
            visual_from: to(&self.visual_from),
            visual_targets: to(&self.visual_targets),
        }
    }
}

/// Number of places to be predicted by either head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Targets {
    pub text: i64,
    pub vision: i64,
}

impl std::ops::Add for Targets {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { text: self.text + other.text, vision: self.vision + other.vision }
    }
}

/// A [`Batch`] while it is filled.
#[derive(Default)]
struct Lists {
    ids: Vec<i64>,
    visual_places: Vec<i64>,
    visual_rows: Vec<i64>,
    text_from: Vec<i64>,
    text_targets: Vec<i64>,
    visual_from: Vec<i64>,
    visual_targets: Vec<i64>,
}

impl Lists {
    fn add(&mut self, start: usize, sequence: &Sequence, visual_tokens: usize) {
        for (offset, (&slot, &predicted)) in sequence.slots.iter().zip(&sequence.predicted).enumerate() {
            let place = (start + offset) as i64;
            match slot {
                Slot::Token(id) => {
                    self.ids[start + offset] = id;
                    if predicted {
                        self.text_from.push(place - 1);
                        self.text_targets.push(id);
                    }
                }
                Slot::Visual { image, index } => {
                    let row = (image * visual_tokens + index) as i64;
                    self.visual_places.push(place);
                    self.visual_rows.push(row);
                    if predicted {
                        self.visual_from.push(place - 1);
                        self.visual_targets.push(row);
                    }
                }
            }
        }
    }

    fn into_batch(self, shape: [i64; 2], lengths: Vec<i64>) -> Batch {
        let tensor = |list: &[i64]| Tensor::from_slice(list).to_kind(Kind::Int64);
        Batch {
            ids: tensor(&self.ids).view(shape),
            lengths,
            visual_places: tensor(&self.visual_places),
            visual_rows: tensor(&self.visual_rows),
            text_from: tensor(&self.text_from),
            text_targets: tensor(&self.text_targets),
            visual_from: tensor(&self.visual_from),
            visual_targets: tensor(&self.visual_targets),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: Layout = Layout {
        specials: Specials {
            pad: 0,
            bos: Cow::Borrowed(&[1]),
            eot: 2,
            user: Cow::Borrowed(&[3]),
            assistant: Cow::Borrowed(&[4]),
            image_start: 5,
            image_end: 6,
            text_end: None,
        },
        visual_tokens: 2,
    };

    fn list(tensor: &Tensor) -> Vec<i64> {
        Vec::try_from(tensor.flatten(0, -1)).unwrap()
    }

    #[test]
    fn a_question_about_an_image_predicts_the_answer_and_the_end_of_the_turn_only() {
        let sequence = LAYOUT.turn(LAYOUT.begin(), Role::User, &[Part::Image(1), Part::Text(&[10, 11])]);
        let sequence = LAYOUT.turn(sequence, Role::Assistant, &[Part::Text(&[12])]);
        let batch = Batch::collate(&[&sequence], &LAYOUT);
        assert_eq!(list(&batch.ids), [1, 3, 5, 0, 0, 6, 10, 11, 2, 4, 12, 2]);
        assert_eq!((list(&batch.visual_places), list(&batch.visual_rows)), (vec![3, 4], vec![2, 3]));
        assert_eq!((list(&batch.text_from), list(&batch.text_targets)), (vec![9, 10], vec![12, 2]));
        assert_eq!(batch.visual_from.numel(), 0);
    }

    #[test]
    fn an_image_said_is_predicted_from_its_start_token_on_and_ends_by_text() {
        let sequence = LAYOUT.turn(LAYOUT.begin(), Role::User, &[Part::Text(&[10])]);
        let sequence = LAYOUT.turn(sequence, Role::Assistant, &[Part::Text(&[11]), Part::Image(0)]);
        // <bos> <user> 10 <eot> <assistant> 11 <image_start> v v <image_end> <eot>
        let batch = Batch::collate(&[&Sequence::text(&[1, 2]), &sequence], &LAYOUT);
        let row = 11;
        assert_eq!(list(&batch.text_from), [0, row + 4, row + 5, row + 8, row + 9]);
        assert_eq!(list(&batch.text_targets), [2, 11, 5, 6, 2]);
        assert_eq!((list(&batch.visual_from), list(&batch.visual_targets)), (vec![row + 6, row + 7], vec![0, 1]));
    }

    #[test]
    fn packed_sequences_stand_one_behind_the_other() {
        let sequence = LAYOUT.turn(LAYOUT.begin(), Role::User, &[Part::Text(&[10])]);
        let sequence = LAYOUT.turn(sequence, Role::Assistant, &[Part::Image(0)]);
        let batch = Batch::pack(&[&Sequence::text(&[1, 2]), &sequence], &LAYOUT);
        // 1 2, then <bos> <user> 10 <eot> <assistant> <image_start> v v <image_end> <eot>
        assert_eq!(list(&batch.ids), [1, 2, 1, 3, 10, 2, 4, 5, 0, 0, 6, 2]);
        assert_eq!((batch.ids.size(), batch.lengths.as_slice()), (vec![1, 12], &[2i64, 10][..]));
        assert_eq!((list(&batch.text_from), list(&batch.visual_from)), (vec![0, 6, 9, 10], vec![7, 8]));
    }

    #[test]
    fn a_sequence_is_cut_before_an_image_that_does_not_fit_and_never_inside() {
        let sequence = LAYOUT.turn(LAYOUT.begin(), Role::User, &[Part::Text(&[10]), Part::Image(0), Part::Text(&[11])]);
        // <bos> <user> 10 <image_start> v v <image_end> 11 <eot>
        for (limit, places) in [(3, 3), (4, 4), (5, 4), (6, 6), (8, 8), (20, 9)] {
            let cut = sequence.clone().truncated(limit);
            assert_eq!((cut.slots.len(), cut.predicted.len()), (places, places), "{limit}");
        }
    }
}
