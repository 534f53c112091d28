//! From `[claims.<name>]` to checked claims.

use super::types::{By, Claim, Group, Method, Per, Region, Relation, Take};
use crate::grid::condition::{self, Names};
use crate::grid::read::{Fields, check_number, number, wrong_kind};
use crate::grid::reports::Known;
use crate::grid::source::{At, Problem, Span};
use crate::grid::sweep::{Applies, Grid, LevelIx};
use crate::grid::tree::{Kind, Node, Table};
use crate::value::Value;

const KEYS: [&str; 4] = ["text", "grid", "where", "by"];
const KINDS: [&str; 8] =
    ["correlation", "better", "value", "effect", "larger_effect", "improves", "suffices", "stabilises"];
const REGIONS: [&str; 5] = ["above", "at_least", "below", "at_most", "between"];
const BY: [(&str, By); 2] = [("interval", By::Interval), ("estimate", By::Estimate)];
const METHODS: [(&str, Method); 2] = [("pearson", Method::Pearson), ("spearman", Method::Spearman)];
const TAKES: [(&str, Take); 2] = [("all", Take::All), ("mean", Take::Mean)];
const PERS: [(&str, Per); 3] = [("doubling", Per::Doubling), ("sample", Per::Sample), ("range", Per::Range)];

/// Read `[claims.<name>]` of the whole file.
pub fn read(root: &Fields<'_>, known: &Known<'_>, names: Names<'_>) -> Vec<Claim> {
    let keys: Vec<&str> = KEYS.into_iter().chain(KINDS).collect();
    root.named("claims")
        .into_iter()
        .filter_map(|(entry, table)| {
            let what = format!("claim `{}`", entry.key);
            let fields = Fields::new(&what, entry.key_span, table, root.diagnostics).only(&keys);
            read_claim(&entry.key, &fields, known, names)
        })
        .collect()
}

fn read_claim(name: &str, fields: &Fields<'_>, known: &Known<'_>, names: Names<'_>) -> Option<Claim> {
    if fields.entry("text").is_none() {
        fields.missing("text", "say in one sentence what is expected");
    }
    let has_kind = KINDS.iter().any(|kind| fields.entry(kind).is_some());
    if !has_kind {
        let hint = format!("write what is expected as one of `{}`", KINDS.join("`, `"));
        let problem = Problem::new(fields.span, format!("{} states no relation", fields.what));
        fields.diagnostics.report(problem.hint(hint));
    }
    let grid = known.grid(fields)?;
    let mut relations = Vec::new();
    for kind in KINDS {
        for (span, table) in tables(fields, kind) {
            let what = format!("`{kind}` of {}", fields.what);
            let inner = Fields::new(&what, span, table, fields.diagnostics);
            relations.extend(Reader { fields: &inner, known, names, grid }.relation(kind));
        }
    }
    Some(Claim {
        name: name.to_owned(),
        text: fields.text("text")?.value,
        grid: grid.name.clone(),
        filter: fields.text("where").and_then(|text| condition::read(names, &text, fields.diagnostics)),
        by: if fields.entry("by").is_some() { fields.word("by", &BY)? } else { By::Interval },
        relations,
    })
}

/// The table under `key`, or the tables of the list there.
fn tables<'a>(fields: &Fields<'a>, key: &str) -> Vec<(Span, &'a Table)> {
    let Some(entry) = fields.entry(key) else { return Vec::new() };
    let items = match &entry.value.kind {
        Kind::List(items) if !items.is_empty() => items.as_slice(),
        _ => std::slice::from_ref(&entry.value),
    };
    let table = |item: &'a Node| match &item.kind {
        Kind::Table(table) => Some((item.span, table)),
        _ => {
            let what = format!("`{key}` of {}", fields.what);
            wrong_kind(fields.diagnostics, item, &what, "a table, or a list of tables");
            None
        }
    };
    items.iter().filter_map(table).collect()
}

/// One relation with what it may refer to.
struct Reader<'a> {
    fields: &'a Fields<'a>,
    known: &'a Known<'a>,
    names: Names<'a>,
    grid: &'a Grid,
}

impl Reader<'_> {
    fn relation(&self, kind: &str) -> Option<Relation> {
        match kind {
            "correlation" => self.correlation(),
            "better" => self.better(),
            "value" => self.value(),
            "effect" => self.effect(),
            "larger_effect" => self.larger_effect(),
            "improves" => self.improves(),
            "suffices" => self.suffices(),
            _ => self.stabilises(),
        }
    }

    fn correlation(&self) -> Option<Relation> {
        self.only(&["x", "y", "method", "within"], true);
        let within = self.fields.text("within");
        within.iter().for_each(|axis| self.known.check_axis(axis, self.grid));
        Some(Relation::Correlation {
            x: self.group("x")?,
            y: self.group("y")?,
            method: self.word_or("method", &METHODS, Method::Pearson),
            within: within.map(|axis| axis.value),
            region: self.region()?,
        })
    }

    fn better(&self) -> Option<Relation> {
        self.only(&["is", "than", "metrics", "cells"], true);
        let has_region = REGIONS.iter().any(|key| self.fields.entry(key).is_some());
        Some(Relation::Better {
            is: self.condition("is")?,
            than: self.condition("than")?,
            metrics: self.directed()?,
            cells: self.word_or("cells", &TAKES, Take::All),
            region: if has_region { self.region()? } else { Region::positive() },
        })
    }

    fn value(&self) -> Option<Relation> {
        self.only(&["metrics", "cells"], true);
        let (metrics, cells) = (self.group("metrics")?, self.word_or("cells", &TAKES, Take::All));
        Some(Relation::Value { metrics, cells, region: self.region()? })
    }

    fn effect(&self) -> Option<Relation> {
        self.only(&["of", "metrics", "per"], true);
        let per = self.per(&[Per::Doubling]);
        Some(Relation::Effect { of: self.amounts("of")?, metrics: self.directed()?, per, region: self.region()? })
    }

    fn larger_effect(&self) -> Option<Relation> {
        self.only(&["of", "than", "metrics", "per", "times"], false);
        let (of, than) = (self.amounts("of")?, self.amounts("than")?);
        let metrics = self.directed()?;
        let per = self.per(&[Per::Doubling, Per::Sample, Per::Range]);
        Some(Relation::LargerEffect { of, than, metrics, per, times: self.number_or("times", 1.0, 0.0..=f64::MAX)? })
    }

    fn improves(&self) -> Option<Relation> {
        self.only(&["along", "metrics", "cells", "slack"], false);
        let along = self.fields.one_or_more("along");
        if along.is_empty() {
            self.needed("along", "name the axis, or axes, along which each step improves");
            return None;
        }
        along.iter().for_each(|axis| self.known.check_axis(axis, self.grid));
        Some(Relation::Improves {
            along: along.into_iter().map(|axis| axis.value).collect(),
            metrics: self.directed()?,
            cells: self.word_or("cells", &TAKES, Take::All),
            slack: self.number_or("slack", 0.0, 0.0..=f64::MAX)?,
        })
    }

    fn suffices(&self) -> Option<Relation> {
        self.only(&["along", "at", "metrics", "cells", "share"], false);
        let (along, at) = self.level("along", "at")?;
        let (metrics, cells) = (self.directed()?, self.word_or("cells", &TAKES, Take::All));
        self.needed("share", "say which share of the whole improvement is enough, like `share = 0.9`");
        Some(Relation::Suffices { along, at, metrics, cells, share: self.number_or("share", 1.0, 0.0..=1.0)? })
    }

    fn stabilises(&self) -> Option<Relation> {
        self.only(&["along", "from", "metrics", "cells", "within"], false);
        let (along, from) = self.level("along", "from")?;
        let (metrics, cells) = (self.group("metrics")?, self.word_or("cells", &TAKES, Take::All));
        self.needed("within", "say how far from the last level's value is still the same, in the metric's unit");
        let within = self.number_or("within", 0.0, 0.0..=f64::MAX)?;
        Some(Relation::Stabilises { along, from, metrics, cells, within })
    }

    fn only(&self, keys: &[&str], region: bool) {
        let regions: &[&str] = if region { &REGIONS } else { &[] };
        let keys: Vec<&str> = keys.iter().chain(regions).copied().collect();
        // Reports what is unknown; the fields themselves stay as they are.
        let _: Fields<'_> = self.fields.only(&keys);
    }

    fn needed(&self, key: &str, hint: &str) {
        if self.fields.entry(key).is_none() {
            self.fields.missing(key, hint);
        }
    }

    fn word_or<T: Copy>(&self, key: &str, words: &[(&str, T)], default: T) -> T {
        self.fields.entry(key).and_then(|_| self.fields.word(key, words)).unwrap_or(default)
    }

    fn number_or(&self, key: &str, default: f64, range: std::ops::RangeInclusive<f64>) -> Option<f64> {
        let Some(entry) = self.fields.entry(key) else { return Some(default) };
        let value = check_number(self.fields, key, &entry.value)?;
        if range.contains(&value) {
            return Some(value);
        }
        let wanted = if *range.end() == f64::MAX { "zero or more".to_owned() } else { "from 0 to 1".to_owned() };
        wrong_kind(self.fields.diagnostics, &entry.value, &format!("`{key}` of {}", self.fields.what), &wanted);
        None
    }

    fn per(&self, default: &[Per]) -> Vec<Per> {
        let words = self.fields.one_or_more("per");
        if words.is_empty() {
            return default.to_vec();
        }
        let find = |text: &At<String>| {
            let found = PERS.iter().find(|(word, _)| *word == text.value).map(|(_, per)| *per);
            if found.is_none() {
                let problem = Problem::new(text.span, format!("unknown `per` `{}`", text.value.escape_debug()));
                self.fields.diagnostics.report(problem.nearest(&text.value, PERS.iter().map(|(word, _)| *word)));
            }
            found
        };
        words.iter().filter_map(find).collect()
    }

    fn condition(&self, key: &str) -> Option<Applies> {
        self.needed(key, "write which cells, like `joint == yes`");
        condition::read(self.names, &self.fields.text(key)?, self.fields.diagnostics)
    }

    /// An axis of the grid whose levels are numbers.
    fn amounts(&self, key: &str) -> Option<String> {
        self.needed(key, "name an axis of amounts");
        let name = self.fields.text(key)?;
        self.known.check_axis(&name, self.grid);
        let axis = self.grid.axes.iter().find(|axis| axis.name == name.value)?;
        let factor = self.known.scope.factors.iter().find(|factor| factor.name == axis.name);
        let positive = |value: &Value| match value {
            Value::Int(value) => *value > 0,
            Value::Float(value) => *value > 0.0,
            Value::Bool(_) | Value::Text(_) | Value::List(_) => false,
        };
        let levels = axis.levels.iter().flat_map(|level| &level.sets);
        let is_amount = |factor: &crate::grid::Factor| {
            levels.clone().all(|(_, level)| factor.levels.get(usize::from(*level)).is_some_and(positive))
        };
        if factor.is_some_and(is_amount) {
            return Some(name.value);
        }
        let problem = Problem::new(name.span, format!("the levels of `{}` are not all positive numbers", axis.name));
        self.fields
            .diagnostics
            .report(problem.hint("an effect is per doubling, per sample or over the range of amounts"));
        None
    }

    /// An axis and one of its levels.
    fn level(&self, axis: &str, level: &str) -> Option<(String, LevelIx)> {
        self.needed(axis, "name an axis of the grid");
        self.needed(level, "name one of the axis's levels");
        let (axis, level) = (self.fields.text(axis)?, self.fields.text(level)?);
        self.known.check_axis(&axis, self.grid);
        let found = self.grid.axes.iter().find(|known| known.name == axis.value)?;
        let position = found.levels.iter().position(|known| known.label == level.value);
        if position.is_none() {
            let text = format!("axis `{}` of grid `{}` has no level `{}`", found.name, self.grid.name, level.value);
            let labels = found.levels.iter().map(|level| level.label.as_str());
            self.fields.diagnostics.report(Problem::new(level.span, text).nearest(&level.value, labels));
        }
        Some((axis.value, LevelIx::try_from(position?).ok()?))
    }

    fn region(&self) -> Option<Region> {
        let written: Vec<&str> = REGIONS.into_iter().filter(|key| self.fields.entry(key).is_some()).collect();
        let [key] = written[..] else {
            let message = match written[..] {
                [] => format!("{} says no value", self.fields.what),
                _ => format!("{} has `{}`", self.fields.what, written.join("` and `")),
            };
            let hint = "write one of `above`, `at_least`, `below`, `at_most` and `between = [low, high]`";
            self.fields.diagnostics.report(Problem::new(self.fields.span, message).hint(hint));
            return None;
        };
        let node = &self.fields.entry(key)?.value;
        if key == "between" {
            return self.between(node);
        }
        let value = check_number(self.fields, key, node)?;
        let (low, high) = if matches!(key, "above" | "at_least") { (Some(value), None) } else { (None, Some(value)) };
        Some(Region { low, high, strict: matches!(key, "above" | "below") })
    }

    fn between(&self, node: &Node) -> Option<Region> {
        let ends: Vec<f64> = match &node.kind {
            Kind::List(items) => items.iter().filter_map(number).collect(),
            _ => Vec::new(),
        };
        if let [low, high] = ends[..]
            && low < high
        {
            return Some(Region { low: Some(low), high: Some(high), strict: false });
        }
        let what = format!("`between` of {}", self.fields.what);
        wrong_kind(self.fields.diagnostics, node, &what, "two numbers, the smaller first, like `[0.65, 0.75]`");
        None
    }

    /// Metrics that have a direction: only then is one value better than another.
    fn directed(&self) -> Option<Group> {
        let group = self.group("metrics")?;
        if !self.known.metrics.is_empty() {
            return Some(group);
        }
        let message = format!("{} needs to know which way is better", self.fields.what);
        let hint = "declare the metric with its `direction` under `[metrics.<name>]`";
        self.fields.diagnostics.report(Problem::new(self.fields.span, message).hint(hint));
        None
    }

    /// `"fid"`, `{ all_of = ["seed", "General"] }` or `{ mean_of = "General" }`; a group of metrics stands for all its
    /// members.
    fn group(&self, key: &str) -> Option<Group> {
        self.needed(key, "name a metric, or several as `{ all_of = [...] }` or `{ mean_of = [...] }`");
        let entry = self.fields.entry(key)?;
        if let Kind::Table(table) = &entry.value.kind {
            return self.several(key, entry.value.span, table);
        }
        let names = self.fields.text(key).into_iter().collect::<Vec<_>>();
        let metrics = self.members(&names);
        match metrics.len() {
            0 => None,
            1 => Some(Group { take: Take::All, metrics }),
            _ => {
                let message = format!("`{key}` of {} stands for {} metrics", self.fields.what, metrics.len());
                let hint =
                    format!("say whether each or their mean is meant: `{key} = {{ all_of = ... }}` or `mean_of`");
                self.fields.diagnostics.report(Problem::new(entry.value.span, message).hint(hint));
                None
            }
        }
    }

    fn several(&self, key: &str, span: Span, table: &Table) -> Option<Group> {
        let what = format!("`{key}` of {}", self.fields.what);
        let fields = Fields::new(&what, span, table, self.fields.diagnostics).only(&["all_of", "mean_of"]);
        let (all, mean) = (fields.one_or_more("all_of"), fields.one_or_more("mean_of"));
        let (take, names) = match (all.is_empty(), mean.is_empty()) {
            (false, true) => (Take::All, all),
            (true, false) => (Take::Mean, mean),
            _ => {
                let problem = Problem::new(span, format!("{what} has to say either `all_of` or `mean_of`"));
                fields.diagnostics.report(problem.hint("with metrics or groups of metrics"));
                return None;
            }
        };
        let metrics = self.members(&names);
        (!metrics.is_empty()).then_some(Group { take, metrics })
    }

    /// The metrics that are meant, groups resolved, each once.
    fn members(&self, names: &[At<String>]) -> Vec<String> {
        let mut members: Vec<String> = Vec::new();
        for name in names {
            let of_group = self.known.metrics.iter().filter(|metric| metric.group.as_ref() == Some(&name.value));
            let mut found: Vec<&String> = of_group.map(|metric| &metric.name).collect();
            if found.is_empty() {
                self.known.check_metric_or_group(name);
                found.push(&name.value);
            }
            for metric in found {
                if !members.contains(metric) {
                    members.push(metric.clone());
                }
            }
        }
        members
    }
}
