//! Stages: what is run, in which order, with which factors and which resources.

use super::command::{self, Piece};
use super::condition::{self, Names};
use super::factors::Scope;
use super::read::{Fields, wrong_kind};
use super::source::{At, Diagnostics, Problem, Span};
use super::sweep::{AT, Applies, Checkpoints, OnSuccess, Place, Resources, Retry, Stage, StageKind};
use super::tree::{Entry, Kind, Table};
use crate::value::Value;

/// Keys of `[stages.<name>]`.
pub const KEYS: [&str; 14] = [
    "kind",
    "uses",
    "needs",
    "command",
    "version",
    "applies",
    "at",
    "threads",
    "outputs",
    "code",
    "pins",
    "resources",
    "retry",
    "checkpoints",
];

/// Keys that the one-stage form has at the top of the file.
pub const TOP_KEYS: [&str; 9] =
    ["command", "version", "threads", "outputs", "code", "pins", "resources", "retry", "checkpoints"];

/// A stage as read, its needs still names.
pub struct Draft {
    pub stage: Stage,
    pub span: Span,
    /// The command, argument by argument.
    pub command: Vec<At<String>>,
    needs: Vec<At<String>>,
    /// Points of the training; empty for the end alone.
    points: Vec<At<String>>,
}

/// Read `[stages.<name>]`.
pub fn read(entry: &Entry, table: &Table, scope: &Scope<'_>, names: Names<'_>) -> Draft {
    let what = format!("stage `{}`", entry.key);
    let fields = Fields::new(&what, entry.key_span, table, scope.diagnostics).only(&KEYS);
    if fields.entry("kind").is_none() {
        fields
            .missing("kind", "write `kind = \"train\"` if it makes the model, `kind = \"measure\"` if it looks at it");
    }
    let kind = fields.word("kind", &[("train", StageKind::Train), ("measure", StageKind::Measure)]);
    read_fields(&entry.key, &fields, kind.unwrap_or(StageKind::Train), scope, names)
}

/// Read the one stage of the short form: it trains and uses every factor.
pub fn read_only(fields: &Fields<'_>, scope: &Scope<'_>, names: Names<'_>) -> Draft {
    let mut draft = read_fields("train", fields, StageKind::Train, scope, names);
    draft.stage.uses = (0..scope.factors.len()).collect();
    draft
}

/// Read the keys of a stage, wherever they stand.
fn read_fields(name: &str, fields: &Fields<'_>, kind: StageKind, scope: &Scope<'_>, names: Names<'_>) -> Draft {
    let uses = read_uses(fields, scope);
    let resources = fields.table("resources");
    let base = resources.map_or_else(Resources::one_node, |table| {
        let what = format!("`resources` of {}", fields.what);
        read_resources(&Fields::new(&what, fields.span, table, fields.diagnostics).only(&RESOURCE_KEYS), None)
    });
    let points = read_points(fields, kind);
    let command = read_command(fields);
    let stage = Stage {
        name: name.to_owned(),
        place: Place(command.first().map_or(fields.span, |program| program.span)),
        kind,
        version: fields.whole("version", 1..=u32::MAX).unwrap_or(1),
        uses,
        constants: Vec::new(),
        needs: Vec::new(),
        command: command.iter().map(|argument| argument.value.clone()).collect(),
        applies: fields.text("applies").and_then(|text| condition::read(names, &text, fields.diagnostics)),
        threads: fields.whole("threads", 1..=4096).unwrap_or(1),
        outputs: read_paths(fields, "outputs"),
        code: read_paths(fields, "code"),
        pins: read_pins(fields),
        resources_when: resources.map_or_else(Vec::new, |table| read_when(fields, table, &base, names)),
        resources: base,
        checkpoints: read_checkpoints(fields),
        retry: read_retry(fields),
    };
    Draft { stage, span: fields.span, command, needs: fields.texts("needs").unwrap_or_default(), points }
}

/// The factors of `uses`; a composite stands for all that it sets. Without the key there are none.
fn read_uses(fields: &Fields<'_>, scope: &Scope<'_>) -> Vec<usize> {
    let mut uses = Vec::new();
    for name in fields.texts("uses").unwrap_or_default() {
        match (scope.factor(&name.value), scope.composite(&name.value)) {
            (Some(factor), _) => uses.push(factor),
            (None, Some(composite)) => {
                uses.extend(composite.levels.iter().flat_map(|level| level.sets.iter().map(|set| set.0)));
            }
            (None, None) => scope.unknown(&name.value, name.span),
        }
    }
    uses.sort_unstable();
    uses.dedup();
    uses
}

fn read_command(fields: &Fields<'_>) -> Vec<At<String>> {
    if let Some(Kind::Text(text)) = fields.entry("command").map(|entry| &entry.value.kind) {
        let words: Vec<String> = text.split_whitespace().map(|word| format!("\"{}\"", word.escape_debug())).collect();
        let span = fields.entry("command").map_or(fields.span, |entry| entry.value.span);
        let problem = Problem::new(span, format!("the command of {} is one text", fields.what));
        let hint = format!("no shell is involved: write `command = [{}]`", words.join(", "));
        fields.diagnostics.report(problem.hint(hint));
        return Vec::new();
    }
    if fields.entry("command").is_none() {
        fields.missing("command", "write `command = [\"python3\", \"train.py\", \"--config\", \"{config}\"]`");
    }
    fields.texts("command").unwrap_or_default()
}

/// Paths below the job's or the sweep's folder.
fn read_paths(fields: &Fields<'_>, key: &str) -> Vec<String> {
    if fields.entry(key).is_none() {
        return Vec::new();
    }
    let paths = fields.texts(key).unwrap_or_default();
    for path in &paths {
        let climbs = path.value.split('/').any(|part| part == "..");
        if climbs || path.value.starts_with('/') || path.value.is_empty() {
            let message = format!("`{}` leaves the folder that `{key}` is about", path.value.escape_debug());
            fields.diagnostics.report(Problem::new(path.span, message).hint("write a relative path without `..`"));
        }
    }
    paths.into_iter().map(|path| path.value).collect()
}

fn read_pins(fields: &Fields<'_>) -> Vec<(String, String)> {
    let mut pins: Vec<(String, String)> = Vec::new();
    for (name, digest) in fields.pairs("pins") {
        let hex = digest.value.rsplit(':').next().unwrap_or_default();
        if hex.len() < 32 || !hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            let message = format!("the pin `{}` is not a digest", name.value.escape_debug());
            let hint = "write at least 32 hexadecimal digits in lower case, like `sha256:82e9d319...`";
            fields.diagnostics.report(Problem::new(digest.span, message).hint(hint));
        }
        pins.push((name.value, digest.value));
    }
    pins.sort_unstable();
    pins
}

const RESOURCE_KEYS: [&str; 10] = [
    "gpus",
    "nodes",
    "processes",
    "memory",
    "time",
    "expected",
    "expected_per_million",
    "checkpoint",
    "result",
    "when",
];

/// Read resources; what is not said is as in `base`.
fn read_resources(fields: &Fields<'_>, base: Option<&Resources>) -> Resources {
    let base = base.cloned().unwrap_or_else(Resources::one_node);
    Resources {
        gpus: fields.whole("gpus", 0..=1024).unwrap_or(base.gpus),
        nodes: fields.whole("nodes", 1..=100_000).unwrap_or(base.nodes),
        processes: fields.whole("processes", 1..=4096).or(base.processes),
        memory_bytes: fields.bytes("memory").or(base.memory_bytes),
        time_seconds: fields.duration("time").or(base.time_seconds),
        expected_seconds: fields.duration("expected").or(base.expected_seconds),
        expected_seconds_per_million: fields.duration("expected_per_million").or(base.expected_seconds_per_million),
        checkpoint_bytes: fields.bytes("checkpoint").or(base.checkpoint_bytes),
        result_bytes: fields.bytes("result").or(base.result_bytes),
    }
}

/// `[stages.<name>.resources.when."<filter>"]`.
fn read_when(fields: &Fields<'_>, table: &Table, base: &Resources, names: Names<'_>) -> Vec<(Applies, Resources)> {
    let what = format!("`resources` of {}", fields.what);
    let outer = Fields::new(&what, fields.span, table, fields.diagnostics);
    let mut rules = Vec::new();
    for entry in outer.entries("when") {
        let filter = At { value: entry.key.clone(), span: entry.key_span };
        let Some(applies) = condition::read(names, &filter, fields.diagnostics) else { continue };
        let Kind::Table(table) = &entry.value.kind else {
            wrong_kind(fields.diagnostics, &entry.value, &format!("`{}`", entry.key), "a table of resources");
            continue;
        };
        let keys = &RESOURCE_KEYS[..RESOURCE_KEYS.len() - 1];
        let inner = Fields::new(&what, entry.key_span, table, fields.diagnostics).only(keys);
        rules.push((applies, read_resources(&inner, Some(base))));
    }
    rules
}

fn read_checkpoints(fields: &Fields<'_>) -> Checkpoints {
    let Some(table) = fields.table("checkpoints") else { return Checkpoints::default() };
    let what = format!("`checkpoints` of {}", fields.what);
    let fields = Fields::new(&what, fields.span, table, fields.diagnostics).only(&["every", "keep_last", "on_success"]);
    let words = [("weights", OnSuccess::Weights), ("all", OnSuccess::All), ("nothing", OnSuccess::Nothing)];
    let default = Checkpoints::default();
    Checkpoints {
        every_seconds: fields.duration("every"),
        keep_last: fields.whole("keep_last", 1..=1000).unwrap_or(default.keep_last),
        on_success: fields.word("on_success", &words).unwrap_or(default.on_success),
    }
}

fn read_retry(fields: &Fields<'_>) -> Retry {
    const ATTEMPTS: u32 = 3;
    match fields.entry("retry").map(|entry| &entry.value.kind) {
        Some(Kind::Table(table)) => {
            let what = format!("`retry` of {}", fields.what);
            let keys = ["attempts", "memory", "time"];
            let fields = Fields::new(&what, fields.span, table, fields.diagnostics).only(&keys);
            Retry {
                attempts: fields.whole("attempts", 1..=100).unwrap_or(ATTEMPTS),
                memory_percent: fields.more("memory"),
                time_percent: fields.more("time"),
            }
        }
        _ => Retry {
            attempts: fields.whole("retry", 1..=100).unwrap_or(ATTEMPTS),
            memory_percent: None,
            time_percent: None,
        },
    }
}

fn read_points(fields: &Fields<'_>, kind: StageKind) -> Vec<At<String>> {
    let points = fields.entry("at").map_or_else(Vec::new, |_| fields.texts("at").unwrap_or_default());
    if let (StageKind::Train, Some(entry)) = (kind, fields.entry("at")) {
        let problem = Problem::new(entry.key_span, format!("{} trains: only a measure stage has `at`", fields.what));
        fields.diagnostics.report(problem.hint("write `at` in the stage that looks at the checkpoints"));
        return Vec::new();
    }
    for (index, point) in points.iter().enumerate() {
        let percent = point.value.strip_suffix('%').and_then(|number| number.parse::<u32>().ok());
        if point.value != "last" && !percent.is_some_and(|percent| (1..100).contains(&percent)) {
            let problem =
                Problem::new(point.span, format!("`{}` is no point of a training", point.value.escape_debug()));
            fields.diagnostics.report(problem.hint("write `last`, or a share like `25%`"));
        } else if points[..index].iter().any(|earlier| earlier.value == point.value) {
            fields.diagnostics.report(Problem::new(point.span, format!("`{}` is listed twice", point.value)));
        }
    }
    points
}

/// Put the stages in order, each after what it needs, with one stage for each point of a training.
pub fn arrange(drafts: Vec<Draft>, diagnostics: &Diagnostics) -> Vec<Stage> {
    let needs: Vec<Vec<usize>> = drafts.iter().map(|draft| needed(draft, &drafts, diagnostics)).collect();
    let Some(order) = order(&drafts, &needs, diagnostics) else { return Vec::new() };
    let mut stages: Vec<Stage> = Vec::new();
    // By draft: (point, index of its stage).
    let mut placed: Vec<Vec<(String, usize)>> = vec![Vec::new(); drafts.len()];
    for draft in order {
        let Draft { stage, points, .. } = &drafts[draft];
        let points = if points.is_empty() { vec!["last"] } else { points.iter().map(|at| at.value.as_str()).collect() };
        for point in points {
            let mut stage = at_point(stage, point);
            for &need in &needs[draft] {
                match point_of(&placed[need], point) {
                    Some(index) => stage.needs.push(index),
                    None => diagnostics.report(no_such_point(&drafts[draft], &drafts[need], point)),
                }
            }
            stage.needs.sort_unstable();
            placed[draft].push((point.to_owned(), stages.len()));
            stages.push(stage);
        }
    }
    stages
}

/// The end of a training keeps the plain name, so that more points leave its identity alone.
fn at_point(stage: &Stage, point: &str) -> Stage {
    let mut stage = stage.clone();
    if point != "last" {
        stage.name = format!("{}@{point}", stage.name);
        stage.constants.push((AT.to_owned(), Value::Text(point.to_owned())));
    }
    stage
}

/// The stage at the same point, or the only one.
fn point_of(placed: &[(String, usize)], point: &str) -> Option<usize> {
    match placed {
        [(_, index)] => Some(*index),
        placed => placed.iter().find(|(known, _)| known == point).map(|(_, index)| *index),
    }
}

fn no_such_point(draft: &Draft, need: &Draft, point: &str) -> Problem {
    let message =
        format!("stage `{}` at `{point}` needs stage `{}`, which has no such point", draft.stage.name, need.stage.name);
    Problem::new(draft.span, message).hint("write the same `at` in both stages")
}

fn needed(draft: &Draft, drafts: &[Draft], diagnostics: &Diagnostics) -> Vec<usize> {
    let mut needs = Vec::new();
    for need in &draft.needs {
        let Some(index) = drafts.iter().position(|other| other.stage.name == need.value) else {
            let problem = Problem::new(need.span, format!("there is no stage `{}`", need.value));
            let names = drafts.iter().map(|draft| draft.stage.name.as_str());
            diagnostics.report(problem.nearest(&need.value, names.filter(|name| *name != draft.stage.name)));
            continue;
        };
        if draft.stage.kind == StageKind::Train && drafts[index].stage.kind == StageKind::Measure {
            let message = format!("stage `{}` trains and needs `{}`, which measures", draft.stage.name, need.value);
            let hint = format!("a model cannot depend on its own scores: make `{}` of kind train", need.value);
            diagnostics.report(Problem::new(need.span, message).hint(hint));
        }
        if !needs.contains(&index) {
            needs.push(index);
        }
    }
    needs
}

/// Depth first, in the order of the file; `None` and a report where stages need each other in a circle.
fn order(drafts: &[Draft], needs: &[Vec<usize>], diagnostics: &Diagnostics) -> Option<Vec<usize>> {
    let mut order: Vec<usize> = Vec::with_capacity(drafts.len());
    while order.len() < drafts.len() {
        let ready = (0..drafts.len())
            .find(|draft| !order.contains(draft) && needs[*draft].iter().all(|need| order.contains(need)));
        let Some(ready) = ready else {
            diagnostics.report(circle(drafts, needs, &order));
            return None;
        };
        order.push(ready);
    }
    Some(order)
}

fn circle(drafts: &[Draft], needs: &[Vec<usize>], ordered: &[usize]) -> Problem {
    let mut path: Vec<usize> = (0..drafts.len()).find(|draft| !ordered.contains(draft)).into_iter().collect();
    while let Some(next) =
        path.last().and_then(|&draft| needs[draft].iter().copied().find(|need| !ordered.contains(need)))
    {
        if let Some(start) = path.iter().position(|draft| *draft == next) {
            path.drain(..start);
            path.push(next);
            break;
        }
        path.push(next);
    }
    let names: Vec<String> = path.iter().map(|&draft| format!("`{}`", drafts[draft].stage.name)).collect();
    let first = path.first().copied().unwrap_or_default();
    let span = drafts[first].needs.first().map_or(drafts[first].span, |need| need.span);
    let message = format!("stages need each other in a circle: {}", names.join(" needs "));
    Problem::new(span, message).hint("take one of these out of `needs`")
}

/// A task is shared by the runs that agree on what it depends on: its resources must not depend on anything else.
pub fn check_conditions(stages: &[Stage], scope: &Scope<'_>, place: impl Fn(&Stage) -> Span) {
    let mut known: Vec<Vec<usize>> = Vec::new();
    for stage in stages {
        let mut uses = stage.uses.clone();
        stage.needs.iter().for_each(|&need| uses.extend_from_slice(&known[need]));
        for (when, _) in &stage.resources_when {
            let mut factors = Vec::new();
            when.condition.factors(&mut factors);
            for factor in factors.into_iter().filter(|factor| !uses.contains(factor)) {
                let name = &scope.factors[factor].name;
                let message = format!(
                    "the resources of stage `{}` depend on `{name}`, which it does not use",
                    stage.plain_name()
                );
                scope.diagnostics.report(Problem::new(place(stage), message).hint(format!("add `{name}` to `uses`")));
            }
        }
        known.push(uses);
    }
}

/// Report placeholders in `command` that the stage has no value for.
pub fn check_placeholders(stage: &Stage, all: &[Stage], scope: &Scope<'_>, command: &[At<String>]) {
    let mut known: Vec<String> = command::BUILT_IN.iter().map(|&name| name.to_owned()).collect();
    known.extend(stage.uses.iter().map(|&factor| scope.factors[factor].name.clone()));
    known.extend(stage.constants.iter().map(|(name, _)| name.clone()));
    known.extend(stage.needs.iter().map(|&need| format!("input.{}", all[need].plain_name())));
    for argument in command {
        for piece in command::pieces(&argument.value) {
            let Piece::Place(name, _) = piece else { continue };
            if known.iter().all(|known| known != name) {
                scope.diagnostics.report(no_such_place(name, stage, scope, argument.span, &known));
            }
        }
    }
}

fn no_such_place(name: &str, stage: &Stage, scope: &Scope<'_>, span: Span, known: &[String]) -> Problem {
    let what = format!("`{{{name}}}` in the command of stage `{}`", stage.plain_name());
    if scope.factor(name).is_some() {
        let problem = Problem::new(span, format!("{what} is a factor that the stage does not use"));
        return problem.hint(format!("add `{name}` to `uses`"));
    }
    let mut problem = Problem::new(span, format!("{what} stands for nothing"));
    problem = problem.nearest(name, known.iter().map(String::as_str));
    problem.hint.push_str(&format!("; the text itself is written `{{{{{name}}}}}`"));
    problem
}
