//! Tasks as workers are told about them, made from the plan one at a time.

use std::path::Path;

use serde_json::{Map, Value};

use super::local::Tasks;
use crate::Result;
use crate::error::Kind;
use crate::freeze::{self, Digests, Frozen};
use crate::grid::{OnSuccess, Sweep};
use crate::plan::{Plan, Revision, TaskIx};
use crate::project::Project;
use crate::worker::{Need, StageSpec, TaskSpec};

/// The tasks of one submission, with their stages' code frozen.
#[derive(Debug)]
pub struct Prepared<'a> {
    sweep: &'a Sweep,
    plan: &'a Plan,
    project: &'a Project,
    tasks: &'a [TaskIx],
    /// By the sweep's stage; only the stages of `tasks` are there.
    stages: Vec<Option<StageSpec>>,
}

impl<'a> Prepared<'a> {
    /// Freeze what `tasks` run, as seen from `base`, the folder of the sweep file.
    ///
    /// # Errors
    /// A program does not exist, or code cannot be kept.
    pub fn new(
        Revision { sweep, plan }: Revision<'a>,
        tasks: &'a [TaskIx],
        project: &'a Project,
        base: &Path,
        code: &Map<String, Value>,
    ) -> Result<Self> {
        let mut digests = Digests::open(project.contents_folder().join("digests.json"));
        let mut stages = vec![None; sweep.stages.len()];
        for task in tasks {
            let index = usize::from(plan.tasks[task.0 as usize].stage);
            if stages[index].is_some() {
                continue;
            }
            let stage = &sweep.stages[index];
            let frozen = freeze::freeze(stage, base, project, &mut digests)
                .map_err(|error| if error.kind() == Kind::Usage { sweep.led_to(stage.place, error) } else { error })?;
            let mut spec = stage_spec(sweep, index, frozen);
            spec.provenance =
                code.iter().map(|(key, value)| (key.clone(), value.clone())).chain(spec.provenance).collect();
            stages[index] = Some(spec);
        }
        digests.save()?;
        Ok(Self { sweep, plan, project, tasks, stages })
    }
}

/// What the worker is told about a stage whose code is kept.
pub(super) fn stage_spec(sweep: &Sweep, stage: usize, frozen: Frozen) -> StageSpec {
    let (points, stage) = (sweep.points(stage), &sweep.stages[stage]);
    StageSpec {
        name: stage.name.clone(),
        command: frozen.command,
        environment: frozen.environment,
        threads: stage.threads,
        outputs: stage.outputs.clone(),
        points: points.into_iter().map(str::to_owned).collect(),
        keep_checkpoint: stage.checkpoints.on_success == OnSuccess::All,
        provenance: frozen.provenance,
    }
}

impl Tasks for Prepared<'_> {
    fn spec(&self, task: usize) -> TaskSpec {
        let here = self.tasks[task];
        let task = self.plan.tasks[here.0 as usize];
        let needs = self.plan.needs(self.sweep, here).map(|(stage, need)| Need {
            stage: self.sweep.stages[stage].name.clone(),
            folder: self.project.task_folder(&self.plan.tasks[need.0 as usize].id),
        });
        TaskSpec {
            task: task.id.to_string(),
            folder: self.project.task_folder(&task.id),
            stage: usize::from(task.stage),
            params: self
                .plan
                .params(self.sweep, here)
                .map(|(name, value)| (name.to_owned(), value.to_json()))
                .collect(),
            needs: needs.collect(),
            gpus: None,
            time_seconds: self.plan.resources(self.sweep, here).time_seconds,
            attempts: 1,
            processes: None,
        }
    }

    fn stage(&self, spec: &TaskSpec) -> Option<&StageSpec> {
        self.stages.get(spec.stage)?.as_ref()
    }
}
