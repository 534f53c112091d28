use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use runfile::{FailureReason, Score, Verdict};
use serde_json::{Map, Value, json};

use super::*;
use crate::attempt::Ledger;
use crate::evidence::Evidence;
use crate::grid::{self, Sweep};
use crate::id::RunId;
use crate::metric::{Kind, Observation, Subject};
use crate::plan::{Plan, RunIx, Selection, build};

const SWEEP: &str = r#"
name = "small"
[defaults]
lr = 0.1
seed = 1
[grids.main]
vary = { lr = [0.1, 0.01] }
seeds = { values = [1, 2, 3], redraw = ["train.init"] }
[stages.train]
kind = "train"
uses = ["lr", "seed"]
command = ["train"]
[stages.evaluate]
kind = "measure"
needs = ["train"]
command = ["evaluate"]
[metrics.accuracy]
direction = "maximize"
"#;

struct World {
    sweep: Sweep,
    plan: Plan,
    observations: Vec<Observation>,
}

impl World {
    /// Three seeds of the first cell have the scores `seeds`.
    fn new(extra: &str, seeds: [f64; 3]) -> Self {
        let sweep = grid::parse(Path::new("small.toml"), &format!("{SWEEP}{extra}")).unwrap();
        let plan = build(&sweep, &Selection::default()).unwrap();
        let kind = Kind {
            metric: "accuracy".into(),
            benchmark: String::new(),
            split: String::new(),
            source: "measured".into(),
        };
        let kind = Arc::new(kind);
        let observation = |(run, value): (u32, f64)| {
            let task = plan.tasks[plan.task_of(RunIx(run), 1).unwrap().0 as usize].id;
            Observation {
                subject: Subject::Task(task),
                kind: Arc::clone(&kind),
                step: None,
                value,
                n: None,
                stderr: None,
            }
        };
        let observations = (0..).zip(seeds).map(observation).collect();
        Self { sweep, plan, observations }
    }

    /// The first run done again: its weights are `weights`, its score is `score`.
    fn repeats(&self, weights: &str, score: f64, now: &Map<String, Value>) -> Vec<Repeat> {
        let left = |files: &[(&str, &str)], scores: Vec<Score>, facts: &Map<String, Value>| Left {
            provenance: facts.clone(),
            artifacts: files.iter().map(|(path, text)| (path.into(), blake3::hash(text.as_bytes()))).collect(),
            scores,
        };
        let then = facts();
        let before = self.observations[0].value;
        let scores = |value| vec![Score::new("accuracy", "", value)];
        vec![
            self.repeat(0, left(&[("model", "w")], vec![], &then), left(&[("model", weights)], vec![], now)),
            self.repeat(
                1,
                left(&[("scores.json", &before.to_string())], scores(before), &then),
                left(&[("scores.json", &score.to_string())], scores(score), now),
            ),
        ]
    }

    fn repeat(&self, stage: usize, before: Left, again: Left) -> Repeat {
        Repeat {
            task: self.plan.tasks[self.plan.task_of(RunIx(0), stage).unwrap().0 as usize].id,
            attempt: 1,
            token: "1".to_owned(),
            recorded: 7.0,
            verdict: Verdict::Succeeded,
            reason: None,
            message: String::new(),
            before,
            again,
        }
    }

    fn judge(&self, repeats: &[Repeat]) -> Vec<Judged> {
        let ledger = Ledger::default();
        let Self { sweep, plan, observations } = self;
        judge(&Evidence { sweep, plan, ledger: &ledger, observations }, repeats)
    }

    fn agreement(&self, weights: &str, score: f64) -> Agreement {
        let [judged] = &self.judge(&self.repeats(weights, score, &facts()))[..] else { panic!("one run") };
        judged.agreement
    }
}

fn facts() -> Map<String, Value> {
    let facts = json!({"program": "a", "cpu_capability": "AVX2", "threads": 1, "host": "one", "environment": {}});
    facts.as_object().unwrap().clone()
}

#[test]
fn the_first_level_that_holds_is_the_verdict() {
    let world = World::new("", [0.5, 0.6, 0.7]);
    assert_eq!(world.agreement("w", 0.5), Agreement::Bits);
    assert_eq!(world.agreement("other", 0.5), Agreement::Scores);
    // By hand: sd = 0.1, t(0.975, 2) = 4.302653, so two seeds lie up to 0.1 * 4.302653 * sqrt(2) = 0.60849 apart.
    assert_eq!(world.agreement("other", 0.5 + 0.608), Agreement::Noise);
    assert_eq!(world.agreement("other", 0.5 + 0.609), Agreement::Drift);
    assert_eq!(world.agreement("other", f64::NAN), Agreement::Drift);
    let tolerant = World::new("tolerance = 0.01\n", [0.5, 0.6, 0.7]);
    assert_eq!(tolerant.agreement("other", 0.509), Agreement::Tolerance);
    assert_eq!(tolerant.agreement("other", 0.511), Agreement::Noise);
}

#[test]
fn without_seeds_or_tolerance_any_other_score_is_a_drift() {
    let mut world = World::new("", [0.5, 0.6, 0.7]);
    world.observations.truncate(1);
    assert_eq!(world.agreement("w", 0.500_000_1), Agreement::Drift);
}

#[test]
fn files_that_no_score_judges_must_agree() {
    let world = World::new("", [0.5, 0.6, 0.7]);
    let mut repeats = world.repeats("other", 0.5, &facts());
    repeats[1].before.scores.clear();
    assert_eq!(world.judge(&repeats)[0].agreement, Agreement::Drift);
}

#[test]
fn a_changed_environment_is_told_from_a_drift() {
    let world = World::new("", [0.5, 0.501, 0.502]);
    let mut now = facts();
    now.insert("host".to_owned(), "two".into());
    let judged = &world.judge(&world.repeats("other", 0.9, &now))[0];
    assert!(judged.changes.is_empty(), "another host is no excuse");
    assert_eq!(judged.headline(), "differs when done again, and nothing recorded of its environment does");
    now.insert("cpu_capability".to_owned(), "AVX512".into());
    now.insert("environment".to_owned(), json!({"PYTHONHASHSEED": "0"}));
    let judged = &world.judge(&world.repeats("other", 0.9, &now))[0];
    assert_eq!(judged.headline(), "differs when done again, in a changed environment");
    let evidence = judged.evidence();
    let expected = [
        "evaluate: accuracy: 0.5 then, 0.9 now, 3 seeds lie up to 6.085e-3 apart",
        "train: `model` differs",
        "CPU capability: AVX2 then, AVX512 now",
        "PYTHONHASHSEED: not set then, 0 now",
    ];
    assert_eq!(evidence, expected);
}

#[test]
fn a_failure_is_a_result_and_an_interruption_is_none() {
    let world = World::new("", [0.5, 0.6, 0.7]);
    let mut repeats = world.repeats("w", 0.5, &facts());
    repeats.truncate(1);
    assert_eq!(world.judge(&repeats), [], "the second task was never done");
    repeats[0].verdict = Verdict::Failed;
    repeats[0].reason = Some(FailureReason::Signal);
    repeats[0].message = "ended by signal 11".to_owned();
    let judged = &world.judge(&repeats)[0];
    assert_eq!(judged.agreement, Agreement::Failed);
    assert_eq!(judged.evidence(), ["train: signal: ended by signal 11"]);
}

#[test]
fn the_last_rerun_counts() {
    let world = World::new("", [0.5, 0.6, 0.7]);
    let mut repeats = world.repeats("other", 9.0, &facts());
    repeats.extend(world.repeats("w", 0.5, &facts()));
    assert_eq!(world.judge(&repeats)[0].agreement, Agreement::Bits);
}

#[test]
fn shares_are_read_as_people_write_them() {
    for (text, of_ten) in [("3", 3), ("5%", 1), ("25%", 3), ("100%", 10), ("all", 10), ("99", 10)] {
        let share: Share = text.parse().unwrap();
        assert_eq!((share.of(10), share.to_string()), (of_ten, text.to_owned()));
    }
    for text in ["", "0", "-1", "0%", "101%", "nan%", "many", "1.5"] {
        assert_eq!(text.parse::<Share>(), Err(InvalidShare), "{text}");
    }
}

proptest! {
    /// The same seed chooses the same runs, whatever their order, and a larger share holds the smaller one.
    #[test]
    fn a_choice_can_be_repeated(count in 1_u8..60, seed: u64, few in 1_usize..10) {
        let runs: Vec<RunId> = (0..count).map(|number| RunId([number; 16])).collect();
        let backwards: Vec<RunId> = runs.iter().rev().copied().collect();
        let ids = |of: &[RunId], share| {
            let mut ids: Vec<RunId> = choose(of, share, seed).into_iter().map(|index| of[index]).collect();
            ids.sort_unstable();
            ids
        };
        let chosen = ids(&runs, Share::Runs(few));
        prop_assert_eq!(chosen.len(), few.min(runs.len()));
        prop_assert_eq!(&chosen, &ids(&backwards, Share::Runs(few)));
        let more = ids(&runs, Share::Runs(few + 1));
        prop_assert!(chosen.iter().all(|run| more.contains(run)));
    }
}

#[test]
fn other_seeds_choose_other_runs() {
    let runs: Vec<RunId> = (0..100).map(|number| RunId([number; 16])).collect();
    let chosen: std::collections::BTreeSet<Vec<usize>> =
        (0..20).map(|seed| choose(&runs, Share::Runs(5), seed)).collect();
    assert_eq!(chosen.len(), 20);
}
