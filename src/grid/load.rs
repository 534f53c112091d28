//! From files to one checked sweep: what it extends beneath it, overrides on top, then each part in its turn.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::condition::Names;
use super::factors::Scope;
use super::read::{Fields, check_name};
use super::reports::{self, Known};
use super::source::{At, Diagnostics, Problem, Sources, Span, list, single};
use super::sweep::{Axis, Grid, Stage, StageKind, Sweep};
use super::tree::{self, Entry, Kind, Node, Table};
use super::{grids, metrics, stages};
use crate::error::{Context, Error, Result};
use crate::id::ContentId;
use crate::value::Value;

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
        let sweep = self.diagnostics.is_clean().then(|| build(path, &root, text, &self.diagnostics, &self.sources));
        match self.diagnostics.into_error(&self.sources) {
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
    let file = std::fs::File::open(path)
        .context(what)
        .map_err(|error| error.hint("give the path of a sweep file, like `sweeps/first.toml`"))?;
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

const TOP_KEYS: [&str; 23] = [
    "name", "title", "extends", "defaults", "factors", "levels", "grids", "stages", "metrics", "reports", "imports",
    "claims", "vary", "zip", "exclude", "include", "seeds", "set", "command", "version", "threads", "outputs", "code",
];

/// Keys that are known at the top beside [`TOP_KEYS`].
const MORE_TOP_KEYS: [&str; 4] = ["pins", "resources", "retry", "checkpoints"];

fn build(path: &Path, root: &Table, text: String, diagnostics: &Diagnostics, sources: &Sources) -> Sweep {
    let span = Span { file: 0, start: 0, end: 0 };
    let known: Vec<&str> = TOP_KEYS.iter().chain(&MORE_TOP_KEYS).copied().collect();
    let fields = Fields::new("the sweep file", span, root, diagnostics).only(&known);
    if fields.entry("name").is_none() {
        fields.missing("name", "write `name = \"first\"` in its first line");
    }
    let name = fields.text("name").map_or_else(String::new, |name| {
        check_name(diagnostics, &name.value, name.span);
        name.value
    });
    let mut scope = Scope::read(&fields, default_seed(root));
    let drafts = read_grids(&fields, &mut scope);
    let (factors, composites) = (scope.factors.clone(), scope.composites.clone());
    let names = Names { factors: &factors, composites: &composites };
    let spans: Vec<Span> = drafts.iter().map(|draft| draft.span).collect();
    let grids: Vec<Grid> = drafts.into_iter().map(|draft| draft.finish(names, &scope)).collect();
    check_total(&grids, &fields);
    let stages = read_stages(&fields, &scope, names, &grids, &spans);
    let metrics = metrics::read(&fields);
    let folder = reports::folder(path);
    let known = Known { scope: &scope, grids: &grids, metrics: &metrics, folder: &folder };
    let reports = reports::read_reports(&fields, &known, names);
    let imports = reports::read_imports(&fields, &known);
    Sweep {
        name,
        title: fields.string("title"),
        path: path.to_owned(),
        digest: ContentId::from_hash(&blake3::hash(text.as_bytes())),
        text,
        stages,
        reports,
        imports,
        claims: reports::read_claims(&fields),
        warnings: diagnostics.warnings(sources),
        grids,
        metrics,
        factors,
        composites,
    }
}

/// A value for the factor `seed` when some grid has replicates: the first that is written.
fn default_seed(root: &Table) -> Option<&Node> {
    let grids = match root.get("grids").map(|entry| &entry.value.kind) {
        Some(Kind::Table(grids)) => grids.entries.as_slice(),
        _ => &[],
    };
    let inner = grids.iter().filter_map(|grid| match &grid.value.kind {
        Kind::Table(table) => table.get("seeds"),
        _ => None,
    });
    root.get("seeds").into_iter().chain(inner).find_map(|entry| match &entry.value.kind {
        Kind::Table(table) => match &table.get("values")?.value.kind {
            Kind::List(items) => items.first(),
            _ => None,
        },
        Kind::List(items) => items.first(),
        _ => None,
    })
}

fn read_grids(root: &Fields<'_>, scope: &mut Scope<'_>) -> Vec<grids::Draft> {
    let top: Vec<&Entry> = grids::KEYS[1..].iter().filter_map(|key| root.entry(key)).collect();
    if root.entry("grids").is_none() {
        return vec![grids::read("main", root, scope)];
    }
    for entry in top {
        let problem = Problem::new(entry.key_span, format!("`{}` stands beside `[grids]`", entry.key));
        root.diagnostics.report(problem.hint("move it into a grid: the short form has one grid and no `[grids]`"));
    }
    let tables = root.named("grids");
    if tables.is_empty() {
        root.missing("grids", "write `[grids.main]` with a `vary`");
    }
    let read = |(entry, table): (&Entry, &Table), scope: &mut Scope<'_>| {
        let what = format!("grid `{}`", entry.key);
        let fields = Fields::new(&what, entry.key_span, table, root.diagnostics).only(&grids::KEYS);
        grids::read(&entry.key, &fields, scope)
    };
    tables.into_iter().map(|table| read(table, scope)).collect()
}

fn check_total(all: &[Grid], root: &Fields<'_>) {
    let total = all.iter().filter_map(grids::size).fold(0_usize, usize::saturating_add);
    if total > grids::MOST_CELLS {
        let problem = Problem::new(root.span, format!("the grids have {total} cells, more than {}", grids::MOST_CELLS));
        root.diagnostics.report(problem.hint("split the sweep into several files"));
    }
}

fn read_stages(root: &Fields<'_>, scope: &Scope<'_>, names: Names<'_>, grids: &[Grid], spans: &[Span]) -> Vec<Stage> {
    let tables = root.named("stages");
    let mut drafts = Vec::new();
    if root.entry("stages").is_some() {
        for entry in stages::TOP_KEYS.iter().filter_map(|key| root.entry(key)) {
            let problem = Problem::new(entry.key_span, format!("`{}` stands beside `[stages]`", entry.key));
            let hint = "move it into a stage: the short form has one stage and no `[stages]`";
            root.diagnostics.report(problem.hint(hint));
        }
        drafts.extend(tables.into_iter().map(|(entry, table)| stages::read(entry, table, scope, names)));
    } else {
        drafts.push(stages::read_only(root, scope, names));
    }
    let places: Vec<_> = drafts.iter().map(|draft| (draft.stage.name.clone(), draft.span)).collect();
    let commands: Vec<_> = drafts.iter().map(|draft| (draft.stage.name.clone(), draft.command.clone())).collect();
    let mut stages = stages::arrange(drafts, root.diagnostics);
    for (name, command) in &commands {
        // All points of a training share one command.
        if let Some(stage) = stages.iter().find(|stage| stage.plain_name() == name) {
            stages::check_placeholders(stage, &stages, scope, command);
        }
    }
    warn_default_seed(root, grids);
    stages::check_conditions(&stages, scope, |stage| {
        places.iter().find(|(name, _)| name == stage.plain_name()).map_or(root.span, |(_, span)| *span)
    });
    if !stages.is_empty() {
        check_used(&stages, scope);
        check_train(&stages, root);
        apply_seeds(&mut stages, scope, grids, spans);
    }
    stages
}

/// A grid without replicates takes the default seed, which should be written where a new grid cannot change it.
fn warn_default_seed(root: &Fields<'_>, grids: &[Grid]) {
    let with = grids.iter().filter(|grid| grid.seeds.is_some()).count();
    let declared = root.table("defaults").is_some_and(|table| table.get("seed").is_some());
    if let (false, Some(seeds)) = (declared || with == grids.len(), grids.iter().find_map(|grid| grid.seeds.as_ref())) {
        let seed = seeds.values.first().copied().unwrap_or_default();
        let message =
            format!("grids without `seeds` take {seed}; write `seed = {seed}` under `[defaults]` to keep it so");
        root.diagnostics.warn(Problem::new(root.span, message));
    }
}

fn check_train(stages: &[Stage], root: &Fields<'_>) {
    if stages.iter().all(|stage| stage.kind == StageKind::Measure) {
        root.missing("stage of kind `train`", "something must make the model that is measured");
    }
}

/// A factor that no stage uses changes nothing: its levels would be the same runs under several names.
fn check_used(stages: &[Stage], scope: &Scope<'_>) {
    for (index, factor) in scope.factors.iter().enumerate() {
        if stages.iter().any(|stage| stage.uses.contains(&index)) {
            continue;
        }
        let problem = Problem::new(scope.factor_span(index), format!("no stage uses the factor `{}`", factor.name));
        let hint = if factor.name == "seed" {
            "add `seed` to `uses` of the stages that a seed draws anew".to_owned()
        } else {
            format!("add `{}` to `uses` of a stage, or take the factor out", factor.name)
        };
        scope.diagnostics.report(problem.hint(hint));
    }
}

/// Check what seeds redraw, and tell each stage its part of it.
fn apply_seeds(stages: &mut [Stage], scope: &Scope<'_>, grids: &[Grid], spans: &[Span]) {
    let mut agreed: Option<(&[String], &str)> = None;
    for (grid, span) in grids.iter().zip(spans) {
        let Some(seeds) = grid.seeds.as_ref().filter(|seeds| !seeds.redraw.is_empty()) else { continue };
        match agreed {
            Some((redraw, other)) if redraw != seeds.redraw => {
                let message = format!("the grids `{other}` and `{}` redraw different things", grid.name);
                let hint = "a stage draws the same things in every grid: write the same `redraw`";
                scope.diagnostics.report(Problem::new(*span, message).hint(hint));
                return;
            }
            _ => agreed = Some((&seeds.redraw, &grid.name)),
        }
    }
    let Some((redraw, grid)) = agreed else { return };
    let span = grids.iter().zip(spans).find(|(known, _)| known.name == grid).map(|(_, span)| *span);
    let redraw = At { value: redraw, span: span.unwrap_or(Span { file: 0, start: 0, end: 0 }) };
    let seed = scope.factor("seed");
    check_redraw(stages, scope, &redraw, seed);
    for stage in stages.iter_mut().filter(|stage| stage.uses.iter().any(|factor| Some(*factor) == seed)) {
        let plain = stage.plain_name();
        let mut purposes: Vec<&str> = redraw.value.iter().filter_map(|entry| purpose_of(entry, plain)).collect();
        purposes.sort_unstable();
        let purposes = purposes.into_iter().map(|purpose| Value::Text(purpose.to_owned())).collect();
        stage.constants.push(("redraw".to_owned(), Value::List(purposes)));
    }
}

/// The purpose in `stage.purpose`.
fn purpose_of<'a>(entry: &'a str, stage: &str) -> Option<&'a str> {
    entry.strip_prefix(stage)?.strip_prefix('.').filter(|purpose| !purpose.is_empty())
}

fn check_redraw(stages: &[Stage], scope: &Scope<'_>, redraw: &At<&[String]>, seed: Option<usize>) {
    let uses_seed = |stage: &Stage| stage.uses.iter().any(|factor| Some(*factor) == seed);
    for entry in redraw.value {
        let named = stages.iter().find(|stage| purpose_of(entry, stage.plain_name()).is_some());
        let problem = match named {
            None => {
                let word = entry.split('.').next().unwrap_or_default();
                let problem =
                    Problem::new(redraw.span, format!("`redraw` names `{entry}`, which is no `stage.purpose`"));
                problem.nearest(word, stages.iter().map(|stage| stage.plain_name()))
            }
            Some(stage) if !uses_seed(stage) => {
                let message = format!("`redraw` names `{entry}`, and stage `{}` does not use `seed`", stage.name);
                Problem::new(redraw.span, message).hint("add `seed` to its `uses`")
            }
            Some(_) => continue,
        };
        scope.diagnostics.report(problem);
    }
    for stage in stages.iter().filter(|stage| uses_seed(stage)) {
        if redraw.value.iter().all(|entry| purpose_of(entry, stage.plain_name()).is_none()) {
            let message = format!("stage `{}` uses `seed`, and `redraw` names nothing that it draws", stage.name);
            let hint = format!("take `seed` out of its `uses`, or write `{}.<purpose>` into `redraw`", stage.name);
            scope.diagnostics.report(Problem::new(redraw.span, message).hint(hint));
        }
    }
}
