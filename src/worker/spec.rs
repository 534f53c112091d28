//! What a worker is told about the tasks that it may run.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Everything about one submission: what the tasks of a stage have in common is told once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of the job protocol.
    pub protocol: u32,
    /// Name of the sweep.
    pub sweep: String,
    /// Folder for the files that say who works on tasks, on the file system of the task folders.
    pub holders: PathBuf,
    pub stages: Vec<StageSpec>,
    pub tasks: Vec<TaskSpec>,
    /// How they are shared out among the elements of a Slurm array.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slurm: Option<SlurmTerms>,
}

/// What a worker in a Slurm array goes by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlurmTerms {
    /// The array's name.
    pub token: String,
    /// Positions in [`Manifest::tasks`], by element.
    pub elements: BTreeMap<u32, Vec<usize>>,
    /// Time limit of the job.
    pub time_seconds: Option<u64>,
    /// Between the question to end and the kill: less than Slurm itself waits.
    pub grace_seconds: u64,
    /// For how long a worker may be silent before another start takes its place.
    pub lease_seconds: u64,
    /// Whether the job may be started again.
    pub requeue: bool,
    /// A file with variables that nobody records.
    pub secrets: Option<PathBuf>,
}

/// What all tasks of a stage share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageSpec {
    pub name: String,
    /// The frozen program and its arguments; places like `{lr}` are filled by the worker.
    pub command: Vec<String>,
    /// Variables that the frozen program needs, such as the folder of its libraries.
    pub environment: Vec<(String, String)>,
    pub threads: u32,
    /// Files that a successful attempt must leave, below its folder.
    pub outputs: Vec<String>,
    /// Points of the training that other stages look at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<String>,
    /// Whether the checkpoint is kept once the task has succeeded.
    pub keep_checkpoint: bool,
    /// Facts about the code, gathered once at submission.
    pub provenance: Map<String, Value>,
}

/// One task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskSpec {
    /// The task's identity, 32 hexadecimal digits.
    pub task: String,
    /// The task's folder.
    pub folder: PathBuf,
    /// Index into [`Manifest::stages`].
    pub stage: usize,
    pub params: BTreeMap<String, Value>,
    pub needs: Vec<Need>,
    /// Devices that it may use, as `CUDA_VISIBLE_DEVICES` names them; absent where somebody else hands them out.
    pub gpus: Option<Vec<String>>,
    pub time_seconds: Option<u64>,
    /// How often it may still fail.
    #[serde(default = "one")]
    pub attempts: u32,
    /// Absent where it is one process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processes: Option<Processes>,
}

/// How a task becomes several processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Processes {
    /// All of them.
    pub count: u32,
    /// The program that starts the command so often, and its options; the command follows.
    pub starter: Vec<String>,
}

fn one() -> u32 {
    1
}

/// A task whose results are needed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Need {
    pub stage: String,
    /// The needed task's folder.
    pub folder: PathBuf,
}
