//! `ro-crate-metadata.json`: what each file of a bundle is, and which task made it from what.
//!
//! Source: Process, Workflow and Provenance Run Crate 0.5 (w3id.org/ro/wfrun), on RO-Crate 1.1 and Workflow RO-Crate
//! 1.0. The sweep file is the workflow, each stage a step and its program a tool, each task an execution of that tool.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::graph::{Thing, uri};
use super::{DIGESTS, METADATA, SCORES, SWEEP};
use crate::grid::Sweep;
use crate::id::TaskId;

const CRATE: &str = "https://w3id.org/ro/crate/1.1";
const WORKFLOW_CRATE: &str = "https://w3id.org/workflowhub/workflow-ro-crate/1.0";
const PARAMETER: &str = "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE";
const WORKFLOW: &str = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE";
const PROFILES: [(&str, &str, &str); 4] = [
    ("https://w3id.org/ro/wfrun/process/0.5", "Process Run Crate", "0.5"),
    ("https://w3id.org/ro/wfrun/workflow/0.5", "Workflow Run Crate", "0.5"),
    ("https://w3id.org/ro/wfrun/provenance/0.5", "Provenance Run Crate", "0.5"),
    (WORKFLOW_CRATE, "Workflow RO-Crate", "1.0"),
];

/// What is to be described.
#[derive(Debug)]
pub struct Contents<'a> {
    pub sweep: &'a Sweep,
    /// Address of the licence that the files are under, as their authors state it.
    pub license: Option<&'a str>,
    /// All files but the metadata and the list of digests, by path.
    pub files: &'a [FileEntry],
    /// Upstream first.
    pub tasks: &'a [TaskEntry],
}

/// A file of the bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Below the bundle, with `/`.
    pub path: String,
    pub bytes: u64,
    /// What it is, for people.
    pub about: String,
}

/// A task whose results are in the bundle, or of which only digests are.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskEntry {
    pub id: TaskId,
    /// Index of its stage.
    pub stage: usize,
    /// Seconds since the epoch, UTC.
    pub started: f64,
    pub ended: f64,
    pub parameters: Vec<(String, Value)>,
    /// Tasks whose results it used.
    pub needs: Vec<TaskId>,
    /// Paths of its files in the bundle.
    pub files: Vec<String>,
    /// The commit of its code; empty where none is known.
    pub version: String,
}

/// The file's content.
#[must_use]
pub fn metadata(contents: &Contents<'_>) -> String {
    let mut graph = vec![
        Thing::new(METADATA, "CreativeWork").refer("about", "./").refer_all("conformsTo", [CRATE, WORKFLOW_CRATE]),
        root(contents),
        license(contents.license),
        workflow(contents),
        Thing::new("#sweep-file", "ComputerLanguage")
            .with("name", "sweep file")
            .with("description", "A TOML file that states factors, grids and stages."),
        Thing::new("#sweep", "SoftwareApplication")
            .with("name", "sweep")
            .with("softwareVersion", env!("CARGO_PKG_VERSION")),
    ];
    graph.extend(
        PROFILES
            .iter()
            .map(|(id, name, version)| Thing::new(id, "CreativeWork").with("name", *name).with("version", *version)),
    );
    graph.extend(
        [(PARAMETER, "FormalParameter"), (WORKFLOW, "ComputationalWorkflow")]
            .map(|(id, name)| Thing::new(id, "CreativeWork").with("name", name).with("version", "1.0-RELEASE")),
    );
    graph.extend(contents.files.iter().filter(|file| file.path != SWEEP).map(file));
    graph.push(
        Thing::new(DIGESTS, "File")
            .with("name", DIGESTS)
            .with("encodingFormat", "text/plain")
            .with("description", "BLAKE3 digest of every other file; `b3sum --check digests.b3` verifies them"),
    );
    graph.extend(tools(contents));
    graph.extend(executions(contents));
    let graph: Vec<Value> = graph.into_iter().map(Thing::into_json).collect();
    format!("{:#}\n", json!({ "@context": format!("{CRATE}/context"), "@graph": graph }))
}

fn root(contents: &Contents<'_>) -> Thing {
    let sweep = contents.sweep;
    let title = if sweep.title.is_empty() { &sweep.name } else { &sweep.title };
    let description = format!("Sweep `{}`: its plan, scores, figures, predictions and their provenance.", sweep.name);
    let files = contents.files.iter().map(|file| uri(&file.path)).chain([DIGESTS.to_owned()]);
    Thing::new("./", "Dataset")
        .refer_all("conformsTo", PROFILES.map(|profile| profile.0))
        .with("name", title.as_str())
        .with("description", description)
        // When the last result came in: the same results give the same bundle.
        .with("datePublished", time(span(contents).1))
        .refer("license", contents.license.unwrap_or(NO_LICENSE))
        .refer("mainEntity", SWEEP)
        .refer_all("mentions", ["#run", "#organisation"])
        .refer_all("hasPart", files)
}

const NO_LICENSE: &str = "#no-licence";

fn license(stated: Option<&str>) -> Thing {
    match stated {
        Some(address) => Thing::new(address, "CreativeWork").with("name", address).with("description", "Licence"),
        None => Thing::new(NO_LICENSE, "CreativeWork")
            .with("name", "No licence stated")
            .with("description", "Whoever made this bundle stated no licence: ask before you use it."),
    }
}

fn workflow(contents: &Contents<'_>) -> Thing {
    let stages = used_stages(contents);
    let name = |stage: &usize| contents.sweep.stages[*stage].name.clone();
    let file = contents.files.iter().find(|file| file.path == SWEEP);
    Thing::new(SWEEP, json!(["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"]))
        .with("name", contents.sweep.name.as_str())
        .with("description", contents.sweep.title.as_str())
        .with("contentSize", file.map_or_else(String::new, |file| file.bytes.to_string()))
        .with("encodingFormat", "application/toml")
        .refer("programmingLanguage", "#sweep-file")
        .refer("conformsTo", WORKFLOW)
        .refer("license", contents.license.unwrap_or(NO_LICENSE))
        .refer_all("hasPart", stages.iter().map(|stage| tool_id(&name(stage))))
        .refer_all("step", stages.iter().map(|stage| step_id(&name(stage))))
        .refer_all("output", ["#scores"])
}

fn file(file: &FileEntry) -> Thing {
    let name = file.path.rsplit('/').next().unwrap_or_default();
    let thing = Thing::new(&uri(&file.path), "File")
        .with("name", name)
        .with("contentSize", file.bytes.to_string())
        .with("encodingFormat", media_type(name))
        .with("description", file.about.as_str());
    if file.path == SCORES { thing.refer("exampleOfWork", "#scores") } else { thing }
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "csv" => "text/csv",
        "html" => "text/html",
        "json" => "application/json",
        "jsonl" => "application/jsonl",
        "md" => "text/markdown",
        "parquet" => "application/vnd.apache.parquet",
        "pdf" => "application/pdf",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "tex" => "application/x-tex",
        "toml" => "application/toml",
        "txt" => "text/plain",
        _ => "application/octet-stream",
    }
}

/// Stages that tasks were executed of, ascending.
fn used_stages(contents: &Contents<'_>) -> BTreeSet<usize> {
    contents.tasks.iter().map(|task| task.stage).collect()
}

fn tool_id(stage: &str) -> String {
    format!("#tool/{}", uri(stage))
}

fn step_id(stage: &str) -> String {
    format!("{SWEEP}#{}", uri(stage))
}

fn parameter_id(stage: &str, name: &str) -> String {
    format!("#parameter/{}/{}", uri(stage), uri(name))
}

/// The programs of the stages, the steps that they are, and the parameters that they take.
fn tools(contents: &Contents<'_>) -> Vec<Thing> {
    let mut things = vec![
        Thing::new("#scores", "FormalParameter")
            .with("name", "scores")
            .with("additionalType", "File")
            .with("encodingFormat", "application/jsonl")
            .refer("conformsTo", PARAMETER),
    ];
    for (position, index) in (1..).zip(used_stages(contents)) {
        let stage = &contents.sweep.stages[index];
        let (mut parameters, mut versions) = (BTreeMap::<&str, &Value>::new(), BTreeSet::new());
        for task in contents.tasks.iter().filter(|task| task.stage == index) {
            versions.insert(task.version.as_str());
            parameters.extend(task.parameters.iter().map(|(name, value)| (name.as_str(), value)));
        }
        things.push(
            Thing::new(&tool_id(&stage.name), "SoftwareApplication")
                .with("name", stage.command.join(" "))
                .with("softwareVersion", versions.into_iter().collect::<Vec<_>>().join(", "))
                .refer_all("input", parameters.keys().map(|name| parameter_id(&stage.name, name))),
        );
        things.push(
            Thing::new(&step_id(&stage.name), "HowToStep")
                .with("name", stage.name.as_str())
                .with("position", position.to_string())
                .refer("workExample", &tool_id(&stage.name)),
        );
        things.extend(parameters.iter().map(|(name, value)| {
            Thing::new(&parameter_id(&stage.name, name), "FormalParameter")
                .with("name", *name)
                .with("additionalType", kind(value))
                .refer("conformsTo", PARAMETER)
        }));
    }
    things
}

/// As schema.org names types.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "Boolean",
        Value::Number(number) if number.is_f64() => "Float",
        Value::Number(_) => "Integer",
        _ => "Text",
    }
}

/// What was executed: the sweep as a whole, and each task.
fn executions(contents: &Contents<'_>) -> Vec<Thing> {
    let stages = used_stages(contents);
    let control_id = |stage: usize| format!("#control/{}", uri(&contents.sweep.stages[stage].name));
    let (started, ended) = span(contents);
    let report = contents.files.iter().filter(|file| file.path.starts_with("report/") || file.path == SCORES);
    let timed = |thing: Thing| thing.with("startTime", time(started)).with("endTime", time(ended));
    let mut things = vec![
        timed(Thing::new("#run", "CreateAction").with("name", format!("All of sweep {}", contents.sweep.name)))
            .refer("instrument", SWEEP)
            .with("actionStatus", COMPLETED)
            .refer_all("result", report.map(|file| uri(&file.path))),
        timed(Thing::new("#organisation", "OrganizeAction").with("name", "sweep submit"))
            .refer("instrument", "#sweep")
            .refer_all("object", stages.iter().map(|stage| control_id(*stage)))
            .refer("result", "#run"),
    ];
    for stage in stages {
        let tasks = contents.tasks.iter().filter(|task| task.stage == stage).map(|task| task_id(&task.id));
        let name = &contents.sweep.stages[stage].name;
        things.push(
            Thing::new(&control_id(stage), "ControlAction")
                .with("name", format!("Tasks of stage {name}"))
                .refer("instrument", &step_id(name))
                .refer_all("object", tasks),
        );
    }
    let mut values = Values::default();
    let files: BTreeMap<TaskId, &[String]> = contents.tasks.iter().map(|task| (task.id, &task.files[..])).collect();
    let tasks: Vec<Thing> = contents.tasks.iter().map(|task| execution(contents, task, &files, &mut values)).collect();
    things.extend(tasks);
    things.extend(values.things);
    things
}

const COMPLETED: &str = "http://schema.org/CompletedActionStatus";

fn task_id(task: &TaskId) -> String {
    format!("#task/{task}")
}

fn execution(
    contents: &Contents<'_>,
    task: &TaskEntry,
    files: &BTreeMap<TaskId, &[String]>,
    values: &mut Values,
) -> Thing {
    let stage = &contents.sweep.stages[task.stage].name;
    let upstream = task.needs.iter().filter_map(|need| files.get(need)).flat_map(|files| files.iter());
    let mut used: Vec<String> = task.parameters.iter().map(|(name, value)| values.id(stage, name, value)).collect();
    used.extend(upstream.map(|path| uri(path)));
    Thing::new(&task_id(&task.id), "CreateAction")
        .with("name", format!("Task {} of stage {stage}", task.id.short(8)))
        .refer("instrument", &tool_id(stage))
        .with("startTime", time(task.started))
        .with("endTime", time(task.ended))
        .with("actionStatus", COMPLETED)
        .refer_all("object", used)
        .refer_all("result", task.files.iter().map(|path| uri(path)))
}

/// Values of parameters, each once, whatever the number of tasks that have it.
#[derive(Debug, Default)]
struct Values {
    known: BTreeMap<(String, String), String>,
    things: Vec<Thing>,
}

impl Values {
    fn id(&mut self, stage: &str, name: &str, value: &Value) -> String {
        let parameter = parameter_id(stage, name);
        let key = (parameter.clone(), value.to_string());
        if let Some(id) = self.known.get(&key) {
            return id.clone();
        }
        let id = format!("#value/{}/{}/{}", uri(stage), uri(name), self.known.len() + 1);
        // A property has one value or several: a list is written as one text.
        let value = if value.is_array() { Value::String(value.to_string()) } else { value.clone() };
        let thing = Thing::new(&id, "PropertyValue").with("name", name).with("value", value);
        self.things.push(thing.refer("exampleOfWork", &parameter));
        self.known.insert(key, id.clone());
        id
    }
}

/// When the first task began and the last one ended.
fn span(contents: &Contents<'_>) -> (f64, f64) {
    let all = contents.tasks.iter().map(|task| (task.started, task.ended));
    all.reduce(|all, one| (all.0.min(one.0), all.1.max(one.1))).unwrap_or_default()
}

/// As ISO 8601 has it, to the second, UTC.
#[expect(clippy::cast_possible_truncation, reason = "a time that is out of range is refused by `from_second`")]
fn time(seconds: f64) -> String {
    jiff::Timestamp::from_second(seconds.floor() as i64).map_or_else(|_| String::new(), |time| time.to_string())
}
