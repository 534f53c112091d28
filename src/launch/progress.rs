//! Progress while tasks run: a bar on a terminal, a line now and then in a log.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::summary::printable;
use crate::{clock, ui};

/// Time between two lines in a log.
const PAUSE: Duration = Duration::from_secs(10);

/// Shows how far a submission has come.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    total: usize,
    ended: usize,
    failed: usize,
    running: usize,
    /// When the last line was written.
    told: Duration,
}

impl Progress {
    /// Nothing of `total` tasks has ended.
    #[must_use]
    pub fn new(total: usize) -> Self {
        let bar = ProgressBar::new(total as u64);
        let template = "{bar:30} {pos}/{len} tasks, {msg} [{elapsed}, about {eta} left]";
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, total, ended: 0, failed: 0, running: 0, told: clock::monotonic() }
    }

    /// An attempt has begun.
    pub fn start(&mut self) {
        self.running += 1;
    }

    /// An attempt has ended; another one follows if `retried`.
    pub fn end(&mut self, retried: bool) {
        self.running = self.running.saturating_sub(1);
        if !retried {
            self.ended += 1;
        }
    }

    /// Tasks will never run.
    pub fn skip(&mut self, count: usize) {
        self.ended += count;
    }

    /// A task has failed: said at once.
    pub fn fail(&mut self, what: &str) {
        self.failed += 1;
        self.say(&printable(what));
    }

    /// Say something above the bar.
    pub fn say(&self, line: &str) {
        self.bar.suspend(|| ui::note(line));
    }

    /// Show the present state.
    pub fn show(&mut self) {
        let state = format!("{} running, {} failed", self.running, self.failed);
        self.bar.set_position(self.ended as u64);
        self.bar.set_message(state.clone());
        if self.bar.is_hidden() && clock::monotonic().saturating_sub(self.told) >= PAUSE {
            self.told = clock::monotonic();
            ui::note(&format!("{}/{} tasks, {state}", self.ended, self.total));
        }
    }

    /// Take the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
