//! Tasks that are done again: the same configuration and the same code, in folders of their own.

use std::fs;
use std::path::{Path, PathBuf};

use hashbrown::HashMap;
use serde_json::{Map, Value};

use super::board::Item;
use super::local::Tasks;
use super::order;
use super::prepared::stage_spec;
use crate::Result;
use crate::freeze::{self, Digests};
use crate::id::TaskId;
use crate::plan::{Revision, TaskIx};
use crate::project::Project;
use crate::rerun::Left;
use crate::slurm::layout;
use crate::worker::{Ended, Need, StageSpec, TaskSpec};

/// What of the provenance says which code ran.
const CODE: [&str; 4] = ["content", "program", "libraries", "code"];

/// A task that is to be done again, and the attempt that it repeats.
#[derive(Debug, Clone)]
pub struct Original {
    pub task: TaskIx,
    /// Number of the attempt that succeeded.
    pub attempt: u32,
    pub left: Left,
}

/// Tasks to be done again. A task that needs another one of them gets what that one makes now, never what it made then:
/// so the scores at the end are those of the whole rerun.
pub struct Again<'a> {
    revision: Revision<'a>,
    originals: &'a [Original],
    /// Parent of the task folders of this rerun.
    folder: &'a Path,
    stages: Vec<StageSpec>,
    /// By position in `originals`: index into `stages`.
    stage_of: Vec<usize>,
}

impl<'a> Again<'a> {
    /// Find the code that each of `originals`, ascending and with everything that they need, ran.
    ///
    /// # Errors
    /// It is gone.
    pub fn new(
        revision: Revision<'a>,
        originals: &'a [Original],
        folder: &'a Path,
        project: &Project,
        base: &Path,
    ) -> Result<Self> {
        let mut digests = Digests::open(project.contents_folder().join("digests.json"));
        let mut again = Self { revision, originals, folder, stages: Vec::new(), stage_of: Vec::new() };
        let mut known: HashMap<(u16, [Option<&str>; CODE.len()]), usize> = HashMap::new();
        for original in originals {
            let recorded = &original.left.provenance;
            let index = revision.plan.tasks[original.task.0 as usize].stage;
            let key = (index, CODE.map(|fact| recorded.get(fact).and_then(Value::as_str)));
            let position = match known.get(&key) {
                Some(position) => *position,
                None => {
                    let stage = &revision.sweep.stages[usize::from(index)];
                    let frozen = freeze::recall(stage, base, recorded, project, &mut digests)?;
                    again.stages.push(stage_spec(revision.sweep, usize::from(index), frozen));
                    known.insert(key, again.stages.len() - 1);
                    again.stages.len() - 1
                }
            };
            again.stage_of.push(position);
        }
        digests.save()?;
        Ok(again)
    }

    /// What the provenance of a task would say on a machine with these facts, before it runs.
    #[must_use]
    pub fn expected(&self, position: usize, machine: &Map<String, Value>) -> Map<String, Value> {
        let stage = &self.stages[self.stage_of[position]];
        let mut facts = machine.clone();
        facts.extend(stage.provenance.clone());
        facts.insert("threads".to_owned(), stage.threads.into());
        facts
    }

    /// The tasks for the board.
    #[must_use]
    pub fn items(&self) -> Vec<Item> {
        let Revision { sweep, plan } = self.revision;
        let ranks = order::ranks(sweep, plan);
        let item = |original: &Original| {
            let stage = &sweep.stages[usize::from(plan.tasks[original.task.0 as usize].stage)];
            Item {
                rank: ranks[original.task.0 as usize],
                needs: plan.needs(sweep, original.task).filter_map(|(_, need)| self.position(need)).collect(),
                threads: stage.threads,
                gpus: plan.resources(sweep, original.task).gpus,
                attempts: stage.retry.attempts.max(1),
            }
        };
        self.originals.iter().map(item).collect()
    }

    /// The tasks for Slurm; `time_seconds` is the limit of those whose stage says none.
    #[must_use]
    pub fn items_of_slurm(&self, time_seconds: Option<u64>) -> Vec<layout::Item> {
        let Revision { sweep, plan } = self.revision;
        let ranks = order::ranks(sweep, plan);
        // What ran other code is told apart, too: an array has one command.
        let key = |position: usize, original: &Original| {
            (plan.tasks[original.task.0 as usize].stage, self.stage_of[position])
        };
        let mut keys: Vec<_> = self.originals.iter().enumerate().map(|(position, one)| key(position, one)).collect();
        keys.sort_unstable();
        keys.dedup();
        let item = |(position, original): (usize, &Original)| {
            let stage = &sweep.stages[usize::from(plan.tasks[original.task.0 as usize].stage)];
            let resources = plan.resources(sweep, original.task);
            let needs = plan.needs(sweep, original.task).filter_map(|(_, need)| self.position(need));
            layout::Item {
                stage: keys.binary_search(&key(position, original)).unwrap_or_default(),
                rank: ranks[original.task.0 as usize],
                needs: needs.map(layout::Need::Item).collect(),
                seconds: None,
                request: layout::Request {
                    nodes: resources.nodes,
                    gpus: resources.gpus,
                    processes: resources.processes,
                    threads: stage.threads,
                    memory_bytes: resources.memory_bytes,
                    time_seconds: resources.time_seconds.or(time_seconds),
                    lead_seconds: 0,
                },
            }
        };
        self.originals.iter().enumerate().map(item).collect()
    }

    fn position(&self, task: TaskIx) -> Option<usize> {
        self.originals.binary_search_by_key(&task, |original| original.task).ok()
    }

    fn task_folder(&self, task: &TaskId) -> PathBuf {
        self.folder.join(task.short(2)).join(task.to_string())
    }
}

impl Tasks for Again<'_> {
    fn spec(&self, position: usize) -> TaskSpec {
        let Revision { sweep, plan } = self.revision;
        let here = self.originals[position].task;
        let task = plan.tasks[here.0 as usize];
        let needs = plan.needs(sweep, here).map(|(stage, need)| Need {
            stage: sweep.stages[stage].name.clone(),
            folder: self.task_folder(&plan.tasks[need.0 as usize].id),
        });
        TaskSpec {
            task: task.id.to_string(),
            folder: self.task_folder(&task.id),
            stage: self.stage_of[position],
            params: plan.params(sweep, here).map(|(name, value)| (name.to_owned(), value.to_json())).collect(),
            needs: needs.collect(),
            gpus: None,
            time_seconds: plan.resources(sweep, here).time_seconds,
            attempts: 1,
            processes: None,
        }
    }

    fn stage(&self, spec: &TaskSpec) -> Option<&StageSpec> {
        self.stages.get(spec.stage)
    }
}

/// Delete what an attempt left that is what `before` had: its digests are on record, the files are there already.
///
/// # Errors
/// A file cannot be deleted.
pub fn forget_what_agrees(ended: &Ended, before: &Left) -> std::io::Result<()> {
    let results = ended.results();
    let agrees = |artifact: &&runfile::outcome::Artifact| {
        blake3::Hash::from_hex(&artifact.blake3)
            .is_ok_and(|digest| before.artifacts.get(&artifact.path) == Some(&digest))
    };
    for artifact in ended.outcome.artifacts.iter().filter(agrees) {
        let path = results.join(&artifact.path);
        fs::remove_file(&path)?;
        // Folders that are empty now go as well; the first that is not ends it.
        let mut folder = path.parent();
        while let Some(empty) = folder.filter(|folder| *folder != results && fs::remove_dir(folder).is_ok()) {
            folder = empty.parent();
        }
    }
    Ok(())
}
