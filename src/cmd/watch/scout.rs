//! Looks again and again while the screen goes on answering keys, and seldom enough for Slurm.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use super::facts::Facts;
use crate::cmd::current::Which;
use crate::project::Project;
use crate::{Result, clock};

/// Between two looks while Slurm has nothing in hand.
const HERE: Duration = Duration::from_secs(2);
/// Between two questions to Slurm: at a person's word, at first, by how much more each time that nothing has changed, and
/// at last.
const AT_ONCE: Duration = Duration::from_secs(5);
const SHORTEST: Duration = Duration::from_secs(30);
const STEP: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(180);
/// Slurm is left in peace for so many times as long as a look took.
const RESPITE: u32 = 5;

/// A thread that looks.
pub struct Scout {
    hurry: Sender<()>,
    news: Receiver<Result<Facts>>,
}

impl Scout {
    /// Start looking again after what `first` showed.
    pub fn send(project: Project, which: Which, first: Facts) -> Self {
        let (hurry, hurried) = channel();
        let (seen, news) = channel();
        std::thread::spawn(move || look_again(&project, &which, first, (&hurried, &seen)));
        Self { hurry, news }
    }

    /// What the last look brought, once.
    pub fn news(&self) -> Option<Result<Facts>> {
        self.news.try_iter().last()
    }

    /// Look again soon.
    pub fn hurry(&self) {
        // Should the thread be gone, its last word is on the screen.
        let _ = self.hurry.send(());
    }
}

/// Until nobody wants to know any more.
fn look_again(
    project: &Project,
    which: &Which,
    mut facts: Facts,
    (hurried, seen): (&Receiver<()>, &Sender<Result<Facts>>),
) {
    let mut pause = next_pause(&facts, None, Duration::ZERO, SHORTEST);
    loop {
        let since = clock::monotonic();
        match hurried.recv_timeout(pause) {
            Ok(()) => std::thread::sleep(AT_ONCE.min(pause).saturating_sub(clock::monotonic().saturating_sub(since))),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        // One look answers however many wishes.
        hurried.try_iter().for_each(drop);
        let begun = clock::monotonic();
        let look = Facts::look(project, which);
        let took = clock::monotonic().saturating_sub(begun);
        if let Ok(now) = &look {
            pause = next_pause(now, Some(&facts), took, pause);
            facts = now.clone();
        }
        if seen.send(look).is_err() {
            return;
        }
    }
}

/// How long to leave everybody in peace.
fn next_pause(now: &Facts, before: Option<&Facts>, took: Duration, pause: Duration) -> Duration {
    if !now.asks_slurm {
        return HERE;
    }
    let same = before.is_some_and(|before| before.rows == now.rows && before.words == now.words);
    let pause = if same { (pause + STEP).min(LONGEST) } else { SHORTEST };
    pause.max(took * RESPITE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slurm_is_asked_less_and_less_while_nothing_happens_and_while_it_is_slow() {
        let facts = |words: &str| Facts { asks_slurm: true, words: words.to_owned(), ..Facts::default() };
        let (one, other) = (facts("1"), facts("2"));
        let brief = Duration::from_millis(100);
        assert_eq!(next_pause(&one, None, brief, SHORTEST), SHORTEST);
        assert_eq!(next_pause(&one, Some(&one), brief, SHORTEST), SHORTEST + STEP);
        assert_eq!(next_pause(&one, Some(&one), brief, LONGEST), LONGEST);
        assert_eq!(next_pause(&other, Some(&one), brief, LONGEST), SHORTEST);
        assert_eq!(next_pause(&one, None, Duration::from_secs(20), SHORTEST), Duration::from_secs(100));
        assert_eq!(next_pause(&Facts::default(), None, brief, SHORTEST), HERE);
    }
}
