//! From the tree of a sweep file to the checked sweep: factors first, since everything names them, then grids, whose
//! levels every condition needs, then stages, metrics and what is said about results.

use std::path::Path;
use std::sync::Arc;

use super::condition::Names;
use super::factors::Scope;
use super::read::{Fields, check_name};
use super::reports::{self, Known};
use super::source::{At, Diagnostics, Problem, Sources, Span};
use super::sweep::{Grid, Stage, StageKind, Sweep};
use super::tree::{Entry, Kind, Node, Table};
use super::{anchors, claim, grids, metrics, stages};
use crate::id::ContentId;
use crate::value::Value;

/// Keys at the top of the file: those of the sweep, and those of the short form's one grid and one stage.
pub const TOP_KEYS: [&str; 29] = [
    "name",
    "title",
    "profile",
    "extends",
    "defaults",
    "factors",
    "levels",
    "grids",
    "stages",
    "metrics",
    "anchors",
    "reports",
    "imports",
    "claims",
    "set",
    "vary",
    "zip",
    "exclude",
    "include",
    "seeds",
    "command",
    "version",
    "threads",
    "outputs",
    "code",
    "pins",
    "resources",
    "retry",
    "checkpoints",
];

/// Check everything; what is found wrong is in `diagnostics`, and the sweep is then good for nothing.
pub fn build(path: &Path, root: &Table, text: String, diagnostics: &Diagnostics, sources: &Arc<Sources>) -> Sweep {
    let span = Span { file: 0, start: 0, end: 0 };
    let fields = Fields::new("the sweep file", span, root, diagnostics).only(&TOP_KEYS);
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
    let spans: Vec<Span> = drafts.iter().map(|draft| draft.grid.place.0).collect();
    let grids: Vec<Grid> = drafts.into_iter().map(|draft| draft.finish(names, &scope)).collect();
    check_total(&grids, &fields);
    let stages = read_stages(&fields, &scope, names, &grids, &spans);
    let metrics = metrics::read(&fields);
    let anchors = anchors::read(&fields, &metrics);
    let folder = reports::folder(path);
    let known = Known { scope: &scope, grids: &grids, metrics: &metrics, folder: &folder };
    let reports = reports::read_reports(&fields, &known, names);
    let imports = reports::read_imports(&fields, &known);
    let claims = claim::read(&fields, &known, names);
    Sweep {
        name,
        title: fields.string("title"),
        profile: fields.text("profile").map(|profile| profile.value),
        path: path.to_owned(),
        digest: ContentId::from_hash(&blake3::hash(text.as_bytes())),
        text,
        stages,
        reports,
        imports,
        claims,
        warnings: diagnostics.warnings(sources),
        sources: Arc::clone(sources),
        grids,
        anchors,
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
