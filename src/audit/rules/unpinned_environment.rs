//! Results whose code or packages nobody could put together again.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::super::case::Case;
use super::super::facts::Attempt;
use super::super::finding::{Finding, Severity};
use super::Rule;
use crate::text::plural;

pub const RULE: Rule =
    Rule { name: "unpinned-environment", what: "nothing says with which code or packages results were made", find };

/// Programs whose work is done by packages that their own digest says nothing of.
const INTERPRETERS: [&str; 4] = ["python", "Rscript", "julia", "node"];
/// Keys of `effective.json` that are no version of anything.
const ASKED: [&str; 4] = ["parameters", "params", "stage", "threads"];

fn find(case: &Case<'_>) -> Vec<Finding> {
    // By stage and what is unknown: number of tasks.
    let mut unknown: BTreeMap<(usize, Unknown), usize> = BTreeMap::new();
    let versions = attempts_with_versions(case);
    for task in case.plan.tasks.iter().enumerate() {
        let (position, stage) = (task.0, usize::from(task.1.stage));
        let index = crate::plan::TaskIx(u32::try_from(position).unwrap_or(u32::MAX));
        let Some(attempt) = case.success(index) else { continue };
        let (provenance, interpreted) = (&attempt.provenance, is_interpreted(attempt));
        let found = [
            Some(Unknown::Program).filter(|_| provenance.program.is_none()),
            Some(Unknown::Code).filter(|_| interpreted && provenance.commit.is_none() && provenance.code.is_none()),
            Some(Unknown::Packages)
                .filter(|_| interpreted && versions.get(&(attempt.task, attempt.number)) == Some(&false)),
        ];
        found.into_iter().flatten().for_each(|found| *unknown.entry((stage, found)).or_default() += 1);
    }
    unknown.into_iter().map(|((stage, unknown), tasks)| unknown.finding(case.stage_name(stage), tasks)).collect()
}

/// What is not known of a task.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Unknown {
    Program,
    Code,
    Packages,
}

impl Unknown {
    fn finding(self, stage: &str, tasks: usize) -> Finding {
        let (message, advice) = match self {
            Self::Program => ("has no digest of its program", "submit with `sweep`, which records it"),
            Self::Code => (
                "ran from a folder outside any repository, and no script of it was kept",
                "put the code under git, or name its files in `code` of the stage",
            ),
            Self::Packages => (
                "is run by an interpreter, and does not say with which versions of packages",
                "write the versions into `effective.json`, such as `{\"torch\": \"2.11\"}`, and pin them in a lock file",
            ),
        };
        Finding {
            rule: RULE.name,
            severity: Severity::Warning,
            subject: format!("stage `{stage}`"),
            message: message.to_owned(),
            evidence: vec![plural(tasks, "task")],
            advice: advice.to_owned(),
            place: None,
        }
    }
}

fn is_interpreted(attempt: &Attempt) -> bool {
    let program = attempt.provenance.command.first().map_or("", String::as_str);
    let name = program.rsplit('/').next().unwrap_or_default();
    INTERPRETERS.iter().any(|interpreter| name.starts_with(interpreter))
}

/// Attempts whose small files were read: whether `effective.json` names any version.
fn attempts_with_versions(case: &Case<'_>) -> HashMap<(crate::id::TaskId, u32), bool> {
    let on_disk = case.facts.disk.iter().flat_map(|disk| &disk.attempts);
    on_disk
        .filter_map(|on_disk| {
            let attempt = case.facts.attempts.get(on_disk.attempt)?;
            let effective = &on_disk.contents.as_ref()?.effective;
            let names = effective.iter().flat_map(|map| map.keys());
            let any = names.filter(|name| !ASKED.contains(&name.as_str())).count() > 0;
            Some(((attempt.task, attempt.number), any))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::scene::Scene;
    use super::*;

    #[test]
    fn code_outside_a_repository_is_found() {
        let mut scene = Scene::complete();
        scene.attempt(0, "train").provenance.commit = None;
        assert_eq!(scene.find(&RULE), [], "a program that is no interpreter is known by its digest");
        scene.attempt(0, "train").provenance.command = vec!["python3".to_owned()];
        let [finding] = &scene.find(&RULE)[..] else { panic!("one finding") };
        assert_eq!(finding.subject, "stage `train`");
        scene.attempt(0, "train").provenance.code = Some("f".repeat(64));
        assert_eq!(scene.find(&RULE), [], "its scripts were kept");
    }

    #[test]
    fn an_interpreter_has_to_name_its_packages() {
        let mut scene = Scene::complete();
        scene.attempt(0, "train").provenance.command = vec!["/usr/bin/python3.12".to_owned(), "train.py".to_owned()];
        assert_eq!(scene.find(&RULE), [], "its files were not read");
        scene.effective(0, "train", r#"{"parameters": {"lr": 1}}"#);
        assert!(scene.find(&RULE)[0].message.contains("interpreter"));
        scene.effective(0, "train", r#"{"torch": "2.11"}"#);
        assert_eq!(scene.find(&RULE), []);
    }
}
