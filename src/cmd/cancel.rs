//! `sweep cancel`: takes tasks out of the queue, and remembers that they are not wanted.

use std::collections::BTreeMap;
use std::io::{BufRead, IsTerminal};
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use hashbrown::HashSet;

use super::collect::collect;
use super::current::Which;
use super::hand_over::{me, user_name};
use super::queue::settle_what_is_open;
use crate::attempt::TaskState;
use crate::id::TaskId;
use crate::launch::slurm::Slurm;
use crate::plan::Plan;
use crate::project::Project;
use crate::slurm::follow::{Closing, Submitted};
use crate::store::Store;
use crate::text::plural;
use crate::{Error, Result, ui};

#[derive(Debug, Args)]
pub struct CancelArgs {
    #[command(flatten)]
    which: Which,
    /// Do not ask, however many there are
    #[arg(long, short)]
    yes: bool,
    /// Say how many there are and cancel none
    #[arg(long, short = 'n')]
    dry_run: bool,
    /// Cancel what Slurm has in hand and no sweep's plan has any more, and nothing else
    #[arg(long)]
    orphans: bool,
}

/// So many are cancelled without a question.
const UNASKED: usize = 10;
/// Seconds.
const PATIENCE: u64 = 60;

impl CancelArgs {
    /// Count, ask, cancel.
    ///
    /// # Errors
    /// There is no plan, nobody can be asked, the store cannot be written, or Slurm does not do it.
    pub fn run(self) -> Result<ExitCode> {
        let project = Project::require(Path::new("."))?;
        let mut store = Store::open_for_writing(&project, "cancel")?;
        if self.orphans {
            settle_what_is_open(&mut store)?;
            let planned = store.planned_tasks()?;
            let open = store.open_submissions()?;
            let tasks = open.iter().flat_map(|submitted| &submitted.tasks).map(|(task, _)| *task);
            let orphans = tasks.filter(|task| !planned.contains(task)).collect();
            return self.cancel(&mut store, &orphans);
        }
        let current = self.which.load(&mut store)?;
        let whole = Which { sweep: self.which.sweep.clone(), ..Which::default() }.load(&mut store)?;
        settle_what_is_open(&mut store)?;
        let ledger = store.ledger(&current.plan)?;
        collect(&mut store, &project, &current, &ledger)?;
        let ledger = store.ledger(&current.plan)?;
        let spared = needed_elsewhere(&whole.plan, &current.plan);
        let is_open = |task: &TaskId| {
            let state = ledger.get(task).map_or(TaskState::Pending, |record| record.state);
            !matches!(state, TaskState::Succeeded | TaskState::Cancelled) && !spared.contains(task)
        };
        let wanted: HashSet<TaskId> = current.plan.tasks.iter().map(|task| task.id).filter(is_open).collect();
        self.cancel(&mut store, &wanted)
    }

    fn cancel(&self, store: &mut Store, wanted: &HashSet<TaskId>) -> Result<ExitCode> {
        let open = store.open_submissions()?;
        refuse_others(&open, wanted)?;
        let elements = whole_elements(&open, wanted);
        let queued: usize = elements.values().map(Vec::len).sum();
        let text = format!("{}, of which Slurm has {}", plural(wanted.len(), "task"), plural(queued, "element"));
        if wanted.is_empty() || self.dry_run {
            ui::print_all(&format!("{text}: nothing is cancelled\n"))?;
            return Ok(ExitCode::SUCCESS);
        }
        if !self.yes && wanted.len() > UNASKED && !agreed(&text)? {
            return Ok(ExitCode::SUCCESS);
        }
        // What no plan has is not wanted anyway; should it come back into one, it is wanted.
        if !self.orphans {
            let mut tasks: Vec<TaskId> = wanted.iter().copied().collect();
            tasks.sort_unstable();
            store.record_cancellation(&tasks)?;
        }
        withdraw(store, &elements)?;
        ui::print_all(&format!("cancelled {text}\n"))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Slurm lets nobody cancel what somebody else submitted, so it is said before anything is put on record.
fn refuse_others(open: &[Submitted], wanted: &HashSet<TaskId>) -> Result<()> {
    let me = me();
    let count = |submitted: &Submitted| submitted.tasks.iter().filter(|(task, _)| wanted.contains(task)).count();
    let theirs: Vec<(&str, usize)> = open
        .iter()
        .filter(|submitted| submitted.owner != me)
        .map(|submitted| (submitted.owner.as_str(), count(submitted)))
        .filter(|&(_, count)| count > 0)
        .collect();
    let Some(&(owner, _)) = theirs.first() else { return Ok(()) };
    let count: usize = theirs.iter().map(|(_, count)| count).sum();
    let message = format!("{} submitted by {}", plural(count, "task"), user_name(owner));
    Err(Error::usage(format!("cannot cancel {message}: Slurm lets nobody else do it"))
        .hint("ask them, or choose other tasks by `--where`; nothing was cancelled"))
}

/// Tasks of `part` that runs of `whole` which are not in it need.
fn needed_elsewhere(whole: &Plan, part: &Plan) -> HashSet<TaskId> {
    let inside: HashSet<_> = part.runs.iter().collect();
    let outside = whole.run_indices().filter(|run| !inside.contains(&whole.runs[run.0 as usize]));
    let stages = whole.tasks.iter().map(|task| usize::from(task.stage) + 1).max().unwrap_or(0);
    let tasks = outside.flat_map(|run| (0..stages).filter_map(move |stage| whole.task_of(run, stage)));
    tasks.map(|task| whole.tasks[task.0 as usize].id).collect()
}

/// (token, job) to the elements that run nothing but `wanted` tasks.
fn whole_elements(open: &[Submitted], wanted: &HashSet<TaskId>) -> BTreeMap<(String, u64), Vec<u32>> {
    let mut elements: BTreeMap<(String, u64), Vec<u32>> = BTreeMap::new();
    for submitted in open {
        let Some(job) = submitted.job else { continue };
        let mut all: BTreeMap<u32, bool> = BTreeMap::new();
        for (task, element) in &submitted.tasks {
            *all.entry(*element).or_insert(true) &= wanted.contains(task);
        }
        let unwanted: Vec<u32> = all.into_iter().filter(|(_, all)| *all).map(|(element, _)| element).collect();
        if !unwanted.is_empty() {
            elements.insert((submitted.token.clone(), job), unwanted);
        }
    }
    elements
}

fn withdraw(store: &mut Store, elements: &BTreeMap<(String, u64), Vec<u32>>) -> Result<()> {
    let name =
        |((_, job), elements): (&(String, u64), &Vec<u32>)| format!("{job}_[{}]", crate::slurm::array::list(elements));
    let jobs: Vec<String> = elements.iter().map(name).collect();
    if jobs.is_empty() {
        return Ok(());
    }
    Slurm::here(Some(PATIENCE), &[]).scancel(&jobs)?;
    for ((token, _), elements) in elements {
        store.record_closing(token, elements, Closing::Withdrawn)?;
    }
    Ok(())
}

/// Ask a person; a script is told what to write instead.
fn agreed(what: &str) -> Result<bool> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        let error = Error::usage(format!("this would cancel {what}, and nobody is here to agree"));
        return Err(error.hint("`--yes` cancels without asking"));
    }
    ui::note(&format!("cancel {what}? [y/N]"));
    let mut answer = String::new();
    let read = stdin.lock().read_line(&mut answer);
    Ok(read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes"))
}
