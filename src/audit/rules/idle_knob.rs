//! Two configurations with one result: a knob that does nothing.

use std::hash::Hash;

use hashbrown::{HashMap, HashSet};

use super::super::case::Case;
use super::super::finding::{Finding, Severity};
use super::Rule;
use super::telling::{differing_factors, is_seed, log_chance, run_of, telling_files};
use crate::id::TaskId;
use crate::metric::{Kind, Observation};
use crate::plan::{RunIx, TaskIx};
use crate::text::plural;

pub const RULE: Rule =
    Rule { name: "idle-knob", what: "different configurations gave identical weights, predictions or scores", find };

/// Expected number of coincidences among all pairs of a stage, above which equal scores are one of them.
const LIKELY: f64 = 0.01;
/// Tasks that are named.
const MOST: usize = 4;

fn find(case: &Case<'_>) -> Vec<Finding> {
    let scores = case.observations_by_task();
    let mut told = Told { case, tasks: HashSet::new(), findings: Vec::new() };
    for stage in 0..case.sweep.stages.len() {
        let tasks = tasks_of(case, stage);
        for EqualFiles { file, tasks } in equal_files(case, stage, &tasks) {
            told.tell(stage, &tasks, &format!("the same `{file}`, byte for byte"), None);
        }
        for EqualScores { scores, expected, tasks } in equal_scores(&tasks, case, scores) {
            let chance = format!("of all pairs of the stage, {expected:.1e} would be expected to agree so by chance");
            told.tell(stage, &tasks, &format!("the same {}, digit for digit", plural(scores, "score")), Some(chance));
        }
    }
    told.findings
}

fn tasks_of(case: &Case<'_>, stage: usize) -> Vec<TaskIx> {
    let tasks = (0_u32..).zip(&case.plan.tasks).filter(|(_, task)| usize::from(task.stage) == stage);
    tasks.map(|(position, _)| TaskIx(position)).collect()
}

struct EqualFiles {
    file: String,
    tasks: Vec<TaskIx>,
}

/// Groups of tasks of which all telling files are the same. One that differs is enough to tell two results apart: a list
/// of prompts beside the images is the same for everybody.
fn equal_files(case: &Case<'_>, stage: usize, tasks: &[TaskIx]) -> Vec<EqualFiles> {
    let files = |task| -> Option<Vec<(&str, blake3::Hash)>> {
        let files = telling_files(case, stage, case.success(task)?);
        Some(files.map(|artifact| (artifact.path.as_str(), artifact.digest)).collect())
    };
    let groups = alike(tasks, files).into_iter();
    groups.filter_map(|(key, tasks)| Some(EqualFiles { file: key.first()?.0.to_owned(), tasks })).collect()
}

/// Groups of two and more tasks with one key, in order of their first.
fn alike<K: Clone + Eq + Hash>(tasks: &[TaskIx], key: impl Fn(TaskIx) -> Option<K>) -> Vec<(K, Vec<TaskIx>)> {
    let mut places: HashMap<K, usize> = HashMap::new();
    let mut groups: Vec<(K, Vec<TaskIx>)> = Vec::new();
    for &task in tasks {
        let Some(key) = key(task) else { continue };
        let place = *places.entry(key.clone()).or_insert(groups.len());
        match groups.get_mut(place) {
            Some((_, group)) => group.push(task),
            None => groups.push((key, vec![task])),
        }
    }
    groups.retain(|(_, group)| group.len() > 1);
    groups
}

struct EqualScores {
    scores: usize,
    expected: f64,
    tasks: Vec<TaskIx>,
}

/// Groups of tasks with equal scores, where chance makes that unlikely.
fn equal_scores(tasks: &[TaskIx], case: &Case<'_>, scores: &HashMap<TaskId, Vec<&Observation>>) -> Vec<EqualScores> {
    let scores_of = |task: TaskIx| scores.get(&case.plan.tasks.get(task.0 as usize)?.id);
    let values = |task| -> Option<Vec<(&Kind, u64)>> {
        let final_scores = scores_of(task)?.iter().filter(|score| score.step.is_none());
        Some(final_scores.map(|score| (&*score.kind, score.value.to_bits())).collect())
    };
    let pairs = tasks.len() as f64 * (tasks.len() as f64 - 1.0) / 2.0;
    let mut found = Vec::new();
    for (_, tasks) in alike(tasks, values) {
        let Some(own) = tasks.first().and_then(|&first| scores_of(first)) else { continue };
        let expected = pairs * log_chance_of(case, own).exp();
        if expected < LIKELY {
            found.push(EqualScores { scores: own.len(), expected, tasks });
        }
    }
    found
}

/// Of all scores of a task together. A metric that is the mean of others, or counts the same items again, adds nothing.
fn log_chance_of(case: &Case<'_>, scores: &[&Observation]) -> f64 {
    let mut seen: HashSet<(&str, &str)> = HashSet::new();
    let mut log = 0.0;
    for score in scores {
        let kind = &score.kind;
        let metric = case.metrics_of(&kind.metric, &kind.benchmark).next().map(|(_, metric)| metric);
        let is_mean = metric.is_some_and(|metric| !metric.mean_of.is_empty());
        let of_one = metric.and_then(|metric| metric.range).map_or(1.0, |(_, high)| high);
        if !is_mean && seen.insert((&kind.benchmark, &kind.split)) {
            log += log_chance(score.value, score.n, of_one);
        }
    }
    log
}

/// What was found so far.
struct Told<'c, 'a> {
    case: &'c Case<'a>,
    /// Tasks whose result is another's already: what needs them is equal because they are.
    tasks: HashSet<TaskIx>,
    findings: Vec<Finding>,
}

impl Told<'_, '_> {
    /// Add a finding about tasks that should differ, unless it follows from an earlier one or only the seed differs.
    fn tell(&mut self, stage: usize, tasks: &[TaskIx], what: &str, more: Option<String>) {
        let case = self.case;
        let follows = |task: &TaskIx| {
            self.tasks.contains(task) || case.plan.needs(case.sweep, *task).any(|(_, need)| self.tasks.contains(&need))
        };
        let explained = tasks.iter().skip(1).all(follows);
        self.tasks.extend(tasks.iter().skip(1));
        let runs: Vec<RunIx> = tasks.iter().filter_map(|&task| run_of(case, task)).collect();
        let factors = differing_factors(case, &runs).into_iter().filter(|&factor| !is_seed(case, factor));
        let names: Vec<&str> =
            factors.filter_map(|factor| Some(case.sweep.factors.get(factor)?.name.as_str())).collect();
        if explained || names.is_empty() {
            return;
        }
        let mut evidence: Vec<String> = runs.iter().take(MOST).map(|&run| case.run_name(run)).collect();
        let rest = runs.len().saturating_sub(MOST);
        evidence.extend((rest > 0).then(|| format!("and {rest} more")));
        evidence.extend(more);
        self.findings.push(Finding {
            rule: RULE.name,
            severity: Severity::Warning,
            subject: format!("stage `{}`", case.stage_name(stage)),
            message: format!("{} that differ in {} gave {what}", plural(runs.len(), "run"), names.join(", ")),
            evidence,
            advice:
                "see whether the program reads these parameters at all; if it does, say why they change nothing here"
                    .to_owned(),
            place: None,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::scene::Scene;
    use super::*;

    #[test]
    fn equal_weights_of_two_losses_are_found_once_for_all_that_follows() {
        let mut scene = Scene::complete();
        let digest = scene.attempt(0, "train").artifacts[0].digest;
        scene.attempt(1, "train").artifacts[0].digest = digest;
        let predictions = scene.attempt(0, "evaluate").artifacts[0].digest;
        scene.attempt(1, "evaluate").artifacts[0].digest = predictions;
        let [finding] = &scene.find(&RULE)[..] else { panic!("one finding: {:#?}", scene.find(&RULE)) };
        assert_eq!(finding.message, "2 runs that differ in loss gave the same `model.bin`, byte for byte");
        assert_eq!(finding.evidence, ["main: data=1k loss=cosine", "main: data=1k loss=l1"]);
    }

    #[test]
    fn equal_predictions_of_different_weights_are_found() {
        let mut scene = Scene::complete();
        let digest = scene.attempt(0, "evaluate").artifacts[0].digest;
        scene.attempt(5, "evaluate").artifacts[0].digest = digest;
        assert!(scene.find(&RULE)[0].message.contains("`predictions/all.jsonl`"));
    }

    #[test]
    fn a_list_that_is_the_same_for_everybody_is_no_finding() {
        let mut scene = Scene::complete();
        for cell in 0..6 {
            let mut prompts = scene.attempt(0, "train").artifacts[0].clone();
            prompts.path = "predictions/prompts.jsonl".to_owned();
            scene.attempt(cell, "evaluate").artifacts.push(prompts);
        }
        assert_eq!(scene.find(&RULE), []);
    }

    #[test]
    fn equal_scores_count_only_where_chance_makes_them_unlikely() {
        let mut scene = Scene::new();
        (0..6).for_each(|cell| scene.world.measure(cell, "evaluate", "accuracy", 0.5 + 0.01 * (cell / 2) as f64));
        scene.world.observations.iter_mut().for_each(|observation| observation.n = Some(100));
        assert_eq!(scene.find(&RULE), [], "a share of 100 items is soon the same");
        let mut scene = Scene::new();
        (0..6)
            .for_each(|cell| scene.world.measure(cell, "evaluate", "accuracy", 0.123_456_789_012 + (cell / 2) as f64));
        assert_eq!(scene.find(&RULE).len(), 3, "twelve equal digits are no chance");
    }

    #[test]
    fn different_results_are_no_finding() {
        assert_eq!(Scene::complete().find(&RULE), []);
    }
}
