//! Reading one table of the tree: known keys, kinds of values, and what to say when they are something else.

use std::ops::RangeInclusive;

use super::source::{At, Diagnostics, Problem, Span, nearest};
use super::tree::{Entry, Kind, Node, Table};
use crate::value::{parse_bytes, parse_duration};

/// More decimals than any score has.
pub const MOST_DECIMALS: u32 = 12;

/// One table with the keys that it may have.
#[derive(Clone, Copy)]
pub struct Fields<'a> {
    table: &'a Table,
    /// What the table is, for messages: ``stage `train` ``.
    pub what: &'a str,
    /// Where a missing key is missed.
    pub span: Span,
    pub diagnostics: &'a Diagnostics,
}

impl<'a> Fields<'a> {
    /// Look at `table`; keys that are not `known` are mistakes.
    #[must_use]
    pub fn new(what: &'a str, span: Span, table: &'a Table, diagnostics: &'a Diagnostics) -> Self {
        Self { table, what, span, diagnostics }
    }

    /// Report each key that is not one of `known`.
    #[must_use]
    pub fn only(self, known: &[&str]) -> Self {
        for entry in self.table.entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            let problem = Problem::new(entry.key_span, format!("unknown key `{}` in {}", entry.key, self.what));
            self.diagnostics.report(problem.nearest(&entry.key, known.iter().copied()));
        }
        self
    }

    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&'a Entry> {
        self.table.get(key)
    }

    fn node(&self, key: &str) -> Option<&'a Node> {
        self.table.get(key).map(|entry| &entry.value)
    }

    /// Report that a key must be there, unless a misspelling of it was reported already.
    pub fn missing(&self, key: &str, hint: &str) {
        if self.table.keys().any(|other| nearest(other, &[key]).is_some()) {
            return;
        }
        self.diagnostics.report(Problem::new(self.span, format!("{} has no `{key}`", self.what)).hint(hint));
    }

    fn wrong(&self, key: &str, node: &Node, wanted: &str) {
        wrong_kind(self.diagnostics, node, &format!("`{key}` of {}", self.what), wanted);
    }

    #[must_use]
    pub fn text(&self, key: &str) -> Option<At<String>> {
        let node = self.node(key)?;
        match &node.kind {
            Kind::Text(text) => Some(At { value: text.clone(), span: node.span }),
            _ => {
                self.wrong(key, node, "a text in quotes");
                None
            }
        }
    }

    /// The text, or an empty one.
    #[must_use]
    pub fn string(&self, key: &str) -> String {
        self.text(key).map(|text| text.value).unwrap_or_default()
    }

    #[must_use]
    pub fn flag(&self, key: &str) -> Option<bool> {
        let node = self.node(key)?;
        match node.kind {
            Kind::Bool(value) => Some(value),
            _ => {
                self.wrong(key, node, "true or false");
                None
            }
        }
    }

    #[must_use]
    pub fn whole(&self, key: &str, range: RangeInclusive<u32>) -> Option<u32> {
        let node = self.node(key)?;
        let value = match node.kind {
            Kind::Int(value) => u32::try_from(value).ok().filter(|value| range.contains(value)),
            _ => None,
        };
        if value.is_none() {
            self.wrong(key, node, &format!("a whole number from {} to {}", range.start(), range.end()));
        }
        value
    }

    /// A duration in seconds.
    #[must_use]
    pub fn duration(&self, key: &str) -> Option<u64> {
        self.measure(key, parse_duration, "a duration like `90s`, `2h30m` or `12:00:00`")
    }

    /// A size in bytes.
    #[must_use]
    pub fn bytes(&self, key: &str) -> Option<u64> {
        self.measure(key, parse_bytes, "a size like `112GB` or `64GiB`")
    }

    /// How much more: `+50%` is 50.
    #[must_use]
    pub fn more(&self, key: &str) -> Option<u32> {
        self.measure(key, parse_more, "how much more, like `+50%`")
    }

    fn measure<T>(&self, key: &str, parse: fn(&str) -> Option<T>, wanted: &str) -> Option<T> {
        let node = self.node(key)?;
        let value = match &node.kind {
            Kind::Text(text) => parse(text),
            _ => None,
        };
        if value.is_none() {
            self.wrong(key, node, wanted);
        }
        value
    }

    /// A list of at least one text.
    #[must_use]
    pub fn texts(&self, key: &str) -> Option<Vec<At<String>>> {
        let node = self.node(key)?;
        let items = match &node.kind {
            Kind::List(items) => items.as_slice(),
            _ => &[],
        };
        let texts: Vec<_> = items
            .iter()
            .filter_map(|item| match &item.kind {
                Kind::Text(text) => Some(At { value: text.clone(), span: item.span }),
                _ => None,
            })
            .collect();
        if texts.is_empty() || texts.len() < items.len() {
            self.wrong(key, node, "a list of at least one text, like `[\"a\", \"b\"]`");
            return None;
        }
        Some(texts)
    }

    /// One text or a list of them; none when the key is not there.
    #[must_use]
    pub fn one_or_more(&self, key: &str) -> Vec<At<String>> {
        match self.node(key).map(|node| &node.kind) {
            Some(Kind::Text(_)) => self.text(key).into_iter().collect(),
            _ => self.texts(key).unwrap_or_default(),
        }
    }

    /// The list's texts alone; empty when the key is not there.
    #[must_use]
    pub fn strings(&self, key: &str) -> Vec<String> {
        self.texts(key).into_iter().flatten().map(|text| text.value).collect()
    }

    /// One of a few words.
    #[must_use]
    pub fn word<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = words.iter().find(|(word, _)| *word == text.value).map(|(_, value)| *value);
        if found.is_none() {
            let problem = Problem::new(text.span, format!("unknown `{key}` `{}` in {}", text.value, self.what));
            self.diagnostics.report(problem.nearest(&text.value, words.iter().map(|(word, _)| *word)));
        }
        found
    }

    #[must_use]
    pub fn table(&self, key: &str) -> Option<&'a Table> {
        let node = self.node(key)?;
        match &node.kind {
            Kind::Table(table) => Some(table),
            _ => {
                self.wrong(key, node, "a table");
                None
            }
        }
    }

    /// The entries of the table under `key`; none when it is not there.
    #[must_use]
    pub fn entries(&self, key: &str) -> &'a [Entry] {
        self.table(key).map_or(&[], |table| table.entries.as_slice())
    }

    /// The tables of `[key.<name>]`, with names that may go into file names.
    #[must_use]
    pub fn named(&self, key: &str) -> Vec<(&'a Entry, &'a Table)> {
        let mut out = Vec::new();
        for entry in self.entries(key) {
            check_name(self.diagnostics, &entry.key, entry.key_span);
            match &entry.value.kind {
                Kind::Table(table) => out.push((entry, table)),
                _ => wrong_kind(self.diagnostics, &entry.value, &format!("`{key}.{}`", entry.key), "a table"),
            }
        }
        out
    }

    /// A table of texts: (key, text).
    #[must_use]
    pub fn pairs(&self, key: &str) -> Vec<(At<String>, At<String>)> {
        pairs(self.diagnostics, self.entries(key), &format!("`{key}` of {}", self.what))
    }
}

fn parse_more(text: &str) -> Option<u32> {
    let number = text.strip_prefix('+')?.strip_suffix('%')?;
    number.parse().ok().filter(|percent| (1..=1000).contains(percent))
}

/// The entries as pairs of texts.
#[must_use]
pub fn pairs(diagnostics: &Diagnostics, entries: &[Entry], what: &str) -> Vec<(At<String>, At<String>)> {
    let mut out = Vec::new();
    for entry in entries {
        match &entry.value.kind {
            Kind::Text(text) => out.push((
                At { value: entry.key.clone(), span: entry.key_span },
                At { value: text.clone(), span: entry.value.span },
            )),
            _ => wrong_kind(diagnostics, &entry.value, &format!("`{}` in {what}", entry.key), "a text in quotes"),
        }
    }
    out
}

/// The number in `node`, the value of `key`.
#[must_use]
pub fn check_number(fields: &Fields<'_>, key: &str, node: &Node) -> Option<f64> {
    let value = number(node);
    if value.is_none() {
        fields.wrong(key, node, "a number");
    }
    value
}

/// The value of a node that holds a number.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "people write numbers of a few digits")]
pub fn number(node: &Node) -> Option<f64> {
    match node.kind {
        Kind::Int(value) => Some(value as f64),
        Kind::Float(value) => Some(value),
        _ => None,
    }
}

/// Report that a value should be something else.
pub fn wrong_kind(diagnostics: &Diagnostics, node: &Node, what: &str, wanted: &str) {
    let found = match &node.kind {
        Kind::Text(text) if text.len() <= 40 => format!("`{}`", text.escape_debug()),
        Kind::Int(value) => format!("`{value}`"),
        Kind::Float(value) => format!("`{value}`"),
        Kind::List(items) if items.is_empty() => "an empty list".to_owned(),
        kind => kind.name().to_owned(),
    };
    diagnostics.report(
        Problem::new(node.span, format!("{what} is {found}, not {wanted}")).label(format!("expected {wanted}")),
    );
}

/// Names of grids, stages, factors and metrics go into file names, columns and selectors.
pub fn check_name(diagnostics: &Diagnostics, name: &str, span: Span) {
    const LONGEST: usize = 64;
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    let starts_well = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if plain && starts_well && name.len() <= LONGEST {
        return;
    }
    let problem = Problem::new(span, format!("`{}` cannot be a name", name.escape_debug()));
    let hint = "a name has letters, digits, `_`, `.` and `-`, starts with a letter, digit or `_`, and ends within 64 characters; values may be any text";
    diagnostics.report(problem.hint(hint));
}
