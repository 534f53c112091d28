//! Columns and texts as the page's data holds them: what repeats is written once.

use hashbrown::HashMap;
use serde::{Serialize, Serializer};

/// A column of a table: a list, or the one value that all rows have.
#[derive(Debug, Clone, PartialEq)]
pub struct Column<T>(pub Vec<T>);

impl<T: Serialize + PartialEq> Serialize for Column<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0[..] {
            [first, rest @ ..] if !rest.is_empty() && rest.iter().all(|value| value == first) => {
                first.serialize(serializer)
            }
            all => all.serialize(serializer),
        }
    }
}

impl<T> FromIterator<T> for Column<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

/// Texts, each once; rows name them by their places.
#[derive(Debug, Default)]
pub struct Texts {
    texts: Vec<String>,
    places: HashMap<String, u32>,
}

impl Texts {
    /// The place of `text`.
    pub fn place(&mut self, text: String) -> u32 {
        let next = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        *self.places.entry(text).or_insert_with_key(|text| {
            self.texts.push(text.clone());
            next
        })
    }
}

impl Serialize for Texts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.texts.serialize(serializer)
    }
}
