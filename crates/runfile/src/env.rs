//! Names of the environment variables that a job is started with.

/// Path of the task's configuration, a JSON file ([`crate::TaskConfig`]).
pub const CONFIG: &str = "SWEEP_CONFIG";
/// Folder for everything that this attempt writes; also the job's working directory.
pub const OUT: &str = "SWEEP_OUT";
/// The task's identity, 32 hexadecimal digits.
pub const TASK: &str = "SWEEP_TASK";
/// Number of this attempt, from 1.
pub const ATTEMPT: &str = "SWEEP_ATTEMPT";
/// The seed of the cell, when the stage uses one.
pub const SEED: &str = "SWEEP_SEED";
/// Number of threads that the stage may use; `OMP_NUM_THREADS` and its kin are set to the same.
pub const THREADS: &str = "SWEEP_THREADS";
/// Folder of an earlier attempt's checkpoint ([`crate::CHECKPOINT`]), when there is one to resume from.
pub const RESUME: &str = "SWEEP_RESUME";
/// Names the process that started the job; what a job leaves running is found by it.
pub const LAUNCHER: &str = "SWEEP_LAUNCHER";
