//! What a decoder remembers of earlier places, so that each new one costs one place and not the whole sequence.

use tch::{Kind, Tensor};

/// Keys and values of the sequences of a batch, each of its own length, in room that is taken once.
#[derive(Debug)]
pub struct Cache {
    layers: Vec<LayerCache>,
    /// Places that each sequence has filled, `[batch]`.
    lengths: Tensor,
    /// The longest sequence's places: attention looks no further.
    filled: i64,
    room: i64,
}

/// Of one layer: `[batch, key heads, room, head_dim]` both.
#[derive(Debug)]
pub struct LayerCache {
    keys: Tensor,
    values: Tensor,
}

/// Where the new places of one call stand.
#[derive(Debug)]
pub struct Step {
    /// f32, `[batch, length]`.
    pub positions: Tensor,
    /// The same as an index into the room, `[batch, 1, length, 1]`.
    places: Tensor,
    /// Whether a new place sees an old one, `[batch, 1, length, filled]`.
    pub seen: Tensor,
    filled: i64,
}

impl Cache {
    /// For `layers` layers with room for `[batch, key heads, room, head_dim]` in each; `like` has the type and the device
    /// of the model.
    pub(super) fn new(layers: usize, shape: [i64; 4], like: &Tensor) -> Self {
        let [batch, _, room, _] = shape;
        let zeros = || Tensor::zeros(shape, (like.kind(), like.device()));
        Self {
            layers: (0..layers).map(|_| LayerCache { keys: zeros(), values: zeros() }).collect(),
            lengths: Tensor::zeros([batch], (Kind::Int64, like.device())),
            filled: 0,
            room,
        }
    }

    /// Say that sequence `row` has only `lengths[row]` places: what was behind them was padding and is overwritten.
    ///
    /// # Panics
    /// There are not as many lengths as sequences.
    pub fn set_lengths(&mut self, lengths: &[i64]) {
        assert_eq!(self.lengths.size(), [lengths.len() as i64], "a length for each sequence");
        self.lengths = Tensor::from_slice(lengths).to(self.lengths.device());
        self.filled = lengths.iter().copied().max().unwrap_or(0);
    }

    /// Make `length` more places in every sequence.
    ///
    /// # Panics
    /// There is no room for them.
    pub(super) fn advance(&mut self, [_, length, _]: [i64; 3]) -> Step {
        let device = self.lengths.device();
        self.filled += length;
        assert!(self.filled <= self.room, "{} places do not fit into a cache of {}", self.filled, self.room);
        let positions = self.lengths.unsqueeze(1) + Tensor::arange(length, (Kind::Int64, device));
        let old = Tensor::arange(self.filled, (Kind::Int64, device));
        self.lengths = &self.lengths + length;
        Step {
            seen: old.le_tensor(&positions.unsqueeze(-1)).unsqueeze(1),
            places: positions.unsqueeze(1).unsqueeze(-1),
            positions: positions.to_kind(Kind::Float),
            filled: self.filled,
        }
    }

    pub(super) fn layers(&mut self) -> impl Iterator<Item = &mut LayerCache> {
        self.layers.iter_mut()
    }
}

impl LayerCache {
    /// Add `[batch, key heads, length, head_dim]` keys and values and return all up to the longest sequence's end.
    pub(super) fn extend(&mut self, key: &Tensor, value: &Tensor, step: &Step) -> (Tensor, Tensor) {
        let places = step.places.expand_as(key);
        self.keys = self.keys.scatter_(2, &places, key);
        self.values = self.values.scatter_(2, &places, value);
        (self.keys.narrow(2, 0, step.filled), self.values.narrow(2, 0, step.filled))
    }
}
