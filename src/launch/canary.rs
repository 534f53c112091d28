//! The canary: one task of each stage, with all that it needs, goes first; the rest follows once these have succeeded.
//! Pure.

use super::order;
use crate::grid::Sweep;
use crate::plan::{Actions, Plan, Standing, TaskIx};

/// How the canary does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Canary {
    /// It has not come to its end: which tasks of the plan belong to it.
    Flies(Vec<bool>),
    /// This task of it has failed for good, or was cancelled.
    Fell(TaskIx),
    Landed,
}

/// Ask after the canary.
#[must_use]
pub fn canary(sweep: &Sweep, plan: &Plan, actions: &Actions) -> Canary {
    let chosen = choose(sweep, plan);
    let mut lands = true;
    for (index, (_, standing)) in (0..).zip(chosen.iter().zip(&actions.standings)).filter(|(_, (chosen, _))| **chosen) {
        match standing {
            Standing::Done => {}
            // What it needs stands before it, so that a failure is met before what it blocks.
            Standing::Failed { .. } | Standing::Blocked { .. } | Standing::Cancelled => {
                return Canary::Fell(TaskIx(index));
            }
            Standing::New
            | Standing::Waiting { .. }
            | Standing::Queued
            | Standing::Running
            | Standing::Retry { .. } => lands = false,
        }
    }
    if lands { Canary::Landed } else { Canary::Flies(chosen) }
}

/// Of each stage the task that would be started first, and what these need.
fn choose(sweep: &Sweep, plan: &Plan) -> Vec<bool> {
    let ranks = order::ranks(sweep, plan);
    let mut first: Vec<Option<usize>> = vec![None; sweep.stages.len()];
    for (index, task) in plan.tasks.iter().enumerate() {
        let first = &mut first[usize::from(task.stage)];
        if first.is_none_or(|other| ranks[index] < ranks[other]) {
            *first = Some(index);
        }
    }
    let mut chosen = vec![false; plan.tasks.len()];
    first.into_iter().flatten().for_each(|index| chosen[index] = true);
    let tasks: Vec<TaskIx> = (0..).zip(&plan.tasks).map(|(index, _)| TaskIx(index)).collect();
    for here in tasks.into_iter().rev() {
        if chosen[here.0 as usize] {
            plan.needs(sweep, here).for_each(|(_, need)| chosen[need.0 as usize] = true);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::attempt::{FailureReason, Ledger};
    use crate::grid;
    use crate::plan::{Selection, advance, build};

    const SWEEP: &str = r#"
name = "two"
[defaults]
x = 1
[grids.main]
vary = { x = [1, 2, 3] }
[stages.train]
kind = "train"
uses = ["x"]
command = ["train"]
[stages.measure]
kind = "measure"
needs = ["train"]
command = ["measure"]
"#;

    #[test]
    fn one_run_goes_first_and_the_rest_when_it_has_succeeded() {
        let sweep = grid::parse(Path::new("two.toml"), SWEEP).unwrap();
        let plan = build(&sweep, &Selection::default()).unwrap();
        let mut actions = advance(&sweep, &plan, &Ledger::default());
        let Canary::Flies(chosen) = canary(&sweep, &plan, &actions) else { panic!("nothing has run") };
        let tasks: Vec<usize> = (0..chosen.len()).filter(|&index| chosen[index]).collect();
        let [train, measure] = tasks[..] else { panic!("{chosen:?}") };
        assert_eq!(plan.needs(&sweep, TaskIx(measure as u32)).next().unwrap().1, TaskIx(train as u32));

        actions.standings[train] = Standing::Failed { reason: FailureReason::ExitCode, attempts: 3 };
        assert_eq!(canary(&sweep, &plan, &actions), Canary::Fell(TaskIx(train as u32)));
        actions.standings[train] = Standing::Done;
        assert!(matches!(canary(&sweep, &plan, &actions), Canary::Flies(_)));
        actions.standings[measure] = Standing::Done;
        assert_eq!(canary(&sweep, &plan, &actions), Canary::Landed);
    }
}
