//! JSON-LD as RO-Crate uses it: a flat list of things that refer to each other by identifiers.

use serde_json::{Map, Value, json};

/// A thing of the graph.
#[derive(Debug, Clone)]
pub(super) struct Thing(Map<String, Value>);

impl Thing {
    /// `types` is a word or a list of words.
    pub fn new(id: &str, types: impl Into<Value>) -> Self {
        let mut map = Map::new();
        map.insert("@id".to_owned(), id.into());
        map.insert("@type".to_owned(), types.into());
        Self(map)
    }

    /// Say something of it; an empty text says nothing.
    pub fn with(mut self, property: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        if value.as_str() != Some("") {
            self.0.insert(property.to_owned(), value);
        }
        self
    }

    /// Refer to another thing.
    pub fn refer(self, property: &str, id: &str) -> Self {
        self.with(property, json!({ "@id": id }))
    }

    /// Refer to several; to none at all is left out.
    pub fn refer_all<T: AsRef<str>>(self, property: &str, ids: impl IntoIterator<Item = T>) -> Self {
        let ids: Vec<Value> = ids.into_iter().map(|id| json!({ "@id": id.as_ref() })).collect();
        if ids.is_empty() { self } else { self.with(property, ids) }
    }

    pub fn into_json(self) -> Value {
        Value::Object(self.0)
    }
}

/// Text as a part of a relative URI: everything but letters, digits and `-._~/` by its bytes (RFC 3986).
pub(super) fn uri(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_holds_no_character_that_means_something() {
        assert_eq!(uri("report/a b#c?.svg"), "report/a%20b%23c%3F.svg");
        assert_eq!(uri("ä%"), "%C3%A4%25");
    }
}
