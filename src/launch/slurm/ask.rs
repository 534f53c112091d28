//! Asking Slurm where everything is: one `squeue`, and one `sacct` where the queue does not say it all.

use hashbrown::HashMap;

use super::Slurm;
use crate::Result;
use crate::slurm::follow::{Answer, Answers, Submitted};

/// Clocks of login nodes and of the accounting's host may differ by so many seconds.
const SKEW: f64 = 3600.0;

/// Ask about the `open` submissions, as the user `me`.
///
/// # Errors
/// Slurm's programs are not here. That they fail is an answer.
pub fn ask(slurm: &Slurm, open: &[Submitted], me: &str) -> Result<Answers> {
    if open.is_empty() {
        return Ok(Answers { queue: Answer::Told(Vec::new()), accounts: Answer::Told(Vec::new()) });
    }
    let mine_alone = open.iter().all(|submitted| submitted.owner == me);
    let queue = slurm.squeue(mine_alone.then_some(me))?;
    let lines = queue.lines();
    let mut found: HashMap<&str, usize> = HashMap::new();
    lines.iter().for_each(|seen| *found.entry(seen.name.as_str()).or_default() += 1);
    let is_whole = |submitted: &&Submitted| {
        let mut elements: Vec<u32> = submitted.tasks.iter().map(|&(_, element)| element).collect();
        elements.dedup();
        found.get(submitted.token.as_str()).is_some_and(|&count| count >= elements.len())
    };
    let asked: Vec<&Submitted> = open.iter().filter(|submitted| !is_whole(submitted)).collect();
    let since = asked.iter().map(|submitted| submitted.recorded).fold(f64::INFINITY, f64::min) - SKEW;
    let names: Vec<&str> = asked.iter().map(|submitted| submitted.token.as_str()).collect();
    let accounts = if names.is_empty() { Answer::Told(Vec::new()) } else { slurm.sacct(&names, whole(since))? };
    Ok(Answers { queue: queue.clone(), accounts })
}

/// Seconds since the epoch, without their fraction.
#[expect(clippy::cast_possible_truncation, reason = "a cast saturates, and nothing here is so far away")]
fn whole(seconds: f64) -> i64 {
    seconds as i64
}
