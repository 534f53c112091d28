//! Starting tasks: trait `Launcher` with its implementations, the only place that starts a job.
