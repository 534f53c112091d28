//! From files to one tree: what a sweep file extends beneath it, overrides from the command line on top.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::check::{TOP_KEYS, build};
use super::reports;
use super::source::{Diagnostics, Problem, Sources, Span, list, single};
use super::sweep::{Axis, Sweep};
use super::tree::{self, Kind, Node, Table};
use crate::error::{Context, Error, Result};

/// Larger than any file that a person writes.
const LARGEST_FILE: u64 = 16 << 20;

/// Files that extend each other: more is a circle or a maze.
const DEEPEST: usize = 8;

/// Read the sweep in `text`, which stands alone.
///
/// # Errors
/// Every mistake with its place; `extends` is one here, since nothing else is read.
pub fn parse(path: &Path, text: &str) -> Result<Sweep> {
    let mut reading = Reading::default();
    let file = reading.sources.add(path.display().to_string(), text.to_owned());
    let root = tree::parse(file, text, &reading.diagnostics);
    if let Some(entry) = root.as_ref().and_then(|root| root.get("extends")) {
        let problem = Problem::new(entry.key_span, "a text that stands alone cannot extend a file");
        return Err(single(&problem, &reading.sources));
    }
    reading.check(path, root.unwrap_or_default(), text.to_owned())
}

/// Read the sweep file at `path` with what it extends.
///
/// # Errors
/// A file cannot be read, or every mistake in it with its place.
pub fn load(path: &Path) -> Result<Sweep> {
    load_with(path, &[])
}

/// As [`load`], with overrides like `llm=llama-3-8b` or `stages.finetune.threads=2` on top.
///
/// # Errors
/// As [`load`]; an override is not `key=value` or names what is not there.
pub fn load_with(path: &Path, overrides: &[String]) -> Result<Sweep> {
    let mut reading = Reading::default();
    let (mut root, text) = reading.read_files(path)?;
    for text in overrides {
        reading.apply(&mut root, text)?;
    }
    let alone = overrides.is_empty() && root.get("extends").is_none();
    root.entries.retain(|entry| entry.key != "extends");
    let text = if alone { text } else { root.to_toml().to_string() };
    let mut sweep = reading.check(path, root, text)?;
    let idle: Vec<String> = overrides.iter().filter_map(|text| idle_override(&sweep, text)).collect();
    sweep.warnings.extend(idle);
    Ok(sweep)
}

/// A warning where an override changes the default of a factor that a grid varies: the grid does not take it.
fn idle_override(sweep: &Sweep, text: &str) -> Option<String> {
    let (key, _) = text.split_once('=')?;
    let factor = sweep.factor(key.trim())?;
    let sets = |axis: &Axis| axis.levels.iter().any(|level| level.sets.iter().any(|set| set.0 == factor));
    let grids = sweep.grids.iter().filter(|grid| grid.axes.iter().any(sets));
    let names: Vec<&str> = grids.map(|grid| grid.name.as_str()).collect();
    (!names.is_empty()).then(|| {
        format!(
            "`--set {}` leaves {} alone, which vary it; `--where` chooses among their cells",
            key.trim(),
            list(&names)
        )
    })
}

/// What is needed while files become a sweep.
#[derive(Default)]
struct Reading {
    sources: Sources,
    diagnostics: Diagnostics,
}

impl Reading {
    /// The tree of the file at `path` over the trees of what it extends, and the file's own text.
    fn read_files(&mut self, path: &Path) -> Result<(Table, String)> {
        let mut layers: Vec<Table> = Vec::new();
        let mut own_text = String::new();
        let mut next: Option<(PathBuf, Option<Span>)> = Some((path.to_owned(), None));
        while let Some((path, from)) = next.take() {
            let text = read_file(&path).map_err(|error| self.extended(error, from))?;
            let file = self.sources.add(path.display().to_string(), text.clone());
            let Some(layer) = tree::parse(file, &text, &self.diagnostics) else { break };
            if let Some(entry) = layer.get("extends") {
                let Kind::Text(base) = &entry.value.kind else {
                    let problem = Problem::new(entry.value.span, "`extends` is not the path of a file");
                    return Err(single(&problem, &self.sources));
                };
                if layers.len() >= DEEPEST {
                    let problem =
                        Problem::new(entry.value.span, format!("more than {DEEPEST} files extend each other"));
                    return Err(single(&problem.hint("does one of them extend itself?"), &self.sources));
                }
                next = Some((reports::folder(&path).join(base), Some(entry.value.span)));
            }
            if layers.is_empty() {
                own_text = text;
            }
            layers.push(layer);
        }
        let mut root = layers.pop().unwrap_or_default();
        while let Some(over) = layers.pop() {
            root.overlay(over);
        }
        Ok((root, own_text))
    }

    /// Say which line asked for a file that cannot be read.
    fn extended(&self, error: Error, from: Option<Span>) -> Error {
        match from {
            Some(span) => error.context(format!("{}: cannot extend this file", self.sources.place(span))),
            None => error,
        }
    }

    /// Put `key=value` on top: a factor's default, or any key of the file by its path.
    fn apply(&mut self, root: &mut Table, text: &str) -> Result<()> {
        let Some((key, right)) = text.split_once('=') else {
            let error = Error::usage(format!("`--set {text}` is not `key=value`"));
            return Err(error.hint("for example `--set llm=llama-3-8b` or `--set stages.finetune.threads=2`"));
        };
        let (key, right) = (key.trim(), right.trim());
        let file = self.sources.add(format!("--set {key}"), right.to_owned());
        let span = Span { file, start: 0, end: right.len() };
        // `llm=llama-3-8b` needs no quotes: what is no TOML value is a text.
        let value = tree::parse_value(file, right, &self.diagnostics)
            .unwrap_or_else(|| Node { span, kind: Kind::Text(right.to_owned()) });
        let path = self.path_of(root, key)?;
        check_kind(root, &path, key, &value)?;
        if root.insert(&path, value) {
            Ok(())
        } else {
            Err(Error::usage(format!("`--set {key}`: a value is in the way")))
        }
    }

    fn path_of<'k>(&self, root: &Table, key: &'k str) -> Result<Vec<&'k str>> {
        let has = |table: &str, key: &str| match root.get(table).map(|entry| &entry.value.kind) {
            Some(Kind::Table(table)) => table.get(key).is_some(),
            _ => false,
        };
        if has("defaults", key) || has("factors", key) || has("vary", key) {
            return Ok(vec!["defaults", key]);
        }
        let path: Vec<&str> = key.split('.').collect();
        if path.len() > 1 && path.first().is_some_and(|first| TOP_KEYS.contains(first)) {
            return Ok(path);
        }
        let factors = match root.get("defaults").map(|entry| &entry.value.kind) {
            Some(Kind::Table(table)) => table.keys().collect(),
            _ => Vec::new(),
        };
        let span = Span { file: 0, start: 0, end: 0 };
        let problem = Problem::new(span, "").nearest(key, factors);
        Err(Error::usage(format!("`--set {key}`: there is no factor `{key}`")).hint(problem.hint))
    }

    fn check(self, path: &Path, root: Table, text: String) -> Result<Sweep> {
        let sources = Arc::new(self.sources);
        let sweep = self.diagnostics.is_clean().then(|| build(path, &root, text, &self.diagnostics, &sources));
        match self.diagnostics.into_error(&sources) {
            Some(error) => Err(error),
            None => sweep.ok_or_else(|| Error::general("the sweep file could not be read")),
        }
    }
}

/// A default keeps its kind: the levels beside it have it too.
fn check_kind(root: &Table, path: &[&str], key: &str, value: &Node) -> Result<()> {
    let ["defaults", factor] = path else { return Ok(()) };
    let known = match root.get("defaults").map(|entry| &entry.value.kind) {
        Some(Kind::Table(table)) => table.get(factor).map(|entry| &entry.value.kind),
        _ => None,
    };
    let same = known.is_none_or(|known| match (known, &value.kind) {
        // A whole number is a number, and an amount.
        (Kind::Float(_) | Kind::Text(_), Kind::Int(_)) => true,
        (known, kind) => std::mem::discriminant(known) == std::mem::discriminant(kind),
    });
    let wanted = known.map_or("", Kind::name);
    if same { Ok(()) } else { Err(Error::usage(format!("`--set {key}` gives {}, not {wanted}", value.kind.name()))) }
}

fn read_file(path: &Path) -> Result<String> {
    let what = || format!("cannot read `{}`", path.display());
    let file = std::fs::File::open(path).map_err(|error| {
        Error::usage(format!("{}: {error}", what()))
            .hint("give the path of a sweep file, like `examples/first/grid.toml`")
    })?;
    let mut bytes = Vec::new();
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).context(what)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(Error::usage(format!("`{}` is larger than {} MiB", path.display(), LARGEST_FILE >> 20)));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Error::usage(format!("`{}` is not UTF-8 text (byte {at})", path.display()))
    })
}
