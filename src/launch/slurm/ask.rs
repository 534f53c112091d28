//! Asking Slurm where everything is: one `squeue`, and one `sacct` where the queue does not say it all; and not asking it
//! when it was asked a moment ago.

use std::path::PathBuf;
use std::time::Duration;

use hashbrown::HashMap;
use runfile::files;
use serde::{Deserialize, Serialize};

use super::Slurm;
use crate::project::Project;
use crate::slurm::follow::{Answer, Answers, Submitted};
use crate::{Result, clock};

/// Clocks of login nodes and of the accounting's host may differ by so many seconds.
const SKEW: f64 = 3600.0;
/// Slurm is left in peace for so many times as long as its answers took.
const RESPITE: f64 = 5.0;
/// In the project's state folder.
const MEMORY: &str = "answers.json";

/// What Slurm answered, to be read instead of asking again.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Remembered {
    /// Seconds since the epoch.
    at: f64,
    /// Seconds that the answers took.
    took: f64,
    /// Names of the submissions that it was asked about.
    names: Vec<String>,
    answers: Answers,
}

/// As [`ask`], or what it answered at most `oldest` ago about all of them: for those who ask again and again.
///
/// # Errors
/// As for [`ask`].
pub fn ask_sparingly(
    slurm: &Slurm,
    open: &[Submitted],
    me: &str,
    (project, oldest): (&Project, Duration),
) -> Result<Answers> {
    let path = project.state_folder().join(MEMORY);
    let remembered: Option<Remembered> = files::read_json(&path).ok();
    if let Some(remembered) = remembered.filter(|remembered| remembered.will_do(open, oldest, clock::now())) {
        return Ok(remembered.answers);
    }
    let begun = clock::monotonic();
    let answers = ask(slurm, open, me)?;
    let took = clock::monotonic().saturating_sub(begun).as_secs_f64();
    let names: Vec<&str> = open.iter().map(|submitted| submitted.token.as_str()).collect();
    let of_ours = Answers { queue: answers.queue.clone().of(&names), accounts: answers.accounts.clone().of(&names) };
    remember(
        path,
        &Remembered { at: clock::now(), took, names: names.into_iter().map(str::to_owned).collect(), answers: of_ours },
    );
    Ok(answers)
}

/// Who may only read asks each time.
fn remember(path: PathBuf, remembered: &Remembered) {
    drop(files::write_json(&path, remembered));
}

impl Remembered {
    fn will_do(&self, open: &[Submitted], oldest: Duration, now: f64) -> bool {
        let oldest = if oldest.is_zero() { 0.0 } else { oldest.as_secs_f64().max(RESPITE * self.took) };
        let is_about = |submitted: &Submitted| self.names.contains(&submitted.token);
        // A clock that was set back makes no answer young.
        (0.0..oldest).contains(&(now - self.at)) && open.iter().all(is_about)
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn open(token: &str) -> Submitted {
        Submitted {
            token: token.to_owned(),
            job: None,
            owner: String::new(),
            released: true,
            recorded: 0.0,
            tasks: vec![],
        }
    }

    #[test]
    fn an_answer_stands_for_what_it_is_about_while_it_is_young() {
        let silent = Answer::Silent("down".to_owned());
        let answers = Answers { queue: silent.clone(), accounts: silent };
        let remembered = |took| Remembered {
            at: 1000.0,
            took,
            names: vec!["a".to_owned(), "b".to_owned()],
            answers: answers.clone(),
        };
        let oldest = Duration::from_secs(30);
        let will_do = |open: &[Submitted], now| remembered(1.0).will_do(open, oldest, now);
        assert!(will_do(&[open("a")], 1029.0) && will_do(&[], 1000.0));
        assert!(!will_do(&[open("a"), open("c")], 1001.0), "nobody asked about `c`");
        assert!(!will_do(&[open("a")], 1031.0) && !will_do(&[open("a")], 999.0));
        assert!(!remembered(1.0).will_do(&[open("a")], Duration::ZERO, 1000.0));
        assert!(remembered(20.0).will_do(&[open("a")], oldest, 1090.0), "who answers slowly is asked seldom");
    }
}
