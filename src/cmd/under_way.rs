//! What is under way: the store learns of an attempt when it has ended; until then it shows in the task's folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::report::MOST_POINTS;
use crate::attempt::{Failures, Ledger, TaskRecord, TaskState};
use crate::collect::read_running;
use crate::id::TaskId;
use crate::plan::Plan;
use crate::project::Project;
use crate::report::page::{Curve, thin};
use crate::worker::claim::Observer;

/// Looks again and again at what runs, and reads a file only when it has grown.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    /// By folder of results: size of the file of time series, and what it held. In an order, so that the same files make
    /// the same page.
    known: BTreeMap<PathBuf, (u64, Vec<Curve>)>,
}

impl UnderWay {
    /// Mark in `ledger` what runs, and read what it has logged so far.
    pub fn look(&mut self, project: &Project, plan: &Plan, ledger: &mut Ledger) -> Vec<Curve> {
        let Some(observer) = Observer::new(&project.tasks_folder()) else { return Vec::new() };
        let mut known = std::mem::take(&mut self.known);
        for task in &plan.tasks {
            let record = ledger.get(&task.id);
            let is_open =
                record.is_none_or(|record| !matches!(record.state, TaskState::Succeeded | TaskState::Cancelled));
            let attempts = record.map_or(0, |record| record.attempts);
            let folder = project.task_folder(&task.id);
            let Some(results) = Some(folder).filter(|_| is_open).and_then(|folder| observer.running(&folder, attempts))
            else {
                continue;
            };
            ledger.tasks.entry(task.id).or_insert_with(unknown).state = TaskState::Running;
            let last = known.remove(&results);
            let now = read(task.id, &results, last);
            self.known.insert(results, now);
        }
        self.known.values().flat_map(|(_, curves)| curves.iter().cloned()).collect()
    }
}

/// The curves in the file of an attempt, and its size; `last` is what they were. A file that is not there yet, or cannot
/// be read in this moment, leaves them as they were.
fn read(task: TaskId, results: &Path, last: Option<(u64, Vec<Curve>)>) -> (u64, Vec<Curve>) {
    let last = last.unwrap_or_default();
    let bytes = std::fs::metadata(results.join(runfile::series::FILE)).map_or(0, |file| file.len());
    if bytes == last.0 {
        return last;
    }
    let Ok(series) = read_running(results) else { return last };
    let mut curves: Vec<Vec<(u64, f64)>> = vec![Vec::new(); series.names.len()];
    for point in &series.points {
        if let Some(curve) = curves.get_mut(point.name as usize) {
            curve.push((point.step, point.value));
        }
    }
    let curve = |(name, mut points): (String, Vec<(u64, f64)>)| {
        // Of a step that is there twice the store takes the first, too.
        points.sort_by_key(|(step, _)| *step);
        points.dedup_by_key(|(step, _)| *step);
        Curve { task, name, of: points.len(), points: thin(&points, MOST_POINTS) }
    };
    (bytes, series.names.into_iter().zip(curves).map(curve).collect())
}

fn unknown() -> TaskRecord {
    TaskRecord {
        state: TaskState::Running,
        attempts: 0,
        results: None,
        seconds: None,
        message: String::new(),
        failures: Failures::default(),
    }
}
