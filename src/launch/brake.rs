//! Stopping before more is spent on what fails: a stage most of whose tasks ended by one and the same failure. Pure.

use crate::attempt::FailureReason;
use crate::grid::Sweep;
use crate::plan::{Actions, Plan, Standing};

/// Fewer failures may be bad luck.
const FEWEST: usize = 5;

/// A stage that fails again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Brake {
    pub stage: usize,
    pub reason: FailureReason,
    /// Tasks that failed so.
    pub failed: usize,
    /// Tasks that have failed, however, or succeeded.
    pub ended: usize,
}

/// The stages that nothing more should be started of, in the sweep's order.
#[must_use]
pub fn brakes(sweep: &Sweep, plan: &Plan, actions: &Actions) -> Vec<Brake> {
    let mut ended = vec![0; sweep.stages.len()];
    let mut failures: Vec<Vec<(FailureReason, usize)>> = vec![Vec::new(); sweep.stages.len()];
    for (task, standing) in plan.tasks.iter().zip(&actions.standings) {
        let stage = usize::from(task.stage);
        match *standing {
            Standing::Done => ended[stage] += 1,
            // Whoever took the nodes away will give them back.
            Standing::Failed { reason, .. } | Standing::Retry { reason, .. } if reason != FailureReason::Preempted => {
                ended[stage] += 1;
                match failures[stage].iter_mut().find(|(known, _)| *known == reason) {
                    Some((_, count)) => *count += 1,
                    None => failures[stage].push((reason, 1)),
                }
            }
            _ => {}
        }
    }
    let of_stage = |(stage, failures): (usize, Vec<(FailureReason, usize)>)| {
        let (reason, failed) = failures.into_iter().max_by_key(|(_, count)| *count)?;
        let too_many = failed >= FEWEST && 2 * failed > ended[stage];
        too_many.then_some(Brake { stage, reason, failed, ended: ended[stage] })
    };
    failures.into_iter().enumerate().filter_map(of_stage).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::attempt::Ledger;
    use crate::grid;
    use crate::plan::{Selection, advance, build};

    /// What is braked when tasks of ten stand so.
    fn brake(standings: &[(usize, Standing)]) -> Option<(usize, usize)> {
        let text = "name = \"ten\"\ncommand = [\"a\"]\n[vary]\nx = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]\n";
        let sweep = grid::parse(Path::new("ten.toml"), text).unwrap();
        let plan = build(&sweep, &Selection::default()).unwrap();
        let mut actions = advance(&sweep, &plan, &Ledger::default());
        let all = standings.iter().flat_map(|&(count, standing)| std::iter::repeat_n(standing, count));
        actions.standings.iter_mut().zip(all).for_each(|(here, standing)| *here = standing);
        brakes(&sweep, &plan, &actions).first().map(|brake| (brake.failed, brake.ended))
    }

    #[test]
    fn a_stage_that_fails_for_one_reason_more_often_than_not_is_stopped() {
        let failed = |reason| Standing::Failed { reason, attempts: 3 };
        let (code, memory) = (failed(FailureReason::ExitCode), failed(FailureReason::OutOfMemory));
        assert_eq!(brake(&[(5, code)]), Some((5, 5)));
        assert_eq!(brake(&[(4, code)]), None, "perhaps bad luck");
        assert_eq!(brake(&[(5, code), (5, Standing::Done)]), None, "half of them succeed");
        assert_eq!(brake(&[(4, code), (4, memory)]), None, "there is no one reason");
        assert_eq!(brake(&[(6, Standing::Retry { reason: FailureReason::NotStarted, attempts: 1 })]), Some((6, 6)));
        assert_eq!(brake(&[(8, failed(FailureReason::Preempted))]), None);
    }
}
