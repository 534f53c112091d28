//! TOML as an owned tree that knows where each key and value was written.
//!
//! Files that extend each other become one tree, so every later step sees one sweep and still names the right file.
//! What no value of a sweep may be (dates, NaN, infinity, NUL) is refused here, once.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::source::{Diagnostics, Problem, Span};

/// One value.
#[derive(Debug, Clone)]
pub struct Node {
    pub span: Span,
    pub kind: Kind,
}

/// What a value is.
#[derive(Debug, Clone)]
pub enum Kind {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Table(Table),
}

/// Keys and values in the order in which they are written.
#[derive(Debug, Clone, Default)]
pub struct Table {
    pub entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
pub struct Entry {
    pub key: String,
    pub key_span: Span,
    pub value: Node,
}

impl Kind {
    /// What people call this kind of value.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Bool(_) => "true or false",
            Self::Int(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

impl Table {
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.key.as_str())
    }

    /// Put `over` on top: tables are joined key by key, everything else is replaced.
    pub fn overlay(&mut self, over: Table) {
        for entry in over.entries {
            match self.entries.iter_mut().find(|known| known.key == entry.key) {
                Some(Entry { value: Node { kind: Kind::Table(table), .. }, .. })
                    if matches!(entry.value.kind, Kind::Table(_)) =>
                {
                    if let Kind::Table(over) = entry.value.kind {
                        table.overlay(over);
                    }
                }
                Some(known) => *known = entry,
                None => self.entries.push(entry),
            }
        }
    }

    /// Put `value` at a path of keys, making the tables on the way; `false` if something else is in the way.
    pub fn insert(&mut self, path: &[&str], value: Node) -> bool {
        let [key, rest @ ..] = path else { return false };
        let position = self.entries.iter().position(|entry| entry.key == *key);
        let position = position.unwrap_or_else(|| {
            let table = Node { span: value.span, kind: Kind::Table(Self::default()) };
            self.entries.push(Entry { key: (*key).to_owned(), key_span: value.span, value: table });
            self.entries.len() - 1
        });
        let slot = &mut self.entries[position].value;
        if rest.is_empty() {
            *slot = value;
            return true;
        }
        match &mut slot.kind {
            Kind::Table(table) => table.insert(rest, value),
            _ => false,
        }
    }
}

/// Read a whole file.
#[must_use]
pub fn parse(file: u32, text: &str, diagnostics: &Diagnostics) -> Option<Table> {
    match DeTable::parse(text) {
        Ok(table) => Some(Convert { file, diagnostics }.table(table.get_ref())),
        Err(error) => {
            diagnostics.report(syntax(file, text, &error));
            None
        }
    }
}

/// Read one value, as on the right side of `key = value`.
#[must_use]
pub fn parse_value(file: u32, text: &str, diagnostics: &Diagnostics) -> Option<Node> {
    let value = DeValue::parse(text).ok()?;
    Convert { file, diagnostics }.node(&value)
}

fn syntax(file: u32, text: &str, error: &toml::de::Error) -> Problem {
    let range = error.span().unwrap_or(text.len()..text.len());
    let message = error.message().lines().next().unwrap_or_default().to_owned();
    Problem::new(Span { file, start: range.start, end: range.end }, format!("this is not TOML: {message}"))
        .hint("texts stand in quotes, lists in square brackets, and each key is written once")
}

struct Convert<'a> {
    file: u32,
    diagnostics: &'a Diagnostics,
}

impl Convert<'_> {
    fn span(&self, range: std::ops::Range<usize>) -> Span {
        Span { file: self.file, start: range.start, end: range.end }
    }

    fn table(&self, table: &DeTable<'_>) -> Table {
        let mut entries: Vec<Entry> = table
            .iter()
            .filter_map(|(key, value)| {
                let key_span = self.span(key.span());
                let key = self.text(key.get_ref(), key_span)?;
                Some(Entry { key, key_span, value: self.node(value)? })
            })
            .collect();
        entries.sort_by_key(|entry| entry.key_span);
        Table { entries }
    }

    fn node(&self, value: &Spanned<DeValue<'_>>) -> Option<Node> {
        let span = self.span(value.span());
        let kind = match value.get_ref() {
            DeValue::Boolean(value) => Kind::Bool(*value),
            DeValue::Integer(value) => Kind::Int(self.int(value, span)?),
            DeValue::Float(value) => Kind::Float(self.float(value.as_str(), span)?),
            DeValue::String(value) => Kind::Text(self.text(value, span)?),
            DeValue::Array(values) => Kind::List(values.iter().filter_map(|value| self.node(value)).collect()),
            DeValue::Table(table) => Kind::Table(self.table(table)),
            DeValue::Datetime(_) => {
                let problem = Problem::new(span, "dates are no values of a sweep");
                self.diagnostics.report(problem.hint("write it as a text, in quotes"));
                return None;
            }
        };
        Some(Node { span, kind })
    }

    fn int(&self, value: &toml::de::DeInteger<'_>, span: Span) -> Option<i64> {
        let parsed = i64::from_str_radix(value.as_str(), value.radix()).ok();
        if parsed.is_none() {
            self.diagnostics.report(Problem::new(span, format!("`{value}` is too large for a whole number")));
        }
        parsed
    }

    fn float(&self, text: &str, span: Span) -> Option<f64> {
        let parsed = text.parse::<f64>().ok().filter(|value| value.is_finite());
        if parsed.is_none() {
            let problem = Problem::new(span, format!("`{text}` is not a finite number"));
            self.diagnostics.report(problem.hint("a level must be a number that a run can be repeated with"));
        }
        // Minus zero is zero: two spellings of one number must not be two runs.
        parsed.map(|value| if value == 0.0 { 0.0 } else { value })
    }

    fn text(&self, text: &str, span: Span) -> Option<String> {
        if text.contains('\0') {
            let problem = Problem::new(span, "a text holds the character NUL");
            self.diagnostics.report(problem.hint("no program can be given it as an argument: take it out"));
            return None;
        }
        Some(text.to_owned())
    }
}

impl Node {
    fn to_toml(&self) -> toml::Value {
        match &self.kind {
            Kind::Bool(value) => (*value).into(),
            Kind::Int(value) => (*value).into(),
            Kind::Float(value) => (*value).into(),
            Kind::Text(value) => value.as_str().into(),
            Kind::List(values) => values.iter().map(Self::to_toml).collect::<Vec<_>>().into(),
            Kind::Table(table) => toml::Value::Table(table.to_toml()),
        }
    }
}

impl Table {
    /// The tree as TOML that stands alone.
    #[must_use]
    pub fn to_toml(&self) -> toml::Table {
        self.entries.iter().map(|entry| (entry.key.clone(), entry.value.to_toml())).collect()
    }
}
