//! Runs of different code, weights, library or device in one table.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use serde_json::Value;

use super::super::case::Case;
use super::super::facts::{Attempt, Provenance};
use super::super::finding::{Finding, Severity};
use super::Rule;
use crate::text::plural;

pub const RULE: Rule = Rule {
    name: "mixed-provenance",
    what: "runs of different code, data, weights, library or device stand in one table",
    find,
};

/// Something that all tasks of a stage in one table should share: its name, and its value in an attempt.
type Trait = (&'static str, fn(&Provenance) -> Option<String>);

const TRAITS: [Trait; 9] = [
    ("program", |provenance| provenance.program.clone()),
    ("libraries", |provenance| provenance.libraries.clone()),
    ("code", |provenance| provenance.code.clone()),
    ("commit", |provenance| provenance.commit.clone()),
    ("device", |provenance| provenance.device.clone()),
    ("driver", |provenance| provenance.driver.clone()),
    ("vector instructions", |provenance| provenance.cpu_capability.clone()),
    ("number of threads", |provenance| provenance.threads.map(|threads| threads.to_string())),
    ("number of processes", |provenance| provenance.world_size.map(|size| size.to_string())),
];
/// Traits that say what ran. Where all of them agree, another commit changed nothing that ran.
const WHAT_RAN: [&str; 3] = ["program", "libraries", "code"];
/// In `effective.json`: what a stage was asked, which is allowed to differ.
const ASKED: [&str; 3] = ["parameters", "params", "stage"];
/// Values that are named of one trait.
const MOST: usize = 4;

/// By trait: what differs, one line a stage and grid.
type Mixed = BTreeMap<String, Differences>;

#[derive(Default)]
struct Differences {
    grids: BTreeSet<String>,
    lines: Vec<String>,
}

fn find(case: &Case<'_>) -> Vec<Finding> {
    let effective = effective(case);
    let mut mixed = Mixed::new();
    for stage in 0..case.sweep.stages.len() {
        let mut told: BTreeSet<(String, String)> = BTreeSet::new();
        for (position, grid, _) in case.grids() {
            let attempts: Vec<&Attempt> =
                case.tasks_of(position, stage).into_iter().filter_map(|task| case.success(task)).collect();
            let mut tell = |name: &str, values: Counts| {
                let Some(values) = several(&values) else { return };
                let differences = mixed.entry(name.to_owned()).or_default();
                differences.grids.insert(grid.name.clone());
                // Grids share most of their tasks: the same line again would say nothing new.
                if told.insert((name.to_owned(), values.clone())) {
                    differences.lines.push(format!(
                        "stage `{}`, grid `{}`: {values}",
                        case.stage_name(stage),
                        grid.name
                    ));
                }
            };
            for (name, value) in TRAITS {
                tell(name, count(attempts.iter().filter_map(|attempt| value(&attempt.provenance))));
            }
            for (name, values) in versions(&attempts, &effective) {
                tell(&format!("`{name}` of effective.json"), values);
            }
        }
    }
    let same_program = WHAT_RAN.iter().all(|name| !mixed.contains_key(*name));
    mixed.into_iter().map(|(name, differences)| finding(&name, differences, same_program)).collect()
}

fn finding(name: &str, differences: Differences, same_program: bool) -> Finding {
    let harmless = name == "commit" && same_program;
    let grids: Vec<String> = differences.grids.iter().map(|grid| format!("`{grid}`")).collect();
    Finding {
        rule: RULE.name,
        severity: if harmless { Severity::Note } else { Severity::Warning },
        subject: format!(
            "{}: {name}",
            if grids.len() == 1 { format!("grid {}", grids[0]) } else { format!("grids {}", grids.join(", ")) }
        ),
        message: if harmless {
            "tasks of one stage ran at different commits, with the same program and libraries".to_owned()
        } else {
            format!("tasks of one stage ran with a different {name}")
        },
        evidence: differences.lines,
        advice: if harmless {
            "nothing, if the changes in between touch nothing that ran".to_owned()
        } else {
            "run the tasks of one side again, or show that the difference changes no score (`sweep audit --rerun`)"
                .to_owned()
        },
        place: None,
    }
}

/// How often each value occurs.
type Counts = BTreeMap<String, usize>;

fn count(values: impl Iterator<Item = String>) -> Counts {
    let mut counts = Counts::new();
    values.for_each(|value| *counts.entry(value).or_default() += 1);
    counts
}

/// The values with their counts, the most frequent first; `None` if there is only one.
fn several(counts: &Counts) -> Option<String> {
    if counts.len() < 2 {
        return None;
    }
    let mut values: Vec<(&String, usize)> = counts.iter().map(|(value, count)| (value, *count)).collect();
    values.sort_by_key(|&(value, count)| (std::cmp::Reverse(count), value.clone()));
    let shown = values.iter().take(MOST).map(|(value, count)| format!("{} ({})", short(value), plural(*count, "task")));
    let more = values.len().saturating_sub(MOST);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(format!("{}{more}", shown.collect::<Vec<_>>().join(", ")))
}

/// The beginning of a digest; anything else as it is.
fn short(value: &str) -> &str {
    let digest = value.len() >= 40 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    if digest { value.get(..10).unwrap_or(value) } else { value }
}

/// What attempts say of themselves in `effective.json`, by attempt.
type Effective<'a> = HashMap<(crate::id::TaskId, u32), &'a serde_json::Map<String, Value>>;

fn effective<'a>(case: &Case<'a>) -> Effective<'a> {
    let on_disk = case.facts.disk.iter().flat_map(|disk| &disk.attempts);
    on_disk
        .filter_map(|on_disk| {
            let attempt = case.facts.attempts.get(on_disk.attempt)?;
            Some(((attempt.task, attempt.number), on_disk.contents.as_ref()?.effective.as_ref()?))
        })
        .collect()
}

/// Versions and digests in `effective.json`: everything beside what the stage was asked.
fn versions(attempts: &[&Attempt], effective: &Effective<'_>) -> BTreeMap<String, Counts> {
    let mut found: BTreeMap<String, Counts> = BTreeMap::new();
    for attempt in attempts {
        let Some(map) = effective.get(&(attempt.task, attempt.number)) else { continue };
        for (name, value) in map.iter().filter(|(name, _)| !ASKED.contains(&name.as_str())) {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            *found.entry(name.clone()).or_default().entry(value).or_default() += 1;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::super::scene::Scene;
    use super::*;

    #[test]
    fn one_task_with_another_program_is_found() {
        let mut scene = Scene::complete();
        scene.attempt(2, "train").provenance.program = Some("b".repeat(64));
        let [finding] = &scene.find(&RULE)[..] else { panic!("one finding") };
        assert_eq!(finding.subject, "grid `main`: program");
        assert_eq!(finding.evidence, ["stage `train`, grid `main`: aaaaaaaaaa (5 tasks), bbbbbbbbbb (1 task)"]);
        assert_eq!(finding.severity, Severity::Warning);
    }

    #[test]
    fn another_commit_with_the_same_program_is_a_note() {
        let mut scene = Scene::complete();
        scene.attempt(2, "train").provenance.commit = Some("d".repeat(40));
        let [finding] = &scene.find(&RULE)[..] else { panic!("one finding") };
        assert_eq!(finding.severity, Severity::Note);
    }

    #[test]
    fn another_library_in_effective_json_is_found() {
        let mut scene = Scene::complete();
        for cell in 0..6 {
            scene.effective(
                cell,
                "train",
                &format!(r#"{{"torch": "2.{}", "parameters": {{"seed": {cell}}}}}"#, cell / 5),
            );
        }
        let [finding] = &scene.find(&RULE)[..] else { panic!("one finding") };
        assert_eq!(finding.evidence, ["stage `train`, grid `main`: 2.0 (5 tasks), 2.1 (1 task)"]);
    }

    #[test]
    fn tasks_of_one_program_are_no_finding() {
        assert_eq!(Scene::complete().find(&RULE), []);
    }
}
