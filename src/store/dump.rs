//! Everything in the store as text: one line a row, keys replaced by what they stand for, in an order of content.
//!
//! Two stores with the same facts have the same dump, whenever and in whatever order the facts came in.

use super::Store;
use crate::Result;

/// One statement a table; `quote` writes floats so that they read back exactly.
const TABLES: [&str; 19] = [
    "SELECT 'store ' || hex(id) || ' ' || applied FROM store",
    "SELECT 'plan ' || quote(name) || ' ' || quote(path) || ' ' || hex(digest) || ' ' || \
     position || ' ' || quote(recorded) || ' ' || quote(text) FROM sweep_revision",
    "SELECT 'run ' || hex(run.digest) || ' ' || hex(sweep_revision.digest) || ' ' || quote(parameters) FROM run \
     JOIN sweep_revision ON sweep_revision.id = revision_id",
    "SELECT 'cell ' || hex(sweep_revision.digest) || ' ' || quote(grid.name) || ' ' || \
     grid_run.position || ' ' || hex(run.digest) || ' ' || quote(seed) FROM grid_run JOIN grid ON grid.id = grid_id \
     JOIN sweep_revision ON sweep_revision.id = grid.revision_id JOIN run ON run.id = run_id",
    "SELECT 'task ' || hex(digest) || ' ' || quote(name) FROM task JOIN stage ON stage.id = stage_id",
    "SELECT 'need ' || hex(run.digest) || ' ' || hex(task.digest) FROM run_task JOIN run ON run.id = run_id \
     JOIN task ON task.id = task_id",
    "SELECT 'submission ' || quote(token) || ' ' || quote(launcher) || ' ' || quote(recorded) || ' ' || hex(digest) \
     || ' ' || quote(owner) || ' ' || quote(job) || ' ' || quote(released) || ' ' || quote(element) || ' ' || \
     quote(closed) || ' ' || quote(closing) FROM submission JOIN submission_task ON submission_id = submission.id JOIN task ON task.id = task_id",
    "SELECT 'cancellation ' || hex(digest) || ' ' || quote(recorded) FROM cancellation JOIN task ON task.id = task_id",
    "SELECT 'pin ' || hex(digest) || ' ' || quote(recorded) FROM pin JOIN run ON run.id = run_id",
    "SELECT 'attempt ' || hex(digest) || ' ' || number || ' ' || quote(folder) || ' ' || quote(started) || ' ' || \
     quote(ended) || ' ' || quote(verdict) || ' ' || quote(reason) || ' ' || quote(message) || ' ' || \
     quote(exit_code) || ' ' || quote(signal) || ' ' || quote(provenance) FROM attempt JOIN task ON task.id = task_id",
    "SELECT 'artifact ' || hex(task.digest) || ' ' || number || ' ' || quote(path) || ' ' || bytes || ' ' || \
     hex(artifact.digest) || ' ' || quote(deleted) FROM artifact JOIN attempt ON attempt.id = attempt_id \
     JOIN task ON task.id = task_id",
    "SELECT 'problem ' || hex(digest) || ' ' || number || ' ' || position || ' ' || quote(path) || ' ' || \
     quote(line) || ' ' || quote(problem.message) FROM problem JOIN attempt ON attempt.id = attempt_id \
     JOIN task ON task.id = task_id",
    "SELECT 'import ' || quote(import.name) || ' ' || quote(file) || ' ' || hex(digest) || ' ' || \
     quote(source.name) || ' ' || quote(recorded) FROM import JOIN source ON source.id = source_id",
    "SELECT 'score ' || coalesce(hex(run.digest), hex(task.digest) || ' ' || number) || ' ' || quote(metric) || ' ' || \
     quote(benchmark) || ' ' || quote(split) || ' ' || quote(source.name) || ' ' || quote(step) || ' ' || \
     quote(value) || ' ' || quote(not_finite) || ' ' || quote(n) || ' ' || quote(stderr) || ' ' || quote(line) || ' ' || \
     quote(note) FROM observation JOIN quantity ON quantity.id = quantity_id \
     JOIN source ON source.id = observation.source_id LEFT JOIN run ON run.id = run_id \
     LEFT JOIN attempt ON attempt.id = attempt_id LEFT JOIN task ON task.id = task_id",
    "SELECT 'series ' || hex(digest) || ' ' || number || ' ' || quote(name) FROM series \
     JOIN attempt ON attempt.id = attempt_id JOIN task ON task.id = task_id",
    "SELECT 'point ' || hex(digest) || ' ' || number || ' ' || quote(name) || ' ' || step || ' ' || quote(value) || \
     ' ' || quote(not_finite) FROM point JOIN series ON series.id = series_id \
     JOIN attempt ON attempt.id = attempt_id JOIN task ON task.id = task_id",
    "SELECT 'rerun ' || hex(digest) || ' ' || quote(token) || ' ' || attempt || ' ' || quote(recorded) || ' ' || \
     quote(started) || ' ' || quote(ended) || ' ' || quote(verdict) || ' ' || quote(reason) || ' ' || quote(message) \
     || ' ' || quote(provenance) FROM rerun JOIN task ON task.id = task_id",
    "SELECT 'file again ' || hex(task.digest) || ' ' || quote(token) || ' ' || quote(path) || ' ' || bytes || ' ' || \
     hex(rerun_artifact.digest) FROM rerun_artifact JOIN rerun ON rerun.id = rerun_id JOIN task ON task.id = task_id",
    "SELECT 'score again ' || hex(digest) || ' ' || quote(token) || ' ' || quote(metric) || ' ' || quote(benchmark) || \
     ' ' || quote(split) || ' ' || quote(step) || ' ' || quote(value) || ' ' || quote(not_finite) || ' ' || quote(n) \
     || ' ' || quote(stderr) FROM rerun_score JOIN quantity ON quantity.id = quantity_id \
     JOIN rerun ON rerun.id = rerun_id JOIN task ON task.id = task_id",
];

impl Store {
    /// Every fact, one a line.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn dump(&mut self) -> Result<String> {
        let mut text = String::new();
        for sql in TABLES {
            let mut lines: Vec<String> =
                self.database.run("read", async |db| sqlx::query_scalar(sql).fetch_all(db).await)?;
            lines.sort_unstable();
            for line in lines {
                text.push_str(&line);
                text.push('\n');
            }
        }
        Ok(text)
    }
}
