//! Another store with other results of the same tasks and runs.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::super::case::Case;
use super::super::facts::{Attempt, Other};
use super::super::finding::{Finding, Severity};
use super::Rule;
use crate::id::TaskId;
use crate::metric::{Kind, Observation, Subject};
use crate::text::plural;

pub const RULE: Rule =
    Rule { name: "stores-differ", what: "another store has other results of the same configuration", find };

/// What two observations of one score share.
type Key<'a> = (Subject, &'a Kind, Option<u64>);

fn find(case: &Case<'_>) -> Vec<Finding> {
    let Some(other) = &case.facts.other else { return Vec::new() };
    let mine = by_key(case.evidence.observations);
    let theirs = by_key(&other.observations);
    let mut metrics: BTreeMap<String, Compared<'_>> = BTreeMap::new();
    for (key, observation) in &mine {
        let Some(their) = theirs.get(key) else { continue };
        metrics.entry(label(case, &observation.kind)).or_default().add(case, observation, their);
    }
    let compared: usize = metrics.values().map(|metric| metric.all).sum();
    let equal: usize = metrics.values().map(|metric| metric.equal).sum();
    let mut findings: Vec<Finding> =
        metrics.iter().filter_map(|(label, metric)| metric.finding(case, other, label)).collect();
    findings.extend(files(case, other));
    findings.push(summary(other, [mine.len(), theirs.len(), compared, equal]));
    findings
}

fn by_key(observations: &[Observation]) -> HashMap<Key<'_>, &Observation> {
    observations
        .iter()
        .map(|observation| ((observation.subject, &*observation.kind, observation.step), observation))
        .collect()
}

fn label(case: &Case<'_>, kind: &Kind) -> String {
    let metric = case.metrics_of(&kind.metric, &kind.benchmark).next().map(|(_, metric)| metric.label.clone());
    metric.unwrap_or_else(|| match kind.benchmark.as_str() {
        "" => kind.metric.clone(),
        benchmark => format!("{} of {benchmark}", kind.metric),
    })
}

/// The scores of one metric that both stores have.
#[derive(Default)]
struct Compared<'a> {
    all: usize,
    /// To the bit.
    equal: usize,
    /// Beyond the declared tolerance.
    beyond: usize,
    /// The pair that lies furthest apart.
    worst: Option<(&'a Observation, &'a Observation)>,
}

impl<'a> Compared<'a> {
    fn add(&mut self, case: &Case<'_>, mine: &'a Observation, theirs: &'a Observation) {
        let tolerance =
            case.metrics_of(&mine.kind.metric, &mine.kind.benchmark).find_map(|(_, metric)| metric.tolerance);
        let apart = |(one, other): (&Observation, &Observation)| {
            let difference = (one.value - other.value).abs();
            if difference.is_nan() { f64::INFINITY } else { difference }
        };
        self.all += 1;
        if mine.value.to_bits() == theirs.value.to_bits() || mine.value.is_nan() && theirs.value.is_nan() {
            self.equal += 1;
            return;
        }
        self.beyond += usize::from(apart((mine, theirs)) > tolerance.unwrap_or(0.0));
        let name = |(one, _): (&Observation, &Observation)| one.subject;
        let pair = (mine, theirs);
        let further = |known: (&Observation, &Observation)| {
            apart(pair).total_cmp(&apart(known)).then_with(|| name(known).cmp(&name(pair))).is_gt()
        };
        if self.worst.is_none_or(further) {
            self.worst = Some(pair);
        }
    }

    fn finding(&self, case: &Case<'_>, other: &Other, label: &str) -> Option<Finding> {
        let (mine, theirs) = self.worst?;
        let subject = match mine.subject {
            Subject::Task(task) => case.task_name(&task),
            Subject::Run(run) => case.runs_by_id().get(&run).map_or_else(|| run.short(8), |&run| case.run_name(run)),
        };
        Some(Finding {
            rule: RULE.name,
            severity: if self.beyond > 0 { Severity::Warning } else { Severity::Note },
            subject: format!("{label}, `{}`", other.name),
            message: if self.beyond > 0 {
                format!(
                    "{} of {} that both stores have differ beyond the declared tolerance",
                    self.beyond,
                    plural(self.all, "score")
                )
            } else {
                format!(
                    "{} of {} that both stores have differ, all within the declared tolerance",
                    self.all - self.equal,
                    plural(self.all, "score")
                )
            },
            evidence: vec![format!("furthest apart: {subject}: {} here, {} there", mine.value, theirs.value)],
            advice: "compare what both ran with: another program, library or device often explains it".to_owned(),
            place: None,
        })
    }
}

/// Tasks whose programs differ, and files that differ though the programs are the same.
fn files(case: &Case<'_>, other: &Other) -> Option<Finding> {
    let theirs: HashMap<TaskId, &Attempt> =
        other.attempts.iter().filter(|attempt| attempt.succeeded).map(|attempt| (attempt.task, attempt)).collect();
    let mine = case.facts.attempts.iter().filter(|attempt| attempt.succeeded);
    let pairs: Vec<(&Attempt, &Attempt)> =
        mine.filter_map(|attempt| Some((attempt, *theirs.get(&attempt.task)?))).collect();
    let same_program = |(one, two): &&(&Attempt, &Attempt)| {
        one.provenance.program == two.provenance.program && one.provenance.libraries == two.provenance.libraries
    };
    let differing = |(one, two): &&(&Attempt, &Attempt)| {
        one.artifacts.iter().any(|artifact| {
            two.artifacts.iter().any(|their| their.path == artifact.path && their.digest != artifact.digest)
        })
    };
    let same: Vec<&(&Attempt, &Attempt)> = pairs.iter().filter(same_program).collect();
    let changed: Vec<&&(&Attempt, &Attempt)> = same.iter().filter(|pair| differing(pair)).collect();
    let mut evidence = Vec::new();
    let others = pairs.len() - same.len();
    if others > 0 {
        evidence.push(format!("{} ran with another program or other libraries", plural(others, "task")));
    }
    if let Some((first, _)) = changed.first() {
        evidence.push(format!(
            "{} of {} with the same program left other files, the first is {}",
            changed.len(),
            plural(same.len(), "task"),
            case.task_name(&first.task)
        ));
    }
    (!evidence.is_empty()).then(|| Finding {
        rule: RULE.name,
        severity: Severity::Note,
        subject: format!("files, `{}`", other.name),
        message: format!("of {} that both stores have, not all ran or ended alike", plural(pairs.len(), "task")),
        evidence,
        advice: "files with times or paths in them differ for that alone; scores are compared by value".to_owned(),
        place: None,
    })
}

fn summary(other: &Other, [mine, theirs, both, equal]: [usize; 4]) -> Finding {
    Finding {
        rule: RULE.name,
        severity: if both == 0 { Severity::Warning } else { Severity::Note },
        subject: format!("`{}`", other.name),
        message: if both == 0 {
            "no score is in both stores: there is nothing to compare".to_owned()
        } else {
            format!("{equal} of {} that both stores have are equal to the bit", plural(both, "score"))
        },
        evidence: vec![format!("{} here, {} there", plural(mine, "score"), plural(theirs, "score"))],
        advice: if both == 0 {
            "identities of tasks depend on the sweep file: both stores must hold results of the same text".to_owned()
        } else {
            "nothing".to_owned()
        },
        place: None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::scene::Scene;
    use super::*;

    fn against(change: impl Fn(&mut Other)) -> Vec<Finding> {
        let mut scene = Scene::complete();
        let mut other = Other {
            name: "other.db".to_owned(),
            attempts: scene.facts.attempts.clone(),
            observations: scene.world.observations.clone(),
        };
        change(&mut other);
        scene.facts.other = Some(other);
        scene.find(&RULE)
    }

    #[test]
    fn an_equal_store_gives_the_summary_alone() {
        let [finding] = &against(|_| ())[..] else { panic!("one finding") };
        assert_eq!(finding.message, "6 of 6 scores that both stores have are equal to the bit");
    }

    #[test]
    fn another_score_is_told_with_the_worst_case() {
        let found = against(|other| {
            other.observations[2].value += 0.125;
            other.observations[3].value += 0.25;
        });
        assert_eq!(found[0].message, "2 of 6 scores that both stores have differ beyond the declared tolerance");
        assert!(found[0].evidence[0].contains("data=5k loss=l1"), "{}", found[0].evidence[0]);
    }

    #[test]
    fn other_files_of_the_same_program_are_a_note() {
        let found = against(|other| other.attempts[0].artifacts[0].digest = blake3::hash(b"else"));
        assert!(found[0].evidence[0].starts_with("1 of 12 tasks with the same program left other files"), "{found:#?}");
    }

    #[test]
    fn stores_without_a_common_task_are_told_apart() {
        let found = against(|other| other.observations.clear());
        assert_eq!(found[0].message, "no score is in both stores: there is nothing to compare");
    }
}
