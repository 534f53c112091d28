//! `sweep status`: where the tasks of a sweep stand.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::current::{Current, Which};
use super::queue::{Queue, oldest_word};
use crate::attempt::Ledger;
use crate::plan::{Actions, Counts, Left, Standing, TaskIx, advance, left};
use crate::project::Project;
use crate::store::Store;
use crate::text::{Side, Table, or_blank, plural};
use crate::worker::claim::Observer;
use crate::{Result, ui};

#[derive(Debug, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    which: Which,
    /// Print one JSON value
    #[arg(long)]
    json: bool,
    /// Ask Slurm even if it was asked less than 30 seconds ago; on a terminal that is done anyway
    #[arg(long)]
    fresh: bool,
}

/// The tasks of one stage that one grid needs.
pub(super) struct Row {
    pub grid: String,
    pub stage: String,
    pub counts: Counts,
    /// Each once, in the order of the plan.
    pub tasks: Vec<TaskIx>,
    /// (reason, count), by reason.
    failures: Vec<(&'static str, usize)>,
}

impl StatusArgs {
    /// Count and show.
    ///
    /// # Errors
    /// There is no plan, or the store cannot be read.
    pub fn run(self) -> Result<ExitCode> {
        let project = Project::require(Path::new("."))?;
        let mut store = Store::open(&project)?;
        let current = self.which.load(&mut store)?;
        let ledger = store.ledger(&current.plan)?;
        let mut actions = advance(&current.sweep, &current.plan, &ledger);
        mark_running(&project, &current, &ledger, &mut actions);
        let queue = Queue::look(&mut store, &current, &mut actions, oldest_word(self.fresh))?;
        let rows = rows(&current, &actions);
        let eta = Eta::of(&current, &actions, &ledger);
        let text = if self.json {
            json(&current, &rows, &queue, eta.seconds())
        } else {
            text(&current, &actions, &rows) + &eta.text() + &queue.text()
        };
        ui::print_all(&text)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// When it would all be done, if as many tasks went on running as do now.
pub(super) struct Eta {
    left: Left,
    running: usize,
}

impl Eta {
    pub(super) fn of(current: &Current, actions: &Actions, ledger: &Ledger) -> Self {
        let is_running = |standing: &&Standing| matches!(standing, Standing::Running);
        let running = actions.standings.iter().filter(is_running).count();
        Self { left: left(&current.sweep, &current.plan, actions, ledger), running }
    }

    /// `None` where nothing runs or nothing is known.
    #[expect(clippy::cast_precision_loss, reason = "a forecast")]
    fn seconds(&self) -> Option<f64> {
        (self.running > 0 && self.left.seconds > 0.0).then(|| self.left.seconds / self.running as f64)
    }

    pub(super) fn text(&self) -> String {
        let Some(seconds) = self.seconds() else { return String::new() };
        let more = match self.left.unknown {
            0 => String::new(),
            unknown => format!(", and {} of unknown duration", plural(unknown, "task")),
        };
        let running = plural(self.running, "task");
        format!("about {} to go while {running} run at a time{more}\n", span(seconds))
    }
}

/// `50 s`, `12 min`, `3.5 h`, `4 days`: as exact as a forecast.
fn span(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 90.0 => format!("{seconds:.0} s"),
        seconds if seconds < 5400.0 => format!("{:.0} min", seconds / 60.0),
        seconds if seconds < 172_800.0 => format!("{:.1} h", seconds / 3600.0),
        seconds => format!("{:.0} days", seconds / 86_400.0),
    }
}

/// The store learns of an attempt when it has ended; that one is under way shows in the task's folder.
pub(super) fn mark_running(project: &Project, current: &Current, ledger: &Ledger, actions: &mut Actions) {
    let Some(observer) = Observer::new(&project.tasks_folder()) else { return };
    for (task, standing) in current.plan.tasks.iter().zip(&mut actions.standings) {
        let may_run =
            matches!(standing, Standing::New | Standing::Waiting { .. } | Standing::Queued | Standing::Retry { .. });
        let known = ledger.get(&task.id).map_or(0, |record| record.attempts);
        if may_run && observer.running(&project.task_folder(&task.id), known).is_some() {
            *standing = Standing::Running;
        }
    }
}

pub(super) fn rows(current: &Current, actions: &Actions) -> Vec<Row> {
    let Current { sweep, plan } = current;
    let mut rows = Vec::new();
    for grid in &plan.grids {
        for (index, stage) in sweep.stages.iter().enumerate() {
            let mut tasks: Vec<_> = grid.cells.iter().filter_map(|cell| plan.task_of(cell.run, index)).collect();
            tasks.sort_unstable();
            tasks.dedup();
            let (grid, stage) = (grid.name.clone(), stage.name.clone());
            let mut row = Row { grid, stage, counts: Counts::default(), tasks, failures: vec![] };
            for task in row.tasks.clone() {
                row.add(actions.of(task));
            }
            if row.counts.total() > 0 {
                rows.push(row);
            }
        }
    }
    rows
}

impl Row {
    fn add(&mut self, standing: Standing) {
        self.counts.add(standing);
        let (Standing::Failed { reason, .. } | Standing::Retry { reason, .. }) = standing else { return };
        match self.failures.iter_mut().find(|(known, _)| *known == reason.as_str()) {
            Some((_, count)) => *count += 1,
            None => self.failures.push((reason.as_str(), 1)),
        }
        self.failures.sort_unstable();
    }

    pub(super) fn reasons(&self) -> String {
        let reasons: Vec<String> = self.failures.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        reasons.join(", ")
    }
}

fn text(current: &Current, actions: &Actions, rows: &[Row]) -> String {
    let header = [
        ("grid", Side::Left),
        ("stage", Side::Left),
        ("tasks", Side::Right),
        ("done", Side::Right),
        ("running", Side::Right),
        ("queued", Side::Right),
        ("pending", Side::Right),
        ("failed", Side::Right),
        ("blocked", Side::Right),
        ("cancelled", Side::Right),
        ("reasons", Side::Left),
    ];
    let mut table = Table::new(&header);
    for row in rows {
        let Counts { new, waiting, queued, running, done, retry, failed, blocked, cancelled } = row.counts;
        let mut cells = vec![row.grid.clone(), row.stage.clone()];
        cells.extend(
            [row.counts.total(), done, running, queued, new + waiting + retry, failed, blocked, cancelled]
                .map(or_blank),
        );
        cells.push(row.reasons());
        table.row(cells);
    }
    let mut all = Counts::default();
    actions.standings.iter().for_each(|&standing| all.add(standing));
    let total = format!("{} in all, {} done", plural(all.total(), "task"), all.done);
    format!("{}\n\n{}\n{total}\n", current.sweep.name, table.render(ui::width()))
}

fn json(current: &Current, rows: &[Row], queue: &Queue, seconds_left: Option<f64>) -> String {
    let row = |row: &Row| -> Value {
        let Counts { new, waiting, queued, running, done, retry, failed, blocked, cancelled } = row.counts;
        let reasons: serde_json::Map<String, Value> =
            row.failures.iter().map(|&(reason, count)| (reason.to_owned(), count.into())).collect();
        json!({
            "grid": row.grid, "stage": row.stage, "tasks": row.counts.total(), "done": done, "running": running,
            "queued": queued, "pending": new + waiting, "retry": retry, "failed": failed, "blocked": blocked, "cancelled": cancelled,
            "reasons": reasons,
        })
    };
    let rows: Vec<Value> = rows.iter().map(row).collect();
    format!(
        "{:#}\n",
        json!({
            "schema_version": 1, "sweep": current.sweep.name, "stages": rows, "queue": queue.json(),
            "seconds_left": seconds_left,
        })
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forecast_is_no_more_exact_than_it_can_be() {
        let texts = [50.0, 720.0, 12_600.0, 345_600.0].map(span);
        assert_eq!(texts, ["50 s", "12 min", "3.5 h", "4 days"]);
        let eta = |running, unknown| Eta { left: Left { seconds: 7200.0, unknown }, running }.text();
        assert_eq!(eta(2, 0), "about 60 min to go while 2 tasks run at a time\n");
        assert_eq!(eta(2, 3), "about 60 min to go while 2 tasks run at a time, and 3 tasks of unknown duration\n");
        assert_eq!(eta(0, 0), "", "nobody knows when it goes on");
    }
}
