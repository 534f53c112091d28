//! Factors, their levels, and composites: what a run may be made of.

use hashbrown::HashMap;

use super::read::{Fields, check_name, wrong_kind};
use super::source::{Diagnostics, Problem, Span};
use super::sweep::{Axis, AxisLevel, Factor, FactorKind, LevelIx, Place};
use super::tree::{Entry, Kind, Node, Table};
use crate::value::{Value, format_amount, parse_amount};

/// The factors and composites of a sweep while it is being read. Levels are added as they are met.
pub struct Scope<'a> {
    pub diagnostics: &'a Diagnostics,
    /// Sorted by name.
    pub factors: Vec<Factor>,
    pub composites: Vec<Axis>,
    details: Vec<Details>,
}

/// What only reading needs to know of a factor.
struct Details {
    flavour: Flavour,
    /// Level by the encoding of its value.
    index: HashMap<Vec<u8>, LevelIx>,
}

/// The kind that all levels of a factor have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flavour {
    Bool,
    Whole,
    Number,
    Text,
    List,
    Amount,
}

impl Flavour {
    fn wanted(self) -> &'static str {
        match self {
            Self::Bool => "true or false, as its default is",
            Self::Whole => "a whole number, as its default is",
            Self::Number => "a number, as its default is",
            Self::Text => "a text, as its default is",
            Self::List => "a list, as its default is",
            Self::Amount => "an amount of samples like `200k` or `7M`",
        }
    }
}

/// A factor as declared, before its default is read.
struct Declaration<'a> {
    name: &'a str,
    span: Span,
    default: Option<&'a Node>,
    table: Option<&'a Table>,
}

impl<'a> Scope<'a> {
    /// Read `[defaults]`, `[factors]` and the axes of the one-grid form, which declare factors, then `[levels]`.
    pub fn read(root: &Fields<'a>, seeds: Option<&Node>) -> Self {
        let mut scope =
            Self { diagnostics: root.diagnostics, factors: Vec::new(), composites: Vec::new(), details: Vec::new() };
        let composites = root.entries("levels");
        let mut declared = declarations(root, composites);
        if let Some(default) = seeds {
            declared.entry("seed").or_insert(Declaration {
                name: "seed",
                span: default.span,
                default: Some(default),
                table: None,
            });
        }
        let mut declared: Vec<_> = declared.into_values().collect();
        declared.sort_by_key(|declaration| declaration.name);
        for declaration in declared {
            scope.declare(&declaration);
        }
        for (entry, table) in root.named("levels") {
            scope.read_composite(entry, table);
        }
        scope
    }

    fn declare(&mut self, declaration: &Declaration<'_>) {
        check_name(self.diagnostics, declaration.name, declaration.span);
        let what = format!("factor `{}`", declaration.name);
        let empty = Table::default();
        let fields = Fields::new(&what, declaration.span, declaration.table.unwrap_or(&empty), self.diagnostics)
            .only(&["default", "absent", "kind", "label"]);
        let kind = fields.word("kind", &[("amount", FactorKind::Amount), ("plain", FactorKind::Plain)]);
        let Some(default) = declaration.default else {
            fields.missing("default", &format!("write `{} = ...` under `[defaults]`", declaration.name));
            return;
        };
        let Some(flavour) = self.flavour(default, kind, &what) else { return };
        let label = fields.text("label").map_or_else(|| declaration.name.to_owned(), |label| label.value);
        let kind = if flavour == Flavour::Amount { FactorKind::Amount } else { FactorKind::Plain };
        self.factors.push(Factor {
            name: declaration.name.to_owned(),
            place: Place(declaration.span),
            label,
            kind,
            default: 0,
            absent: None,
            levels: Vec::new(),
        });
        self.details.push(Details { flavour, index: HashMap::new() });
        let factor = self.factors.len() - 1;
        self.level(factor, default);
        self.factors[factor].absent = fields.entry("absent").and_then(|entry| self.value(factor, &entry.value));
    }

    fn flavour(&self, default: &Node, kind: Option<FactorKind>, what: &str) -> Option<Flavour> {
        Some(match (&default.kind, kind) {
            (_, Some(FactorKind::Amount)) => Flavour::Amount,
            // `"0"` in quotes can only be meant as an amount.
            (Kind::Text(text), None) if text == "0" || parse_amount(text).is_some() => Flavour::Amount,
            (Kind::Bool(_), _) => Flavour::Bool,
            (Kind::Int(_), _) => Flavour::Whole,
            (Kind::Float(_), _) => Flavour::Number,
            (Kind::Text(_), _) => Flavour::Text,
            (Kind::List(_), _) => Flavour::List,
            (Kind::Table(_), _) => {
                wrong_kind(self.diagnostics, default, &format!("the default of {what}"), "one value");
                return None;
            }
        })
    }

    /// Index of the factor `name`.
    pub fn factor(&self, name: &str) -> Option<usize> {
        self.factors.binary_search_by(|factor| factor.name.as_str().cmp(name)).ok()
    }

    pub fn composite(&self, name: &str) -> Option<&Axis> {
        self.composites.iter().find(|composite| composite.name == name)
    }

    pub fn factor_span(&self, factor: usize) -> Span {
        self.factors[factor].place.0
    }

    /// Report that `name` is neither a factor nor a composite.
    pub fn unknown(&self, name: &str, span: Span) {
        let names = self.factors.iter().map(|factor| factor.name.as_str());
        let names = names.chain(self.composites.iter().map(|composite| composite.name.as_str()));
        let problem = Problem::new(span, format!("there is no factor `{name}`"));
        let mut problem = problem.nearest(name, names);
        problem.hint.push_str("; a factor is declared by its value under `[defaults]`");
        self.diagnostics.report(problem);
    }

    /// The level of `factor` that `node` writes, added if it is new.
    pub fn level(&mut self, factor: usize, node: &Node) -> Option<LevelIx> {
        let value = self.value(factor, node)?;
        let mut key = Vec::new();
        value.encode(&mut key);
        let levels = &mut self.factors[factor].levels;
        if let Some(level) = self.details[factor].index.get(&key) {
            return Some(*level);
        }
        let Ok(level) = LevelIx::try_from(levels.len()) else {
            let name = &self.factors[factor].name;
            let most = usize::from(LevelIx::MAX) + 1;
            self.diagnostics.report(Problem::new(node.span, format!("factor `{name}` has more than {most} levels")));
            return None;
        };
        levels.push(value);
        self.details[factor].index.insert(key, level);
        Some(level)
    }

    fn value(&self, factor: usize, node: &Node) -> Option<Value> {
        let flavour = self.details[factor].flavour;
        let value = convert(node, flavour);
        if value.is_none() {
            self.wrong_level(factor, node);
        }
        value
    }

    fn wrong_level(&self, factor: usize, node: &Node) {
        let flavour = self.details[factor].flavour;
        let name = &self.factors[factor].name;
        let what = format!("this level of factor `{name}`");
        wrong_kind(self.diagnostics, node, &what, flavour.wanted());
        let hint = match (flavour, &node.kind) {
            (Flavour::Whole, Kind::Float(_)) => {
                "write the default with a decimal point, like `1.0`, to allow fractions".to_owned()
            }
            (Flavour::Whole, Kind::Text(text)) if parse_amount(text).is_some() => {
                format!("write `kind = \"amount\"` under `[factors.{name}]`, or the default as an amount")
            }
            (Flavour::Amount, Kind::Text(_)) => {
                format!(
                    "an amount is digits and k, M or G; write `kind = \"plain\"` under `[factors.{name}]` if its levels are names"
                )
            }
            _ => return,
        };
        self.diagnostics.amend_last(hint);
    }

    /// How the level is written where it is shown.
    pub fn label(&self, factor: usize, level: LevelIx) -> String {
        let Factor { kind, levels, .. } = &self.factors[factor];
        label(*kind, &levels[usize::from(level)])
    }

    fn read_composite(&mut self, entry: &'a Entry, table: &'a Table) {
        if self.factor(&entry.key).is_some() {
            let problem = Problem::new(entry.key_span, format!("`{}` names a factor and a composite", entry.key));
            self.diagnostics.report(problem.hint("give the composite another name").label("also a factor"));
            return;
        }
        let mut levels = Vec::new();
        for level in &table.entries {
            let Kind::Table(sets) = &level.value.kind else {
                let what = format!("level `{}` of `{}`", level.key, entry.key);
                wrong_kind(self.diagnostics, &level.value, &what, "a table of factors and their values");
                continue;
            };
            levels.push(AxisLevel { label: level.key.clone(), sets: self.read_sets(sets) });
        }
        complete(&mut levels, &self.factors);
        let multiplied = levels.len();
        self.composites.push(Axis { name: entry.key.clone(), levels, multiplied });
    }

    /// Read `factor = value` pairs.
    fn read_sets(&mut self, table: &Table) -> Vec<(usize, LevelIx)> {
        let mut sets = Vec::new();
        for entry in &table.entries {
            match self.factor(&entry.key) {
                Some(factor) => sets.extend(self.level(factor, &entry.value).map(|level| (factor, level))),
                None => self.unknown(&entry.key, entry.key_span),
            }
        }
        sets
    }

    /// What `name = value` sets, where `name` is a factor or a composite.
    pub fn position(&mut self, name: &str, name_span: Span, node: &Node) -> Option<AxisLevel> {
        if let Some(factor) = self.factor(name) {
            let level = self.level(factor, node)?;
            return Some(AxisLevel { label: self.label(factor, level), sets: vec![(factor, level)] });
        }
        let Some(composite) = self.composite(name) else {
            self.unknown(name, name_span);
            return None;
        };
        let Kind::Text(level) = &node.kind else {
            wrong_kind(self.diagnostics, node, &format!("this level of `{name}`"), "the name of a level");
            return None;
        };
        let found = composite.levels.iter().find(|known| known.label == *level).cloned();
        if found.is_none() {
            let problem = Problem::new(node.span, format!("`{name}` has no level `{}`", level.escape_debug()));
            let known = composite.levels.iter().map(|level| level.label.as_str());
            self.diagnostics.report(problem.nearest(level, known));
        }
        found
    }
}

/// A composite owns every factor that one of its levels sets: a level that does not name it sets it to its default.
fn complete(levels: &mut [AxisLevel], factors: &[Factor]) {
    let mut owned: Vec<usize> = levels.iter().flat_map(|level| level.sets.iter().map(|set| set.0)).collect();
    owned.sort_unstable();
    owned.dedup();
    for level in levels {
        for &factor in &owned {
            if level.sets.iter().all(|set| set.0 != factor) {
                level.sets.push((factor, factors[factor].default));
            }
        }
        level.sets.sort_unstable();
    }
}

/// How a value of a factor of `kind` is shown.
#[must_use]
pub fn label(kind: FactorKind, value: &Value) -> String {
    match (kind, value) {
        (FactorKind::Amount, Value::Int(amount)) => format_amount(*amount),
        (_, value) => value.to_string(),
    }
}

fn convert(node: &Node, flavour: Flavour) -> Option<Value> {
    #[expect(clippy::cast_precision_loss, reason = "checked to be exact")]
    let exact = |value: i64| (value.unsigned_abs() < 1 << 53).then_some(Value::Float(value as f64));
    match (flavour, &node.kind) {
        (Flavour::Bool, Kind::Bool(value)) => Some(Value::Bool(*value)),
        (Flavour::Whole, Kind::Int(value)) => Some(Value::Int(*value)),
        (Flavour::Number, Kind::Float(value)) => Some(Value::Float(*value)),
        (Flavour::Number, Kind::Int(value)) => exact(*value),
        (Flavour::Text, Kind::Text(value)) => Some(Value::Text(value.clone())),
        (Flavour::Amount, Kind::Int(value)) => (*value >= 0).then_some(Value::Int(*value)),
        (Flavour::Amount, Kind::Text(text)) => amount(text).map(Value::Int),
        (Flavour::List, Kind::List(items)) => items.iter().map(scalar).collect::<Option<_>>().map(Value::List),
        _ => None,
    }
}

fn amount(text: &str) -> Option<i64> {
    parse_amount(text).or_else(|| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?)
}

fn scalar(node: &Node) -> Option<Value> {
    match &node.kind {
        Kind::Bool(value) => Some(Value::Bool(*value)),
        Kind::Int(value) => Some(Value::Int(*value)),
        Kind::Float(value) => Some(Value::Float(*value)),
        Kind::Text(value) => Some(Value::Text(value.clone())),
        Kind::List(items) => items.iter().map(scalar).collect::<Option<_>>().map(Value::List),
        Kind::Table(_) => None,
    }
}

/// Every factor that the file declares, by name.
fn declarations<'a>(root: &Fields<'a>, composites: &[Entry]) -> HashMap<&'a str, Declaration<'a>> {
    let mut declared: HashMap<&str, Declaration<'_>> = HashMap::new();
    for (entry, table) in root.named("factors") {
        let default = table.get("default").map(|entry| &entry.value);
        declared
            .insert(&entry.key, Declaration { name: &entry.key, span: entry.key_span, default, table: Some(table) });
    }
    for entry in root.entries("defaults") {
        let default = Some(&entry.value);
        let fresh = Declaration { name: &entry.key, span: entry.key_span, default, table: None };
        let known = declared.entry(&entry.key).or_insert(fresh);
        if known.table.is_some() && known.default.is_some() {
            let problem = Problem::new(entry.key_span, format!("factor `{}` has two defaults", entry.key));
            root.diagnostics
                .report(problem.hint(format!("keep the one here or the one under `[factors.{}]`", entry.key)));
        }
        known.default = default;
    }
    // In the one-grid form an axis declares its factor: the first level is the reference.
    for entry in root.entries("vary").iter().chain(root.entries("zip")) {
        let Kind::List(levels) = &entry.value.kind else { continue };
        if composites.iter().any(|composite| composite.key == entry.key) {
            continue;
        }
        let fresh = Declaration { name: &entry.key, span: entry.key_span, default: None, table: None };
        let known = declared.entry(&entry.key).or_insert(fresh);
        known.default = known.default.or(levels.first());
    }
    declared
}
