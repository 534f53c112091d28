//! Exit codes with which a job says more than "failed".

/// The job saved a checkpoint after `SIGUSR1` or `SIGTERM` and asks to be started again.
pub const REQUEUE: i32 = 85;
/// The training diverged: its loss is NaN or infinite. Another try would end the same.
pub const DIVERGED: i32 = 86;
