//! Every score with the run that it is of, one row each.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use crate::evidence::Evidence;
use crate::id::{RunId, TaskId};
use crate::metric::{Observation, Subject};
use crate::plan::RunIx;
use crate::value::Value;

/// One run of the plan, for people and for machines.
#[derive(Debug, Clone, PartialEq)]
pub struct Run<'a> {
    pub id: RunId,
    /// The first cell that it answers: `data: vqa=2k seed=1`.
    pub name: String,
    /// The sweep's factors, by name.
    pub parameters: BTreeMap<&'a str, &'a Value>,
    /// Its tasks, upstream first: stage and identity.
    pub tasks: Vec<(&'a str, TaskId)>,
}

/// One score of one run. What several runs share stands in a row of each.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// Index into the runs.
    pub run: usize,
    /// The stage and the task that measured it; `None` for imported scores.
    pub measured: Option<(&'a str, TaskId)>,
    pub observation: &'a Observation,
}

/// A training curve of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Index into the runs.
    pub run: usize,
    pub stage: String,
    pub name: String,
    /// (step, value), ascending by step.
    pub points: Vec<(u64, f64)>,
}

/// The runs of the plan, in its order.
#[must_use]
pub fn runs<'a>(evidence: &Evidence<'a>) -> Vec<Run<'a>> {
    let Evidence { sweep, plan, .. } = *evidence;
    let run = |run: RunIx| {
        let tasks = sweep.stages.iter().enumerate().filter_map(|(index, stage)| {
            let task = plan.task_of(run, index)?;
            Some((stage.name.as_str(), plan.tasks[task.0 as usize].id))
        });
        let parameters = sweep.factors.iter().enumerate();
        Run {
            id: plan.runs[run.0 as usize],
            name: plan.run_name(sweep, run),
            parameters: parameters
                .map(|(index, factor)| (factor.name.as_str(), plan.value(sweep, run, index)))
                .collect(),
            tasks: tasks.collect(),
        }
    };
    plan.run_indices().map(run).collect()
}

/// All scores of `runs`: what was imported for a run, then what its tasks measured, upstream first.
#[must_use]
pub fn rows<'a>(evidence: &Evidence<'a>, runs: &[Run<'a>]) -> Vec<Row<'a>> {
    let mut by_subject: HashMap<Subject, Vec<&Observation>> = HashMap::new();
    for observation in evidence.observations {
        by_subject.entry(observation.subject).or_default().push(observation);
    }
    let mut rows = Vec::new();
    for (index, run) in runs.iter().enumerate() {
        let tasks = run.tasks.iter().map(|task| (Subject::Task(task.1), Some(*task)));
        for (subject, measured) in std::iter::once((Subject::Run(run.id), None)).chain(tasks) {
            let observations = by_subject.get(&subject).map_or(&[][..], Vec::as_slice);
            rows.extend(observations.iter().map(|&observation| Row { run: index, measured, observation }));
        }
    }
    rows
}
