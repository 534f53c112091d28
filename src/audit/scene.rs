//! A sweep with facts beside its evidence, made by hand for tests of rules.

use std::sync::Arc;

use runfile::{Outcome, PROTOCOL, Verdict, outcome, scores};

use super::case::Case;
use super::facts::{Artifact, Attempt, Column, Contents, Disk, Facts, Imported, OnDisk, Provenance};
use super::finding::Finding;
use super::rules::Rule;
use crate::report::frame::Index;
use crate::report::world::World;

/// Cells 0 to 5: data 1k, 5k, 9k, each with loss cosine and l1.
pub const SWEEP: &str = r#"
name = "small"

[defaults]
data = "1k"
loss = "cosine"
rate = 0.5
seed = 0

[grids.main]
vary = { data = ["1k", "5k", "9k"], loss = ["cosine", "l1"] }

[stages.train]
kind = "train"
uses = ["data", "loss", "rate", "seed"]
command = ["train"]
outputs = ["model.bin"]

[stages.evaluate]
kind = "measure"
needs = ["train"]
command = ["evaluate"]

[metrics.accuracy]
direction = "maximize"

[metrics.fid]
direction = "minimize"

[metrics.reading]
direction = "maximize"
benchmark = "r"

[metrics.counting]
direction = "maximize"
benchmark = "c"

[metrics.average]
direction = "maximize"
benchmark = "both"
mean_of = ["reading", "counting"]

[anchors.chance]
metrics = "reading"
benchmark = "chance/{benchmark}"
"#;

pub struct Scene {
    pub world: World,
    pub facts: Facts,
}

impl Scene {
    /// Nothing has run.
    pub fn new() -> Self {
        Self::of(SWEEP)
    }

    pub fn of(text: &str) -> Self {
        Self { world: World::new(text), facts: Facts::default() }
    }

    /// Everything ran once, alike, and left results of its own: accuracy 0.50, 0.51, ...
    pub fn complete() -> Self {
        let mut scene = Self::new();
        scene.run_all();
        (0..6).for_each(|cell| scene.world.measure(cell, "evaluate", "accuracy", (50.0 + cell as f64) / 100.0));
        scene
    }

    /// Cells 0 to 2 are seeds of cosine, 3 to 5 of l1. Everything ran, and nothing was scored.
    pub fn seeded() -> Self {
        let grid = r#"vary = { data = ["1k", "5k", "9k"], loss = ["cosine", "l1"] }"#;
        let mut scene = Self::of(&SWEEP.replace(grid, "vary = { loss = [\"cosine\", \"l1\"] }\nseeds = [1, 2, 3]"));
        scene.run_all();
        scene
    }

    fn run_all(&mut self) {
        for cell in 0..6 {
            for (stage, file) in [("train", "model.bin"), ("evaluate", "predictions/all.jsonl")] {
                let task = self.world.task(cell, stage);
                let digest = blake3::hash(format!("{cell} {stage}").as_bytes());
                self.facts.attempts.push(Attempt {
                    task,
                    number: 1,
                    succeeded: true,
                    ended: 2.0,
                    folder: format!("{}/attempts/1/out", task.short(8)),
                    provenance: provenance(stage),
                    artifacts: vec![Artifact { path: file.to_owned(), bytes: 1000, digest, deleted: false }],
                    problems: Vec::new(),
                    scores: Vec::new(),
                });
            }
        }
    }

    pub fn find(&self, rule: &Rule) -> Vec<Finding> {
        let evidence = self.world.evidence();
        let index = Index::of(&evidence);
        (rule.find)(&Case::new(&evidence, &self.facts, &index))
    }

    fn position(&self, cell: usize, stage: &str) -> usize {
        let task = self.world.task(cell, stage);
        self.facts.attempts.iter().position(|attempt| attempt.task == task).unwrap()
    }

    pub fn attempt(&mut self, cell: usize, stage: &str) -> &mut Attempt {
        let position = self.position(cell, stage);
        &mut self.facts.attempts[position]
    }

    pub fn disk(&mut self) -> &mut Disk {
        self.facts.disk.get_or_insert_with(Disk::default)
    }

    pub fn on_disk(&mut self, cell: usize, stage: &str) -> &mut OnDisk {
        let attempt = self.position(cell, stage);
        let attempts = &mut self.disk().attempts;
        let place = attempts.iter().position(|known| known.attempt == attempt).unwrap_or_else(|| {
            attempts.push(OnDisk { attempt, ..OnDisk::default() });
            attempts.len() - 1
        });
        &mut attempts[place]
    }

    fn contents(&mut self, cell: usize, stage: &str) -> &mut Contents {
        let outcome = Ok(Box::new(self.outcome(cell, stage)));
        let empty = Contents { outcome, scores: None, effective: None };
        self.on_disk(cell, stage).contents.get_or_insert(empty)
    }

    pub fn effective(&mut self, cell: usize, stage: &str, text: &str) {
        self.contents(cell, stage).effective = Some(serde_json::from_str(text).unwrap());
    }

    pub fn scores_file(&mut self, cell: usize, stage: &str, text: &str) {
        self.contents(cell, stage).scores = Some(scores::parse("scores.json".as_ref(), text.as_bytes()).unwrap());
    }

    pub fn put_outcome(&mut self, cell: usize, stage: &str, outcome: Result<Box<Outcome>, String>) {
        self.contents(cell, stage).outcome = outcome;
    }

    /// The outcome that an attempt was stored from.
    pub fn outcome(&mut self, cell: usize, stage: &str) -> Outcome {
        let attempt = self.attempt(cell, stage);
        let artifact = |artifact: &Artifact| outcome::Artifact {
            path: artifact.path.clone().into(),
            bytes: artifact.bytes,
            blake3: artifact.digest.to_hex().to_string(),
        };
        Outcome {
            protocol: PROTOCOL,
            task: attempt.task.to_string(),
            attempt: attempt.number,
            verdict: Verdict::Succeeded,
            reason: None,
            message: String::new(),
            exit_code: Some(0),
            signal: None,
            started: 1.0,
            ended: 2.0,
            artifacts: attempt.artifacts.iter().map(artifact).collect(),
            provenance: serde_json::Map::new(),
        }
    }

    /// A number of a table with a row a cell, the first on line 2.
    pub fn import(&mut self, cell: usize, metric: &str, value: f64, source: &str) {
        let definition = self.world.sweep.metrics.iter().find(|known| known.name == metric).unwrap();
        let column = Column {
            import: source.to_owned(),
            file: "table.csv".into(),
            source: source.to_owned(),
            metric: definition.score.clone(),
            benchmark: definition.benchmark.clone().unwrap_or_default(),
        };
        let known = self.facts.imported.iter().find(|imported| *imported.column == column);
        let column = known.map_or_else(|| Arc::new(column), |imported| Arc::clone(&imported.column));
        let run = self.world.plan.runs[self.world.run(cell).0 as usize];
        self.facts.imported.push(Imported { run, column, value, line: 2 + cell as u64, note: None });
        self.world.import(cell, metric, value, source);
    }
}

fn provenance(stage: &str) -> Provenance {
    Provenance {
        command: vec![stage.to_owned()],
        commit: Some("c".repeat(40)),
        dirty: Some(false),
        program: Some("a".repeat(64)),
        device: Some("cpu".to_owned()),
        ..Provenance::default()
    }
}
