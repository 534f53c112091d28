//! What the fake cluster knows: submissions, their elements, and which of these may start.

use std::fs;
use std::io;

use serde::{Deserialize, Serialize};

use crate::place::Place;
use crate::settings::Settings;
use crate::submission::{Kind, Submission};
use crate::{Result, runner, time};

#[derive(Serialize, Deserialize)]
pub struct State {
    /// Id of the next job.
    pub next: u64,
    pub submissions: Vec<Submission>,
    pub elements: Vec<Element>,
}

/// One element of an array, or a job that is none.
#[derive(Serialize, Deserialize)]
pub struct Element {
    /// Position of its submission.
    pub submission: usize,
    /// Id of the array.
    pub job: u64,
    pub index: Option<u32>,
    /// Id of this element alone.
    pub own: u64,
    pub held: bool,
    /// Why it waits, in Slurm's words.
    pub reason: String,
    pub restarts: u32,
    /// The present start, or the one to come.
    pub start: Start,
    /// Earlier starts, which `sacct --duplicates` shows.
    pub former: Vec<Start>,
    /// Process id of its runner with the time at which that started, in the kernel's ticks.
    pub runner: Option<(i32, u64)>,
    /// Its script's process group.
    pub group: Option<i32>,
}

/// One time that Slurm starts an element.
#[derive(Clone, Serialize, Deserialize)]
pub struct Start {
    pub state: Word,
    pub submitted: u64,
    pub started: Option<u64>,
    pub ended: Option<u64>,
    pub node: String,
    /// Exit code and signal.
    pub exit: (i32, i32),
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Word {
    Pending,
    Running,
    Completed,
    Failed,
    Cancelled,
    Timeout,
    NodeFail,
    Preempted,
    OutOfMemory,
}

impl Word {
    /// As `squeue` writes it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
            Self::Timeout => "TIMEOUT",
            Self::NodeFail => "NODE_FAIL",
            Self::Preempted => "PREEMPTED",
            Self::OutOfMemory => "OUT_OF_MEMORY",
        }
    }

    pub fn is_over(self) -> bool {
        !matches!(self, Self::Pending | Self::Running)
    }
}

impl Start {
    pub fn pending(now: u64) -> Self {
        Self { state: Word::Pending, submitted: now, started: None, ended: None, node: String::new(), exit: (0, 0) }
    }
}

impl State {
    /// Caller holds the lock.
    pub fn load(place: &Place) -> Result<Self> {
        match fs::read(place.path("state.json")) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok(Self { next: 1, submissions: Vec::new(), elements: Vec::new() })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Change the state under the lock, start what has become ready, and keep it.
    pub fn change<T>(place: &Place, change: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let _lock = place.lock()?;
        let mut state = Self::load(place)?;
        let value = change(&mut state)?;
        state.advance(place)?;
        place.write(&place.path("state.json"), &serde_json::to_vec(&state)?)?;
        Ok(value)
    }

    pub fn of(&self, element: &Element) -> &Submission {
        &self.submissions[element.submission]
    }

    /// Until nothing changes: the end of one may free or doom another.
    fn advance(&mut self, place: &Place) -> Result<()> {
        let settings = Settings::read(place)?;
        self.bury();
        loop {
            let before = self.elements.iter().filter(|element| element.start.state == Word::Pending).count();
            for position in 0..self.elements.len() {
                if self.elements[position].start.state == Word::Pending {
                    self.consider(place, &settings, position)?;
                }
            }
            if self.elements.iter().filter(|element| element.start.state == Word::Pending).count() == before {
                return Ok(());
            }
        }
    }

    /// An element whose runner is gone was on a node that died.
    fn bury(&mut self) {
        for position in 0..self.elements.len() {
            let element = &self.elements[position];
            if element.start.state == Word::Running && !element.runner.is_some_and(runner::lives) {
                self.end(position, Word::NodeFail, (0, 0));
            }
        }
    }

    fn consider(&mut self, place: &Place, settings: &Settings, position: usize) -> Result<()> {
        let reason = match self.outlook(settings, &self.elements[position]) {
            Outlook::Ready => {
                let element = &mut self.elements[position];
                element.start.state = Word::Running;
                element.start.started = Some(time::now());
                element.start.node = format!("n{}", 1 + element.own % 3);
                element.runner = Some(runner::start(place, element.own)?);
                "None"
            }
            Outlook::Waits(reason) => reason,
            Outlook::Never if self.of(&self.elements[position]).kill_on_invalid_dependency => {
                self.end(position, Word::Cancelled, (0, 0));
                "DependencyNeverSatisfied"
            }
            Outlook::Never => "DependencyNeverSatisfied",
        };
        reason.clone_into(&mut self.elements[position].reason);
        Ok(())
    }

    fn outlook(&self, settings: &Settings, element: &Element) -> Outlook {
        let submission = self.of(element);
        if element.held {
            return Outlook::Waits("JobHeldUser");
        }
        let mut dependencies =
            submission.after.iter().map(|after| self.met(after.kind, after.job, after.index, element));
        match dependencies.try_fold(true, |all, one| Some(all && one?)) {
            None => return Outlook::Never,
            Some(false) => return Outlook::Waits("Dependency"),
            Some(true) => {}
        }
        let running = |same: &dyn Fn(&Element) -> bool| {
            self.elements.iter().filter(|other| other.start.state == Word::Running && same(other)).count()
        };
        let throttle = submission.throttle.map_or(usize::MAX, |throttle| throttle as usize);
        if running(&|other| other.job == element.job) >= throttle {
            Outlook::Waits("JobArrayTaskLimit")
        } else if running(&|_| true) >= settings.slots {
            Outlook::Waits("Resources")
        } else {
            Outlook::Ready
        }
    }

    /// Whether a dependency is met; `None` if it never will be. One on a job that nobody knows is.
    fn met(&self, kind: Kind, job: u64, index: Option<u32>, waiting: &Element) -> Option<bool> {
        let index = if kind == Kind::Corresponding { waiting.index } else { index };
        let all = self.elements.iter().filter(|other| other.job == job || other.own == job && other.index.is_none());
        let ends = all.filter(|other| index.is_none() || other.index == index).map(|other| other.start.state);
        ends.map(|state| match (kind, state) {
            (_, Word::Pending | Word::Running) => Some(false),
            (Kind::Any, _) | (Kind::Ok | Kind::Corresponding, Word::Completed) => Some(true),
            (Kind::Ok | Kind::Corresponding, _) | (Kind::NotOk, Word::Completed) => None,
            (Kind::NotOk, _) => Some(true),
        })
        .try_fold(true, |all, one| Some(all && one?))
    }

    /// The present start of an element has ended; what Slurm starts again waits again, under the same id.
    pub fn end(&mut self, position: usize, state: Word, exit: (i32, i32)) {
        let requeue = self.of(&self.elements[position]).requeue;
        let now = time::now();
        let element = &mut self.elements[position];
        element.start.state = state;
        element.start.exit = exit;
        element.start.ended = Some(now);
        (element.runner, element.group) = (None, None);
        if requeue && matches!(state, Word::NodeFail | Word::Preempted) {
            element.again(now);
        }
    }
}

impl Element {
    pub fn again(&mut self, now: u64) {
        self.former.push(self.start.clone());
        self.start = Start::pending(now);
        self.restarts += 1;
    }
}

enum Outlook {
    Ready,
    Waits(&'static str),
    Never,
}
