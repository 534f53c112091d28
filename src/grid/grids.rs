//! Grids: axes, overrides, extra cells and replicates, with their size known before anything is expanded.

use hashbrown::HashMap;

use super::condition::{self, Names};
use super::factors::Scope;
use super::read::{Fields, wrong_kind};
use super::source::{At, Problem, Span};
use super::sweep::{Applies, Axis, AxisLevel, Grid, LevelIx, Place, Seeds};
use super::tree::{Kind, Node, Table};

/// More cells than any cluster runs; a grid beyond it is a slip of the pen.
pub const MOST_CELLS: usize = 10_000_000;

/// Keys of a grid.
pub const KEYS: [&str; 7] = ["title", "set", "vary", "zip", "exclude", "include", "seeds"];

/// A grid whose filters wait until every level is known.
pub struct Draft {
    pub grid: Grid,
    exclude: Vec<At<String>>,
}

impl Draft {
    pub fn finish(mut self, names: Names<'_>, scope: &Scope<'_>) -> Grid {
        let read = |text: &At<String>| condition::read(names, text, scope.diagnostics);
        self.grid.exclude = self.exclude.iter().filter_map(read).collect::<Vec<Applies>>();
        self.grid
    }
}

/// Read one grid.
pub fn read(name: &str, fields: &Fields<'_>, scope: &mut Scope<'_>) -> Draft {
    let overrides = read_overrides(fields, scope);
    let mut axes = Vec::new();
    for entry in fields.entries("vary") {
        if let Some(axis) = read_axis(&entry.key, entry.key_span, &entry.value, scope) {
            check_distinct(&axis, entry.value.span, scope);
            axes.push(axis);
        }
    }
    let zipped = read_zips(fields, scope, &mut axes);
    check_disjoint(fields, scope, &axes);
    let include = read_includes(fields, scope, &mut axes);
    let mut grid = Grid {
        name: name.to_owned(),
        place: Place(fields.span),
        title: fields.string("title"),
        overrides,
        axes,
        zipped,
        exclude: Vec::new(),
        include,
        seeds: read_seeds(fields, scope),
    };
    if size(&grid).is_none_or(|cells| cells > MOST_CELLS) {
        let problem = Problem::new(fields.span, format!("{} has more than {MOST_CELLS} cells", fields.what));
        fields.diagnostics.report(problem.hint("vary fewer factors at once, or split it into several sweeps"));
        // What is too large to be planned is too large to be looked at further.
        grid.axes.clear();
        grid.zipped.clear();
        grid.include.clear();
    }
    Draft { grid, exclude: fields.one_or_more("exclude") }
}

fn read_overrides(fields: &Fields<'_>, scope: &mut Scope<'_>) -> Vec<(usize, LevelIx)> {
    let mut overrides = Vec::new();
    for entry in fields.entries("set") {
        overrides.extend(scope.position(&entry.key, entry.key_span, &entry.value).into_iter().flat_map(|set| set.sets));
    }
    overrides
}

fn read_axis(name: &str, span: Span, node: &Node, scope: &mut Scope<'_>) -> Option<Axis> {
    let items = match &node.kind {
        Kind::List(items) if !items.is_empty() => items,
        _ => {
            wrong_kind(scope.diagnostics, node, &format!("axis `{name}`"), "a list of at least one level");
            return None;
        }
    };
    if scope.factor(name).is_none() && scope.composite(name).is_none() {
        scope.unknown(name, span);
        return None;
    }
    let mut levels: Vec<AxisLevel> = Vec::with_capacity(items.len());
    for item in items {
        levels.extend(scope.position(name, span, item));
    }
    let whole = levels.len() == items.len();
    whole.then(|| Axis { name: name.to_owned(), multiplied: levels.len(), levels })
}

/// An axis that is multiplied must not say a level twice: the cells would be the same runs.
fn check_distinct(axis: &Axis, span: Span, scope: &Scope<'_>) {
    let mut seen = HashMap::new();
    for level in &axis.levels {
        if seen.insert((&level.label, &level.sets), ()).is_some() {
            let label = level.label.escape_debug();
            let problem = Problem::new(span, format!("axis `{}` lists the level `{label}` twice", axis.name));
            scope.diagnostics.report(problem.hint("each level stands once; replicates are made with `seeds`"));
            return;
        }
    }
}

/// `zip = { a = [...], b = [...] }`, or a list of such tables.
fn read_zips(fields: &Fields<'_>, scope: &mut Scope<'_>, axes: &mut Vec<Axis>) -> Vec<Vec<usize>> {
    let Some(entry) = fields.entry("zip") else { return Vec::new() };
    let tables: Vec<(&Table, Span)> = match &entry.value.kind {
        Kind::Table(table) => vec![(table, entry.value.span)],
        Kind::List(items) => items.iter().filter_map(|item| Some((as_table(item, "zip", scope)?, item.span))).collect(),
        _ => as_table(&entry.value, "zip", scope).map(|table| (table, entry.value.span)).into_iter().collect(),
    };
    tables.into_iter().map(|(table, span)| read_zip(table, span, scope, axes)).collect()
}

fn as_table<'a>(node: &'a Node, what: &str, scope: &Scope<'_>) -> Option<&'a Table> {
    if let Kind::Table(table) = &node.kind {
        return Some(table);
    }
    wrong_kind(scope.diagnostics, node, &format!("an entry of `{what}`"), "a table of axes");
    None
}

fn read_zip(table: &Table, span: Span, scope: &mut Scope<'_>, axes: &mut Vec<Axis>) -> Vec<usize> {
    let mut group = Vec::new();
    for entry in &table.entries {
        if let Some(axis) = read_axis(&entry.key, entry.key_span, &entry.value, scope) {
            group.push(axes.len());
            axes.push(axis);
        }
    }
    if group.len() < table.entries.len() {
        return group;
    }
    let lengths: Vec<usize> = group.iter().map(|&axis| axes[axis].levels.len()).collect();
    if lengths.windows(2).any(|pair| pair[0] != pair[1]) {
        let lengths: Vec<String> =
            group.iter().map(|&axis| format!("`{}` has {}", axes[axis].name, axes[axis].levels.len())).collect();
        let problem = Problem::new(span, format!("lists that are zipped have unequal lengths: {}", lengths.join(", ")));
        scope.diagnostics.report(problem.hint("axes that step together need one level for each step"));
    }
    check_steps(&group, axes, span, scope);
    group
}

/// Two equal steps of a zip would be one run twice.
fn check_steps(group: &[usize], axes: &[Axis], span: Span, scope: &Scope<'_>) {
    let length = group.iter().map(|&axis| axes[axis].levels.len()).min().unwrap_or(0);
    let mut seen = HashMap::new();
    for step in 0..length {
        let labels: Vec<&str> = group.iter().map(|&axis| axes[axis].levels[step].label.as_str()).collect();
        let shown = labels.join(", ");
        if let Some(first) = seen.insert(labels, step) {
            let message = format!("steps {} and {} of the zip are the same: {shown}", first + 1, step + 1);
            scope.diagnostics.report(Problem::new(span, message).hint("replicates are made with `seeds`"));
            return;
        }
    }
}

/// Two axes that set one factor would contradict each other.
fn check_disjoint(fields: &Fields<'_>, scope: &Scope<'_>, axes: &[Axis]) {
    let mut owner: HashMap<usize, &str> = HashMap::new();
    for axis in axes {
        let mut factors: Vec<usize> = axis.levels.iter().flat_map(|level| level.sets.iter().map(|set| set.0)).collect();
        factors.sort_unstable();
        factors.dedup();
        for factor in factors {
            let name = &scope.factors[factor].name;
            if let Some(other) = owner.insert(factor, &axis.name) {
                let message = format!("{}: `{name}` is set by the axes `{other}` and `{}`", fields.what, axis.name);
                fields.diagnostics.report(Problem::new(fields.span, message).hint("vary each factor along one axis"));
            }
        }
    }
    for entry in fields.entries("set") {
        if axes.iter().any(|axis| axis.name == entry.key) {
            let message = format!("{} sets and varies `{}`", fields.what, entry.key);
            fields.diagnostics.report(Problem::new(entry.key_span, message).hint("take it out of `set`"));
        }
    }
}

fn read_includes(fields: &Fields<'_>, scope: &mut Scope<'_>, axes: &mut [Axis]) -> Vec<Vec<LevelIx>> {
    let Some(entry) = fields.entry("include") else { return Vec::new() };
    let Kind::List(items) = &entry.value.kind else {
        wrong_kind(fields.diagnostics, &entry.value, "`include`", "a list of cells like `[{ lr = 0.1, width = 64 }]`");
        return Vec::new();
    };
    items.iter().filter_map(|item| read_include(item, scope, axes)).collect()
}

fn read_include(item: &Node, scope: &mut Scope<'_>, axes: &mut [Axis]) -> Option<Vec<LevelIx>> {
    let table = as_table(item, "include", scope)?;
    for entry in table.entries.iter().filter(|entry| axes.iter().all(|axis| axis.name != entry.key)) {
        let problem = Problem::new(entry.key_span, format!("`{}` is no axis of this grid", entry.key));
        scope.diagnostics.report(problem.nearest(&entry.key, axes.iter().map(|axis| axis.name.as_str())));
    }
    let mut cell = Vec::with_capacity(axes.len());
    for axis in axes.iter_mut() {
        let Some(entry) = table.get(&axis.name) else {
            let problem = Problem::new(item.span, format!("this cell says nothing about the axis `{}`", axis.name));
            scope.diagnostics.report(problem.hint("an extra cell names one level for each axis"));
            return None;
        };
        let level = scope.position(&entry.key, entry.key_span, &entry.value)?;
        let known = axis.levels.iter().position(|known| known.label == level.label);
        let index = known.unwrap_or_else(|| {
            axis.levels.push(level);
            axis.levels.len() - 1
        });
        cell.push(LevelIx::try_from(index).ok()?);
    }
    Some(cell)
}

/// `seeds = { values = [1, 2, 3], redraw = [...] }`, or the values alone.
fn read_seeds(fields: &Fields<'_>, scope: &mut Scope<'_>) -> Option<Seeds> {
    let entry = fields.entry("seeds")?;
    let what = format!("`seeds` of {}", fields.what);
    let (values, redraw) = match &entry.value.kind {
        Kind::Table(table) => {
            let inner = Fields::new(&what, entry.key_span, table, fields.diagnostics).only(&["values", "redraw"]);
            if inner.entry("values").is_none() {
                inner.missing("values", "write `values = [1, 2, 3]`");
            }
            (inner.entry("values").map(|entry| &entry.value)?, inner.strings("redraw"))
        }
        _ => (&entry.value, Vec::new()),
    };
    let axis = read_axis("seed", values.span, values, scope)?;
    check_distinct(&axis, values.span, scope);
    let seed = scope.factor("seed")?;
    let levels = &scope.factors[seed].levels;
    let numbers = axis.levels.iter().filter_map(|level| match levels.get(usize::from(level.sets.first()?.1)) {
        Some(crate::value::Value::Int(value)) => Some(*value),
        _ => None,
    });
    Some(Seeds { values: numbers.collect(), redraw })
}

/// Number of cells with their replicates, before exclusions; `None` if it overflows.
#[must_use]
pub fn size(grid: &Grid) -> Option<usize> {
    let mut cells = 1_usize;
    for dimension in dimensions(grid) {
        let length = dimension.iter().map(|&axis| grid.axes[axis].multiplied).min().unwrap_or(1);
        cells = cells.checked_mul(length)?;
    }
    // Without an axis there is one cell: the defaults.
    let cells = cells.checked_add(grid.include.len())?;
    cells.checked_mul(grid.seeds.as_ref().map_or(1, |seeds| seeds.values.len()))
}

/// The axes that are multiplied, in order; axes that step together are one dimension, at the place of the first.
#[must_use]
pub fn dimensions(grid: &Grid) -> Vec<Vec<usize>> {
    let mut dimensions = Vec::new();
    for axis in 0..grid.axes.len() {
        match grid.zipped.iter().find(|group| group.contains(&axis)) {
            Some(group) if group.first() == Some(&axis) => dimensions.push(group.clone()),
            Some(_) => {}
            None => dimensions.push(vec![axis]),
        }
    }
    dimensions
}
