//! `sweep collect`: what task folders hold goes into the store, each attempt once.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::current::{Current, Which};
use super::queue::settle_what_is_open;
use crate::attempt::Ledger;
use crate::collect::{CollectedTask, read_task};
use crate::error::Kind;
use crate::launch::summary::printable;
use crate::plan::Task;
use crate::project::Project;
use crate::store::{Ingested, Store};
use crate::text::plural;
use crate::{Error, Result, ui};

#[derive(Debug, Args)]
pub struct CollectArgs {
    #[command(flatten)]
    which: Which,
    /// Print one JSON value
    #[arg(long)]
    json: bool,
}

/// Attempts that are held in memory and stored at once.
const GROUP: usize = 1000;

/// What a look at task folders brought.
#[derive(Debug, Default)]
pub struct Collection {
    pub ingested: Ingested,
    /// Mistakes in scores and series, with their place.
    pub problems: Vec<String>,
    /// Task folders that could not be read.
    pub unreadable: Vec<Error>,
}

impl CollectArgs {
    /// Collect and say what came of it.
    ///
    /// # Errors
    /// The store cannot be written, or a task folder cannot be read; what could be is stored then.
    pub fn run(self) -> Result<ExitCode> {
        let project = Project::require(Path::new("."))?;
        let mut store = Store::open_for_writing(&project, "collect")?;
        let current = self.which.load(&mut store)?;
        settle_what_is_open(&mut store)?;
        let ledger = store.ledger(&current.plan)?;
        let collection = collect(&mut store, &project, &current, &ledger)?;
        ui::print_all(&if self.json { collection.json(&current) } else { collection.text() })?;
        let refused = &collection.ingested.refused;
        collection.problems.iter().for_each(|problem| ui::note(&printable(problem)));
        for refused in refused {
            let (task, attempt) = (refused.task.short(8), refused.attempt);
            ui::note(&printable(&format!("attempt {attempt} of task {task} is not taken: {}", refused.reason)));
        }
        collection.unreadable.iter().for_each(ui::print_error);
        match collection.unreadable.len() {
            0 => Ok(ExitCode::SUCCESS),
            count => Err(Error::new(Kind::Incomplete, format!("{} could not be read", plural(count, "task folder")))),
        }
    }
}

/// Bring everything that has ended and is not settled in `ledger` into the store. One bad folder hides no other.
///
/// # Errors
/// The store cannot be written.
pub fn collect(store: &mut Store, project: &Project, current: &Current, ledger: &Ledger) -> Result<Collection> {
    let mut collection = Collection::default();
    let mut group = Vec::new();
    for task in current.plan.tasks.iter().filter(|task| !ledger.has_succeeded(&task.id)) {
        match read(project, current, ledger, task) {
            Ok(collected) => group.extend(collected),
            Err(error) => collection.unreadable.push(error),
        }
        if group.len() >= GROUP {
            collection.store(store, &mut group)?;
        }
    }
    collection.store(store, &mut group)?;
    Ok(collection)
}

fn read(project: &Project, current: &Current, ledger: &Ledger, task: &Task) -> Result<Vec<CollectedTask>> {
    let stage = &current.sweep.stages[usize::from(task.stage)].name;
    let known = ledger.get(&task.id).map_or(0, |record| record.attempts);
    read_task(stage, task.id, &project.task_folder(&task.id), known)
}

impl Collection {
    fn text(&self) -> String {
        let Ingested { attempts, scores, points, .. } = &self.ingested;
        let [attempts, scores, points] =
            [(attempts, "new attempt"), (scores, "score"), (points, "point")].map(|(count, noun)| plural(*count, noun));
        format!("{attempts} with {scores} and {points}\n")
    }

    fn json(&self, current: &Current) -> String {
        let Ingested { attempts, scores, points, refused, .. } = &self.ingested;
        let refused = refused.iter().map(
            |refused| json!({ "task": refused.task.to_string(), "attempt": refused.attempt, "reason": refused.reason }),
        );
        let value = json!({
            "schema_version": 1,
            "sweep": current.sweep.name,
            "attempts": attempts,
            "scores": scores,
            "points": points,
            "problems": self.problems,
            "refused": refused.collect::<Vec<_>>(),
            "unreadable": self.unreadable.iter().map(ToString::to_string).collect::<Vec<_>>(),
        });
        format!("{value:#}\n")
    }

    fn store(&mut self, store: &mut Store, group: &mut Vec<CollectedTask>) -> Result<()> {
        if group.is_empty() {
            return Ok(());
        }
        let ingested = store.record_results(group)?;
        self.ingested.attempts += ingested.attempts;
        self.ingested.known += ingested.known;
        self.ingested.scores += ingested.scores;
        self.ingested.points += ingested.points;
        self.ingested.refused.extend(ingested.refused);
        for collected in group.drain(..) {
            self.problems.extend(problems(&collected));
        }
        Ok(())
    }
}

/// The problems of one attempt, each with its file and line.
pub fn problems(collected: &CollectedTask) -> Vec<String> {
    let place = |path: &Path, line: Option<u64>| match line {
        Some(line) => format!("{}:{line}", path.display()),
        None => path.display().to_string(),
    };
    let task = collected.task;
    let line = |problem: &crate::collect::Problem| {
        format!("task {}: {}: {}", task.short(8), place(&problem.path, problem.line), problem.message)
    };
    collected.problems.iter().map(line).collect()
}
